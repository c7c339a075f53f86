//! What the kinds that open a sound card have in common: where and which stream, whose turn, the test in a child of ours or by
//! the desktop session's agent in one of its own, and its end at once when the room comes into use.

pub(super) mod hardware;
pub(crate) mod stream;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::aside::{Aside, Late, READING};
use super::audio::cards::{self, Card};
use super::child::{Program, Slot, understand};
use super::schedule::{Refusal, Schedule};
use super::seat::order::SoundTest;
use super::seat::report::cut;
use super::{Context, until};
use crate::domain::{ErrorKind, Finding, Limit, Mono, ProbeError, Reading, ReasonDef, Rule, Test, Verdict};
use hardware::Pcm;

/// Whose turn it is: two tests at once would hear each other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Where sound is tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// In the desktop session where an agent tells of it, else at the card; always there where the config names one.
    #[default]
    Auto,
    /// In the desktop session alone, by its agent: at the microphone and the loudspeakers that are chosen there.
    Seat,
    /// At the card alone.
    Card,
}

/// Where a test was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the desktop session; through an echo canceller of its sound server's, or not.
    Seat { canceller: bool },
    /// At the card.
    Card,
    /// At the card, because the session that is watched cannot be seen.
    CardAlone,
}

impl Way {
    /// Says so where the session was left out of it.
    pub(super) fn note(self, reason: &'static ReasonDef, reading: &mut Reading) {
        if self == Self::CardAlone {
            reading.find(Finding::new(reason, Verdict::Ready));
        }
    }
}

/// What a test came to.
#[derive(Debug)]
pub(super) struct Tested<T> {
    /// When it began.
    pub(super) began: Mono,
    /// The cards that were tested, for people; empty where there was none.
    pub(super) card: String,
    /// Where they are attached; empty where that is not known of each.
    pub(super) places: Vec<String>,
    /// Where it was made.
    pub(super) way: Way,
    /// What the child found; `Busy` with who has the card.
    pub(super) outcome: Result<T, ProbeError>,
}

/// Who tests, and when next.
pub(super) struct Tester {
    pub(super) context: Context,
    pub(super) program: Program,
    pub(super) deadline: Duration,
    what: SoundTest,
    at: At,
    retry: Duration,
    slot: Slot,
    cards: Aside<io::Result<Vec<Card>>>,
    schedule: Schedule,
    /// Whether this probe has told anything yet. That another has the card is then no observation, nor while what was told before
    /// this probe stands.
    told: bool,
}

impl Tester {
    /// One that has touched nothing yet. It tests there; a test that found fault, or the card with another, is tried again after
    /// `retry`.
    pub(super) fn new(what: SoundTest, at: At, retry: Duration, context: Context) -> Self {
        let (program, deadline) = (Program::device_child(), what.deadline());
        let retry = retry.min(context.interval);
        let schedule = Schedule::new(&context);
        let (slot, cards) = (Slot::default(), Aside::default());
        Self { context, program, deadline, what, at, retry, slot, cards, schedule, told: false }
    }

    /// Waits until a test is due, the room is free and nobody has the card, and makes it. A test that the room's use cuts off
    /// is no observation: what was known before stands.
    pub(super) async fn test<T: DeserializeOwned>(
        &mut self,
        choose: impl Fn(&[Card]) -> Result<Vec<Pcm>, ProbeError>,
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
            self.schedule.begins(self.deadline);
            let stop = until(&mut in_use, true);
            let tested = match self.way(began) {
                Way::Seat { .. } => self.in_session(began, stop).await,
                way => {
                    let chosen = self.cards().await.and_then(|cards| choose(&cards));
                    self.at_card(began, way, chosen, stop).await
                }
            };
            match tested {
                // The device is given back by now.
                None => self.schedule.cut_off(),
                Some(tested) => {
                    if !matches!(&tested.outcome, Err(error) if self.stands(error)) {
                        self.told = true;
                        return tested;
                    }
                }
            }
        }
    }

    /// The sound cards, as the kernel has them.
    async fn cards(&mut self) -> Result<Vec<Card>, ProbeError> {
        let proc = self.context.roots.proc.clone();
        let listed = self.cards.run(READING, move || cards::list(&proc)).await;
        listed
            .map_err(|Late| ProbeError::new(ErrorKind::Internal, "asound: no answer"))?
            .map_err(|error| ProbeError::new(ErrorKind::Internal, format!("asound/cards: {error}")))
    }

    fn way(&self, now: Mono) -> Way {
        let desktop = &self.context.desktop;
        match self.at {
            At::Seat => Way::Seat { canceller: false },
            At::Auto if desktop.is_seen(now) => Way::Seat { canceller: false },
            At::Auto if desktop.is_watched() => Way::CardAlone,
            At::Auto | At::Card => Way::Card,
        }
    }

    /// Has it made by the session's agent; `None` where the room came into use.
    async fn in_session<T: DeserializeOwned>(&self, began: Mono, stop: impl Future<Output = ()>) -> Option<Tested<T>> {
        let told = self.context.desktop.test(self.what, self.deadline, began, stop).await.transpose()?;
        let (card, canceller, outcome) = match told {
            Ok(told) => {
                let outcome = understand(told.answer.as_bytes()).map_err(|mut error: ProbeError| {
                    // The names in it are anybody's.
                    cut(&mut error.detail);
                    error
                });
                (told.card, told.canceller, outcome)
            }
            Err(error) => (String::new(), false, Err(error)),
        };
        // Where it is attached is not seen.
        Some(Tested { began, card, places: Vec::new(), way: Way::Seat { canceller }, outcome })
    }

    /// Makes it at the card, in a child; `None` where the room came into use.
    async fn at_card<T: DeserializeOwned>(
        &mut self,
        began: Mono,
        way: Way,
        chosen: Result<Vec<Pcm>, ProbeError>,
        stop: impl Future<Output = ()>,
    ) -> Option<Tested<T>> {
        let pcms = match chosen {
            Ok(pcms) => pcms,
            Err(error) => {
                return Some(Tested { began, card: String::new(), places: Vec::new(), way, outcome: Err(error) });
            }
        };
        let mut card = pcms[0].card.clone();
        for other in pcms.iter().skip(1).filter(|other| other.card != pcms[0].card) {
            card = format!("{card}, {}", other.card);
        }
        let sys = &self.context.roots.sys;
        let places: Option<Vec<_>> = pcms.iter().map(|pcm| cards::place_of(pcm.number?, sys)).collect();
        let args: Vec<OsString> =
            std::iter::once(self.what.word().into()).chain(pcms.into_iter().map(|pcm| pcm.name.into())).collect();
        let said = self.slot.run_unless(&self.program, &args, self.deadline, stop).await.transpose()?;
        let outcome = said.and_then(|said| understand(&said));
        Some(Tested { began, card, places: places.unwrap_or_default(), way, outcome })
    }

    /// Says when the next test is, after one that found all well or did not.
    pub(super) fn again(&mut self, began: Mono, well: bool) {
        self.schedule.made(began, began.after(if well { self.context.interval } else { self.retry }));
    }

    /// How many killed children still hang in the kernel.
    pub(super) fn left_behind(&mut self) -> f64 {
        f64::from(u8::from(self.slot.is_left_behind()))
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
