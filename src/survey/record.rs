//! What was seen while a survey watched: each check's last word, and when who had answered fell silent.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{CheckName, Mono, Now, Observation};

/// All that was seen.
#[derive(Clone, Debug, Default)]
pub struct Record(BTreeMap<CheckName, Look>);

/// What was seen of one check.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The newest observation that counts: of the quiet watch, or the test itself.
    pub last: Option<Observation>,
    /// Packets whose fate was seen, tests included.
    pub sent: u64,
    /// Of those, the ones that did not come back.
    pub lost: u64,
    /// When it fell silent after it had answered.
    pub outages: Vec<Outage>,
    answered: bool,
    silent: bool,
    /// When the last outage began.
    began: Mono,
}

/// A time without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub from: Timestamp,
    /// How long it was seen to last, whatever the wall clock was set to meanwhile.
    pub lasted: Duration,
    /// Whether it was over by then.
    pub over: bool,
    /// Whether tests of our own were under way when it began.
    pub in_tests: bool,
}

impl Record {
    /// Takes in what is told. While tests press the line (`in_tests`), only what they tell themselves counts.
    pub fn take(&mut self, observation: &Observation, is_test: bool, in_tests: bool) {
        let look = self.0.entry(observation.check.clone()).or_default();
        if let Some(sample) = observation.reading.sample {
            look.sent += u64::from(sample.sent);
            look.lost += u64::from(sample.lost);
            look.hear(observation, sample.outage, in_tests);
        }
        if is_test || !in_tests {
            look.last = Some(observation.clone());
        }
    }

    /// What was seen of a check.
    pub fn of(&self, check: &CheckName) -> Option<&Look> {
        self.0.get(check)
    }
}

impl Look {
    fn hear(&mut self, observation: &Observation, silent: bool, in_tests: bool) {
        let Now { mono, wall } = observation.at;
        if silent && self.answered && !self.silent {
            self.began = mono.before(observation.took);
            let from = wall.checked_sub(observation.took).unwrap_or(wall);
            self.outages.push(Outage { from, lasted: Duration::ZERO, over: false, in_tests });
        }
        if let Some(outage) = self.outages.last_mut().filter(|outage| !outage.over) {
            outage.lasted = mono.since(self.began);
            outage.over = !silent;
        }
        self.silent = silent;
        self.answered |= !silent;
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::{Reading, Sample};

    #[test]
    fn an_outage_is_of_who_had_answered_and_what_tests_press_is_not_the_last_word() {
        let mut record = Record::default();
        let mut tell = |second: u64, outage: bool, in_tests: bool| {
            let start = Now {
                mono: Mono::from_elapsed(Duration::from_hours(1)),
                wall: "2026-11-26T03:00:00Z".parse().unwrap(),
            };
            let sample = Sample { sent: 1, lost: u32::from(outage), outage };
            let reading = Reading { sample: Some(sample), ..Reading::default() };
            let mut now = start.after(Duration::from_secs(second));
            // In the middle of the first outage somebody sets the clock.
            if second > 6 {
                now.wall += SignedDuration::from_hours(48);
            }
            let seen = Observation::read("echo".into(), now, Duration::from_secs(1), reading);
            record.take(&seen, false, in_tests);
        };
        // Nobody had answered yet: that is silence, and no outage.
        tell(1, true, false);
        tell(2, false, false);
        tell(5, true, false);
        tell(7, true, false);
        tell(8, false, false);
        tell(9, true, true);
        let look = record.of(&"echo".into()).unwrap();
        let at = |day: u64, second: u64| format!("2026-11-{day}T03:00:{second:02}Z").parse::<Timestamp>().unwrap();
        let first = Outage { from: at(26, 4), lasted: Duration::from_secs(4), over: true, in_tests: false };
        let second = Outage { from: at(28, 8), lasted: Duration::from_secs(1), over: false, in_tests: true };
        assert_eq!(look.outages, [first, second]);
        assert_eq!((look.sent, look.lost), (6, 4));
        assert_eq!(look.last.as_ref().unwrap().at.wall, at(28, 8));
    }
}
