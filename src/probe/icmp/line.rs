//! One address family's socket for echoes, and who waits for what comes back by it.
//!
//! Unprivileged ("ping socket", icmp(7)) where `net.ipv4.ping_group_range` admits us: the kernel gives us our own replies
//! alone. Else raw, by `CAP_NET_RAW`, where all ICMP that this machine receives comes by and is looked through.
//!
//! A task reads whatever is there as often as the socket has something. What goes wrong in there is told to all who wait,
//! and the line has ended; the next echo opens another. So no silence makes the socket itself suspect: whoever hears
//! nothing has a socket that works and a line that does not.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
    SockaddrStorage, bind, getsockopt, recvmsg, sendto, setsockopt, socket, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::packet::{self, Heard, What};
use super::stamp::round_trip;
use super::target::Destination;
use super::words::Fate;
use crate::clock::Clock;
use crate::domain::{ErrorKind, Now};
use crate::probe::datagrams::stamp;
use crate::probe::egress::{self, Egress};

/// Asked for on both sides of the socket; the kernel gives what `net.core.rmem_max` and `wmem_max` allow. Bursts to many
/// targets, and echoes that wait for a neighbour's address, must fit.
const BUFFER: usize = 1 << 20;

/// Longer than any reply (the config's largest payload, with headers).
const PACKET: usize = 2048;

/// How many packets are read before others have a turn: somebody may flood this machine with ICMP.
const AT_ONCE: usize = 512;

/// A socket with its reader; dropping it ends both.
pub(super) struct Line {
    wire: Arc<Wire>,
    reader: AbortHandle,
    /// What the kernel calls the interface that it is bound to; the config may have another name of it (ip-link(8), altname).
    bound: Option<OsString>,
}

struct Wire {
    socket: AsyncFd<OwnedFd>,
    v6: bool,
    /// Ours on a raw socket; on an unprivileged one the kernel puts its own, and looks for it.
    ident: Option<u16>,
    waiting: Mutex<Waiting>,
}

/// Whom an echo went to, and its number.
type Key = (IpAddr, u16);
type Waiting = BTreeMap<Key, Waiter>;

struct Waiter {
    sent: Now,
    clock: Clock,
    tell: oneshot::Sender<Fate>,
}

/// An echo on its way; dropping it forgets the echo, and a late reply is nobody's.
pub(super) struct Flight {
    wire: Arc<Wire>,
    key: Key,
    fate: oneshot::Receiver<Fate>,
}

