//! Why there is no reading. All of it is our eyes' failure, never the UPS's: no evidence of power is no evidence of an
//! outage, and acting on absence alone shut machines down (networkupstools/nut#2454).

use std::error::Error as _;
use std::io;

use super::client::NutError;
use super::protocol::ErrWord;
use super::reasons as r;
use crate::domain::{ErrorKind, ErrorTable, Finding, ProbeError, ReasonDef, Verdict};

/// Which failures speak of the equipment (none), and which of our eyes.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Timeout, Verdict::Unknown, &r::UPSD_SILENT),
        (ErrorKind::Refused, Verdict::Unknown, &r::UPSD_DOWN),
        (ErrorKind::Unreachable, Verdict::Unknown, &r::UPSD_UNREACHABLE),
        (ErrorKind::Dns, Verdict::Unknown, &r::UPSD_UNRESOLVED),
        (ErrorKind::Permission, Verdict::Unknown, &r::UPSD_DENIED),
        (ErrorKind::Protocol, Verdict::Unknown, &r::UPSD_NONSENSE),
        (ErrorKind::Gone, Verdict::Unknown, &r::UPS_NOT_FOUND),
        (ErrorKind::Stale, Verdict::Unknown, &r::UPS_STALE),
    ],
    otherwise: &r::UPS_FAILED,
};

/// Why a poll has no reading.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The call failed.
    #[error("upsd: {0}")]
    Nut(#[from] NutError),
    /// upsd has not heard from the driver since it started.
    #[error("ups.status is WAIT")]
    Waits,
    /// `ups = "auto"`, and the server has none.
    #[error("the server lists no UPS")]
    None,
    /// `ups = "auto"`, and the server has several.
    #[error("the server lists several UPSes, and the config names none: {}", .0.join(", "))]
    Several(Vec<String>),
}

impl Failure {
    /// What it is to the judge.
    pub(super) fn error(&self) -> ProbeError {
        let mut detail = self.to_string();
        let source = match self {
            Self::Nut(error) => error.source(),
            _ => None,
        };
        if let Some(source) = source {
            detail.push_str(": ");
            detail.push_str(&source.to_string());
        }
        ProbeError::new(self.kind(), detail)
    }

    /// The finding, where one kind of failure has several causes with remedies of their own.
    pub(super) fn finding(&self) -> Option<Finding> {
        let unknown = |reason: &'static ReasonDef| Some(Finding::new(reason, Verdict::Unknown));
        match self {
            Self::Nut(NutError::Err(ErrWord::DriverNotConnected)) => unknown(&r::UPS_DRIVER_AWAY),
            Self::Waits => unknown(&r::UPS_STARTING),
            Self::Several(names) => unknown(&r::UPS_NOT_NAMED).map(|finding| finding.with("names", names.join(", "))),
            Self::None | Self::Nut(_) => None,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Waits => ErrorKind::Stale,
            Self::None | Self::Several(_) => ErrorKind::Gone,
            Self::Nut(error) => match error {
                NutError::Resolve { .. } => ErrorKind::Dns,
                NutError::Timeout(_) => ErrorKind::Timeout,
                NutError::Closed => ErrorKind::Refused,
                // Nobody there has answered: the machine is off, or a firewall drops.
                NutError::Connect { source, .. } if source.kind() == io::ErrorKind::TimedOut => ErrorKind::Unreachable,
                NutError::Connect { source, .. } | NutError::Broken(source) => of_io(source.kind()),
                NutError::Protocol(_) => ErrorKind::Protocol,
                NutError::Err(word) => match word {
                    ErrWord::DataStale | ErrWord::DriverNotConnected => ErrorKind::Stale,
                    ErrWord::UnknownUps => ErrorKind::Gone,
                    ErrWord::AccessDenied | ErrWord::UsernameRequired | ErrWord::PasswordRequired => {
                        ErrorKind::Permission
                    }
                    _ => ErrorKind::Protocol,
                },
            },
        }
    }
}

fn of_io(kind: io::ErrorKind) -> ErrorKind {
    use io::ErrorKind as Io;
    match kind {
        Io::ConnectionRefused | Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof => {
            ErrorKind::Refused
        }
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::AddrNotAvailable => ErrorKind::Unreachable,
        Io::TimedOut => ErrorKind::Timeout,
        Io::PermissionDenied => ErrorKind::Permission,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_speaks_of_the_equipment() {
        for kind in ErrorKind::ALL {
            assert_eq!(ERRORS.judge(kind).0, Verdict::Unknown, "{kind}");
        }
        assert!(ERRORS.otherwise.code.starts_with("siaga."));
    }

    #[test]
    fn each_cause_has_its_own_kind_or_its_own_reason() {
        let err = |word: &str| Failure::Nut(NutError::Err(ErrWord::of(word)));
        let connect = |kind: io::ErrorKind| {
            Failure::Nut(NutError::Connect { server: "upsd.example.net:3493".into(), source: kind.into() })
        };
        let table = [
            (err("DATA-STALE"), ErrorKind::Stale, "siaga.ups_stale"),
            (err("DRIVER-NOT-CONNECTED"), ErrorKind::Stale, "siaga.ups_driver_away"),
            (Failure::Waits, ErrorKind::Stale, "siaga.ups_starting"),
            (err("UNKNOWN-UPS"), ErrorKind::Gone, "siaga.ups_not_found"),
            (Failure::None, ErrorKind::Gone, "siaga.ups_not_found"),
            (Failure::Several(vec!["a".into(), "b".into()]), ErrorKind::Gone, "siaga.ups_not_named"),
            (err("ACCESS-DENIED"), ErrorKind::Permission, "siaga.upsd_denied"),
            (err("TOMORROWS-WORD"), ErrorKind::Protocol, "siaga.upsd_not_understood"),
            (Failure::Nut(NutError::Closed), ErrorKind::Refused, "siaga.upsd_down"),
            (connect(io::ErrorKind::ConnectionRefused), ErrorKind::Refused, "siaga.upsd_down"),
            (connect(io::ErrorKind::HostUnreachable), ErrorKind::Unreachable, "siaga.upsd_unreachable"),
            (connect(io::ErrorKind::OutOfMemory), ErrorKind::Internal, "siaga.ups_failed"),
            (Failure::Nut(NutError::Timeout(std::time::Duration::ZERO)), ErrorKind::Timeout, "siaga.upsd_silent"),
        ];
        for (failure, kind, code) in table {
            let error = failure.error();
            let reason = failure.finding().map_or_else(|| ERRORS.judge(error.kind).1, |finding| finding.reason);
            assert_eq!((error.kind, reason.code), (kind, code), "{failure}");
        }
        let detail = connect(io::ErrorKind::ConnectionRefused).error().detail;
        assert_eq!(detail, "upsd: no connection to upsd.example.net:3493: connection refused");
    }
}
