//! `seat`: which microphone and loudspeaker the desktop session uses, muted or not, how loud, and by whom.
//!
//! On a desktop `PipeWire` or `PulseAudio` owns the sound cards and lives in the user's session, where a system service cannot
//! reach. `siaga seat` runs in that session and reports over a unix socket; the kernel says who is at its other end
//! (`SO_PEERCRED`, unix(7)), and only the configured user is believed. All that is asked of the session from here is a sound
//! test, for the checks that make one ([`desktop`]).
//!
//! ```text
//!   session: siaga seat ──── one line of JSON a message ────▶ this probe ──▶ observation
//!            at each change, and every few seconds            silence is told too
//!                       ◀─── an order: test, stop ───────────
//! ```

pub mod desktop;
mod judge;
pub mod order;
mod reasons;
pub mod report;
mod socket;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::enrolled::{self, Record};
use super::range::share;
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{ErrorKind, Level, Mono, Observation, ProbeError, Quantity, Rule, Unit};
use desktop::Ask;
use order::Order;
pub use reasons::{ERRORS, REASONS};
use report::{Report, meeting_place};
pub use socket::User;
use socket::{Heard, Seat};

/// How often the agent reports although nothing has changed.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// The agent reports each change at once and reports every 5 s anyway; the interval is how often silence is looked at. Four
/// reports may be missing. Somebody who opens the sound settings mutes and unmutes within seconds.
pub const DEFAULTS: Defaults = Defaults {
    interval: HEARTBEAT,
    fresh_for: Duration::from_secs(20),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_secs(5),
    active: false,
};

/// Without a word for so long the agent has ceased to report: three reports and a moment. What it said of the room's use ends
/// with it, and not before: an agent that is started again within a meeting ends no meeting.
const SILENCE: Duration = Duration::from_secs(16);

/// How long a daemon that has just begun waits for its agent before it says that there is none: an agent tries each second.
const WELCOME: Duration = Duration::from_millis(2500);

static CONNECTED: Quantity =
    Quantity::gauge("seat_connected", Unit::Flag, "Whether the desktop session's agent reports (1) or none does (0).")
        .called("Agen sesi melapor", "The session's agent reports");
static VOLUME: Quantity = Quantity::gauge(
    "seat_volume_ratio",
    Unit::Ratio,
    "How loud the session's default device is set, of the sound server's 100 %, by direction.",
)
.by("direction")
.called("Kuat suara sesi", "Volume of the session");
static MUTED: Quantity =
    Quantity::gauge("seat_muted", Unit::Flag, "Whether the session's default device is muted, by direction.")
        .by("direction")
        .called("Suara sesi dimatikan", "The session's sound muted");
static IN_USE: Quantity = Quantity::gauge(
    "seat_in_use",
    Unit::Flag,
    "Whether a program of the session records from a microphone or plays, by direction.",
)
.by("direction")
.called("Suara sesi sedang dipakai", "The session's sound in use");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&CONNECTED, &VOLUME, &MUTED, &IN_USE];

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose session is believed: a user's name or number.
    #[serde(deserialize_with = "user")]
    pub user: User,
    /// Where daemon and agent meet.
    #[serde(default = "meeting_place", deserialize_with = "crate::domain::socket::place")]
    pub socket: PathBuf,
    /// Which microphone the session should use: `"auto"` (any), or a part of its name in the sound settings.
    #[serde(default = "auto")]
    pub source: String,
    /// Which loudspeaker the session should use: `"auto"` (any), or a part of its name in the sound settings.
    #[serde(default = "auto")]
    pub sink: String,
    /// The microphone's volume (ratio of 100 %) under which it is degraded; at 0 it is not ready, unless somebody records.
    #[serde(default = "quiet", deserialize_with = "share")]
    pub source_volume_degraded: f64,
    /// The loudspeaker's volume (ratio of 100 %) under which it is degraded; at 0 it is not ready, unless somebody records.
    #[serde(default = "quiet", deserialize_with = "share")]
    pub sink_volume_degraded: f64,
}

