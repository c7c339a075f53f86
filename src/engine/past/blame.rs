//! Whose fault it was: ours, the provider's, the platform's, or not to be told.
//!
//! Nothing is laid at the provider's door that our own power or cable may have done: an own failure counts from two minutes
//! before it was seen until ten after it was over (a modem needs minutes to find its line again), one may have been while nobody
//! watched, and without a gateway that was seen to work nobody is blamed. A cable or gateway in spite of whose failure the far ends
//! answered is no cause, as the judge has it (`engine/cause.rs`); but it excuses nobody else either.

use std::time::Duration;

use jiff::Timestamp;

use super::spans::Span;
use crate::domain::{Kind, Level, Run, Transition, Verdict};

/// How long before it was seen an own failure counts: the far ends may be missed sooner than the cable.
const BEFORE: Duration = Duration::from_mins(2);
/// How long after it was over.
const AFTER: Duration = Duration::from_mins(10);
/// On battery the UPS is only degraded, and what hangs on another socket is dark.
pub(crate) const ON_BATTERY: &str = "power.on_battery";

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Ours, at this level: power, computer, cable or gateway.
    Ours(Level),
    /// Beyond our gateway: the provider's.
    Provider,
    /// The far ends work, and the meeting platform does not.
    Platform,
    /// It cannot be told.
    Unclear,
}

impl Cause {
    /// The word used in API and CSV.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours(Level::Power) => "ours_power",
            Self::Ours(Level::Computer) => "ours_computer",
            Self::Ours(Level::Link) => "ours_link",
            Self::Ours(_) => "ours_gateway",
            Self::Provider => "provider",
            Self::Platform => "platform",
            Self::Unclear => "unclear",
        }
    }

    /// Whether it is ours.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Ours(_))
    }
}

/// What is to be known for telling whose fault something was within a span: what came shortly before it, and after.
pub fn around((from, to): (Timestamp, Timestamp)) -> (Timestamp, Timestamp) {
    (earlier(from, AFTER), later(to, BEFORE))
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A check of the main line, or of what stands before it, over the time that is looked at.
#[derive(Clone, Debug)]
pub struct Witness<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: Kind,
    /// Where it stands.
    pub level: Level,
    changes: &'a [Transition],
    spans: Vec<Span>,
}

impl<'a> Witness<'a> {
    /// A check and its changes.
    pub fn new(
        (name, kind, level): (&'a str, Kind, Level),
        changes: &'a [Transition],
        runs: &[Run],
        span: (Timestamp, Timestamp),
    ) -> Self {
        Self { name, kind, level, changes, spans: super::spans::spans(changes, runs, span) }
    }

    /// What it was at a moment.
    pub fn at(&self, moment: Timestamp) -> Option<Verdict> {
        let after = self.spans.partition_point(|span| span.from <= moment);
        self.spans[..after].last().filter(|span| moment < span.to).and_then(|span| span.state)
    }

    /// Whether it was one of some verdicts at any time of a span.
    pub fn was(&self, from: Timestamp, to: Timestamp, any: impl Fn(Verdict) -> bool) -> bool {
        let touched = self.spans.iter().filter(|span| span.from < to && from < span.to);
        touched.filter_map(|span| span.state).any(any)
    }

    fn codes_at(&self, moment: Timestamp) -> &'a [&'static str] {
        let after = self.changes.partition_point(|change| change.at <= moment);
        self.changes[..after].last().map_or(&[], |change| &change.codes)
    }

    /// Whether it shows, at a moment, a failure of ours that can take the internet along: of a shortfall a slow link is one too.
    fn is_at_fault(&self, moment: Timestamp, shortfall: bool) -> bool {
        match (self.level, self.at(moment)) {
            (Level::Power | Level::Computer | Level::Link | Level::Gateway, Some(Verdict::NotReady)) => true,
            (Level::Link | Level::Gateway, Some(Verdict::Degraded)) => shortfall,
            (Level::Power, Some(Verdict::Degraded)) => self.codes_at(moment).contains(&ON_BATTERY),
            _ => false,
        }
    }

    /// When it was not ready although far ends answered: it answers no echoes, or another way leads past it. What goes on after
    /// a time of which nothing is known is one failure.
    fn is_no_cause(&self, witnesses: &[Witness<'_>]) -> Vec<(Timestamp, Timestamp)> {
        if !matches!(self.level, Level::Link | Level::Gateway) {
            return Vec::new();
        }
        let mut failures: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut goes_on = false;
        for span in &self.spans {
            match span.state {
                Some(Verdict::NotReady) => {
                    match failures.last_mut() {
                        Some(last) if goes_on => last.1 = span.to,
                        _ => failures.push((span.from, span.to)),
                    }
                    goes_on = true;
                }
                Some(Verdict::Ready | Verdict::Degraded) => goes_on = false,
                Some(Verdict::Unknown) | None => {}
            }
        }
        // Others are asked so seldom that they may still be called good.
        let asked_often = |other: &&Witness<'_>| matches!(other.kind, Kind::Icmp | Kind::Stun);
        let far = || witnesses.iter().filter(|other| other.level == Level::FarEnd).filter(asked_often);
        failures.retain(|(from, to)| {
            // At its ends one may be seen before the other.
            let (from, to) = (later(*from, BEFORE), earlier(*to, BEFORE));
            from < to && far().any(|other| other.was(from, to, Verdict::is_usable))
        });
        failures
    }
}

/// A failure of ours, from when until when it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    from: Timestamp,
    to: Timestamp,
    /// `None` where it is not known whether it was one.
    level: Option<Level>,
}

