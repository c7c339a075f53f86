//! Whether UDP goes both ways without a pause, as in a call: sound, pictures, or the reports of who only listens. Pure.
//!
//! The kernel counts UDP for the whole machine and packets for each interface; the lesser of both is what may be a call by this
//! one. A page, a name look-up, a download by HTTP/3 come in bursts; what Siaga's own tests send is left out by their hours.

use std::time::Duration;

use super::traffic::{Counts, per_second};
use crate::domain::Mono;

/// How often is looked.
pub(super) const SLOT: Duration = Duration::from_secs(3);
/// So often a second at least: sound comes 50 times a second, and at the very least 20 where frames are long …
const RECEIVED: f64 = 20.0;
/// … and who listens muted sends reports (RFC 3550, with the feedback of RFC 4585) and keeps ports open.
const SENT: f64 = 5.0;
/// It is a call when every slot of this time was like one: twice as long as a call-like test of somebody else's against a reflector
/// on this machine.
const BEGINS: Duration = Duration::from_secs(15);
/// It is over when nothing was for this long: somebody who is put on hold comes back.
const ENDS: Duration = Duration::from_secs(30);
/// Longer between two looks, and the machine was asleep.
const ASLEEP: Duration = Duration::from_secs(30);
/// No meeting is longer; what is, is a tunnel or a server, and may not hold tests back for ever.
const LONGEST: Duration = Duration::from_hours(8);

/// One look.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Mono,
    pub(super) counts: Counts,
    /// How many of Siaga's own tests have begun so far, and whether one is under way.
    pub(super) tests: (u64, bool),
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word {
    /// Not looked for long enough, or the kernel does not tell.
    Unknown,
    /// No call.
    Quiet,
    /// A call, with so many datagrams a second received and sent when it was found.
    Call([f64; 2]),
    /// It goes on for longer than any meeting.
    TooLong([f64; 2]),
}

/// Looks, one after the other.
#[derive(Debug, Default)]
pub(super) struct Calls {
    before: Option<Look>,
    /// For how long each slot was like a call, or none was.
    like: Duration,
    unlike: Duration,
    call: Option<(Mono, [f64; 2])>,
    /// Whether enough was seen to say that there is none.
    is_sure: bool,
}

impl Calls {
    /// Takes a look, if there is one. Whether the word is another now.
    pub(super) fn look(&mut self, look: Option<Look>) -> bool {
        let at = look.as_ref().map(|look| look.at);
        let said = at.map(|at| std::mem::discriminant(&self.word(at)));
        let before = std::mem::replace(&mut self.before, look);
        let Some((now, at)) = self.before.as_ref().zip(at) else {
            // What nobody sees is no call.
            let was = self.call.is_some();
            *self = Self::default();
            return was;
        };
        if let Some(before) = before {
            let length = at.since(before.at);
            if before.counts.interface() != now.counts.interface() || length > ASLEEP || length.is_zero() {
                (self.like, self.unlike) = (Duration::ZERO, Duration::ZERO);
            } else if !now.tests.1 && !before.tests.1 && now.tests.0 == before.tests.0 {
                let rates = rates(&before.counts, &now.counts, length);
                self.slot(rates, length, at);
            }
        }
        said != Some(std::mem::discriminant(&self.word(at)))
    }

    fn slot(&mut self, rates: Option<[f64; 2]>, length: Duration, at: Mono) {
        match rates {
            Some(rates) if rates[0] >= RECEIVED && rates[1] >= SENT => {
                (self.like, self.unlike) = (self.like + length, Duration::ZERO);
                if self.like >= BEGINS {
                    self.call.get_or_insert((at, rates));
                }
            }
            _ => {
                (self.like, self.unlike) = (Duration::ZERO, self.unlike + length);
                if self.unlike >= ENDS || self.call.is_none() && self.unlike >= BEGINS {
                    (self.call, self.is_sure) = (None, true);
                }
            }
        }
    }

    /// What is to be said now.
    pub(super) fn word(&self, now: Mono) -> Word {
        match self.call {
            Some((since, rates)) if now.since(since) >= LONGEST => Word::TooLong(rates),
            Some((_, rates)) => Word::Call(rates),
            None if self.is_sure => Word::Quiet,
            None => Word::Unknown,
        }
    }
}

