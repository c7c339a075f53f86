//! Where the daemon is asked over HTTP: at the sockets that its supervisor hands over (`sd_listen_fds(3)`: `siaga.socket`), else at
//! the addresses that the config says.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::SocketType;
use rustix::net::sockopt::{set_ip_freebind, set_ipv6_freebind, set_ipv6_v6only, socket_acceptconn, socket_type};
use tokio::net::{TcpListener, TcpSocket};

/// Callers that wait to be let in.
const BACKLOG: u32 = 1024;

/// From which port on anybody may listen (ip(7)).
const UNPRIVILEGED: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// Listens, before anything else is touched: a second daemon on the same address does the first no harm.
///
/// # Errors
/// In words: an address that is in use (of what cannot be listened on otherwise the log tells), a socket that was handed over and listens
/// for nothing over TCP.
pub(super) fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, String> {
    let given = sd_listen_fds::get().map_err(|error| format!("LISTEN_PID, LISTEN_FDS: {error}"))?;
    if given.is_empty() {
        return bind(addresses);
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
        if listens { TcpListener::from_std(listener) } else { Err(io::ErrorKind::InvalidInput.into()) }
    };
    usable().map_err(|error| {
        format!(
            "socket {number} of those that were handed over (LISTEN_FDS) is none that listens over TCP ({error}): a socket unit \
             says ListenStream= with an address and a port"
        )
    })
}

fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, String> {
    let mut all = Vec::new();
    for address in addresses {
        // Where the config names an address by IPv4 too, `[::]` leaves that to it (ipv6(7)); alone it is that of both.
        let alone = !addresses.iter().any(|other| other.is_ipv4() && other.port() == address.port());
        let bound = match bind_to(*address, alone, false) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                bind_to(*address, alone, true).inspect(|_| tracing::warn!("{}", not_here(*address)))
            }
            bound => bound,
        };
        match bound {
            Ok(listener) => all.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(format!(
                    "{address} is in use: does siaga run already? Else set [web] listen to another address"
                ));
            }
            // A port for which a right is missing, a family that this kernel has not: the room is watched all the same.
            Err(error) => tracing::error!("cannot listen on {address}, so nobody is answered there: {error}"),
        }
    }
    Ok(all)
}

/// Listens at an address. One that is not this machine's is taken `ahead`: the network may come after the daemon (ip(7),
/// `IP_FREEBIND`), and as soon as the address is there, whoever asks at it is answered.
fn bind_to(address: SocketAddr, alone: bool, ahead: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        let socket = TcpSocket::new_v4()?;
        set_ip_freebind(&socket, ahead)?;
        socket
    } else {
        let socket = TcpSocket::new_v6()?;
        set_ipv6_freebind(&socket, ahead)?;
        if !alone {
            set_ipv6_v6only(&socket, true)?;
        }
        socket
    };
    // A daemon that is started anew need not wait for its old connections to end.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn not_here(address: SocketAddr) -> String {
    format!(
        "this computer does not have the address {} now: nobody is answered at {address} until it does",
        address.ip()
    )
}

/// Which of the addresses are not this machine's now, and which have a port for which the service has no right, in words.
pub(super) fn doubts(addresses: &[SocketAddr]) -> impl Iterator<Item = String> {
    let free_from = std::fs::read_to_string(UNPRIVILEGED).ok().and_then(|text| text.trim().parse().ok());
    // By a port that nobody has; nothing is sent.
    let is_away = |address: &&SocketAddr| {
        let mut trial = **address;
        trial.set_port(0);
        UdpSocket::bind(trial).is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
    };
    addresses
        .iter()
        .filter(is_away)
        .map(|address| not_here(*address))
        .chain(reserved(addresses, free_from.unwrap_or(1024)))
}

/// Which have a port under this one.
fn reserved(addresses: &[SocketAddr], free_from: u16) -> impl Iterator<Item = String> {
    let is_reserved = move |address: &&SocketAddr| (1..free_from).contains(&address.port());
    addresses.iter().filter(is_reserved).map(move |address| {
        format!(
            "{address}: ports under {free_from} are for those who may (ip(7), ip_unprivileged_port_start), and the service as it is \
             shipped may not; siaga.socket listens there for it"
        )
    })
}

/// Where people look.
pub(super) fn places(addresses: &[SocketAddr], tls: bool, broken: bool) -> String {
    // Without a certificate to show it is by loopback alone, in the clear.
    let here = |address: &&SocketAddr| !broken || address.ip().is_loopback() || address.ip().is_unspecified();
    let scheme = if tls && !broken { "https" } else { "http" };
    let all: Vec<String> = addresses.iter().filter(here).map(|address| format!("{scheme}://{address}/")).collect();
    if all.is_empty() { "the log: no page is shown at any of its addresses".to_owned() } else { all.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_not_here_is_doubted_and_listened_on_and_one_in_use_is_an_error() {
        // RFC 5737 and RFC 3849: nobody's.
        let away: [SocketAddr; 2] = ["192.0.2.77:0".parse().unwrap(), "[2001:db8::77]:0".parse().unwrap()];
        let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let told: Vec<String> = doubts(&[here, away[0], away[1]]).collect();
        assert!(told.len() == 2 && told[0].contains("192.0.2.77") && told[1].contains("2001:db8::77"), "{told:?}");
        let all = bind(&[here, away[0], away[1]]).unwrap();
        let of = ["127.0.0.1:443", "127.0.0.1:1024", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        let reserved: Vec<String> = super::reserved(&of, 1024).collect();
        assert!(reserved.len() == 1 && reserved[0].contains("443: ports under 1024"), "{reserved:?}");
        for (listener, address) in all.iter().zip([here, away[0], away[1]]) {
            assert_eq!(listener.local_addr().unwrap().ip(), address.ip());
        }
        for listener in &all {
            let taken = listener.local_addr().unwrap();
            let why = bind(&[taken]).unwrap_err();
            assert!(why.contains(&format!("{taken} is in use: does siaga run already?")), "{why}");
        }
    }

    #[tokio::test]
    async fn every_address_by_either_family_is_listened_on_beside_the_other() {
        // A port that is free by both, at this moment.
        let taken = bind(&["[::]:0".parse().unwrap()]).unwrap();
        let port = taken[0].local_addr().unwrap().port();
        // Alone it is that of both families.
        TcpSocket::new_v4().unwrap().connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        drop(taken);
        for first in ["0.0.0.0", "127.0.0.1"] {
            let both = [format!("{first}:{port}").parse().unwrap(), format!("[::]:{port}").parse().unwrap()];
            let all = bind(&both).unwrap();
            assert_eq!(all.len(), 2);
            drop(all);
            assert_eq!(bind(&[both[1], both[0]]).unwrap().len(), 2, "in either order");
        }
    }
}
