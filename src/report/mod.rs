//! The report of a session, as the written procedure wants it after the meeting: made of stored rows alone, and of nothing that was
//! not measured.

pub mod csv;
mod document;
#[cfg(test)]
mod look_tests;
mod make;
pub mod month;
pub mod month_page;
pub mod page;
mod printed;
pub mod sheet;
#[cfg(test)]
mod sheet_tests;
#[cfg(test)]
mod tests;
mod words;

pub use document::{Evaluation, Report};
pub use make::{House, report};
pub use printed::{Printed, Unread};
pub use words::{summary, worst};