impl Line {
    /// Opens the socket of the family of `to` in this runtime, leaving by `egress`.
    ///
    /// # Errors
    /// What the raw socket's opening met, after the unprivileged one's.
    pub(super) fn open(egress: &Egress, to: IpAddr) -> io::Result<Self> {
        let v6 = to.is_ipv6();
        let (family, protocol) =
            if v6 { (AddressFamily::Inet6, SockProtocol::IcmpV6) } else { (AddressFamily::Inet, SockProtocol::Icmp) };
        let open = |kind| socket(family, kind, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, protocol);
        let (fd, ident) = match open(SockType::Datagram) {
            Ok(fd) => (fd, None),
            Err(_) => (open(SockType::Raw)?, Some(rand::random())),
        };
        let bind_to = |interface: &str| {
            setsockopt(&fd, sockopt::BindToDevice, &OsString::from(interface))
                .and_then(|()| getsockopt(&fd, sockopt::BindToDevice))
                .map_err(|error| egress::gone(error.into(), interface))
        };
        let bound = egress.interface().map(bind_to).transpose()?;
        match egress.source(to)? {
            IpAddr::V4(source) if !source.is_unspecified() => {
                bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(source, 0)))?;
            }
            IpAddr::V6(source) if !source.is_unspecified() => {
                bind(fd.as_raw_fd(), &SockaddrIn6::from(SocketAddrV6::new(source, 0, 0, 0)))?;
            }
            _ => {}
        }
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&fd, sockopt::RcvBuf, &BUFFER)?;
        setsockopt(&fd, sockopt::SndBuf, &BUFFER)?;
        // A raw socket hears routers' errors as packets; an unprivileged one has a queue for them.
        match (ident, v6) {
            (None, false) => setsockopt(&fd, sockopt::Ipv4RecvErr, &true)?,
            (None, true) => setsockopt(&fd, sockopt::Ipv6RecvErr, &true)?,
            (Some(_), _) => {}
        }
        #[allow(
            deprecated,
            reason = "deprecated for what can be closed elsewhere, as an OwnedFd cannot; its heir is unsafe"
        )]
        let socket = AsyncFd::with_interest(fd, Interest::READABLE | Interest::ERROR)?;
        let wire = Arc::new(Wire { socket, v6, ident, waiting: Mutex::default() });
        let reader = tokio::spawn(Arc::clone(&wire).read_on()).abort_handle();
        tracing::debug!(v6, raw = ident.is_some(), "opened a socket for echoes");
        Ok(Self { wire, reader, bound })
    }

    /// Whether the socket has failed, and nobody reads it any more.
    pub(super) fn has_ended(&self) -> bool {
        self.reader.is_finished()
    }

    /// Whether the interface that the socket is bound to is gone, or called otherwise. The kernel keeps the number that it had at the
    /// opening: one that was made anew under the same name (a redial, a modem that fell off its bus) has another.
    pub(super) fn has_lost_its_interface(&self) -> bool {
        let now = || getsockopt(&self.wire.socket, sockopt::BindToDevice);
        self.bound.as_ref().is_some_and(|bound| now().as_ref() != Ok(bound))
    }

    /// Sends an echo.
    ///
    /// # Errors
    /// What kept it from leaving.
    pub(super) fn send(&self, to: Destination, sequence: u16, payload: &[u8], clock: Clock) -> io::Result<Flight> {
        let wire = &self.wire;
        let packet = packet::request(to.address, wire.ident.unwrap_or(0), sequence, payload);
        let (tell, fate) = oneshot::channel();
        let key = (to.address, sequence);
        // Held while it is sent: its reply may come before the call is over.
        let mut waiting = wire.waiting();
        let sent = loop {
            let sent = clock.now();
            match wire.put(to, &packet) {
                Ok(()) => break sent,
                // An unprivileged socket tells here what a router said of an earlier echo; this one has not left yet.
                Err(_) if wire.take_errors(&mut waiting) > 0 => {}
                Err(error) => return Err(error.into()),
            }
        };
        if let Some(old) = waiting.insert(key, Waiter { sent, clock, tell }) {
            // Sent more than twice its timeout ago, or its number would not have come back.
            let _ = old.tell.send(Fate::Lost);
        }
        drop(waiting);
        Ok(Flight { wire: Arc::clone(wire), key, fate })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Flight {
    /// Waits for the echo's fate, which comes within `timeout`.
    pub(super) async fn fate(mut self, timeout: Duration) -> Fate {
        if let Ok(fate) = tokio::time::timeout(timeout, &mut self.fate).await {
            return fate.unwrap_or_else(|_| ended("nobody reads it"));
        }
        // The reply may lie in the socket while this process had no turn: it is heard before it is called lost. An error
        // here is the reader's to tell.
        let _ = self.wire.read();
        self.fate.try_recv().unwrap_or(Fate::Lost)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.fate.close();
        let mut waiting = self.wire.waiting();
        // Under its number another may wait by now.
        if waiting.get(&self.key).is_some_and(|waiter| waiter.tell.is_closed()) {
            waiting.remove(&self.key);
        }
    }
}

impl Wire {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here is left half done by a panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_on(self: Arc<Self>) {
        let error = loop {
            let mut ready = match self.socket.ready(Interest::READABLE | Interest::ERROR).await {
                Ok(ready) => ready,
                Err(error) => break error,
            };
            match self.read() {
                // What came after the last read has made the socket ready anew.
                Ok(true) => ready.clear_ready(),
                Ok(false) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        tracing::warn!(%error, v6 = self.v6, "the socket for echoes failed; the next echo opens another");
        for (_, waiter) in std::mem::take(&mut *self.waiting()) {
            let _ = waiter.tell.send(ended(&error.to_string()));
        }
    }

    /// Reads what is there; whether that was all.
    fn read(&self) -> io::Result<bool> {
        let mut waiting = self.waiting();
        let mut unexplained = false;
        for _ in 0..AT_ONCE {
            match self.take_packet(&mut waiting) {
                Ok(()) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(true),
                Err(error) => {
                    // A pending ICMP error is reported once. If its record did not fit the queue, that echo is lost like
                    // one whose error was dropped on the way; what is reported again is the socket's own trouble.
                    let explained = self.take_errors(&mut waiting) > 0;
                    if std::mem::replace(&mut unexplained, !explained) && !explained {
                        return Err(error.into());
                    }
                }
            }
        }
        Ok(false)
    }

    fn put(&self, to: Destination, packet: &[u8]) -> nix::Result<()> {
        let fd = self.socket.as_raw_fd();
        match to.address {
            IpAddr::V4(address) => {
                sendto(fd, packet, &SockaddrIn::from(SocketAddrV4::new(address, 0)), MsgFlags::empty())
            }
            IpAddr::V6(address) => {
                let address = SocketAddrV6::new(address, 0, 0, to.scope);
                sendto(fd, packet, &SockaddrIn6::from(address), MsgFlags::empty())
            }
        }
        .map(|_| ())
    }

    /// Reads one packet and tells whoever waits for it.
    fn take_packet(&self, waiting: &mut Waiting) -> nix::Result<()> {
        let (mut bytes, mut room) = ([0; PACKET], Room([0; ROOM]));
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let message =
            recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(&mut room.0), MsgFlags::empty())?;
        let stamp = message.cmsgs()?.find_map(|found| stamp(&found));
        let (length, from) = (message.bytes, message.address.as_ref().and_then(address));
        let heard = from.and_then(|from| {
            let bytes = bytes.get(..length)?;
            let with_header = self.ident.is_some() && !self.v6;
            Some((from, packet::heard(from, if with_header { packet::without_ipv4_header(bytes)? } else { bytes })?))
        });
        if let Some((from, heard)) = heard {
            self.tell(waiting, heard, Some(from), stamp);
        }
        Ok(())
    }

    /// Reads the queue of errors (`IP_RECVERR`, ip(7)) and tells whoever waits for their echoes; how many came from
    /// elsewhere, and so are no answer to the call that met them.
    fn take_errors(&self, waiting: &mut Waiting) -> usize {
        let mut count = 0;
        while self.ident.is_none() {
            let (mut bytes, mut room) = ([0; PACKET], Room([0; ROOM]));
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let flags = MsgFlags::MSG_ERRQUEUE;
            let fd = self.socket.as_raw_fd();
            let Ok(message) = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut room.0), flags) else { break };
            let said = message.cmsgs().ok().and_then(|mut all| all.find_map(|found| said(&found)));
            let (length, to) = (message.bytes, message.address.as_ref().and_then(address));
            if let Some((what, by)) = said {
                count += 1;
                let heard = to.zip(bytes.get(..length)).and_then(|(to, echo)| packet::original_echo(to, echo, what));
                if let Some(heard) = heard {
                    self.tell(waiting, heard, by, None);
                }
            }
        }
        count
    }

    /// Tells whoever waits for that echo; a late word, or one of another program's echo, is nobody's.
    fn tell(&self, waiting: &mut Waiting, heard: Heard, by: Option<IpAddr>, stamp: Option<Timestamp>) {
        if self.ident.is_some_and(|ident| ident != heard.ident) {
            return;
        }
        let Some(waiter) = waiting.remove(&(heard.to, heard.sequence)) else { return };
        let fate = match heard.what {
            What::Reply => Fate::Reply(round_trip(waiter.sent, waiter.clock.now(), stamp)),
            What::Error(kind, code) => {
                let by = by.map_or_else(|| "somebody".to_owned(), |by| by.to_string());
                Fate::Unreachable(format!("{by} says: {}", packet::in_words(heard.to, kind, code)))
            }
        };
        let _ = waiter.tell.send(fate);
    }
}

fn ended(why: &str) -> Fate {
    Fate::Fault(ErrorKind::Internal, format!("the socket for echoes failed: {why}"))
}

/// For a stamp, or for an error with its sender, whichever family.
const ROOM: usize = 256;

/// Where the kernel puts them, aligned as they must be.
#[repr(align(16))]
struct Room([u8; ROOM]);

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6` (ip(7)): not this machine's own trouble with sending.
const FROM_ELSEWHERE: [u8; 2] = [2, 3];

/// What an entry of the queue of errors says, and who says it.
fn said(message: &ControlMessageOwned) -> Option<(What, Option<IpAddr>)> {
    let (error, by) = match *message {
        ControlMessageOwned::Ipv4RecvErr(error, by) => (error, by.map(|by| SockaddrIn::from(by).ip().into())),
        ControlMessageOwned::Ipv6RecvErr(error, by) => (error, by.map(|by| SockaddrIn6::from(by).ip().into())),
        _ => return None,
    };
    FROM_ELSEWHERE.contains(&error.ee_origin).then_some((What::Error(error.ee_type, error.ee_code), by))
}
