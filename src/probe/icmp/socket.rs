//! surge-ping, wrapped: one socket an address family for all echoes of the runtime, and honest fates.
//!
//! What it needs wrapping for: an ICMP error comes back as a success; a reply may measure zero (its clock is read after
//! the packet left); a number that is used again gets the late reply of its first use; the task that receives swallows a
//! socket's errors for ever.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use surge_ping::{Client, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};
use tokio::runtime::{Handle, Id};

use super::sequence::Sequences;
use super::target::Destination;
use super::words::Fate;
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono};

/// When nobody at all answers for so long, the socket itself is suspected and made anew.
const SUSPECT_AFTER: Duration = Duration::from_secs(30);

/// The sockets of one runtime; they live as long as a probe holds them.
pub(super) struct Sockets {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sequences: Sequences,
    v4: Option<Line>,
    v6: Option<Line>,
}

#[derive(Clone)]
struct Line {
    client: Client,
    /// Ours on a raw socket; on an unprivileged one the kernel puts its own.
    ident: PingIdentifier,
    /// When it was made, or last heard anything.
    heard: Mono,
}

type OfRuntimes = Vec<(Id, Weak<Sockets>)>;

/// Which sockets belong to which runtime: a socket's receiving task ends with its runtime, so they are not shared beyond.
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
        to: Destination,
        payload: Arc<[u8]>,
        timeout: Duration,
        clock: Clock,
    ) -> Fate {
        let (line, sequence) = {
            let now = clock.mono();
            let mut inner = lock(&self.inner);
            let line = match inner.line(to.address, now) {
                Ok(line) => line.clone(),
                Err(error) => return refused(&error),
            };
            let Some(sequence) = inner.sequences.draw(to.address, timeout, now) else {
                return internal("all sequence numbers of this address are on their way");
            };
            (line, sequence)
        };
        let mut pinger = line.client.pinger(to.address, line.ident).await;
        pinger.timeout(timeout).scope_id(to.scope);
        match pinger.ping(PingSequence(sequence), &payload).await {
            Ok((packet, rtt)) => {
                lock(&self.inner).heard(to.address, clock.mono());
                answered(&packet, rtt)
            }
            Err(SurgeError::Timeout { .. }) => Fate::Lost,
            Err(SurgeError::IOError(error)) => not_sent(&error),
            Err(SurgeError::NetworkError | SurgeError::ClientDestroyed) => {
                lock(&self.inner).forget(to.address);
                internal("the socket was closed")
            }
            Err(error) => internal(&error.to_string()),
        }
    }
}

impl Inner {
    fn place(&mut self, address: IpAddr) -> &mut Option<Line> {
        if address.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }

    /// The family's line; made if there is none, made anew if it has heard nothing for long.
    fn line(&mut self, address: IpAddr, now: Mono) -> io::Result<&Line> {
        let place = self.place(address);
        let line = match place.take().filter(|line| now.since(line.heard) < SUSPECT_AFTER) {
            Some(line) => line,
            None => Line::open(if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 }, now)?,
        };
        Ok(place.insert(line))
    }

    fn heard(&mut self, address: IpAddr, now: Mono) {
        if let Some(line) = self.place(address) {
            line.heard = now;
        }
    }

    fn forget(&mut self, address: IpAddr) {
        *self.place(address) = None;
    }
}

impl Line {
    /// Unprivileged first, raw second: the library's own order.
    fn open(kind: ICMP, now: Mono) -> io::Result<Self> {
        let client = Client::new(&surge_ping::Config::builder().kind(kind).build())?;
        tracing::debug!(?kind, socket = ?client.get_socket().get_type(), "opened a socket for echoes");
        Ok(Self { client, ident: PingIdentifier(rand::random()), heard: now })
    }
}

/// What came back, which need not be a reply (RFC 792, RFC 4443).
fn answered(packet: &IcmpPacket, rtt: Duration) -> Fate {
    match packet {
        IcmpPacket::V4(packet) => match (packet.get_icmp_type().0, packet.get_icmp_code().0) {
            (0, _) => reply(rtt),
            (5, _) => Fate::Redirected,
            (3, code) => unreachable(IpAddr::V4(packet.get_source()), &format!("unreachable, code {code}")),
            (11, _) => unreachable(IpAddr::V4(packet.get_source()), "time exceeded: a loop of routes"),
            (other, code) => unreachable(IpAddr::V4(packet.get_source()), &format!("ICMP type {other}, code {code}")),
        },
        // The source that the library gives of an ICMPv6 error is not the router, so it is not told.
        IcmpPacket::V6(packet) => match (packet.get_icmpv6_type().0, packet.get_icmpv6_code().0) {
            (129, _) => reply(rtt),
            (1, code) => Fate::Unreachable(format!("a router says: unreachable, code {code}")),
            (3, _) => Fate::Unreachable("a router says: time exceeded: a loop of routes".to_owned()),
            (other, code) => Fate::Unreachable(format!("a router says: ICMPv6 type {other}, code {code}")),
        },
    }
}

fn unreachable(router: IpAddr, what: &str) -> Fate {
    Fate::Unreachable(format!("{router} says: {what}"))
}

/// A round trip of zero is a clock read too late, no measurement; but somebody answered.
fn reply(rtt: Duration) -> Fate {
    Fate::Reply(Some(rtt).filter(|rtt| !rtt.is_zero()))
}

/// The socket could not be made.
fn refused(error: &io::Error) -> Fate {
    match error.kind() {
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
        for errno in [Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::NETDOWN, Errno::ADDRNOTAVAIL] {
            assert!(matches!(fate(errno), Fate::Unreachable(_)), "{errno}");
        }
        assert!(matches!(fate(Errno::PERM), Fate::Fault(ErrorKind::Permission, _)));
        assert!(matches!(fate(Errno::ACCESS), Fate::Fault(ErrorKind::Permission, _)));
        assert!(matches!(fate(Errno::NOBUFS), Fate::Fault(ErrorKind::Internal, _)));
    }

    #[test]
    fn a_zero_round_trip_is_a_reply_without_a_measurement() {
        assert_eq!(reply(Duration::ZERO), Fate::Reply(None));
        assert_eq!(reply(Duration::from_nanos(1)), Fate::Reply(Some(Duration::from_nanos(1))));
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
}
