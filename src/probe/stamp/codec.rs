//! STAMP's packets (RFC 8762, with the session's number and padding of RFC 8972), both ways. Pure; whatever bytes come,
//! nothing panics and nothing is allocated.
//!
//! A packet is written into, and read out of, the datagram's own bytes. A reply is written over its request, so it cannot be
//! longer.

use ring::hmac;
use subtle::ConstantTimeEq as _;

use super::moment::{Estimate, Stamp};

/// RFC 8762 §4.2.1 and §4.3.1: a packet without padding, bytes.
pub const PLAIN: usize = 44;
/// RFC 8762 §4.2.2 and §4.3.2: the same with a key.
pub const SIGNED: usize = 112;
/// RFC 8762 §4.4: the signature is HMAC-SHA-256 of the six blocks before it, cut to 16 bytes.
const COVERED: usize = 96;

/// RFC 8972 §4: an extension's flags, type and length.
const TLV_HEADER: usize = 4;
/// RFC 8972 §4.1: bytes that mean nothing.
const EXTRA_PADDING: u8 = 1;
/// RFC 8972 §4: not understood (the sender sets it, who understands takes it away), and ends beyond the packet.
const UNRECOGNIZED: u8 = 0x80;
const MALFORMED: u8 = 0x40;

/// A secret that both ends know.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// The key of these bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// What a sender says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Counts the session's packets.
    pub sequence: u32,
    /// When it left.
    pub sent: Stamp,
    /// How good that is.
    pub estimate: Estimate,
    /// RFC 8972 §3: the session's number, among those of one address and port; 0 is none.
    pub session: u16,
}

/// What a reflector answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The reflector's own count of what it answered; the request's number, if it counts none (RFC 8762 §4.3).
    pub sequence: u32,
    /// When the reply left.
    pub sent: Stamp,
    /// How good its two stamps are.
    pub estimate: Estimate,
    /// When the request arrived.
    pub received: Stamp,
    /// What the request had said. Its session is the reply's.
    pub request: Request,
    /// TTL or hop limit with which the request arrived.
    pub ttl: u8,
}

/// Why a datagram is no STAMP packet for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends before the packet does.
    #[error("too short")]
    Short,
    /// Something stands where nothing may (a reply, for one, when a request is expected).
    #[error("not zero where it must be")]
    NotZero,
    /// RFC 4656 §4.1.2: an error estimate without a multiplier is corrupt.
    #[error("an error estimate of nothing")]
    Estimate,
    /// Of another key, or changed on the way.
    #[error("the signature is wrong")]
    Signature,
}

/// Where the fields stand. What lies between them is zero.
struct Layout {
    length: usize,
    sent: usize,
    estimate: usize,
    session: usize,
    /// Only in replies.
    received: usize,
    their_sequence: usize,
    their_sent: usize,
    their_estimate: usize,
    ttl: usize,
}

static PLAIN_LAYOUT: Layout = Layout {
    length: PLAIN,
    sent: 4,
    estimate: 12,
    session: 14,
    received: 16,
    their_sequence: 24,
    their_sent: 28,
    their_estimate: 36,
    ttl: 40,
};

static SIGNED_LAYOUT: Layout = Layout {
    length: COVERED,
    sent: 16,
    estimate: 24,
    session: 26,
    received: 32,
    their_sequence: 48,
    their_sent: 64,
    their_estimate: 72,
    ttl: 80,
};

/// The shortest packet of that mode, bytes.
pub const fn least(key: Option<&Key>) -> usize {
    if key.is_some() { SIGNED } else { PLAIN }
}

