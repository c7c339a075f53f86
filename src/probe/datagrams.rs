//! A UDP socket that says of each datagram when it came: by the kernel (`SO_TIMESTAMPNS`, socket(7)), however late this process
//! gets its turn. How packets follow each other is what the call-like tests measure; on a busy machine this process would else
//! measure itself.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::egress::Egress;
use crate::clock::Clock;

/// What the kernel may keep for us until we have a turn; it gives what `net.core.rmem_max` allows.
const BUFFER: usize = 1 << 20;
/// Where the kernel puts a stamp, bytes.
const ROOM: usize = 128;
/// What the clocks may differ by between two readings before the wall clock was set meanwhile. They are slewed together; only a
/// process that is put aside between the two clocks makes a difference, and that wrong alarm costs precision alone.
pub(crate) const SET: Duration = Duration::from_millis(1);
/// Both clocks are read within this, else again, so many times: this process may be put aside between them.
const TOGETHER: Duration = Duration::from_micros(250);
const TRIES: usize = 5;
/// A stamp older than this is none: nobody is so late.
const OLDEST: Duration = Duration::from_secs(5);

/// Aligned as control messages must be.
#[repr(align(16))]
struct Room([u8; ROOM]);

/// A socket that speaks with one far end only, so that the kernel tells it of an ICMP "port unreachable".
pub(super) struct Datagrams {
    socket: UdpSocket,
    clock: Clock,
    looked: Look,
}

impl Datagrams {
    /// One with `to`.
    ///
    /// # Errors
    /// The kernel's, or an uplink's that is not there.
    pub(super) async fn open(egress: &Egress, to: SocketAddr, clock: Clock) -> io::Result<Self> {
        let socket = egress.udp(to).await?;
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Self { socket, clock, looked: Look::at(clock) })
    }

    /// Waits for a datagram; gives its length, and when it came by [`Clock::elapsed`]. Safe to drop and call again.
    ///
    /// # Errors
    /// The kernel's, or what routers said.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Duration)> {
        let socket = &self.socket;
        let take = || {
            let mut room = Room([0; ROOM]);
            let mut parts = [IoSliceMut::new(buffer)];
            // It is connected: from whom is known.
            let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut room.0), MsgFlags::empty())?;
            Ok((message.bytes, message.cmsgs()?.find_map(|found| stamp(&found))))
        };
        let (length, stamp) = socket.async_io(Interest::READABLE, take).await?;
        let now = Look::at(self.clock);
        let before = std::mem::replace(&mut self.looked, now);
        Ok((length, now.elapsed.saturating_sub(late(before, now, stamp))))
    }

    /// Sends one.
    ///
    /// # Errors
    /// The kernel's, or what routers said of an earlier one.
    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send(packet).await.map(drop)
    }

    /// Sends one if that can be done at once.
    pub(super) fn send_now(&self, packet: &[u8]) {
        _ = self.socket.try_send(packet);
    }
}

/// The stamp among what the kernel knows of a datagram.
pub(crate) fn stamp(found: &ControlMessageOwned) -> Option<Timestamp> {
    match found {
        ControlMessageOwned::ScmTimestampns(time) => {
            Timestamp::new(time.tv_sec(), i32::try_from(time.tv_nsec()).ok()?).ok()
        }
        _ => None,
    }
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug)]
struct Look {
    elapsed: Duration,
    wall: Timestamp,
}

impl Look {
    fn at(clock: Clock) -> Self {
        let mut tries = TRIES;
        loop {
            let (elapsed, wall) = (clock.elapsed(), clock.now().wall);
            tries -= 1;
            if tries == 0 || clock.elapsed().saturating_sub(elapsed) <= TOGETHER {
                return Self { elapsed, wall };
            }
        }
    }
}

/// Whether the wall clock was set between two readings of both clocks: the monotonic one says that so much `passed`.
pub(crate) fn was_set(passed: Duration, by_wall: SignedDuration) -> bool {
    !SignedDuration::try_from(passed).is_ok_and(|passed| (by_wall - passed).unsigned_abs() <= SET)
}

/// How long ago the kernel stamped it. A stamp counts only while both clocks agree on what passed since the last look: the wall
/// clock, by which it stamps, may have been set.
fn late(before: Look, now: Look, stamp: Option<Timestamp>) -> Duration {
    let passed = now.elapsed.saturating_sub(before.elapsed);
    let was_set = was_set(passed, now.wall.duration_since(before.wall));
    let age = stamp.filter(|_| !was_set).and_then(|stamp| Duration::try_from(now.wall.duration_since(stamp)).ok());
    age.filter(|age| *age <= OLDEST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Far;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_datagram_that_is_read_late_came_when_it_came() {
        let far = Far::bind("127.0.0.1:0").unwrap();
        let clock = Clock::start();
        let mut near = Datagrams::open(&Egress::default(), far.local_addr().unwrap(), clock).await.unwrap();
        near.send(b"where").await.unwrap();
        let (_, from) = far.recv_from(&mut [0; 16]).unwrap();
        // Sent, and left lying for so long; when it left, and when it came.
        let mut lie = async |time: Duration| {
            let before = clock.elapsed();
            far.send_to(b"here", from).unwrap();
            let sent = clock.elapsed();
            while clock.elapsed() < sent + time {
                std::thread::yield_now();
            }
            let (length, at) = near.receive(&mut [0; 16]).await.unwrap();
            assert_eq!(length, 4);
            (before, sent, at)
        };
        // The kernel begins to stamp a while after the first socket has asked for it (`net_enable_timestamp`): until then it stamps
        // what is read when it is read.
        for _ in 0..1000 {
            let (_, sent, at) = lie(MS * 3).await;
            if at <= sent + MS {
                break;
            }
        }
        let (before, sent, at) = lie(MS * 50).await;
        // Before the send call has returned, by two clocks that are read one after the other.
        assert!(at + MS >= before && at <= sent + MS, "{at:?} is not between {before:?} and {sent:?}");
    }

    #[test]
    fn a_stamp_counts_while_the_clocks_agree() {
        let before = Look { elapsed: MS * 5000, wall: Timestamp::from_second(1_900_000_000).unwrap() };
        let now = Look { elapsed: before.elapsed + MS * 30, wall: before.wall + MS * 30 };
        let stamped = |ms: i64| Some(before.wall + SignedDuration::from_millis(ms));
        assert_eq!(late(before, now, stamped(12)), MS * 18);
        assert_eq!(late(before, now, None), Duration::ZERO);
        assert_eq!(late(before, now, stamped(31)), Duration::ZERO, "from the future");
        assert_eq!(late(before, now, stamped(-90_000)), Duration::ZERO, "too old to be one");
        for set in [-15, 15, 86_400_000] {
            let now = Look { wall: now.wall + SignedDuration::from_millis(set), ..now };
            assert_eq!(late(before, now, stamped(12)), Duration::ZERO, "set by {set} ms");
        }
    }
}
