//! A line between two network namespaces that is as bad as a test wants it, each direction by itself.
//!
//! ```text
//! this namespace                                             namespace "far"
//! here0 198.51.100.2 ══veth══ here1 ~~ this thread ~~ far1 ══veth══ far0 198.51.100.1
//! ```
//!
//! Frames are taken from one cable and put on the other by packet sockets (packet(7)), which need no ioctl as a TUN device would,
//! and no kernel module as netem would. Needs a network namespace of the test's own (`namespace::inside`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, socket, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use siaga::clock::Clock;

use super::impairment::{Fate, Impairment, Way};
use super::namespace::ip;

/// The far side's address.
pub(crate) const FAR: &str = "198.51.100.1";
/// This side's.
pub(crate) const HERE: &str = "198.51.100.2";

/// An Ethernet header.
const ETHERNET: usize = 14;
/// How long a direction sleeps at most before it looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

/// What became of a direction's packets, in the order in which they went in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done(pub(crate) Vec<Passed>);

/// A packet's way through a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    /// When it went in, on the clock of when it comes out.
    pub(crate) into: Duration,
    /// What became of it.
    pub(crate) fate: Fate,
    /// When it was put on the other cable in truth: this thread may be late.
    pub(crate) put: Option<Duration>,
}

impl Passed {
    pub(crate) fn is_out(&self) -> bool {
        matches!(self.fate, Fate::Out(_))
    }
}

impl Done {
    /// How many did not come out.
    pub(crate) fn lost(&self) -> usize {
        self.0.iter().filter(|packet| !packet.is_out()).count()
    }

    /// How many of the last ones did not: of them nobody outside can tell on which way.
    pub(crate) fn lost_at_the_end(&self) -> usize {
        self.0.iter().rev().take_while(|packet| !packet.is_out()).count()
    }

    /// How many came out after a later one (RFC 4737 §3.3).
    pub(crate) fn overtaken(&self) -> usize {
        let mut order: Vec<(Duration, usize)> = (0..)
            .zip(&self.0)
            .filter_map(|(n, packet)| if let Fate::Out(at) = packet.fate { Some((at, n)) } else { None })
            .collect();
        order.sort_unstable();
        overtaken(order.into_iter().map(|(_, n)| n))
    }
}

/// How many of these, in the order in which they came, a later one had passed (RFC 4737 §3.3).
pub(crate) fn overtaken(order: impl Iterator<Item = usize>) -> usize {
    let (mut next, mut count) = (0, 0);
    for number in order {
        count += usize::from(number < next);
        next = next.max(number + 1);
    }
    count
}

/// The line. Dropping it cuts it.
pub(crate) struct Line {
    ended: Arc<AtomicBool>,
    ways: Vec<JoinHandle<()>>,
    up: Arc<Mutex<Done>>,
    down: Arc<Mutex<Done>>,
    /// What each way is to become.
    next: [Arc<Mutex<Option<Way>>>; 2],
}

impl Line {
    /// Lays it: `up` leads from here to the far side.
    pub(crate) fn lay(up: Impairment, down: Impairment, seed: u64) -> Self {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]).status().unwrap();
        assert!(mounted.success(), "a place for the namespace's name");
        ip(&[
            "netns add far",
            "link add here0 address 02:00:00:00:00:02 type veth peer name here1",
            "link add far1 type veth peer name far0 address 02:00:00:00:00:01 netns far",
            "address add 198.51.100.2/24 dev here0",
            // Nobody asks for addresses, so that only the test's own packets are on the line.
            // Nor are packets larger than a cable's: TCP would leave their cutting to it.
            "link set here0 gso_max_segs 1",
            "link set here0 arp off up",
            "link set here1 arp off up",
            "link set far1 arp off up",
            "neighbour add 198.51.100.1 lladdr 02:00:00:00:00:01 dev here0 nud permanent",
        ]);
        for line in [
            "link set lo up",
            "address add 198.51.100.1/24 dev far0",
            "link set far0 gso_max_segs 1",
            "link set far0 arp off up",
            "neighbour add 198.51.100.2 lladdr 02:00:00:00:00:02 dev far0 nud permanent",
        ] {
            let done = Self::far("ip").args(line.split(' ')).status().unwrap();
            assert!(done.success(), "ip {line}");
        }
        let (here, far) = (Arc::new(tap("here1")), Arc::new(tap("far1")));
        let (ended, began) = (Arc::new(AtomicBool::new(false)), Clock::start());
        let (to_far, to_here) = (Arc::new(Mutex::new(Done::default())), Arc::new(Mutex::new(Done::default())));
        let next: [Arc<Mutex<Option<Way>>>; 2] = [Arc::default(), Arc::default()];
        let carry =
            |from: &Arc<OwnedFd>, to: &Arc<OwnedFd>, way, done: &Arc<Mutex<Done>>, next: &Arc<Mutex<Option<Way>>>| {
                let (from, to, done, next) = (Arc::clone(from), Arc::clone(to), Arc::clone(done), Arc::clone(next));
                let carrier = Carrier { from, to, way, done, next, began };
                let ended = Arc::clone(&ended);
                std::thread::spawn(move || carrier.carry(&ended))
            };
        let ways = vec![
            carry(&here, &far, Way::new(up, seed), &to_far, &next[0]),
            carry(&far, &here, Way::new(down, seed + 1), &to_here, &next[1]),
        ];
        Self { ended, ways, up: to_far, down: to_here, next }
    }

    /// Makes the line another, with a seed of its own; what is under way comes out as it would have.
    pub(crate) fn become_like(&self, up: Impairment, down: Impairment) {
        for (place, impairment) in self.next.iter().zip([up, down]) {
            *place.lock().unwrap() = Some(Way::new(impairment, 11));
        }
    }

    /// Has both ends send no TCP segment that is longer than the cable's packets, as a real card does.
    pub(crate) fn segment() {
        ip(&["link set here0 gso_max_segs 1"]);
        let done = Self::far("ip").args("link set far0 gso_max_segs 1".split(' ')).status().unwrap();
        assert!(done.success());
    }

    /// A command on the far side.
    pub(crate) fn far(program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "far", program]);
        command
    }

    /// A listener on the far side, for a server in this process.
    pub(crate) fn listen(port: u16) -> TcpListener {
        // A thread of its own goes there, and what it opens stays there.
        let there = std::thread::spawn(move || {
            let far = File::open("/run/netns/far").unwrap();
            move_into_link_name_space(far.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            TcpListener::bind((FAR, port)).unwrap()
        });
        there.join().unwrap()
    }

    /// What the way there has done so far.
    pub(crate) fn up(&self) -> Done {
        self.up.lock().unwrap().clone()
    }

    /// What the way back has done so far.
    pub(crate) fn down(&self) -> Done {
        self.down.lock().unwrap().clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.ways.drain(..).for_each(|way| _ = way.join());
    }
}

