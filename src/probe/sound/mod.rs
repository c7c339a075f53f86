//! What the kinds that open a sound card have in common: which stream, whose turn, the test in a child, and its end at once
//! when the room comes into use.

pub(super) mod hardware;
pub(super) mod spectrum;
pub(crate) mod stream;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::audio::cards;
use super::child::{Program, Slot, understand};
use super::schedule::{Refusal, Schedule};
use super::{Context, until};
use crate::domain::{ErrorKind, Limit, Mono, ProbeError, Reading, Rule, Test, Verdict};
use hardware::Pcm;

/// Whose turn it is: two tests at once would hear each other.
static TURN: Mutex<()> = Mutex::const_new(());

/// What a test came to.
#[derive(Debug)]
pub(super) struct Tested<T> {
    /// When it began.
    pub(super) began: Mono,
    /// The cards that were tested, for people; empty where there was none.
    pub(super) card: String,
    /// Where they are attached; empty where that is not known of each.
    pub(super) places: Vec<String>,
    /// What the child found; `Busy` with who has the card.
    pub(super) outcome: Result<T, ProbeError>,
}

/// Who tests, and when next.
pub(super) struct Tester {
    pub(super) context: Context,
    pub(super) program: Program,
    pub(super) deadline: Duration,
    what: &'static str,
    retry: Duration,
    slot: Slot,
    schedule: Schedule,
    /// Whether this probe has told anything yet. That another has the card is then no observation, nor while what was told before
    /// this probe stands.
    told: bool,
}

impl Tester {
    /// One that has touched nothing yet. Its child does `what`, within `deadline`; a test that found fault, or the card with
    /// another, is tried again after `retry`.
    pub(super) fn new(what: &'static str, deadline: Duration, retry: Duration, context: Context) -> Self {
        let program = Program::device_child();
        let retry = retry.min(context.interval);
        let schedule = Schedule::new(&context);
        Self { context, program, deadline, what, retry, slot: Slot::default(), schedule, told: false }
    }

    /// Waits until a test is due, the room is free and nobody has the card, and makes it. A test that the room's use cuts off
    /// is no observation: what was known before stands.
    pub(super) async fn test<T: DeserializeOwned>(
        &mut self,
        choose: impl Fn(&Path) -> Result<Vec<Pcm>, ProbeError>,
    ) -> Tested<T> {
        let clock = self.context.clock;
        let mut in_use = self.context.in_use.clone();
        loop {
            self.schedule.wait().await;
            let _turn = TURN.lock().await;
            if *in_use.borrow() {
                self.schedule.cut_off();
                continue;
            }
            let began = clock.mono();
            let pcms = match choose(&self.context.roots.proc) {
                Ok(pcms) => pcms,
                Err(error) if self.stands(&error) => continue,
                Err(error) => {
                    return self.tell(Tested { began, card: String::new(), places: Vec::new(), outcome: Err(error) });
                }
            };
            let mut card = pcms[0].card.clone();
            for other in pcms.iter().skip(1).filter(|other| other.card != pcms[0].card) {
                card = format!("{card}, {}", other.card);
            }
            let sys = &self.context.roots.sys;
            let places: Option<Vec<_>> = pcms.iter().map(|pcm| cards::place_of(pcm.number?, sys)).collect();
            let args: Vec<OsString> =
                std::iter::once(self.what.into()).chain(pcms.into_iter().map(|pcm| pcm.name.into())).collect();
            let stop = until(&mut in_use, true);
            match self.slot.run_unless(&self.program, &args, self.deadline, stop).await {
                // The device is given back by now.
                Ok(None) => self.schedule.cut_off(),
                Err(error) if self.stands(&error) => {}
                said => {
                    let outcome = said.and_then(|said| understand(&said.unwrap_or_default()));
                    if !matches!(&outcome, Err(error) if self.stands(error)) {
                        return self.tell(Tested { began, card, places: places.unwrap_or_default(), outcome });
                    }
                }
            }
        }
    }

    /// Says when the next test is, after one that found all well or did not.
    pub(super) fn again(&mut self, began: Mono, well: bool) {
        self.schedule.made(began, began.after(if well { self.context.interval } else { self.retry }));
    }

    /// How many killed children still hang in the kernel.
    pub(super) fn left_behind(&mut self) -> f64 {
        f64::from(u8::from(self.slot.is_left_behind()))
    }

    fn tell<T>(&mut self, tested: Tested<T>) -> Tested<T> {
        self.told = true;
        tested
    }

    /// Whether what was told before stands, because another has the card now.
    fn stands(&mut self, error: &ProbeError) -> bool {
        let told = self.told || self.schedule.is_asked() || self.context.clock.mono() < self.context.stands_until;
        let stands = told && error.kind == ErrorKind::Busy;
        if stands {
            let due = self.context.clock.mono().after(self.retry);
            self.schedule.put_off(Refusal::Busy(error.detail.clone()), due);
        }
        stands
    }
}

/// Whether nothing is wrong by these findings and limits.
pub(super) fn is_good(reading: &Reading, rules: &[Rule]) -> bool {
    let beyond = |rule: &Rule| {
        let of = reading.measurements.iter().filter(|measurement| measurement.quantity == rule.quantity);
        of.into_iter().any(|measurement| match (rule.test, rule.degraded) {
            (Test::Above, Limit::Fixed(limit)) => measurement.value > limit,
            (Test::Below, Limit::Fixed(limit)) => measurement.value < limit,
            _ => false,
        })
    };
    reading.findings.iter().all(|finding| finding.verdict == Verdict::Ready) && !rules.iter().any(beyond)
}