/// Writes a request over the whole of `packet`. What is longer than the packet becomes extra padding (RFC 8972 §4.1), whose
/// bytes are left as they are.
///
/// # Errors
/// When `packet` is too short.
pub fn write_request(packet: &mut [u8], request: &Request, key: Option<&Key>) -> Result<(), Malformed> {
    let (base, padding) = packet.split_at_mut_checked(least(key)).ok_or(Malformed::Short)?;
    let layout = layout(key);
    base.fill(0);
    put(base, 0, request.sequence.to_be_bytes());
    put(base, layout.sent, request.sent.0.to_be_bytes());
    put(base, layout.estimate, request.estimate.0.to_be_bytes());
    put(base, layout.session, request.session.to_be_bytes());
    sign(base, key);
    match padding {
        [flags, kind, high, low, value @ ..] => {
            let [length_high, length_low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
            (*flags, *kind, *high, *low) = (UNRECOGNIZED, EXTRA_PADDING, length_high, length_low);
        }
        // Too short for an extension: plain padding.
        rest => rest.fill(0),
    }
    Ok(())
}

/// Reads a request.
///
/// # Errors
/// When it is none.
pub fn read_request(packet: &[u8], key: Option<&Key>) -> Result<Request, Malformed> {
    let base = packet.get(..least(key)).ok_or(Malformed::Short)?;
    let layout = layout(key);
    let zero = |part: Option<&[u8]>| part.is_some_and(|part| part.iter().all(|byte| *byte == 0));
    // RFC 8762 has them ignored; here they are what tells a request from a reply: two reflectors that were set upon each
    // other by a forged address would else never stop.
    if !zero(base.get(4..layout.sent)) || !zero(base.get(layout.session + 2..layout.length)) {
        return Err(Malformed::NotZero);
    }
    let request = Request {
        sequence: u32::from_be_bytes(take(base, 0)?),
        sent: Stamp(u64::from_be_bytes(take(base, layout.sent)?)),
        estimate: estimate(base, layout.estimate)?,
        session: u16::from_be_bytes(take(base, layout.session)?),
    };
    verify(base, key)?;
    Ok(request)
}

/// Writes a reply over the request that it answers, and marks the extensions that came with it. It stays as long as it is.
///
/// # Errors
/// When `packet` is too short.
pub fn write_reply(packet: &mut [u8], reply: &Reply, key: Option<&Key>) -> Result<(), Malformed> {
    let (base, extensions) = packet.split_at_mut_checked(least(key)).ok_or(Malformed::Short)?;
    let layout = layout(key);
    base.fill(0);
    put(base, 0, reply.sequence.to_be_bytes());
    put(base, layout.sent, reply.sent.0.to_be_bytes());
    put(base, layout.estimate, reply.estimate.0.to_be_bytes());
    put(base, layout.session, reply.request.session.to_be_bytes());
    put(base, layout.received, reply.received.0.to_be_bytes());
    put(base, layout.their_sequence, reply.request.sequence.to_be_bytes());
    put(base, layout.their_sent, reply.request.sent.0.to_be_bytes());
    put(base, layout.their_estimate, reply.request.estimate.0.to_be_bytes());
    put(base, layout.ttl, [reply.ttl]);
    sign(base, key);
    mark(extensions);
    Ok(())
}

/// Reads a reply. What comes behind it is not looked at.
///
/// # Errors
/// When it is none.
pub fn read_reply(packet: &[u8], key: Option<&Key>) -> Result<Reply, Malformed> {
    let base = packet.get(..least(key)).ok_or(Malformed::Short)?;
    let layout = layout(key);
    verify(base, key)?;
    let [ttl] = take(base, layout.ttl)?;
    Ok(Reply {
        sequence: u32::from_be_bytes(take(base, 0)?),
        sent: Stamp(u64::from_be_bytes(take(base, layout.sent)?)),
        estimate: estimate(base, layout.estimate)?,
        received: Stamp(u64::from_be_bytes(take(base, layout.received)?)),
        request: Request {
            sequence: u32::from_be_bytes(take(base, layout.their_sequence)?),
            sent: Stamp(u64::from_be_bytes(take(base, layout.their_sent)?)),
            estimate: estimate(base, layout.their_estimate)?,
            session: u16::from_be_bytes(take(base, layout.session)?),
        },
        ttl,
    })
}

fn layout(key: Option<&Key>) -> &'static Layout {
    if key.is_some() { &SIGNED_LAYOUT } else { &PLAIN_LAYOUT }
}

/// RFC 8972 §4: what is understood loses its mark, what is not keeps it, what ends beyond the packet is named malformed, and
/// all is sent back. A sender that knows no extensions may have put anything here: it goes back as it came.
fn mark(mut rest: &mut [u8]) {
    while let [flags, kind, high, low, after @ ..] = rest {
        if *flags != UNRECOGNIZED {
            return;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length > after.len() {
            *flags = MALFORMED;
            return;
        }
        if *kind == EXTRA_PADDING {
            *flags = 0;
        }
        rest = after.split_at_mut(length).1;
    }
    // Fewer bytes than an extension's header are padding.
    debug_assert!(rest.len() < TLV_HEADER, "the loop ends with less than a header");
}

fn sign(base: &mut [u8], key: Option<&Key>) {
    if let Some(key) = key
        && let Some((covered, place)) = base.split_at_mut_checked(COVERED)
    {
        let tag = hmac::sign(&key.0, covered);
        place.iter_mut().zip(tag.as_ref()).for_each(|(byte, tag)| *byte = *tag);
    }
}

fn verify(base: &[u8], key: Option<&Key>) -> Result<(), Malformed> {
    let Some(key) = key else { return Ok(()) };
    let (covered, said) = base.split_at_checked(COVERED).ok_or(Malformed::Short)?;
    let tag = hmac::sign(&key.0, covered);
    // RFC 8762 §4.4: the first 16 bytes of it. In a time that does not tell where they differ.
    let same = tag.as_ref().get(..said.len()).is_some_and(|tag| said.ct_eq(tag).into());
    if same { Ok(()) } else { Err(Malformed::Signature) }
}

fn estimate(base: &[u8], at: usize) -> Result<Estimate, Malformed> {
    let estimate = Estimate(u16::from_be_bytes(take(base, at)?));
    if estimate.is_corrupt() { Err(Malformed::Estimate) } else { Ok(estimate) }
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Malformed::Short)
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..at + N) {
        place.copy_from_slice(&value);
    }
}

#[cfg(test)]
mod tests;
