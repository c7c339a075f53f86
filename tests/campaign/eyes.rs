//! What the probes see of the schedule: observations for the judge, and the same for the laws.

use std::time::Duration;

use siaga::config::Config;
use siaga::domain::{Finding, Now, Observation, ProbeError, Reading, Sample, Verdict};
use siaga::probe;

use super::drawn::{Drawn, Fault, Item, What};
use super::law::{Look, alike};
use super::room::SEES_USE;

/// What becomes of a look that is due.
pub(super) enum Seen {
    /// It is made, and handed over at once.
    Now(Box<(Observation, Look)>),
    /// It is made, and handed over then.
    Later(Box<(Observation, Look)>, u64),
    /// It is made only then.
    Stuck(u64),
    /// There is none.
    Nothing,
}

/// A look at a check, due now.
pub(super) fn look(drawn: &Drawn, config: &Config, check: usize, ms: u64, now: Now) -> Seen {
    let spec = &config.plan.checks[check];
    let faults: Vec<(usize, &Fault)> = drawn
        .faults()
        .enumerate()
        .filter(|(_, fault)| fault.check == check && fault.from <= ms && ms < fault.until)
        .collect();
    let is = |what: What| faults.iter().filter(move |(_, fault)| fault.what == what);
    if is(What::Silent).next().is_some() {
        return Seen::Nothing;
    }
    if let Some(until) = is(What::Stuck).map(|(_, fault)| fault.until).max() {
        return Seen::Stuck(until);
    }
    let (_, profiles) = alike(&config.plan);
    let mut made = Look { at: ms, arrived: ms, ..Look::default() };
    let failed = faults.iter().find_map(|(number, fault)| match fault.what {
        What::Fails(kind) => Some((*number, kind)),
        _ => None,
    });
    let observation = if let Some((number, kind)) = failed {
        let table = probe::errors(spec.kind);
        let (verdict, reason) = table.judge(kind);
        made.faults.push(number);
        made.found.push((reason.code, vec![verdict; profiles.len()]));
        Observation::failed(spec.name.clone(), now, Duration::ZERO, ProbeError::new(kind, "as drawn"), table)
    } else {
        let mut reading = Reading::default();
        let mut lost = None;
        for (number, fault) in &faults {
            match fault.what {
                What::Equipment(reason, verdict) => {
                    reading.find(Finding::new(reason, verdict));
                    made.found.push((reason.code, vec![verdict; profiles.len()]));
                    made.faults.push(*number);
                }
                What::Delay(seconds) => {
                    let rule = spec.rules.iter().find(|rule| rule.quantity.name.contains("median")).unwrap();
                    reading.measurements.retain(|one| one.quantity != rule.quantity);
                    reading.measure(rule.quantity, seconds);
                    let verdict = |seconds: f64, limits: siaga::domain::Pair| {
                        if seconds > limits.not_ready {
                            Verdict::NotReady
                        } else if seconds > limits.degraded {
                            Verdict::Degraded
                        } else {
                            Verdict::Ready
                        }
                    };
                    // Of two the later counts: it is one line.
                    made.found.retain(|(code, _)| *code != rule.reason.code);
                    let verdicts = profiles.iter().map(|limits| verdict(seconds, *limits)).collect();
                    made.found.push((rule.reason.code, verdicts));
                    made.faults.push(*number);
                }
                What::Loss => lost = Some(*number),
                What::Late | What::Fails(_) | What::Silent | What::Stuck => {}
            }
        }
        if let Some(loss) = spec.loss {
            let outage = made.found.iter().any(|(_, verdicts)| verdicts.contains(&Verdict::NotReady));
            let gone = if lost.is_some() { loss.window / 2 } else { 0 };
            reading.sample = Some(Sample { sent: loss.window, lost: gone, outage });
            if !outage {
                let verdict = if lost.is_some() { Verdict::NotReady } else { Verdict::Ready };
                made.loss = Some((loss.reason.code, verdict));
                made.faults.extend(lost);
            }
        }
        if spec.name.as_str() == SEES_USE {
            let used = |item: &Item| matches!(item, Item::Used { from, until } if *from <= ms && ms < *until);
            reading.in_use = Some(drawn.items.iter().any(used));
            made.in_use = reading.in_use;
        }
        Observation::read(spec.name.clone(), now, Duration::ZERO, reading)
    };
    let seen = Box::new((observation, made));
    match is(What::Late).map(|(_, fault)| fault.until).max() {
        Some(until) => Seen::Later(seen, until),
        None => Seen::Now(seen),
    }
}

/// The code by which a fault shows.
pub(super) fn code(fault: &Fault, config: &Config) -> &'static str {
    let spec = &config.plan.checks[fault.check];
    match fault.what {
        What::Equipment(reason, _) => reason.code,
        What::Fails(kind) => probe::errors(spec.kind).judge(kind).1.code,
        What::Delay(_) => {
            spec.rules.iter().find(|rule| rule.quantity.name.contains("median")).map_or("", |rule| rule.reason.code)
        }
        What::Loss => spec.loss.map_or("", |loss| loss.reason.code),
        What::Silent | What::Stuck | What::Late => "siaga.stale",
    }
}
