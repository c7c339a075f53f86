//! A test's packets sent into the channel by their plan, and heard when they come back: each has crossed the line twice.
//!
//! Moments are those at which this process had its turn: on a busy machine they are late by as much, and the delay variation
//! says so. Loss, order and rates are not moved by it.

use std::time::Duration;

use rand::RngCore as _;

use super::session::{CHANNEL, Session};
use super::wire::MESSAGE;
use crate::domain::{ErrorKind, Mono, ProbeError};
use crate::probe::call::{BUSY, Fate, Flow, LATE, Packet, Phase, Step, given_up, median};
use crate::probe::dial::kind_of;

/// RFC 8656 §12.4: a channel's number and a length before what is sent.
const HEADER: usize = 4;
/// What tells this test's packets from all others, and their number.
const TOKEN: usize = 8;
const LABEL: usize = TOKEN + 4;

/// Sends everything and hears what comes; the packets in the order in which they left.
pub(super) async fn fly(session: &mut Session, steps: &[Step]) -> Result<Flow, ProbeError> {
    let (clock, headers) = (session.clock, session.wire.headers);
    let broken = |error: std::io::Error| ProbeError::new(kind_of(&error), error.to_string());
    // Not zeros: a line that compresses would look better than it is.
    let mut bytes = [0; MESSAGE];
    rand::rng().fill_bytes(&mut bytes);
    let token: [u8; TOKEN] = rand::random();
    let mut flow = Flow::default();
    let mut arrived = 0;
    let mut answer = [0; MESSAGE];
    let began = clock.mono();
    let mut over = began.after(LATE);
    loop {
        let next = steps.get(flow.packets.len());
        let due = next.map_or(Mono::NEVER, |step| began.after(step.planned.at));
        if next.is_none() && arrived == flow.packets.len() as u64 {
            return Ok(flow);
        }
        tokio::select! {
            // What lies in the socket is heard before anything is judged late.
            biased;
            length = session.wire.hear(&mut answer) => {
                let at = clock.elapsed();
                let length = length.map_err(broken)?;
                if let Some(packet) = understood(&answer[..length], token).and_then(|number| flow.packets.get_mut(number))
                    && packet.fate == Fate::Lost
                {
                    let cost = session.wire.cost(length);
                    session.ledger.spend(cost);
                    packet.fate = Fate::Arrived { place: arrived, at: Some(at) };
                    arrived += 1;
                }
            }
            () = clock.sleep_until(due), if next.is_some() => {
                let Some(step) = next else { continue };
                let now = clock.mono();
                if now.since(due) > BUSY {
                    return Err(given_up());
                }
                let length = step.planned.bytes.saturating_sub(headers).clamp(HEADER + LABEL, MESSAGE);
                label(&mut bytes[..length], token, flow.packets.len());
                let left = Some(clock.elapsed());
                flow.packets.push(Packet { phase: step.phase, bytes: length + headers, left, fate: Fate::Lost });
                session.wire.send(&bytes[..length]).await.map_err(broken)?;
                session.ledger.spend(session.wire.cost(length));
                if flow.packets.len() == steps.len() {
                    over = now.after(LATE);
                }
            }
            () = clock.sleep_until(over), if next.is_none() || arrived == 0 => {
                if arrived == 0 {
                    let detail = format!("nothing came back within {} s", LATE.as_secs());
                    return Err(ProbeError::new(ErrorKind::Timeout, detail));
                }
                return Ok(flow);
            }
        }
    }
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
