//! A survey of a place before a meeting is held there: whom it asks, what was seen meanwhile, and the report of one page.
//!
//! The probes, the judge and the limits are those of the daemon; here is only what a single look adds. A quiet watch comes
//! first and is judged; the tests come after it, because what they do to the delay is their own doing and not the line's.

pub mod answer;
pub mod asked;
mod counted;
mod fields;
#[cfg(debug_assertions)]
pub mod fuzz;
pub mod kept;
mod nearest;
pub mod outcome;
pub mod page;
pub mod record;
pub mod report;
pub mod words;

pub use asked::Asked;
pub use outcome::{Ended, Seen, report};
pub use record::Record;
pub use report::Report;
