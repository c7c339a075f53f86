//! When to send an echo, and what the answers and the silence mean. Pure: every call takes `now`, nothing is waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::words::{EchoId, Fate, News, Order, Plan, Report, Totals};
use crate::domain::{Mono, Sample};
use crate::probe::round_trips::RoundTrips;

#[cfg(test)]
mod tests;

/// No reply is missed sooner than this, however near the target (a verdict's law: max(100 ms, 2 × p99)).
const EARLIEST: Duration = Duration::from_millis(100);

/// How long the reply of a target is waited for whose round trip is not known yet.
const UNKNOWN_RTT: Duration = Duration::from_secs(1);

/// Between confirming echoes.
const CONFIRM_SPACING: Duration = Duration::from_millis(25);

/// Echoes that come faster than this are told together.
const TOGETHER: Duration = Duration::from_millis(250);

/// Between two echoes of a burst while the room is in use: who tests then may not be heard.
const GENTLE: Duration = Duration::from_millis(200);

/// One target's machine.
///
/// ```text
///         reply                    early deadline of an echo, nothing sent since answered
///  New ───────────▶ Up ◀──────────────────────────────────────────────┐
///   │               │  ╲                                               │ reply
///   │ early         │   ╲ unreachable, fault        ┌─────────────────┴──────────────────┐
///   │ deadline      │    ╲                          │ Suspect: `confirm` echoes at once,  │
///   └───────────────┼─────╲────────────────────────▶│ +25 ms, +50 ms …                    │
///                   └──────╲───────────────────────▶└─────────────────┬──────────────────┘
///                           ╲                        all silent        │
///   Up ◀── reply ── Down ◀───┴──────────────────────────────────────────┘
///   (burst anew,    one echo an interval, each one's fate told
///   or its rest)
/// ```
#[derive(Clone, Debug)]
pub(super) struct Machine {
    plan: Plan,
    state: State,
    /// On their way, by number and so by time.
    echoes: BTreeMap<EchoId, Echo>,
    next: EchoId,
    /// When the schedule's next echo is due.
    due: Mono,
    /// When its last one was sent.
    scheduled: Mono,
    burst_left: u32,
    /// While nobody answers: since when, and how much of the burst was left then. None after our own trouble, which forgets the loss.
    away: Option<(Mono, u32)>,
    /// Whether the room is in use: a burst goes slowly.
    gentle: bool,
    /// When the newest echo was sent that was answered: nothing older can be silence.
    answered: Option<Mono>,
    /// Echoes of an older epoch belong to an outage (or another address) and count for no loss.
    epoch: u32,
    trips: RoundTrips,
    sample: Sample,
    totals: Totals,
    /// The echo to tell about, and from when on.
    alive: Option<(Mono, Mono)>,
    told: Option<Mono>,
    urgent: Option<Report>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Up,
    Suspect { since: Mono, sent: u32, next: Mono, until: Mono },
    Down,
}

#[derive(Clone, Copy, Debug)]
struct Echo {
    sent: Mono,
    /// When its silence is noticed; none once it has been.
    early: Option<Mono>,
    epoch: u32,
    scheduled: bool,
}

impl Machine {
    /// A machine that begins with an echo at once.
    pub(super) fn new(plan: Plan, now: Mono) -> Self {
        Self {
            plan,
            state: State::New,
            echoes: BTreeMap::new(),
            next: EchoId::default(),
            due: now,
            scheduled: now,
            burst_left: 0,
            away: None,
            gentle: false,
            answered: None,
            epoch: 0,
            trips: RoundTrips::default(),
            sample: Sample::default(),
            totals: Totals::default(),
            alive: None,
            told: None,
            urgent: None,
        }
    }

    /// The target is at another address now: another path, so nothing known of the old one counts.
    pub(super) fn moved(&mut self, now: Mono) {
        *self = Self { totals: self.totals, next: self.next, gentle: self.gentle, ..Self::new(self.plan, now) };
    }

    /// The same for another address of a name whose last one failed: its turn is when the next echo is due anyway. Of addresses
    /// that all fail at once, each would else be tried the moment the last one has.
    pub(super) fn turned(&mut self, now: Mono) {
        let (due, away) = (self.due.max(now), self.away);
        self.moved(now);
        (self.due, self.away) = (due, away);
    }

    /// Whether the room is in use from now on.
    pub(super) const fn be_gentle(&mut self, in_use: bool) {
        self.gentle = in_use;
    }

