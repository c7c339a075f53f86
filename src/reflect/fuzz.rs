//! What `make fuzz` holds the reflector to. Compiled where assertions are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Arrival, Reflector};
use super::{PORT, Pass, Settings};
use crate::domain::{Mono, Now, Rate};
use crate::probe::stamp::codec::{Key, Request, least, read_reply, write_request};
use crate::probe::stamp::moment::{Estimate, Stamp};

const SECRET: &[u8] = b"sixteen letters!";
/// Of an expired token, and of one that is good for [`LASTS`].
const HASHES: [[u8; 32]; 2] = [[1; 32], [2; 32]];
const LASTS: Duration = Duration::from_secs(2);
/// Small, so that the limits are met; and what may come at once, s of it.
const RATE: f64 = 1e6;
const DEPTH: f64 = 0.25;

/// A storm of datagrams from a handful of sources: each is a byte that says how it comes, one that says how many ms after the last,
/// one for its length, and its bytes. With the first bit of `input` the reflector has a key, with the second it remembers nothing, with the third it knows senders by
/// tokens, of which the newest are still good.
///
/// # Panics
/// Where the reflector gives more than it got, answers what is no request or an answer, changes what it refuses, or passes its
/// limits.
pub fn storm(input: &[u8]) {
    let Some((mode, mut rest)) = input.split_first() else { return };
    let (stateless, by_token) = (mode & 2 != 0, mode & 4 != 0);
    let signed = mode & 1 != 0 || by_token;
    let secret = if by_token { &HASHES[1] } else { SECRET };
    let key = signed.then(|| Key::new(secret));
    let begin = Now { mono: Mono::from_elapsed(Duration::from_hours(1)), wall: Timestamp::UNIX_EPOCH };
    let anew = || {
        let token = |hash: &[u8; 32], lasts| Pass::token(*hash, Some(begin.after(lasts).wall));
        let tokens = || vec![token(&HASHES[0], Duration::ZERO), token(&HASHES[1], LASTS), Pass::key(Key::new(SECRET))];
        let passes = signed.then(|| if by_token { tokens() } else { vec![Pass::key(Key::new(SECRET))] });
        let (rate, rate_per_source) = (Rate(RATE), Rate(RATE / 2.0));
        Reflector::new(Settings { listen: Vec::new(), passes, stateless, rate, rate_per_source }, begin)
    };
    let old = Key::new(&HASHES[0]);
    let (mut reflector, mut now, mut bits, mut seen) = (anew(), begin, 0.0, 0);
    while let [how, after, length, tail @ ..] = rest {
        let (bytes, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        now = now.after(Duration::from_millis(u64::from(*after)));
        let arrival = Arrival { from: source(*how), to: Ipv4Addr::new(192, 0, 2, 200).into(), at: None, ttl: Some(64) };
        let mut packet = bytes.to_vec();
        if how & 0x80 != 0 {
            let expired = by_token && how & 0x40 != 0;
            packet = proper(packet, if expired { Some(&old) } else { key.as_ref() });
        }
        let before = packet.clone();
        let answered = reflector.answer(&mut packet, &arrival, now);
        seen += 1;
        assert!(answered.is_err() || !by_token || now.mono.since(begin.mono) < LASTS, "a token that has expired");
        assert_eq!(packet.len(), before.len(), "no more out than in");
        if answered.is_err() {
            assert_eq!(packet, before, "untouched if refused");
            continue;
        }
        assert!(read_reply(&packet, key.as_ref()).is_ok(), "an answer is a reply");
        assert!(anew().answer(&mut packet.clone(), &arrival, now).is_err(), "nobody answers an answer");
        if !stateless {
            assert!(reflector.answer(&mut before.clone(), &arrival, now).is_err(), "nothing is answered twice");
            seen += 1;
        }
        bits += f64::from(u32::try_from(before.len() + 28).unwrap_or(u32::MAX)) * 8.0;
        let most = RATE * (DEPTH + now.mono.since(begin.mono).as_secs_f64());
        assert!(bits <= most + 1.0, "{bits} bits of {most}");
    }
    let counts = reflector.counts();
    let refused = counts.foreign + counts.strangers + counts.expired + counts.replayed + counts.limited;
    assert_eq!(refused + counts.answered, seen, "each is counted once");
}

/// One of eight, one of them at a server's port and half of them by IPv6.
fn source(how: u8) -> SocketAddr {
    let ip = if how & 4 == 0 {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, how & 1))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, u16::from(how & 1), 0, 0, 0, 0, 1))
    };
    SocketAddr::new(ip, if how & 6 == 2 { 53 } else { PORT })
}

/// A request with the number and session that `bytes` begin with, as long as they are or longer.
fn proper(mut bytes: Vec<u8>, key: Option<&Key>) -> Vec<u8> {
    let number = bytes.first().copied().unwrap_or_default();
    let session = bytes.get(1).map_or(0, |byte| u16::from(byte & 3));
    bytes.resize(bytes.len().max(least(key)), 0);
    let request = Request { sequence: number.into(), sent: Stamp(1 << 40), estimate: Estimate::OURS, session };
    // It is long enough.
    _ = write_request(&mut bytes, &request, key);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        /// In each mode; most datagrams are requests, so that more than the first look at them is tried.
        #[test]
        fn a_storm_of_any_kind_is_survived(
            mode in 0_u8..8,
            datagrams in prop::collection::vec(
                (0_u8..8, 0_u8..8, any::<u8>(), prop::collection::vec(any::<u8>(), 0..256)), 1..100,
            ),
        ) {
            let mut input = vec![mode];
            for (source, kind, after, bytes) in datagrams {
                let proper = if kind == 0 { 0 } else { 0x80 };
                let expired = if kind == 1 { 0x40 } else { 0 };
                let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
                input.extend([source | proper | expired, after, length]);
                input.extend(&bytes[..usize::from(length)]);
            }
            super::storm(&input);
        }
    }
}
