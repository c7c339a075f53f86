//! Plays recorded observations, and those that they stand for, to a judge in virtual time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::plan::Plan;
use crate::domain::{CheckName, Component, Mono, Now, Observation, Sample, Snapshot, Subject, Verdict};
use crate::engine::{Engine, Event, Restored};
use crate::store::{Recorded, Recording};

/// What a replay showed.
pub(super) struct Played {
    /// What happened, and when.
    pub(super) events: Vec<(Timestamp, Event)>,
    /// What the room became, and when.
    pub(super) room: Vec<(Timestamp, Verdict)>,
    /// How long the room was each, from best to worst.
    pub(super) times: [Duration; 4],
    /// The same of the components.
    pub(super) components: HashMap<Component, [Duration; 4]>,
    /// How many observations were played.
    pub(super) count: usize,
    /// The state at the end.
    pub(super) end: Arc<Snapshot>,
}

/// One observation to be played: that of `recorded`, at another moment and with other packets.
struct Step<'a> {
    at: Timestamp,
    recorded: &'a Recorded,
    sample: Option<Sample>,
}

/// Plays `recording` to a judge of `plan`, from `begin` until `end` by the wall clock. `zero` is the moment of `begin` on the
/// monotonic scale, far enough from its beginning that older evidence has its true age.
pub(super) fn play(plan: Plan, recording: &Recording, (begin, end): (Timestamp, Timestamp), zero: Mono) -> Played {
    let zero = Now { mono: zero, wall: begin };
    let moment = |at: Timestamp| Now { mono: zero.mono_at(at), wall: at };
    let steps = steps(&plan, recording);
    let restored = recording
        .before
        .iter()
        .map(|recorded| Observation { at: moment(recorded.observation.at.wall), ..recorded.observation.clone() });
    let mut engine = Engine::new(plan, Restored { observations: restored.collect(), ..Restored::default() }, zero);
    let mut played = Played {
        events: Vec::new(),
        room: Vec::new(),
        times: [Duration::ZERO; 4],
        components: HashMap::new(),
        count: recording.within.len(),
        end: engine.snapshot(),
    };
    let mut steps = steps.into_iter().skip_while(|step| step.at < begin).peekable();
    let mut at = begin;
    loop {
        let now = moment(at);
        let due = std::iter::from_fn(|| steps.next_if(|step| step.at <= at));
        let observations: Vec<Observation> = due.map(|step| step.observation(now)).collect();
        engine.observe_all(observations, now);
        for event in engine.drain_events() {
            if let Event::Transition(change) = &event
                && change.subject == Subject::Room
            {
                played.room.push((at, change.to));
            }
            played.events.push((at, event));
        }
        if at >= end {
            break;
        }
        let deadline = engine.next_deadline();
        let due = if deadline == Mono::NEVER { end } else { now.wall_at(deadline) };
        let next = steps.peek().map(|step| step.at).into_iter().chain([due, end]).filter(|next| *next > at);
        let next = next.min().unwrap_or(end).min(end);
        played.pass(&engine.snapshot(), next.duration_since(at).unsigned_abs());
        at = next;
    }
    played.end = engine.snapshot();
    played
}

impl Played {
    /// Lets a time pass in which nothing changes.
    fn pass(&mut self, snapshot: &Snapshot, time: Duration) {
        let view = snapshot.current();
        self.times[view.verdict.rank()] += time;
        for component in view.components.iter() {
            self.components.entry(component.component).or_default()[component.verdict.rank()] += time;
        }
    }
}

impl Step<'_> {
    fn observation(&self, now: Now) -> Observation {
        let mut observation = self.recorded.observation.clone();
        observation.at = now;
        observation.reading.sample = self.sample;
        observation
    }
}

