//! A test's packets sent into the channel by their plan, and heard when they come back: each has crossed the line twice.
//!
//! A datagram's moment is the kernel's. When a packet left is when this process had its turn to send it: on a busy machine it may
//! truly leave later by as much, and the delay variation says so. Loss, order and rates are not moved by it.

use std::time::Duration;

use rand::RngCore as _;

use super::session::{CHANNEL, Session};
use super::wire::MESSAGE;
use crate::domain::ProbeError;
use crate::probe::call::drive::{Carrier, drive};
use crate::probe::call::{Fate, Flow, Packet, Phase, Step, median};
use crate::probe::dial::kind_of;

/// RFC 8656 §12.4: a channel's number and a length before what is sent.
const HEADER: usize = 4;
/// What tells this test's packets from all others, and their number.
const TOKEN: usize = 8;
const LABEL: usize = TOKEN + 4;

/// Sends everything and hears what comes; the packets in the order in which they left.
///
/// # Errors
/// See [`drive`].
pub(super) async fn fly(session: &mut Session, steps: &[Step]) -> Result<Flow, ProbeError> {
    let clock = session.clock;
    // Not zeros: a line that compresses would look better than it is.
    let mut message = [0; MESSAGE];
    rand::rng().fill_bytes(&mut message);
    let (token, answer) = (rand::random(), [0; MESSAGE]);
    let mut flight = Flight { session, token, message, answer, arrived: 0, flow: Flow::default() };
    drive(&mut flight, steps, clock).await?;
    Ok(flight.flow)
}

/// One test under way.
struct Flight<'a> {
    session: &'a mut Session,
    token: [u8; TOKEN],
    /// What the next packet is written over.
    message: [u8; MESSAGE],
    answer: [u8; MESSAGE],
    arrived: u64,
    flow: Flow,
}

impl Carrier for Flight<'_> {
    async fn send(&mut self, number: usize, step: &Step) -> Result<(), ProbeError> {
        let headers = self.session.wire.headers;
        let length = step.planned.bytes.saturating_sub(headers).clamp(HEADER + LABEL, MESSAGE);
        let message = &mut self.message[..length];
        label(message, self.token, number);
        let left = Some(self.session.clock.elapsed());
        self.flow.packets.push(Packet { phase: step.phase, bytes: length + headers, left, fate: Fate::Lost });
        self.session.wire.send(message).await.map_err(|error| broken(&error))?;
        self.session.ledger.spend(self.session.wire.cost(length));
        Ok(())
    }

    async fn hear(&mut self) -> Result<bool, ProbeError> {
        let (length, at) = self.session.wire.hear(&mut self.answer).await.map_err(|error| broken(&error))?;
        let number = understood(&self.answer[..length], self.token);
        let packet = number.and_then(|number| self.flow.packets.get_mut(number));
        let Some(packet) = packet.filter(|packet| packet.fate == Fate::Lost) else { return Ok(false) };
        self.session.ledger.spend(self.session.wire.cost(length));
        packet.fate = Fate::Arrived { place: self.arrived, at: Some(at) };
        self.arrived += 1;
        Ok(true)
    }
}

fn broken(error: &std::io::Error) -> ProbeError {
    ProbeError::new(kind_of(error), error.to_string())
}

/// Makes `message` a channel's, with the packet's label behind the header.
fn label(message: &mut [u8], token: [u8; TOKEN], number: usize) {
    let length = u16::try_from(message.len() - HEADER).unwrap_or(u16::MAX);
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    message[..2].copy_from_slice(&CHANNEL.to_be_bytes());
    message[2..HEADER].copy_from_slice(&length.to_be_bytes());
    message[HEADER..HEADER + TOKEN].copy_from_slice(&token);
    message[HEADER + TOKEN..HEADER + LABEL].copy_from_slice(&number.to_be_bytes());
}

/// The number of a packet of this test.
fn understood(message: &[u8], token: [u8; TOKEN]) -> Option<usize> {
    let (header, rest) = message.split_first_chunk::<HEADER>()?;
    let (theirs, rest) = rest.split_first_chunk::<TOKEN>()?;
    let number = u32::from_be_bytes(*rest.first_chunk()?);
    (header[..2] == CHANNEL.to_be_bytes() && *theirs == token).then(|| usize::try_from(number).ok()).flatten()
}

/// The median round trip of a phase.
pub(super) fn round_trip(flow: &Flow, phase: Phase) -> Option<Duration> {
    let trip = |packet: &Packet| match packet.fate {
        Fate::Arrived { at, .. } => Some(at?.saturating_sub(packet.left?)),
        Fate::Lost => None,
    };
    median(flow.packets.iter().filter(|packet| packet.phase == phase).filter_map(trip).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_known_by_its_label() {
        let token = [7; TOKEN];
        let mut message = [9; 40];
        label(&mut message, token, 4711);
        assert_eq!(message[..HEADER], [0x40, 0, 0, 36]);
        assert_eq!(understood(&message, token), Some(4711));
        assert_eq!(understood(&message, [8; TOKEN]), None, "another test's");
        assert_eq!(understood(&message[..HEADER + LABEL - 1], token), None, "cut off");
        message[1] = 1;
        assert_eq!(understood(&message, token), None, "another channel's");
    }
}
