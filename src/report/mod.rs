//! The report of a session, as the written procedure wants it after the meeting: made of stored rows alone, and of nothing that was
//! not measured.

pub mod csv;
mod document;
pub mod page;
#[cfg(test)]
mod tests;
mod words;

pub use document::{House, Report, report};
