//! What our own kernel counts of a TCP connection (`sock_diag(7)`): the data segments that have come in, those of ours that have
//! come to the far end's kernel, and what all of it has cost.
//!
//! The bytes themselves would mislead after a loss: in order they stand still until the gap is closed, and then leap; and what
//! came twice is not among them, though the line carried it. Segments count as they come.

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

/// `SOCK_DIAG_BY_FAMILY` (`linux/sock_diag.h`).
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST` (netlink(7)).
const REQUEST: u16 = 1;
/// Address families and TCP, as `sock_diag(7)` wants them.
const INET: u8 = 2;
const INET6: u8 = 10;
const TCP: u8 = 6;
/// `INET_DIAG_INFO`: the attribute that holds a `struct tcp_info` (`linux/inet_diag.h`), and its bit among those asked for.
const INFO: u16 = 2;
const ASK_INFO: u8 = 1 << (INFO - 1);
/// A netlink header, and one with `struct inet_diag_msg` behind it.
const HEADER: usize = 16;
const MESSAGE: usize = HEADER + 72;
/// Where in `struct tcp_info` (linux/tcp.h) stand: the size of a segment that is sent, and of one that comes in; how many bytes came
/// in; how many segments went out and came in, with and without data; how many with data came in, and how many were delivered; how
/// many bytes were sent, what was sent again among them.
const SENT_SIZE: usize = 16;
const COME_SIZE: usize = 20;
const RECEIVED: usize = 128;
const SEGMENTS_OUT: usize = 136;
const SEGMENTS_IN: usize = 140;
const COME: usize = 152;
const DELIVERED: usize = 192;
const SENT: usize = 200;
/// Headers of IPv4, or IPv6, and TCP with its stamps.
const HEADERS: [u64; 2] = [52, 72];

/// Which way is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Down,
    Up,
}

/// So far, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    /// What has come over the line that way, in whole segments.
    pub(super) come: u64,
    /// IP packets both ways; what was sent to us in vain is not seen.
    pub(super) cost: u64,
}

/// Asks for one way of one connection.
pub(super) struct Counter {
    way: Way,
    headers: u64,
    socket: Socket,
    request: Vec<u8>,
}

impl Counter {
    /// Whoever asks is told of any connection of this network namespace by its ends: no privilege is needed.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn of(way: Way, local: SocketAddr, peer: SocketAddr) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        // The kernel answers while it is asked, so what is not there never comes.
        socket.set_non_blocking(true)?;
        let headers = HEADERS[usize::from(local.ip().to_canonical().is_ipv6())];
        Ok(Self { way, headers, socket, request: request(local, peer) })
    }

    /// What it counts by now.
    ///
    /// # Errors
    /// The kernel's: it does not tell (a kernel without `tcp_diag`), or there is no such connection any more.
    pub(super) fn counts(&self) -> io::Result<Counts> {
        self.socket.send(&self.request, 0)?;
        let mut answer = Vec::with_capacity(1024);
        self.socket.recv(&mut answer, 0)?;
        read(&answer, self.way, self.headers)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no word on that connection"))
    }
}

fn request(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes.extend([if local.is_ipv4() { INET } else { INET6 }, TCP, ASK_INFO, 0]);
    // In whatever state; no interface in particular; no cookie (`INET_DIAG_NOCOOKIE`).
    bytes.extend([0xFF; 4]);
    bytes.extend([local.port().to_be_bytes(), peer.port().to_be_bytes()].concat());
    for address in [local.ip(), peer.ip()] {
        let mut place = [0; 16];
        match address {
            IpAddr::V4(address) => place[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => place = address.octets(),
        }
        bytes.extend(place);
    }
    let interface = if let SocketAddr::V6(local) = local { local.scope_id() } else { 0 };
    bytes.extend(interface.to_ne_bytes());
    bytes.extend([0xFF; 8]);
    let length = u32::try_from(bytes.len()).unwrap_or_default().to_ne_bytes();
    bytes[..4].copy_from_slice(&length);
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST.to_ne_bytes());
    bytes
}

fn read(answer: &[u8], way: Way, headers: u64) -> Option<Counts> {
    if field::<2>(answer, 4).map(u16::from_ne_bytes)? != BY_FAMILY {
        return None;
    }
    let mut rest = answer.get(MESSAGE..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(field(rest, 0)?));
        if u16::from_ne_bytes(field(rest, 2)?) == INFO {
            let info = rest.get(4..length)?;
            let number = |place| field(info, place).map(u32::from_ne_bytes).map(u64::from);
            let bytes = |place| field(info, place).map(u64::from_ne_bytes);
            let (come, received) = match way {
                // In order the bytes stand still behind a gap, and the line has carried what waits there all the same.
                Way::Down => {
                    let come = number(COME)? * number(COME_SIZE)?;
                    (come, come.max(bytes(RECEIVED)?))
                }
                Way::Up => (number(DELIVERED)? * number(SENT_SIZE)?, bytes(RECEIVED)?),
            };
            let packets = number(SEGMENTS_OUT)? + number(SEGMENTS_IN)?;
            return Some(Counts { come, cost: received + bytes(SENT)? + packets * headers });
        }
        rest = rest.get(length.next_multiple_of(4).max(4)..)?;
    }
}

fn field<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..place + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_kernel_counts_what_comes_and_what_is_delivered() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine may have no IPv6.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut far, _) = listener.accept().unwrap();
            let ends = (near.local_addr().unwrap(), near.peer_addr().unwrap());
            let up = Counter::of(Way::Up, ends.0, ends.1).unwrap();
            let down = Counter::of(Way::Down, ends.1, ends.0).unwrap();
            let before = (up.counts().unwrap(), down.counts().unwrap());
            assert!((100..1000).contains(&before.0.cost), "a handshake: {before:?}");
            near.write_all(&vec![7; 100_000]).unwrap();
            far.read_exact(&mut vec![0; 100_000]).unwrap();
            // In whole segments, which are large on loopback.
            let after = (up.counts().unwrap(), down.counts().unwrap());
            assert!(after.1.come > before.1.come && after.0.come > before.0.come, "{address}");
            assert!((100_000..110_000).contains(&after.0.cost), "{address}: {after:?}");
            // What comes in is counted in whole segments, which are of up to 64 kB there.
            assert!((100_000..175_000).contains(&after.1.cost), "{address}: {after:?}");
            let nobody = Counter::of(Way::Up, ends.0, "192.0.2.1:9".parse().unwrap());
            assert!(nobody.unwrap().counts().is_err(), "another connection is not ours");
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_says_nothing() {
        for length in [0, 4, HEADER, MESSAGE, MESSAGE + 3, MESSAGE + 4] {
            let mut answer = vec![0; length];
            if length > 6 {
                answer[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
            }
            assert_eq!(read(&answer, Way::Up, 52), None, "{length}");
        }
    }
}
