//! Why an attempt failed, and whether another makes sense.

use std::fmt;
use std::time::Duration;

use crate::domain::GiveUp;

/// Why a receiver could not be made ready.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SetupError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl SetupError {
    /// `what` cannot be done, because of `source`.
    pub fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, source: source.into() }
    }
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// Nothing was answered in time.
    Timeout,
    /// The name, the way there, or the far end's certificate failed.
    Connect,
    /// The connection broke, or what came back is not HTTP.
    Protocol,
    /// It answered that it cannot now (408, 425, 429, 5xx).
    Unavailable,
    /// It answered that this message is at fault (400, 413, 415, 422).
    Refused,
    /// It answered that we, or the place, are at fault (any other 4xx): a service that is set up anew answers so for a
    /// while, and the message is as good after.
    Denied,
    /// It sent us elsewhere: to another host, or in a way that would lose the message.
    Redirected,
    /// The secret cannot be read.
    Secret,
    /// What is asked on this machine (a program, a spool) failed.
    Local,
}

impl Failure {
    /// All, in the order of metrics.
    pub const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Connect,
        Self::Protocol,
        Self::Unavailable,
        Self::Refused,
        Self::Denied,
        Self::Redirected,
        Self::Secret,
        Self::Local,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Protocol => "protocol",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Redirected => "redirected",
            Self::Secret => "secret",
            Self::Local => "local",
        }
    }

    /// Whether the same message may be taken later. Whatever is outside it can be mended while it waits, a proxy's wrong
    /// page or the address in the config too; these very bytes cannot.
    pub const fn retryable(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", withheld.map_or(failure.as_str(), GiveUp::as_str))]
pub struct DeliveryError {
    /// What kind of failure.
    pub failure: Failure,
    /// For IT staff, in English, without the URL (which may hold a token) and without secrets.
    pub detail: String,
    /// When the far end wants to be asked again, if it said so (RFC 9110 §10.2.3, in seconds).
    pub retry_after: Option<Duration>,
    /// Why it is not said, by our own rules: then it is no failure, and it is not said later either.
    pub withheld: Option<GiveUp>,
}

impl DeliveryError {
    /// An error without a wish for when to come back.
    pub fn new(failure: Failure, detail: impl Into<String>) -> Self {
        Self { failure, detail: detail.into(), retry_after: None, withheld: None }
    }

    /// It may not be said, by our own rules.
    pub fn withheld(why: GiveUp, detail: impl Into<String>) -> Self {
        Self { withheld: Some(why), ..Self::new(Failure::Local, detail) }
    }

    /// Whether another attempt makes sense.
    pub const fn retryable(&self) -> bool {
        self.withheld.is_none() && self.failure.retryable()
    }
}