/// A number in quotes would be somebody's name, and nobody is called so.
fn user<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<User, D::Error> {
    match <User as serde::Deserialize>::deserialize(deserializer)? {
        User::Name(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) => {
            let message = format!("{name:?} is a number in quotes, which is nobody's name; write it without them");
            Err(<D::Error as serde::de::Error>::custom(message))
        }
        known => Ok(known),
    }
}

fn auto() -> String {
    "auto".to_owned()
}

/// `PulseAudio`'s and `PipeWire`'s scale is cubic: 20 % is 42 dB below full, which nobody sets on purpose.
const fn quiet() -> f64 {
    0.2
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        // It says nothing of any bus: what the session has chosen may be on the board.
        Level::Onboard
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A probe of this kind.
pub struct Probe {
    config: Config,
    context: Context,
    seat: Option<Seat>,
    /// When the agent's newest word came, or when waiting for one began.
    heard: Option<Mono>,
    /// When its newest report came, or when waiting for one began: one that comes and goes, or talks nonsense, tells nothing of the
    /// room's use.
    reported: Option<Mono>,
    ticker: Option<tokio::time::Interval>,
    /// The sound tests that other probes ask of the agent, while there is a socket.
    asked: Option<mpsc::Receiver<Ask>>,
    /// The one under way.
    test: Option<Test>,
    /// Orders given so far.
    orders: u64,
    record: Record,
}

/// A test that the agent was ordered to make.
struct Test {
    id: u64,
    ask: Ask,
    stopped: bool,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let record = Record::new(&enrolled::SEAT, context.enrolled.clone());
        Self {
            config,
            context,
            seat: None,
            heard: None,
            reported: None,
            ticker: None,
            asked: None,
            test: None,
            orders: 0,
            record,
        }
    }

    /// Waits until the agent says something, or until its silence is worth telling.
    pub async fn next(&mut self) -> Observation {
        let first = self.ticker.is_none();
        let began = self.context.clock.mono();
        loop {
            let seat = match &mut self.seat {
                Some(seat) => seat,
                none => match Seat::open(&self.config) {
                    Ok(seat) => {
                        self.asked = Some(self.context.desktop.watch(&self.context.check, seat.user));
                        none.insert(seat)
                    }
                    Err(error) => {
                        if !first {
                            self.context.clock.sleep_until(began.after(self.context.interval)).await;
                        }
                        self.ticker.get_or_insert_with(|| self.context.ticker());
                        return self.context.failed(began, error, &ERRORS);
                    }
                },
            };
            let heard = *self.heard.get_or_insert(began);
            self.reported.get_or_insert(began);
            let ticker = self.ticker.get_or_insert_with(|| {
                let mut ticker = self.context.ticker();
                ticker.reset_after(WELCOME);
                ticker
            });
            tokio::select! {
                word = seat.hear() => {
                    // Spoken when it was said, not when the wait for it began.
                    if let Some(observation) = self.take(word, self.context.clock.mono()) {
                        return observation;
                    }
                }
                ask = next(&mut self.asked), if self.test.is_none() => {
                    self.orders += 1;
                    seat.order(Order::Test { id: self.orders, what: ask.what }).await;
                    // Without an agent it is dropped, and whoever asked is told by that.
                    self.test = seat.is_connected().then_some(Test { id: self.orders, ask, stopped: false });
                }
                id = stopped(&mut self.test) => seat.order(Order::Stop { id }).await,
                _ = ticker.tick() => {
                    let began = self.context.clock.mono();
                    let silent = began.since(heard);
                    if silent >= SILENCE {
                        self.test = None;
                    }
                    if !seat.is_connected() {
                        if !seat.is_at_place() {
                            // Its folder was made anew, and no agent finds it.
                            self.seat = None;
                        }
                        let mut reading = judge::alone();
                        reading.in_use = self.use_ended(began);
                        return self.context.read(began, reading);
                    }
                    if silent >= SILENCE {
                        let detail = format!("no report for {} s", silent.as_secs());
                        let error = ProbeError::new(ErrorKind::Timeout, detail);
                        let mut observation = self.context.failed(began, error, &ERRORS);
                        observation.reading.in_use = self.use_ended(began);
                        return observation;
                    }
                }
            }
        }
    }

    /// Takes what was heard at this moment; `None` where that is nothing to observe.
    fn take(&mut self, word: Heard, now: Mono) -> Option<Observation> {
        self.heard = Some(now);
        if matches!(word, Heard::Report(_)) {
            self.reported = Some(now);
        }
        let ended = self.use_ended(now);
        let (desktop, check) = (&self.context.desktop, &self.context.check);
        match word {
            Heard::Report(Report::Tested(told)) => {
                if let Some(test) = self.test.take_if(|test| test.id == told.id) {
                    // Whoever asked may have gone.
                    _ = test.ask.answer.send(told);
                }
                None
            }
            Heard::Report(report) => {
                desktop.heard(check, now, Some(&report));
                let mut reading = judge::reading(&self.config, &report);
                let recorded = self.record.devices(&mut reading);
                judge::compare(&self.config, &report, recorded, &mut reading);
                Some(self.context.read(now, reading))
            }
            Heard::Come | Heard::Left | Heard::Nonsense(_) => {
                // Whoever waits for a test of the one that was there before is told by this.
                self.test = None;
                desktop.heard(check, now, None);
                let mut observation = match word {
                    Heard::Nonsense(error) => self.context.failed(now, error, &ERRORS),
                    Heard::Left => self.context.read(now, judge::alone()),
                    _ => return None,
                };
                observation.reading.in_use = ended;
                Some(observation)
            }
        }
    }

    /// `Some(false)` once what was reported of the room's use is too old.
    fn use_ended(&self, now: Mono) -> Option<bool> {
        self.reported.is_some_and(|reported| now.since(reported) >= SILENCE).then_some(false)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.asked = None;
        self.context.desktop.leave(&self.context.check);
    }
}