/// Our own failures within the time that is looked at.
pub fn own(witnesses: &[Witness<'_>], shortfall: bool) -> Vec<Own> {
    // What nobody watched may have had one, and what needs minutes to come back has them before it.
    let unwatched = witnesses.first().into_iter().flat_map(|witness| &witness.spans);
    let unwatched = unwatched.filter(|span| span.state.is_none());
    let mut all: Vec<Own> =
        unwatched.map(|span| Own { from: span.from, to: later(span.to, AFTER), level: None }).collect();
    for witness in witnesses {
        let no_cause = witness.is_no_cause(witnesses);
        for span in &witness.spans {
            let refuted = no_cause.iter().any(|(from, to)| *from <= span.from && span.to <= *to);
            // Its reasons may change within a span of one verdict.
            let within = witness.changes.iter().map(|change| change.at).filter(|at| span.from < *at && *at < span.to);
            let moments: Vec<Timestamp> = [span.from].into_iter().chain(within).chain([span.to]).collect();
            for pair in moments.windows(2).filter(|pair| witness.is_at_fault(pair[0], shortfall)) {
                all.push(Own {
                    from: earlier(pair[0], BEFORE),
                    to: later(pair[1], AFTER),
                    level: (!refuted).then_some(witness.level),
                });
            }
        }
    }
    all
}

/// A part of a span with one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Whose fault.
    pub cause: Cause,
}

/// A span of failure, cut where its cause changes. `shortfall`: it is degraded, not down.
pub fn parts(from: Timestamp, to: Timestamp, witnesses: &[Witness<'_>], own: &[Own], shortfall: bool) -> Vec<Part> {
    let changes = witnesses.iter().flat_map(|witness| witness.spans.iter().map(|span| span.from));
    let edges = own.iter().flat_map(|own| [own.from, own.to]);
    let mut moments: Vec<Timestamp> =
        changes.chain(edges).filter(|at| from < *at && *at < to).chain([from, to]).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut parts: Vec<Part> = Vec::new();
    for pair in moments.windows(2) {
        let cause = cause_at(pair[0], witnesses, own, shortfall);
        match parts.last_mut() {
            Some(last) if last.cause == cause => last.to = pair[1],
            _ => parts.push(Part { from: pair[0], to: pair[1], cause }),
        }
    }
    parts
}

fn cause_at(moment: Timestamp, witnesses: &[Witness<'_>], own: &[Own], shortfall: bool) -> Cause {
    // Of several own failures the one that explains the others.
    let depth = |level: Level| std::iter::successors(Some(level), |level| level.parent()).count();
    let mut ours = own.iter().filter(|own| own.from <= moment && moment < own.to);
    if let Some(level) = ours.clone().filter_map(|own| own.level).min_by_key(|level| depth(*level)) {
        return Cause::Ours(level);
    }
    if ours.next().is_some() {
        return Cause::Unclear;
    }
    let mut gateways = witnesses.iter().filter(|witness| witness.level == Level::Gateway).peekable();
    let seen_to_work =
        gateways.peek().is_some() && gateways.all(|witness| witness.at(moment).is_some_and(Verdict::is_usable));
    if !seen_to_work {
        return Cause::Unclear;
    }
    let bad = |witness: &&Witness<'_>| match witness.at(moment) {
        Some(Verdict::NotReady) => true,
        Some(Verdict::Degraded) => shortfall,
        _ => false,
    };
    // Names may be answered by our own router, so DNS is no witness against the provider.
    let far = || witnesses.iter().filter(|witness| witness.level == Level::FarEnd && witness.kind != Kind::Dns);
    let known = far().filter(|witness| witness.at(moment).is_some_and(|verdict| verdict != Verdict::Unknown)).count();
    let failing = far().filter(bad).count();
    if failing * 2 > known {
        return Cause::Provider;
    }
    let platform = witnesses.iter().filter(|witness| witness.level == Level::Platform).filter(bad).count();
    if platform > 0 && failing == 0 && known > 0 { Cause::Platform } else { Cause::Unclear }
}

#[cfg(test)]
mod tests;