/// Datagrams a second received and sent by this interface, at most.
fn rates(before: &Counts, now: &Counts, length: Duration) -> Option<[f64; 2]> {
    let (udp, udp_before) = (now.datagrams()?, before.datagrams()?);
    let (packets, packets_before) = (now.packets(), before.packets());
    let way = |way: usize| {
        let datagrams = udp[way].saturating_sub(udp_before[way]);
        per_second(datagrams.min(packets[way].saturating_sub(packets_before[way])), length)
    };
    Some([way(0), way(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine by which datagrams and packets pass.
    struct Machine {
        calls: Calls,
        at: Mono,
        udp: [u64; 2],
        packets: [u64; 2],
        tests: (u64, bool),
    }

    impl Machine {
        fn new() -> Self {
            let mut machine =
                Self { calls: Calls::default(), at: Mono::ZERO, udp: [0; 2], packets: [0; 2], tests: (0, false) };
            machine.look();
            machine
        }

        fn look(&mut self) -> bool {
            let counts = Counts::of("eth0", self.packets, self.udp);
            self.calls.look(Some(Look { at: self.at, counts, tests: self.tests }))
        }

        /// So much passes a second, each way, for so many slots.
        fn pass(&mut self, slots: u32, udp: [u64; 2], packets: [u64; 2]) -> Word {
            for _ in 0..slots {
                self.at = self.at.after(SLOT);
                for way in 0..2 {
                    self.udp[way] += 3 * udp[way];
                    self.packets[way] += 3 * packets[way];
                }
                self.look();
            }
            self.calls.word(self.at)
        }
    }

    #[test]
    fn a_call_is_one_once_it_has_lasted_and_over_once_it_has_been_quiet() {
        let mut machine = Machine::new();
        assert_eq!(machine.pass(4, [50, 50], [60, 60]), Word::Unknown);
        assert_eq!(machine.pass(1, [50, 50], [60, 60]), Word::Call([50.0, 50.0]));
        // Put on hold, and muted after it.
        assert_eq!(machine.pass(9, [0, 0], [5, 5]), Word::Call([50.0, 50.0]));
        assert_eq!(machine.pass(1, [40, 6], [60, 60]), Word::Call([50.0, 50.0]));
        assert_eq!(machine.pass(10, [1, 1], [5, 5]), Word::Quiet);
    }

    #[test]
    fn what_is_no_call_is_none() {
        for (name, udp, packets) in [
            ("a download by TCP", [1, 1], [2000, 900]),
            ("a stream one way", [400, 1], [400, 2]),
            ("what stays on this machine", [400, 400], [3, 3]),
        ] {
            assert_eq!(Machine::new().pass(20, udp, packets), Word::Quiet, "{name}");
        }
        let mut bursts = Machine::new();
        for _ in 0..10 {
            bursts.pass(3, [300, 80], [300, 80]);
            assert!(!matches!(bursts.pass(2, [0, 0], [0, 0]), Word::Call(_)), "what comes in bursts");
        }
    }

    #[test]
    fn our_own_tests_say_nothing_and_neither_does_a_night_asleep() {
        let mut machine = Machine::new();
        machine.tests = (1, true);
        machine.pass(20, [400, 400], [400, 400]);
        machine.tests = (1, false);
        // Whose last packets lie in the slot in which it ended, and one that began and ended between two looks.
        assert_eq!(machine.pass(1, [400, 400], [400, 400]), Word::Unknown);
        machine.tests = (2, false);
        assert_eq!(machine.pass(1, [400, 400], [400, 400]), Word::Unknown);
        assert_eq!(machine.pass(5, [0, 0], [1, 1]), Word::Quiet);
        machine.pass(4, [50, 50], [50, 50]);
        machine.at = machine.at.after(Duration::from_hours(8));
        assert_eq!(machine.pass(5, [50, 50], [50, 50]), Word::Quiet, "begun anew, after the slot in which it slept");
        assert_eq!(machine.pass(1, [50, 50], [50, 50]), Word::Call([50.0, 50.0]));
    }

    #[test]
    fn what_never_ends_is_no_meeting_and_what_nobody_sees_is_unknown() {
        let mut machine = Machine::new();
        let hours = |hours: u64| u32::try_from(Duration::from_hours(hours).as_secs() / SLOT.as_secs()).unwrap();
        assert!(matches!(machine.pass(hours(8), [50, 50], [50, 50]), Word::Call(_)));
        assert!(matches!(machine.pass(5, [50, 50], [50, 50]), Word::TooLong(_)));
        assert!(machine.calls.look(None), "the word is another");
        assert_eq!(machine.calls.word(machine.at), Word::Unknown);
    }
}
