//! Whose fault it was: ours, the provider's, the platform's, or not to be told.
//!
//! Nothing is laid at the provider's door that our own power or cable may have done: an own failure counts from two minutes
//! before it was seen until ten after it was over (a modem needs minutes to find its line again), and without a gateway that was
//! seen to work nobody is blamed.

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

/// A check over the time that is looked at.
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
}

/// A failure of ours, from when until when it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    from: Timestamp,
    to: Timestamp,
    level: Level,
}

/// Our own failures within the time that is looked at.
pub fn own(witnesses: &[Witness<'_>], shortfall: bool) -> Vec<Own> {
    let mut all = Vec::new();
    for witness in witnesses {
        for span in &witness.spans {
            // Its reasons may change within a span of one verdict.
            let within = witness.changes.iter().map(|change| change.at).filter(|at| span.from < *at && *at < span.to);
            let moments: Vec<Timestamp> = [span.from].into_iter().chain(within).chain([span.to]).collect();
            for pair in moments.windows(2).filter(|pair| witness.is_at_fault(pair[0], shortfall)) {
                all.push(Own {
                    from: pair[0].checked_sub(BEFORE).unwrap_or(Timestamp::MIN),
                    to: pair[1].checked_add(AFTER).unwrap_or(Timestamp::MAX),
                    level: witness.level,
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
    let ours = own.iter().filter(|own| own.from <= moment && moment < own.to).map(|own| own.level);
    if let Some(level) = ours.min_by_key(|level| depth(*level)) {
        return Cause::Ours(level);
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
