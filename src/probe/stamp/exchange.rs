//! A test's packets sent by their plan, and the answers heard.
//!
//! An answer's moment is the kernel's. When a packet left is when this process had its turn to send it: on a busy machine it may
//! truly leave later by as much, and the delay variation says so. Loss, order and rates are not moved by it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::RngCore as _;

use super::codec::{Key, Request, read_reply, write_request};
use super::moment::{Estimate, Stamp};
use crate::clock::Clock;
use crate::domain::{ErrorKind, ProbeError};
use crate::probe::budget::Ledger;
use crate::probe::call::Step;
use crate::probe::call::drive::{Carrier, drive};
use crate::probe::datagrams::Datagrams;
use crate::probe::dial::kind_with;
use crate::probe::egress::Egress;

/// Longer than any packet of a plan.
const PACKET: usize = 2048;
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
pub(super) fn sequence(packet: usize) -> u32 {
    let packet = u32::try_from(packet).unwrap_or(u32::MAX);
    if packet < SKIPPED { packet } else { packet.saturating_add(1) }
}

/// The packet of a number.
fn packet(number: u32) -> Option<usize> {
    let packet = if number > SKIPPED { number - 1 } else { number };
    (number != SKIPPED).then(|| usize::try_from(packet).ok()).flatten()
}

/// One test under way.
pub(super) struct Sender<'a> {
    socket: Datagrams,
    to: SocketAddr,
    key: Option<&'a Key>,
    ledger: &'a Ledger,
    clock: Clock,
    /// Headers of IP and UDP, bytes.
    headers: usize,
    session: u16,
    /// What the next packet is written over.
    packet: [u8; PACKET],
    answer: [u8; PACKET],
    /// What each packet said of when it left, and whether it was answered.
    stamps: Vec<Stamp>,
    answered: Vec<bool>,
    exchange: Exchange,
}

impl<'a> Sender<'a> {
    /// One that speaks with the reflector at `to` only.
    ///
    /// # Errors
    /// There is no way out.
    pub(super) async fn open(
        egress: &Egress,
        to: SocketAddr,
        key: Option<&'a Key>,
        ledger: &'a Ledger,
        clock: Clock,
    ) -> Result<Self, ProbeError> {
        let socket = Datagrams::open(egress, to, clock).await.map_err(|error| trouble(&error, to))?;
        // Not zeros: a line that compresses would look better than it is.
        let mut packet = [0; PACKET];
        rand::rng().fill_bytes(&mut packet);
        Ok(Self {
            socket,
            to,
            key,
            ledger,
            clock,
            headers: if to.is_ipv4() { 28 } else { 48 },
            session: rand::random(),
            packet,
            answer: [0; PACKET],
            stamps: Vec::new(),
            answered: Vec::new(),
            exchange: Exchange::default(),
        })
    }

    /// Sends everything and hears what comes.
    ///
    /// # Errors
    /// See [`drive`].
    pub(super) async fn run(mut self, steps: &[Step]) -> Result<Exchange, ProbeError> {
        let clock = self.clock;
        drive(&mut self, steps, clock).await?;
        Ok(self.exchange)
    }

    /// An answer to a packet of this session: it repeats the moment at which that left, which nobody else knows.
    fn understood(&self, bytes: &[u8], at: Duration) -> Option<Heard> {
        let reply = read_reply(bytes, self.key).ok()?;
        let packet = packet(reply.request.sequence)?;
        // One that is no STAMP extension's (RFC 8762 alone) answers without the session's number.
        let ours =
            [self.session, 0].contains(&reply.request.session) && self.stamps.get(packet) == Some(&reply.request.sent);
        ours.then(|| Heard {
            packet,
            at,
            own: reply.sequence,
            received: reply.received.elapsed(reply.estimate),
            replied: reply.sent.elapsed(reply.estimate),
        })
    }
}

impl Carrier for Sender<'_> {
    async fn send(&mut self, number: usize, step: &Step) -> Result<(), ProbeError> {
        let length = step.planned.bytes.saturating_sub(self.headers);
        let sent = Stamp::ntp(self.clock.now().wall);
        let request = Request { sequence: sequence(number), sent, estimate: Estimate::OURS, session: self.session };
        let packet = self.packet.get_mut(..length).unwrap_or_default();
        write_request(packet, &request, self.key)
            .map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
        self.exchange.left.push(self.clock.elapsed());
        self.stamps.push(sent);
        self.answered.push(false);
        self.socket.send(packet).await.map_err(|error| trouble(&error, self.to))?;
        self.ledger.spend(step.planned.bytes as u64);
        Ok(())
    }

    async fn hear(&mut self) -> Result<bool, ProbeError> {
        let received = self.socket.receive(&mut self.answer).await;
        let (length, at) = received.map_err(|error| trouble(&error, self.to))?;
        let Some(heard) = self.understood(&self.answer[..length], at) else { return Ok(false) };
        let first = !std::mem::replace(&mut self.answered[heard.packet], true);
        if first {
            self.ledger.spend((length + self.headers) as u64);
            self.exchange.heard.push(heard);
        }
        Ok(first)
    }
}

fn trouble(error: &io::Error, to: SocketAddr) -> ProbeError {
    let kind = match kind_with(error, to.ip()) {
        kind @ (ErrorKind::Refused | ErrorKind::Unreachable | ErrorKind::Permission) => kind,
        _ => ErrorKind::Internal,
    };
    ProbeError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_leave_one_out() {
        assert_eq!([0, 1, 2, 100].map(sequence), [0, 2, 3, 101]);
        assert_eq!([0, 1, 2, 3, 101].map(packet), [Some(0), None, Some(1), Some(2), Some(100)]);
    }
}
