//! A reflector without a network: what it answers, and that nothing makes it answer more.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::domain::{Mono, Rate};
use crate::probe::stamp::codec::{Key, Request, least, read_reply, write_request};

const MS: Duration = Duration::from_millis(1);

fn begin() -> Now {
    Now { mono: Mono::from_elapsed(Duration::from_hours(1)), wall: "2026-11-23T02:00:00Z".parse().unwrap() }
}

fn reflector(key: Option<&[u8]>) -> Reflector {
    of(key.as_slice(), false)
}

fn of(keys: &[&[u8]], stateless: bool) -> Reflector {
    let passes = (!keys.is_empty()).then(|| keys.iter().map(|key| Pass::key(Key::new(key))).collect());
    with(passes, stateless)
}

fn with(passes: Option<Vec<Pass>>, stateless: bool) -> Reflector {
    let (rate, rate_per_source) = (Rate(50e6), Rate(12e6));
    Reflector::new(Settings { listen: Vec::new(), passes, stateless, rate, rate_per_source }, begin())
}

fn arrival(from: &str) -> Arrival {
    let at = begin().wall - Duration::from_micros(250);
    Arrival { from: from.parse().unwrap(), to: Ipv4Addr::new(192, 0, 2, 200).into(), at: Some(at), ttl: Some(61) }
}

fn request(sequence: u32, length: usize, key: Option<&Key>) -> Vec<u8> {
    let sent = Stamp::ntp(begin().wall);
    let mut packet = vec![0x5A; length];
    write_request(&mut packet, &Request { sequence, sent, estimate: Estimate::OURS, session: 77 }, key).unwrap();
    packet
}

#[test]
fn an_answer_says_when_what_and_how_many_and_is_as_long() {
    let secret = b"sixteen letters!";
    for secret in [None, Some(secret.as_slice())] {
        let key = secret.map(Key::new);
        let mut reflector = reflector(secret);
        for (own, sequence) in [5, 6, 4].into_iter().enumerate() {
            let mut packet = request(sequence, 160, key.as_ref());
            reflector.answer(&mut packet, &arrival("192.0.2.1:40000"), begin()).unwrap();
            assert_eq!(packet.len(), 160);
            let reply = read_reply(&packet, key.as_ref()).unwrap();
            assert_eq!(
                (reply.sequence, reply.request.sequence, reply.ttl),
                (u32::try_from(own).unwrap(), sequence, 61)
            );
            assert_eq!((reply.request.session, reply.request.sent), (77, Stamp::ntp(begin().wall)));
            let received = reply.received.elapsed(reply.estimate);
            assert_eq!(reply.sent.elapsed(reply.estimate), received + Duration::from_micros(250));
        }
        assert_eq!(reflector.counts(), Counts { answered: 3, ..Counts::default() });
    }
}

#[test]
fn nothing_is_answered_twice_until_the_session_has_ended() {
    let mut reflector = reflector(None);
    let mut send = |from: &str, after: Duration| {
        let mut packet = request(9, 160, None);
        reflector.answer(&mut packet, &arrival(from), begin().after(after)).map(|()| read_reply(&packet, None).unwrap())
    };
    assert!(send("192.0.2.1:40000", MS).is_ok());
    assert_eq!(send("192.0.2.1:40000", MS * 2).unwrap_err(), Refusal::Replay);
    assert_eq!(send("192.0.2.1:40001", MS * 2).unwrap().sequence, 0, "another sender");
    assert_eq!(send("192.0.2.2:40000", MS * 2).unwrap().sequence, 0, "another sender");
    assert_eq!(send("192.0.2.1:40000", ENDED + MS).unwrap_err(), Refusal::Replay);
    assert_eq!(send("192.0.2.1:40000", ENDED + MS * 3).unwrap().sequence, 0, "begun anew");
    assert_eq!(reflector.counts(), Counts { answered: 4, replayed: 2, ..Counts::default() });
}

