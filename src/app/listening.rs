//! Where the daemon is asked over HTTP: at the sockets that its supervisor hands over (`sd_listen_fds(3)`: `siaga.socket`), else at
//! the addresses that the config says.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::SocketType;
use rustix::net::sockopt::{socket_acceptconn, socket_type};
use tokio::net::TcpListener;

/// Listens, before anything else is touched: a second daemon on the same address does the first no harm.
///
/// # Errors
/// In words: an address that is in use or not ours, a socket that was handed over and listens for nothing over TCP.
pub(super) async fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, String> {
    let given = sd_listen_fds::get().map_err(|error| format!("LISTEN_PID, LISTEN_FDS: {error}"))?;
    if given.is_empty() {
        return bind(addresses).await;
    }
    let given: Vec<OwnedFd> = given.into_iter().map(|(_, socket)| socket.into_std()).collect();
    let taken: Result<Vec<_>, String> = given.iter().enumerate().map(|(at, socket)| take(at + 1, socket)).collect();
    // Never closed: what was counted wrongly is somebody else's.
    std::mem::forget(given);
    let taken = taken?;
    let there: Vec<SocketAddr> = taken.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    for address in addresses.iter().filter(|address| !there.contains(address)) {
        tracing::warn!(%address, "the supervisor hands over other sockets, so nobody listens where [web] listen says");
    }
    Ok(taken)
}

/// A socket that was handed over, as ours; `number` as people count.
fn take(number: usize, socket: &OwnedFd) -> Result<TcpListener, String> {
    let usable = || {
        // No child of ours has it.
        fcntl_setfd(socket, FdFlags::CLOEXEC)?;
        let listens = socket_type(socket)? == SocketType::STREAM && socket_acceptconn(socket)?;
        let listener = std::net::TcpListener::from(socket.as_fd().try_clone_to_owned()?);
        // A unix socket has no such address.
        listener.local_addr()?;
        listener.set_nonblocking(true)?;
        if listens { TcpListener::from_std(listener) } else { Err(std::io::ErrorKind::InvalidInput.into()) }
    };
    usable().map_err(|error| {
        format!(
            "socket {number} of those that were handed over (LISTEN_FDS) is none that listens over TCP ({error}): a socket unit \
             says ListenStream= with an address and a port"
        )
    })
}

async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, String> {
    let mut all = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("{address} is in use: does siaga run already? Else set [web] listen to another address")
            }
            _ => format!("cannot listen on {address}: {error}"),
        })?;
        all.push(listener);
    }
    Ok(all)
}

/// Where people look.
pub(super) fn places(addresses: &[SocketAddr], tls: bool, broken: bool) -> String {
    // Without a certificate to show it is by loopback alone, in the clear.
    let here = |address: &&SocketAddr| !broken || address.ip().is_loopback() || address.ip().is_unspecified();
    let scheme = if tls && !broken { "https" } else { "http" };
    let all: Vec<String> = addresses.iter().filter(here).map(|address| format!("{scheme}://{address}/")).collect();
    if all.is_empty() { "the log: no page is shown at any of its addresses".to_owned() } else { all.join(" ") }
}
