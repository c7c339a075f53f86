//! The sockets of a runtime: one an address family and uplink for all its echoes, and what keeps an echo from leaving, in words.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};

use super::line::{Flight, Line};
use super::sequence::Sequences;
use super::target::Destination;
use super::words::Fate;
use crate::clock::Clock;
use crate::domain::ErrorKind;
use crate::probe::egress::{self, Egress};

/// The sockets of one runtime; they live as long as a probe holds them.
pub(super) struct Sockets {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sequences: Sequences,
    /// One for each family and uplink's name.
    lines: Vec<Opened>,
}

/// A family's socket, and by which uplink it goes.
struct Opened {
    v6: bool,
    egress: Egress,
    line: Line,
}

type OfRuntimes = Vec<(Id, Weak<Sockets>)>;

/// Which sockets belong to which runtime: a socket's reader ends with its runtime, so they are not shared beyond.
static OF_RUNTIMES: Mutex<OfRuntimes> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here is left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sockets {
    /// Those of the runtime that this is called in.
    pub(super) fn of_this_runtime() -> Arc<Self> {
        let runtime = Handle::current().id();
        let mut all = lock(&OF_RUNTIMES);
        all.retain(|(_, sockets)| sockets.strong_count() > 0);
        if let Some(sockets) = all.iter().find(|(id, _)| *id == runtime).and_then(|(_, sockets)| sockets.upgrade()) {
            return sockets;
        }
        let sockets = Arc::new(Self { inner: Mutex::default() });
        all.push((runtime, Arc::downgrade(&sockets)));
        sockets
    }

    /// Sends one echo and waits for its fate, which comes within `timeout`.
    pub(super) async fn echo(
        self: Arc<Self>,
        egress: Egress,
        to: Destination,
        payload: Arc<[u8]>,
        timeout: Duration,
        clock: Clock,
    ) -> Fate {
        let sent = lock(&self.inner).send(&egress, to, &payload, timeout, clock);
        match sent {
            Ok(flight) => flight.fate(timeout).await,
            Err(fate) => fate,
        }
    }
}

impl Inner {
    fn send(
        &mut self,
        egress: &Egress,
        to: Destination,
        payload: &[u8],
        timeout: Duration,
        clock: Clock,
    ) -> Result<Flight, Fate> {
        self.open(egress, to.address).map_err(|error| refused(&error))?;
        let Some(sequence) = self.sequences.draw(to.address, timeout, clock.mono()) else {
            return Err(internal("all sequence numbers of this address are on their way"));
        };
        let is_it = |opened: &&Opened| opened.v6 == to.address.is_ipv6() && opened.egress == *egress;
        let Some(Opened { line, .. }) = self.lines.iter().find(is_it) else { return Err(internal("no socket")) };
        line.send(to, sequence, payload, clock).map_err(|error| not_sent(&error))
    }

    /// Opens the socket for that way, if there is none that works. One of that uplink's name from before a reload, which may
    /// have led elsewhere, makes room for it, and so does one whose interface is gone, or was made anew. One of an uplink that no
    /// check goes by any more is closed.
    fn open(&mut self, egress: &Egress, to: IpAddr) -> io::Result<()> {
        let v6 = to.is_ipv6();
        let of_name = |opened: &Opened| opened.v6 == v6 && opened.egress.name() == egress.name();
        let works = |Opened { egress: by, line, .. }: &Opened| {
            by == egress && !line.has_ended() && !line.has_lost_its_interface()
        };
        for opened in self.lines.iter_mut().filter(|opened| opened.egress == *egress) {
            // The same after a reload: by the handle that lives on.
            opened.egress = egress.clone();
        }
        self.lines.retain(|opened| !opened.egress.is_nobodys() && (!of_name(opened) || works(opened)));
        if !self.lines.iter().any(of_name) {
            self.lines.push(Opened { v6, egress: egress.clone(), line: Line::open(egress, to)? });
        }
        Ok(())
    }
}

/// The socket could not be made.
fn refused(error: &io::Error) -> Fate {
    match error.kind() {
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => Fate::Unreachable(error.to_string()),
        io::ErrorKind::PermissionDenied => Fate::Fault(
            ErrorKind::Permission,
            "no socket for echoes may be opened: neither by CAP_NET_RAW nor by net.ipv4.ping_group_range".to_owned(),
        ),
        _ => internal(&format!("no socket for echoes: {error}")),
    }
}

/// The echo could not be sent: by this machine's routes, its firewall, or its means.
fn not_sent(error: &io::Error) -> Fate {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::AddrNotAvailable => {
            Fate::Unreachable(format!("this computer has no way there: {error}"))
        }
        Io::PermissionDenied => Fate::Fault(
            ErrorKind::Permission,
            format!("this computer (a firewall rule?) forbids sending the echo: {error}"),
        ),
        // The interface has gone since the socket was looked at; the next echo opens another.
        _ if egress::is_gone(error) => Fate::Unreachable(format!("this computer has no way there: {error}")),
        _ => internal(&format!("the echo was not sent: {error}")),
    }
}

fn internal(detail: &str) -> Fate {
    Fate::Fault(ErrorKind::Internal, detail.to_owned())
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn what_keeps_an_echo_from_leaving_is_told_apart() {
        let fate = |errno: Errno| not_sent(&errno.into());
        for errno in [Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::NETDOWN, Errno::ADDRNOTAVAIL, Errno::NODEV] {
            assert!(matches!(fate(errno), Fate::Unreachable(_)), "{errno}");
        }
        assert!(matches!(fate(Errno::PERM), Fate::Fault(ErrorKind::Permission, _)));
        assert!(matches!(fate(Errno::ACCESS), Fate::Fault(ErrorKind::Permission, _)));
        assert!(matches!(fate(Errno::NOBUFS), Fate::Fault(ErrorKind::Internal, _)));
    }

    #[tokio::test]
    async fn probes_of_a_runtime_share_their_sockets_and_others_do_not() {
        let here = Sockets::of_this_runtime();
        assert!(Arc::ptr_eq(&here, &Sockets::of_this_runtime()));
        let there = std::thread::spawn(|| {
            let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
            other.block_on(async { Sockets::of_this_runtime() })
        });
        assert!(!Arc::ptr_eq(&here, &there.join().unwrap()));
    }

    #[tokio::test]
    async fn the_socket_of_an_uplink_that_is_gone_is_closed_and_one_that_is_told_anew_is_kept() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let by = |name: &str| {
            Egress::by(Some(Arc::new(crate::domain::Uplink {
                name: name.into(),
                interface: None,
                source: Some(here),
                resolvers: Vec::new(),
                backup: None,
                metered: false,
                daily_budget: None,
            })))
        };
        let mut inner = Inner::default();
        let before = by("backup");
        if inner.open(&before, here).is_err() {
            // No socket for echoes may be opened here.
            return;
        }
        let opened = |egress: &Egress, inner: &mut Inner| {
            inner.open(egress, here).unwrap();
            let name =
                |opened: &Opened| opened.egress.name().map_or_else(|| "-".to_owned(), |name| (**name).to_owned());
            inner.lines.iter().map(name).collect::<Vec<_>>()
        };
        let after = by("backup");
        drop(before);
        assert_eq!(opened(&after, &mut inner), ["backup"]);
        assert_eq!(opened(&Egress::default(), &mut inner), ["backup", "-"]);
        drop(after);
        assert_eq!(opened(&Egress::default(), &mut inner), ["-"]);
    }
}
