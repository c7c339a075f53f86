//! A test's packets sent by their plan, and the answers heard.
//!
//! Moments are those at which this process had its turn: on a busy machine they are late by as much, and the delay variation
//! says so. Loss, order and rates are not moved by it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::RngCore as _;
use tokio::net::UdpSocket;

use super::codec::{Key, Request, read_reply, write_request};
use super::moment::{Estimate, Stamp};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};
use crate::probe::budget::Ledger;
use crate::probe::egress::Egress;
use crate::probe::call::{BUSY, LATE, Step, given_up};

/// Longer than any packet of a plan.
const PACKET: usize = 2048;
/// What the kernel may keep for us until then; it gives what `net.core.rmem_max` allows.
const BUFFER: usize = 1 << 20;
/// One number is left out on purpose: a reflector that counts for itself does not leave it out, one that repeats our numbers
/// does.
const SKIPPED: u32 = 1;

/// What was sent and heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Exchange {
    /// When each packet left, by our clock.
    pub(super) left: Vec<Duration>,
    /// The answers, in the order in which they came; one a packet.
    pub(super) heard: Vec<Heard>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heard {
    /// Which packet it answers.
    pub(super) packet: usize,
    /// When it came, by our clock.
    pub(super) at: Duration,
    /// The reflector's number.
    pub(super) own: u32,
    /// When the packet arrived there and the answer left, by the reflector's clock.
    pub(super) received: Duration,
    pub(super) replied: Duration,
}

/// The number under which a packet is sent.
pub(super) fn number(packet: usize) -> u32 {
    let packet = u32::try_from(packet).unwrap_or(u32::MAX);
    if packet < SKIPPED { packet } else { packet.saturating_add(1) }
}

/// The packet of a number.
fn packet(number: u32) -> Option<usize> {
    let packet = if number > SKIPPED { number - 1 } else { number };
    (number != SKIPPED).then(|| usize::try_from(packet).ok()).flatten()
}

/// A socket that speaks with one reflector only, so that the kernel tells it of an ICMP "port unreachable".
pub(super) async fn open(egress: &Egress, to: SocketAddr) -> Result<UdpSocket, ProbeError> {
    let socket = egress.udp(to).await.map_err(|error| trouble(&error))?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, BUFFER).map_err(|error| trouble(&error.into()))?;
    Ok(socket)
}

/// One test under way.
pub(super) struct Sender<'a> {
    pub(super) socket: &'a UdpSocket,
    pub(super) steps: &'a [Step],
    pub(super) key: Option<&'a Key>,
    pub(super) ledger: &'a Ledger,
    pub(super) clock: Clock,
    /// Headers of IP and UDP, bytes.
    pub(super) headers: usize,
}

impl Sender<'_> {
    /// Sends everything and hears what comes.
    pub(super) async fn run(&self) -> Result<Exchange, ProbeError> {
        let mut exchange = Exchange::default();
        let session = rand::random();
        // Not zeros: a line that compresses would look better than it is.
        let mut bytes = [0; PACKET];
        rand::rng().fill_bytes(&mut bytes);
        let (mut stamps, mut answered) = (Vec::new(), vec![false; self.steps.len()]);
        let mut answer = [0; PACKET];
        let began = self.clock.mono();
        let mut over = began.after(LATE);
        loop {
            let next = self.steps.get(exchange.left.len());
            let due = next.map_or(Mono::NEVER, |step| began.after(step.planned.at));
            if next.is_none() && exchange.heard.len() == exchange.left.len() {
                return Ok(exchange);
            }
            tokio::select! {
                // What lies in the socket is heard before anything is judged late.
                biased;
                length = self.socket.recv(&mut answer) => {
                    let at = self.clock.elapsed();
                    let length = length.map_err(|error| trouble(&error))?;
                    if let Some(heard) = self.understood(&answer[..length], at, session, &stamps)
                        && !std::mem::replace(&mut answered[heard.packet], true)
                    {
                        self.ledger.spend((length + self.headers) as u64);
                        exchange.heard.push(heard);
                    }
                }
                () = self.clock.sleep_until(due), if next.is_some() => {
                    let Some(step) = next else { continue };
                    let length = step.planned.bytes.saturating_sub(self.headers);
                    let now = self.clock.now();
                    if now.mono.since(due) > BUSY {
                        return Err(given_up());
                    }
                    let sent = Stamp::ntp(now.wall);
                    let sequence = number(exchange.left.len());
                    let request = Request { sequence, sent, estimate: Estimate::OURS, session };
                    let packet = bytes.get_mut(..length).unwrap_or_default();
                    write_request(packet, &request, self.key)
                        .map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
                    exchange.left.push(self.clock.elapsed());
                    stamps.push(sent);
                    self.socket.send(packet).await.map_err(|error| trouble(&error))?;
                    self.ledger.spend(step.planned.bytes as u64);
                    if exchange.left.len() == self.steps.len() {
                        over = now.mono.after(LATE);
                    }
                }
                () = self.clock.sleep_until(over), if next.is_none() || exchange.heard.is_empty() => {
                    if exchange.heard.is_empty() {
                        let detail = format!("nothing came within {} s", LATE.as_secs());
                        return Err(ProbeError::new(ErrorKind::Timeout, detail));
                    }
                    return Ok(exchange);
                }
            }
        }
    }

    /// An answer to a packet of this session: it repeats the moment at which that left, which nobody else knows.
    fn understood(&self, bytes: &[u8], at: Duration, session: u16, stamps: &[Stamp]) -> Option<Heard> {
        let reply = read_reply(bytes, self.key).ok()?;
        let packet = packet(reply.request.sequence)?;
        // One that is no STAMP extension's (RFC 8762 alone) answers without the session's number.
        let ours = [session, 0].contains(&reply.request.session) && stamps.get(packet) == Some(&reply.request.sent);
        ours.then(|| Heard {
            packet,
            at,
            own: reply.sequence,
            received: reply.received.elapsed(reply.estimate),
            replied: reply.sent.elapsed(reply.estimate),
        })
    }
}

fn trouble(error: &io::Error) -> ProbeError {
    use io::ErrorKind as Io;
    let kind = match error.kind() {
        Io::ConnectionRefused => ErrorKind::Refused,
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::AddrNotAvailable => ErrorKind::Unreachable,
        Io::PermissionDenied => ErrorKind::Permission,
        _ => ErrorKind::Internal,
    };
    ProbeError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_leave_one_out() {
        assert_eq!([0, 1, 2, 100].map(number), [0, 2, 3, 101]);
        assert_eq!([0, 1, 2, 3, 101].map(packet), [Some(0), None, Some(1), Some(2), Some(100)]);
    }
}