/// The next test that is asked for.
async fn next(asked: &mut Option<mpsc::Receiver<Ask>>) -> Ask {
    match asked {
        // It ends only when another probe watches for this check: then this one is about to end.
        Some(asked) => match asked.recv().await {
            Some(ask) => ask,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// Waits until the test under way must end, and gives its number, once.
async fn stopped(test: &mut Option<Test>) -> u64 {
    match test {
        Some(test) if !test.stopped => {
            _ = (&mut test.ask.stop).await;
            test.stopped = true;
            test.id
        }
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fixture::Machine;

    #[tokio::test]
    async fn an_agent_that_comes_and_goes_renews_no_word_of_use() {
        let machine = Machine::bare();
        let config = toml::from_str("user = 1000").unwrap();
        let mut probe = Probe::new(config, machine.context());
        let began = probe.context.clock.mono();
        let at = |seconds| began.after(Duration::from_secs(seconds));
        let recorders = vec!["zoom".to_owned()];
        let report = || Report::Sound { source: None, sink: None, recorders: recorders.clone(), players: Vec::new() };
        let nonsense = || Heard::Nonsense(ProbeError::new(ErrorKind::Protocol, "told"));
        let mut in_use = |word, seconds| probe.take(word, at(seconds)).map(|seen| seen.reading.in_use);
        assert_eq!(in_use(Heard::Report(report()), 0), Some(Some(true)));
        // It falls over, and is started again every five seconds.
        for (seconds, ended) in [(5, None), (10, None), (15, None), (20, Some(false)), (25, Some(false))] {
            assert_eq!(in_use(Heard::Come, seconds), None);
            assert_eq!(in_use(Heard::Left, seconds), Some(ended), "{seconds}");
            assert_eq!(in_use(nonsense(), seconds), Some(ended), "{seconds}");
        }
        assert_eq!(in_use(Heard::Report(report()), 30), Some(Some(true)));
        assert_eq!(in_use(Heard::Left, 31), Some(None));
    }
}
