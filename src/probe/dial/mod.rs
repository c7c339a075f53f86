//! Reaching a far end by TCP and TLS, step by step, for the kinds that time the steps.

mod reasons;
mod roots;
#[cfg(test)]
mod tests;
pub(super) mod tls;
mod url;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;

use super::egress::{self, Egress};
use super::lookup;
use crate::domain::{ErrorKind, Level, ProbeError};
pub(super) use reasons::{CONNECT_FAILED, DNS_FAILED, TLS_FAILED};
pub use url::{FarUrl, UrlError};

/// Whom a target stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The meeting platform itself.
    #[default]
    Platform,
    /// Somebody else far away, who shows that the line works.
    FarEnd,
}

impl Role {
    /// Where such a target stands in the tree of root causes.
    pub const fn level(self) -> Level {
        match self {
            Self::Platform => Level::Platform,
            Self::FarEnd => Level::FarEnd,
        }
    }
}

/// The addresses of a name, asked anew each time, in the order in which to try them (RFC 6724, as the system does).
///
/// # Errors
/// [`ErrorKind::Dns`]
pub(super) async fn resolve(egress: &Egress, host: &str, port: u16) -> Result<Vec<SocketAddr>, ProbeError> {
    let failed = |why: &dyn std::fmt::Display| ProbeError::new(ErrorKind::Dns, format!("{host}: {why}"));
    let found: Vec<SocketAddr> = if egress.name().is_none() {
        // Not by way of bare addresses: one of a single link comes with its interface.
        tokio::net::lookup_host((host, port)).await.map_err(|error| failed(&error))?.collect()
    } else {
        let found = lookup::addresses(egress, host).await.map_err(|error| failed(&error))?;
        found.into_iter().map(|address| SocketAddr::new(address, port)).collect()
    };
    if found.is_empty() { Err(failed(&"the name has no address")) } else { Ok(found) }
}

/// Connects to the first of `addresses` that answers, within `limit` for all of them together. Each but the last may use
/// up half of what is left, so that a dead address family does not hide a living one.
///
/// # Errors
/// The last address's failure.
pub(super) async fn connect(
    egress: &Egress,
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<TcpStream, ProbeError> {
    let mut left = limit;
    let mut failure = ProbeError::new(ErrorKind::Dns, "no address to connect to");
    for (index, address) in addresses.iter().enumerate() {
        let last = index + 1 == addresses.len();
        let share = if last { left } else { left / 2 };
        failure = match tokio::time::timeout(share, egress.tcp(*address)).await {
            Ok(Ok(stream)) => {
                // Small requests must not wait for an acknowledgement (RFC 896); a failure costs time, nothing else.
                _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => {
                ProbeError::new(kind_with(&error, address.ip()), format!("connecting to {address}: {error}"))
            }
            Err(_) => {
                left = left.saturating_sub(share);
                ProbeError::new(ErrorKind::Timeout, format!("connecting to {address}: no answer"))
            }
        };
    }
    Err(failure)
}

/// Has the connection end at once when it is dropped, with all that is still to be sent: a meeting may not wait for it.
pub(super) fn ends_at_once(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
}

/// What a failed call on a socket says that speaks, or was to speak, with `peer` alone. Over IPv6 Linux tells it by `EACCES` that somebody
/// on the way forbids it (of ICMP type 1, codes 1, 5 and 6; RFC 4443 §3.1), over IPv4 by "no way"; what this machine forbids is `EPERM`.
pub(super) fn kind_with(error: &io::Error, peer: IpAddr) -> ErrorKind {
    if peer.to_canonical().is_ipv6() && error.raw_os_error() == Some(Errno::ACCESS.raw_os_error()) {
        return ErrorKind::Unreachable;
    }
    kind_of(error)
}

/// What a failed call on a TCP or UDP socket says.
pub(super) fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        // A reset is a refusal too, only later.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            ErrorKind::Refused
        }
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => ErrorKind::Unreachable,
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::InvalidData => ErrorKind::Protocol,
        // An interface that is named and not there, where a library has bound the socket.
        _ if egress::is_gone(error) => ErrorKind::Unreachable,
        _ => ErrorKind::Internal,
    }
}