    /// Whether the target answers, as far as is known.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// What the round trips say.
    pub(super) const fn trips(&self) -> &RoundTrips {
        &self.trips
    }

    /// The counters.
    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }

    /// When the schedule's next echo is due.
    pub(super) const fn due(&self) -> Mono {
        self.due
    }

    /// The next thing to do now, if there is any; to be asked until there is none.
    pub(super) fn poll(&mut self, now: Mono) -> Option<Order> {
        if let Some(report) = self.urgent.take() {
            self.told = Some(now);
            return Some(Order::Report(report));
        }
        if let Some((began, _)) = self.alive.filter(|(_, from)| *from <= now) {
            self.alive = None;
            self.told = Some(now);
            let sample = std::mem::take(&mut self.sample);
            return Some(Order::Report(Report { began, news: News::Alive(sample) }));
        }
        if self.due <= now {
            return Some(Order::Send(self.send_scheduled(now)));
        }
        self.judge_silence(now)
    }

    /// When [`Machine::poll`] next has something to do, if nothing is told before.
    pub(super) fn next_deadline(&self) -> Mono {
        if self.urgent.is_some() {
            return Mono::ZERO;
        }
        let silence = match self.state {
            State::Suspect { sent, next, .. } if sent < self.plan.confirm => next,
            State::Suspect { until, .. } => until,
            _ => self.missing().map_or(Mono::NEVER, |(_, early)| early),
        };
        let alive = self.alive.map_or(Mono::NEVER, |(_, from)| from);
        self.due.min(silence).min(alive)
    }

    /// Takes an echo's fate. One that is not known (of before a move) is nothing.
    pub(super) fn fate(&mut self, id: EchoId, fate: Fate, now: Mono) {
        let Some(echo) = self.echoes.remove(&id) else { return };
        let counts = echo.scheduled && echo.epoch == self.epoch && self.state != State::Down;
        if echo.scheduled && !matches!(fate, Fate::Fault(..)) {
            self.totals.echoes += 1;
        }
        match fate {
            Fate::Reply(rtt) => {
                self.sample.sent += u32::from(counts);
                if let Some(rtt) = rtt {
                    self.trips.push(rtt);
                }
                self.answered = self.answered.max(Some(echo.sent));
                self.answers(echo.sent, now);
            }
            Fate::Lost => {
                self.totals.lost += u64::from(echo.scheduled);
                self.sample.sent += u32::from(counts);
                self.sample.lost += u32::from(counts);
                self.keep_silent(id, echo);
            }
            Fate::Unreachable(detail) => self.fails(echo.sent, News::Unreachable(detail), now),
            Fate::Fault(kind, detail) => {
                self.fails(echo.sent, News::Fault(kind, detail), now);
                self.away = None;
            }
        }
    }

    /// The fate of an echo is known and its silence is yet to be noticed: the timeout may be no longer than the early
    /// deadline.
    fn keep_silent(&mut self, id: EchoId, echo: Echo) {
        if echo.early.is_some() {
            self.echoes.insert(id, Echo { scheduled: false, ..echo });
        }
    }

    /// A reply came: whatever was suspected, somebody is there.
    fn answers(&mut self, sent: Mono, now: Mono) {
        let before = std::mem::replace(&mut self.state, State::Up);
        if before == State::Down {
            // What was on its way meanwhile belongs to the outage, and so does what it took to find the way again (ARP, a radio that
            // wakes), which the first round trip carries: it is compared with none, before or after.
            self.epoch += 1;
            self.trips.gap();
        }
        if before == State::Down || self.told.is_none() {
            // Begun anew: the line is sampled quickly, and this first reply is told at once. Not so after an outage that is loss: it
            // would drown in what is sampled between two of them.
            self.burst_left = match self.away.take() {
                Some((since, left)) if now.since(since) < self.plan.hold => left,
                _ => self.plan.burst,
            };
            if self.burst_left > 0 {
                self.due = self.due.min(now.after(self.spacing()));
            }
            self.alive = Some((sent, now));
            return;
        }
        let from = match self.told {
            Some(told) if self.spacing() < TOGETHER => told.after(TOGETHER),
            _ => now,
        };
        let from = self.alive.map_or(from, |(_, earlier)| earlier.min(from));
        self.alive = Some((sent, from.max(now)));
    }

    fn fails(&mut self, sent: Mono, news: News, now: Mono) {
        self.totals.errors += 1;
        // Of many on their way at once, the first tells it for all that were sent before.
        let told_already = self.state == State::Down && self.told.is_some_and(|told| sent < told);
        self.goes_down(now);
        if !told_already {
            self.urgent = Some(Report { began: sent, news });
        }
    }

    fn goes_down(&mut self, now: Mono) {
        if self.state == State::Down {
            return;
        }
        self.state = State::Down;
        self.epoch += 1;
        self.trips.gap();
        self.sample = Sample::default();
        self.alive = None;
        // No burst into silence: from the last scheduled echo on, one an interval.
        let left = std::mem::take(&mut self.burst_left);
        let left = if self.answered.is_none() { self.plan.burst } else { left };
        self.away.get_or_insert((now, left));
        self.due = self.scheduled.after(self.plan.interval).max(now);
        for echo in self.echoes.values_mut() {
            echo.early = None;
        }
    }

    fn spacing(&self) -> Duration {
        let Plan { interval, burst_spacing, .. } = self.plan;
        match (self.burst_left > 0, self.gentle) {
            (true, true) => burst_spacing.max(GENTLE.min(interval)),
            (true, false) => burst_spacing,
            (false, _) => interval,
        }
    }

    /// The schedule goes on whether or not anything answers: no coordinated omission. Slots that passed while this
    /// process did not run are skipped; nothing was sent in them, so nothing was lost.
    fn send_scheduled(&mut self, now: Mono) -> EchoId {
        let spacing = self.spacing();
        self.burst_left = self.burst_left.saturating_sub(1);
        self.due = Some(self.due.after(spacing)).filter(|due| *due > now).unwrap_or_else(|| now.after(spacing));
        self.scheduled = now;
        self.send(now, true)
    }

    fn send(&mut self, now: Mono, scheduled: bool) -> EchoId {
        // Only one whose silence nobody had to notice outlives its timeout.
        while self.echoes.first_key_value().is_some_and(|(_, echo)| now.since(echo.sent) > self.plan.timeout * 2) {
            self.echoes.pop_first();
        }
        let id = self.next;
        self.next = id.after();
        let early = scheduled.then(|| now.after(self.patience()));
        self.echoes.insert(id, Echo { sent: now, early, epoch: self.epoch, scheduled });
        id
    }

    /// How long an echo may be silent before that is suspicious: it follows the target's own round trip, so that a
    /// satellite's 600 ms is not silence.
    fn patience(&self) -> Duration {
        self.trips.p99().map_or(UNKNOWN_RTT, |p99| EARLIEST.max(p99 * 2)).min(self.plan.timeout)
    }

    /// The scheduled echo whose silence is to be noticed first: none before the newest answered one.
    fn missing(&self) -> Option<(EchoId, Mono)> {
        let newer = |echo: &Echo| self.answered.is_none_or(|answered| echo.sent > answered);
        self.echoes
            .iter()
            .filter(|(_, echo)| newer(echo))
            .filter_map(|(id, echo)| Some((*id, echo.early?)))
            .min_by_key(|(_, early)| *early)
    }

    fn judge_silence(&mut self, now: Mono) -> Option<Order> {
        match self.state {
            State::New | State::Up => {
                let (id, _) = self.missing().filter(|(_, early)| *early <= now)?;
                let since = self.echoes.get_mut(&id).map_or(now, |echo| {
                    echo.early = None;
                    echo.sent
                });
                self.state = State::Suspect { since, sent: 0, next: now, until: now };
                self.judge_silence(now)
            }
            State::Suspect { since, sent, next, .. } if sent < self.plan.confirm => {
                if next > now {
                    return None;
                }
                let until = now.after(self.patience());
                self.state = State::Suspect { since, sent: sent + 1, next: now.after(CONFIRM_SPACING), until };
                self.totals.confirming += 1;
                Some(Order::Send(self.send(now, false)))
            }
            State::Suspect { since, until, .. } => {
                if until > now {
                    return None;
                }
                self.goes_down(now);
                Some(self.silent(since, now))
            }
            State::Down => {
                let (id, _) = self.missing().filter(|(_, early)| *early <= now)?;
                let echo = self.echoes.get_mut(&id)?;
                echo.early = None;
                let sent = echo.sent;
                Some(self.silent(sent, now))
            }
        }
    }

    /// Of one scheduled echo: those that confirm count for no loss.
    fn silent(&mut self, began: Mono, now: Mono) -> Order {
        self.told = Some(now);
        let sample = Sample { sent: 1, lost: 1, outage: true };
        Order::Report(Report { began, news: News::Silent(sample) })
    }
}