#[test]
fn two_reflectors_stop_at_once_and_servers_are_left_alone() {
    let (mut one, mut other) = (reflector(None), reflector(None));
    let mut packet = request(1, 160, None);
    one.answer(&mut packet, &arrival("192.0.2.1:40000"), begin()).unwrap();
    let refused = other.answer(&mut packet, &arrival("192.0.2.1:10862"), begin());
    assert_eq!(refused, Err(Refusal::Malformed(Malformed::NotZero)));
    for port in [53, 123, 862, 1023] {
        let refused = one.answer(&mut request(1, 160, None), &arrival(&format!("192.0.2.1:{port}")), begin());
        assert_eq!(refused, Err(Refusal::Port));
    }
}

#[test]
fn without_the_key_nobody_is_answered_and_nobodys_share_is_used_up() {
    let mut reflector = reflector(Some(b"sixteen letters!"));
    let (own, other) = (Key::new(b"sixteen letters!"), Key::new(b"another sixteen!"));
    for n in 0..100_000 {
        let refused = reflector.answer(&mut request(n, 1100, Some(&other)), &arrival("192.0.2.1:40000"), begin());
        assert_eq!(refused, Err(Refusal::Stranger));
    }
    assert!(reflector.answer(&mut request(0, 160, None), &arrival("192.0.2.1:40000"), begin()).is_err());
    assert!(reflector.answer(&mut request(0, 1100, Some(&own)), &arrival("192.0.2.1:40000"), begin()).is_ok());
}

#[test]
fn while_a_key_is_replaced_both_are_answered_each_by_itself_and_no_third() {
    let (old, new) = (b"sixteen letters!", b"and another one!");
    let mut reflector = of(&[old, new], false);
    for (n, secret) in (0..).zip([old, new, old]) {
        let key = Key::new(secret);
        let mut packet = request(n, 160, Some(&key));
        reflector.answer(&mut packet, &arrival("192.0.2.1:40000"), begin()).unwrap();
        assert_eq!(read_reply(&packet, Some(&key)).unwrap().sequence, n, "one session, whichever key");
    }
    for wrong in [request(9, 160, Some(&Key::new(b"neither of those"))), request(9, 160, None)] {
        assert!(reflector.answer(&mut wrong.clone(), &arrival("192.0.2.1:40000"), begin()).is_err());
    }
    assert_eq!(reflector.counts(), Counts { answered: 3, strangers: 2, ..Counts::default() });
}

#[test]
fn tokens_are_good_until_they_end_or_are_taken_away_and_a_session_goes_on() {
    let (hashes, soon) = ([[1; 32], [2; 32], [3; 32]], begin().after(MS * 100));
    let [own, other, unknown] = hashes.map(|hash| Key::new(&hash));
    let mut reflector = with(Some(vec![Pass::token(hashes[0], None), Pass::token(hashes[1], Some(soon.wall))]), false);
    let ask = |reflector: &mut Reflector, sequence, key: Option<&Key>, now| {
        let mut packet = request(sequence, 160, key);
        let answered = reflector.answer(&mut packet, &arrival("192.0.2.1:40000"), now);
        answered.map(|()| read_reply(&packet, key).unwrap().sequence)
    };
    assert_eq!(ask(&mut reflector, 1, Some(&own), begin()), Ok(0));
    assert_eq!(ask(&mut reflector, 2, Some(&other), begin().after(MS * 99)), Ok(1));
    assert_eq!(ask(&mut reflector, 3, Some(&other), soon), Err(Refusal::Expired));
    assert_eq!(ask(&mut reflector, 3, Some(&unknown), begin()), Err(Refusal::Stranger));
    assert_eq!(ask(&mut reflector, 3, None, begin()), Err(Refusal::Stranger), "not signed at all");
    reflector.know(vec![Pass::token(hashes[2], None)]);
    assert_eq!(ask(&mut reflector, 3, Some(&own), begin()), Err(Refusal::Stranger));
    assert_eq!(ask(&mut reflector, 3, Some(&unknown), begin()), Ok(2));
    // Without a single token nobody is answered; that is not the same as answering everybody.
    reflector.know(Vec::new());
    for key in [None, Some(&own), Some(&unknown)] {
        assert_eq!(ask(&mut reflector, 9, key, begin()), Err(Refusal::Stranger));
    }
    assert_eq!(reflector.counts(), Counts { answered: 3, strangers: 6, expired: 1, ..Counts::default() });
}