/// A packet socket on an interface.
fn tap(interface: &str) -> OwnedFd {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).unwrap();
    nix::sys::socket::setsockopt(&fd, sockopt::RcvBufForce, &(8 << 20)).unwrap_or_default();
    let is_ours = |found: &nix::ifaddrs::InterfaceAddress| {
        found.interface_name == interface && found.address.is_some_and(|address| address.as_link_addr().is_some())
    };
    let found = getifaddrs().unwrap().find(is_ours).unwrap_or_else(|| panic!("no interface {interface}"));
    bind(fd.as_raw_fd(), found.address.unwrap().as_link_addr().unwrap()).unwrap();
    fd
}

/// One direction's thread.
struct Carrier {
    from: Arc<OwnedFd>,
    to: Arc<OwnedFd>,
    way: Way,
    done: Arc<Mutex<Done>>,
    next: Arc<Mutex<Option<Way>>>,
    began: Clock,
}

impl Carrier {
    fn carry(mut self, ended: &AtomicBool) {
        // By the moment, then by order.
        let mut under_way: BinaryHeap<Reverse<(Duration, usize, Vec<u8>)>> = BinaryHeap::new();
        let mut frame = [0; 4096];
        while !ended.load(Ordering::Relaxed) {
            while let Ok(length) = recv(self.from.as_raw_fd(), &mut frame, MsgFlags::empty()) {
                if let Some((out, number)) = self.enter(&mut frame[..length]) {
                    under_way.push(Reverse((out, number, frame[..length].to_vec())));
                }
            }
            let now = self.began.elapsed();
            while under_way.peek().is_some_and(|Reverse((out, ..))| *out <= now) {
                let Some(Reverse((_, number, frame))) = under_way.pop() else { break };
                send(self.to.as_raw_fd(), &frame, MsgFlags::empty()).unwrap();
                self.done.lock().unwrap().0[number].put = Some(self.began.elapsed());
            }
            let next = under_way.peek().map_or(LOOK, |Reverse((out, ..))| out.saturating_sub(self.began.elapsed()));
            let wait = Timespec::try_from(next.min(LOOK)).unwrap();
            _ = poll(&mut [PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN)], Some(&wait));
        }
    }

    /// When that frame comes out, if it does, and which one it is; what is no IPv4 does not.
    fn enter(&mut self, frame: &mut [u8]) -> Option<(Duration, usize)> {
        let packet = frame.get_mut(ETHERNET..).filter(|packet| packet.first().is_some_and(|byte| byte >> 4 == 4))?;
        let header = usize::from(packet[0] & 0x0F) * 4;
        // On a cable of veth the sum is not there yet; UDP's is not looked at without one (RFC 768).
        match packet[9] {
            6 => sum_tcp(packet, header),
            17 => packet.get_mut(header + 6..header + 8)?.fill(0),
            _ => {}
        }
        if let Some(next) = self.next.lock().unwrap().take() {
            self.way = next;
        }
        let into = self.began.elapsed();
        let fate = self.way.fate(into, packet.len());
        let mut done = self.done.lock().unwrap();
        done.0.push(Passed { into, fate, put: None });
        if let Fate::Out(out) = fate { Some((out, done.0.len() - 1)) } else { None }
    }
}

/// Writes a TCP segment's checksum (RFC 9293 §3.1): over both addresses, protocol and length, then the segment.
fn sum_tcp(packet: &mut [u8], header: usize) {
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    if header + 20 > total {
        return;
    }
    packet[header + 16..header + 18].fill(0);
    let words = |bytes: &[u8]| -> u32 {
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low))).sum()
    };
    let length = u32::try_from(total - header).unwrap();
    let mut sum = words(&packet[12..20]) + 6 + length + words(&packet[header..total]);
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).unwrap();
    packet[header + 16..header + 18].copy_from_slice(&sum.to_be_bytes());
}

/// How many datagrams this namespace has sent. The kernel counts one when it is sent; the line's thread sees it when it has its turn.
pub(crate) fn datagrams_sent() -> u64 {
    let told = std::fs::read_to_string("/proc/net/snmp").unwrap();
    let mut rows = told.lines().filter_map(|line| line.strip_prefix("Udp: ")).map(|row| row.split(' '));
    let (names, values) = (rows.next().unwrap(), rows.next().unwrap());
    names.zip(values).find_map(|(name, value)| (name == "OutDatagrams").then(|| value.parse().unwrap())).unwrap()
}