/// Every recorded observation of a check in the plan, and before it those that it stands for, in the order of time.
fn steps<'a>(plan: &Plan, recording: &'a Recording) -> Vec<Step<'a>> {
    let fresh: HashMap<&CheckName, Duration> = plan.checks.iter().map(|spec| (&spec.name, spec.fresh_for)).collect();
    let mut newest: HashMap<&CheckName, &Recorded> =
        recording.before.iter().map(|recorded| (&recorded.observation.check, recorded)).collect();
    let mut steps = Vec::new();
    for recorded in &recording.within {
        let check = &recorded.observation.check;
        let Some(fresh_for) = fresh.get(check) else { continue };
        let at = recorded.observation.at.wall;
        let before = newest.insert(check, recorded);
        let left_out = before.map(|before| left_out(before.observation.at.wall, recorded, *fresh_for / 2));
        let mut shares = Shares::of(recorded.observation.reading.sample, left_out.as_ref().map_or(0, Vec::len));
        if let Some(before) = before {
            // They said the same as the one before; what they measured is not known.
            let moments = left_out.into_iter().flatten();
            steps.extend(moments.map(|at| Step { at, recorded: before, sample: shares.next() }));
        }
        steps.push(Step { at, recorded, sample: shares.next() });
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// Moments for those left out between `from` and `recorded`: spread evenly, none in the longest silence, and not more of them
/// than keep the evidence fresh as they did (`pace`).
fn left_out(from: Timestamp, recorded: &Recorded, pace: Duration) -> Vec<Timestamp> {
    let between = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).unwrap_or_default();
    let (quiet_from, quiet_to) = recorded.quiet;
    let spans = [(from, quiet_from), (quiet_to, recorded.observation.at.wall)];
    let [left, right] = spans.map(|(from, to)| between(from, to));
    if recorded.left_out == 0 || (left + right).is_zero() {
        return Vec::new();
    }
    let pace = pace.max((left + right) / recorded.left_out).max(Duration::from_millis(1));
    // The silence has one of them at each of its ends, or the recorded one, or the one before.
    let mut moments = Vec::new();
    for ((from, _), span, first) in [(spans[0], left, 1), (spans[1], right, 0)] {
        let count = u32::try_from(span.as_nanos().div_ceil(pace.as_nanos())).unwrap_or(u32::MAX);
        moments.extend((first..count + first).filter_map(|place| from.checked_add(span / count * place).ok()));
    }
    moments
}

/// Packets of several observations that were added up, dealt out again as evenly as they go.
struct Shares {
    total: Option<Sample>,
    parts: u64,
    dealt: u64,
}

impl Shares {
    fn of(total: Option<Sample>, others: usize) -> Self {
        Self { total, parts: others as u64 + 1, dealt: 0 }
    }

    fn next(&mut self) -> Option<Sample> {
        let total = self.total?;
        self.dealt += 1;
        let share = |of: u32| {
            let upto = |dealt: u64| u64::from(of) * dealt / self.parts;
            u32::try_from(upto(self.dealt) - upto(self.dealt - 1)).unwrap_or(u32::MAX)
        };
        Some(Sample { sent: share(total.sent), lost: share(total.lost), outage: total.outage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reading;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn recorded(millis: i64, left_out: u32, quiet: (i64, i64)) -> Recorded {
        let now = Now { mono: Mono::ZERO, wall: at(millis) };
        let observation = Observation::read("line".into(), now, Duration::ZERO, Reading::default());
        Recorded { observation, left_out, quiet: (at(quiet.0), at(quiet.1)) }
    }

    #[test]
    fn what_was_left_out_is_played_as_thick_as_it_was_and_never_in_the_silence() {
        for (to, count, quiet, pace, moments) in [
            // One a second, with one second like every other.
            (4000, 3, (1000, 2000), 1, vec![1000, 2000, 3000]),
            // The same, with evidence that lasts long: the ends of the silence alone.
            (4000, 3, (1000, 2000), 10_000, vec![1000, 2000]),
            // A silence at the beginning, at the end, all along.
            (4000, 2, (0, 2000), 1, vec![2000, 3000]),
            (4000, 2, (2000, 4000), 1, vec![1000, 2000]),
            (4000, 0, (0, 4000), 1, vec![]),
            // A wall clock that was set back.
            (-4000, 3, (0, 1000), 1, vec![]),
        ] {
            let seen = left_out(at(0), &recorded(to, count, quiet), Duration::from_millis(pace));
            let seen: Vec<i64> = seen.iter().map(|at| at.as_millisecond()).collect();
            assert_eq!(seen, moments, "{count} until {to}, silent {quiet:?}, every {pace}");
        }
    }

    #[test]
    fn packets_are_dealt_out_evenly_and_none_is_lost() {
        let total = Sample { sent: 47, lost: 10, outage: false };
        let mut shares = Shares::of(Some(total), 6);
        let dealt: Vec<Sample> = (0..7).map(|_| shares.next().unwrap()).collect();
        assert_eq!(dealt.iter().map(|share| share.sent).sum::<u32>(), 47);
        assert_eq!(dealt.iter().map(|share| share.lost).sum::<u32>(), 10);
        assert!(dealt.iter().all(|share| (6..=7).contains(&share.sent) && (1..=2).contains(&share.lost)), "{dealt:?}");
        assert_eq!(Shares::of(None, 6).next(), None);
    }
}
