//! The words between the machine and the world: what it is told, and what it says.

use std::time::Duration;

use crate::domain::{ErrorKind, Mono, Sample};

/// The schedule, from the config.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) confirm: u32,
    pub(super) burst: u32,
    pub(super) burst_spacing: Duration,
    /// An outage that is shorter is loss, and what was known of the loss before goes on to count.
    pub(super) hold: Duration,
}

/// Names an echo, for as long as the machine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct EchoId(u64);

impl EchoId {
    /// The next one.
    pub(super) const fn after(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What became of an echo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came back; how long it took, where that could be measured.
    Reply(Option<Duration>),
    /// It did not come back within the timeout.
    Lost,
    /// There is no way there: said by a router, or by this machine's own routes.
    Unreachable(String),
    /// It was not sent: our own trouble.
    Fault(ErrorKind, String),
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Send this echo, and tell its fate.
    Send(EchoId),
    /// Tell this.
    Report(Report),
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// When the echo was sent that this is about.
    pub(super) began: Mono,
    pub(super) news: News,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The target answers.
    Alive(Sample),
    /// It does not, confirmed.
    Silent(Sample),
    /// There is no way there.
    Unreachable(String),
    /// Our own trouble.
    Fault(ErrorKind, String),
}

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Scheduled echoes whose fate is known.
    pub(super) echoes: u64,
    /// Of those, the lost ones.
    pub(super) lost: u64,
    /// Confirming echoes sent.
    pub(super) confirming: u64,
    /// Echoes answered by "no way there", or not sent.
    pub(super) errors: u64,
}