#[test]
fn one_that_remembers_nothing_repeats_the_senders_numbers_and_keeps_its_limits() {
    let mut reflector = of(&[], true);
    for sequence in [7, 7, 3] {
        let mut packet = request(sequence, 160, None);
        reflector.answer(&mut packet, &arrival("[2001:db8::1]:40000"), begin()).unwrap();
        let reply = read_reply(&packet, None).unwrap();
        assert_eq!((reply.sequence, reply.request.sequence), (sequence, sequence));
    }
    let again = |_: &u32| reflector.answer(&mut request(7, 1100, None), &arrival("192.0.2.1:40000"), begin()).is_ok();
    let answered = (0..10_000).filter(again).count();
    // A quarter of a second of 12 Mbit/s, by packets of 1128 bytes.
    assert!((300..400).contains(&answered), "{answered}");
    assert_eq!(reflector.counts().replayed, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A proper request of any length, changed anywhere, cut and made longer: what is answered is as long, and by a key only what
    /// was not changed where it is signed.
    #[test]
    fn a_changed_request_gains_nothing(
        length in 112_usize..1400, sequence: u32, signed: bool, v6: bool, stateless: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), end in 0_usize..1500,
    ) {
        let secret = b"sixteen letters!".as_slice();
        let key = signed.then(|| Key::new(secret));
        let keys = [secret];
        let anew = || of(&keys[..usize::from(signed)], stateless);
        let mut reflector = anew();
        let proper = request(sequence, length, key.as_ref());
        let mut bytes = proper.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] ^= byte;
        }
        if end < 1400 {
            bytes.resize(end, 0);
        }
        let sent = bytes.clone();
        let arrival = arrival(if v6 { "[2001:db8::1]:40000" } else { "192.0.2.1:40000" });
        let answered = reflector.answer(&mut bytes, &arrival, begin());
        prop_assert_eq!(bytes.len(), sent.len(), "no more out than in");
        if answered.is_ok() {
            prop_assert!(read_reply(&bytes, key.as_ref()).is_ok());
            prop_assert!(!signed || sent[..112] == proper[..112], "what is signed was changed");
            // Nobody answers the answer.
            let answered = anew().answer(&mut bytes, &arrival, begin());
            prop_assert!(answered.is_err());
        } else {
            prop_assert_eq!(bytes, sent);
        }
    }
}

proptest! {
    /// Whatever comes: no panic, never longer, untouched if refused, and what is answered is a reply.
    #[test]
    fn any_datagrams_are_survived(
        datagrams in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..200), any::<bool>(), 1_u16.., any::<u32>(), 0_u32..100), 1..60,
        ),
        signed: bool,
    ) {
        let secret = signed.then_some(b"sixteen letters!".as_slice());
        let key = secret.map(Key::new);
        let mut reflector = reflector(secret);
        for (mut bytes, proper, port, sequence, ms) in datagrams {
            if proper {
                bytes.resize(bytes.len().max(least(key.as_ref())), 0);
                let mut packet = request(sequence, bytes.len(), key.as_ref());
                packet.truncate(bytes.len());
                bytes = packet;
            }
            let before = bytes.clone();
            let arrival = arrival(&format!("192.0.2.1:{port}"));
            let answered = reflector.answer(&mut bytes, &arrival, begin().after(MS * ms));
            prop_assert_eq!(bytes.len(), before.len());
            if answered.is_ok() {
                prop_assert!(read_reply(&bytes, key.as_ref()).is_ok());
            } else {
                prop_assert_eq!(bytes, before);
            }
        }
    }
}
