//! The ground: data and its laws. No task, no input or output, no clock.
//!
//! Everything above speaks in these words; `README.md` has the glossary.

pub mod act;
pub mod actor;
pub mod bus;
pub mod check;
pub mod component;
pub mod emodel;
pub mod enrolled;
pub mod error;
pub mod foreign;
pub mod handling;
pub mod incident;
pub mod notification;
pub mod observation;
pub mod past;
pub mod phase;
pub mod plan;
pub mod profile;
pub mod quantity;
pub mod reason;
pub mod secret;
pub mod silence;
pub mod sketch;
pub mod snapshot;
pub mod time;
pub mod units;
pub mod uplink;
pub mod verdict;

pub use act::Act;
pub use actor::{Actor, OpenTo, Scope, Via};
pub use check::{CheckName, CheckSpec, Group, Holds, Kind, Level, Limit, ProfileLimit, Rule, Test};
pub use component::{Component, Requirement};
pub use enrolled::{Device, Difference, Enrolled, Equipment};
pub use error::in_full;
pub use foreign::{ForeignAlert, TakenAlerts};
pub use handling::{Handled, Handling};
pub use incident::{Incident, Standing, Subject, Transition};
pub use notification::{GiveUp, Notification, Outbox};
pub use observation::{ErrorKind, ErrorTable, Finding, Observation, ProbeError, Reading, Sample};
pub use past::{Hour, Past, Run, Wanted};
pub use phase::Phase;
pub use plan::Plan;
pub use profile::{Pair, Profile};
pub use quantity::{Figure, Measurement, Quantity, Unit};
pub use reason::{Arg, Lang, Reason, ReasonDef, Text};
pub use secret::SecretFile;
pub use silence::Silence;
pub use sketch::Sketch;
pub use snapshot::{CheckView, ComponentView, ProfileView, Snapshot};
pub use time::{Mono, Now};
pub use units::{Frequency, Period, Rate, Size};
pub use uplink::Uplink;
pub use verdict::Verdict;
