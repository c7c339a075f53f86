//! The machine under virtual time, against a line that is made up: only the machine is under test here.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::domain::ErrorKind;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn at(millis: u64) -> Mono {
    Mono::from_elapsed(ms(millis))
}

const PLAN: Plan =
    Plan { interval: ms(250), timeout: ms(2000), confirm: 3, burst: 0, burst_spacing: ms(20), hold: ms(1000) };

/// What the line does to an echo sent at some time: its round trip, or that it is lost, or a router's word.
type Line<'a> = dyn FnMut(Mono) -> Answer + 'a;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    After(Duration),
    Never,
    Unreachable(Duration),
}

/// Runs a machine against a line.
struct World<'a> {
    machine: Machine,
    line: &'a mut Line<'a>,
    now: Mono,
    /// What is on its way: when its fate is known, and which.
    fates: BTreeMap<(Mono, EchoId), Fate>,
    told: Vec<(Mono, Report)>,
    sent: Vec<Mono>,
}

impl<'a> World<'a> {
    fn new(plan: Plan, line: &'a mut Line<'a>) -> Self {
        let machine = Machine::new(plan, Mono::ZERO);
        Self { machine, line, now: Mono::ZERO, fates: BTreeMap::new(), told: Vec::new(), sent: Vec::new() }
    }

    fn run_until(&mut self, end: Mono) {
        while self.now < end {
            self.settle();
            let fate = self.fates.keys().next().map_or(Mono::NEVER, |(when, _)| *when);
            let next = fate.min(self.machine.next_deadline());
            assert!(next > self.now, "nothing is left to do at {:?}, and yet {next:?} is due", self.now);
            self.now = next.min(end);
            self.deliver();
        }
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            match self.machine.poll(self.now) {
                None => return,
                Some(Order::Report(report)) => self.told.push((self.now, report)),
                Some(Order::Send(id)) => {
                    self.sent.push(self.now);
                    let timeout = self.machine.plan.timeout;
                    let (after, fate) = match (self.line)(self.now) {
                        Answer::After(rtt) if rtt < timeout => (rtt, Fate::Reply(Some(rtt))),
                        Answer::After(_) | Answer::Never => (timeout, Fate::Lost),
                        Answer::Unreachable(after) => (after, Fate::Unreachable("no way".to_owned())),
                    };
                    self.fates.insert((self.now.after(after), id), fate);
                }
            }
        }
        panic!("the machine does not come to rest");
    }

    fn deliver(&mut self) {
        while let Some(((when, id), _)) = self.fates.first_key_value().filter(|((when, _), _)| *when <= self.now) {
            let key = (*when, *id);
            let fate = self.fates.remove(&key).unwrap();
            self.machine.fate(key.1, fate, self.now);
        }
    }

    fn silences(&self) -> Vec<Mono> {
        self.told.iter().filter(|(_, report)| matches!(report.news, News::Silent(_))).map(|(when, _)| *when).collect()
    }

    /// Echoes counted for the loss decision, and the lost among them.
    fn counted(&self) -> (u32, u32) {
        self.told.iter().fold((0, 0), |(sent, lost), (_, report)| match &report.news {
            News::Alive(sample) => (sent + sample.sent, lost + sample.lost),
            _ => (sent, lost),
        })
    }
}

#[test]
fn the_first_reply_is_told_at_once_and_then_the_burst_in_handfuls() {
    let plan = Plan { burst: 250, interval: ms(1000), ..PLAN };
    let mut line = |_| Answer::After(ms(30));
    let mut world = World::new(plan, &mut line);
    world.run_until(at(7000));
    let News::Alive(first) = &world.told[0].1.news else { panic!("{:?}", world.told[0]) };
    assert_eq!((world.told[0].0, first.sent), (at(30), 1));
    let burst: Vec<_> = world.told.iter().filter(|(when, _)| *when > at(30) && *when < at(5050)).collect();
    assert!((18..=21).contains(&burst.len()), "{} reports in five seconds", burst.len());
    // The first echo, 250 of the burst, and one each second after it.
    assert_eq!(world.sent.len(), 1 + 250 + 2);
    assert_eq!(world.counted(), (253, 0));
}

#[test]
fn silence_is_told_after_confirming_echoes_and_each_interval_from_then_on() {
    // The target dies just after it answered the echo of 1000 ms.
    let mut line = |sent| if sent <= at(1000) { Answer::After(ms(40)) } else { Answer::Never };
    let mut world = World::new(PLAN, &mut line);
    world.run_until(at(2100));
    // Missed at 1250 + 100; three more at once, +25, +50; the last one's 100 ms are over at 1500.
    assert_eq!(world.silences(), [at(1500), at(1850)]);
    assert_eq!(world.machine.totals().confirming, 3);
    let (_, first) = world.told.iter().find(|(_, report)| matches!(report.news, News::Silent(_))).unwrap();
    assert_eq!(first.began, at(1250));
    assert_eq!(first.news, News::Silent(Sample { sent: 1, lost: 1, outage: true }));
}

#[test]
fn a_return_is_told_at_once_and_samples_the_line_anew() {
    let plan = Plan { burst: 50, ..PLAN };
    let mut line = |sent| if (at(2000)..at(5000)).contains(&sent) { Answer::Never } else { Answer::After(ms(40)) };
    let mut world = World::new(plan, &mut line);
    world.run_until(at(9000));
    let last_silence = *world.silences().last().unwrap();
    let (back, report) = world.told.iter().find(|(when, _)| *when > last_silence).unwrap();
    assert!(*back <= at(5290), "{back:?}");
    // The echoes of the outage are none of the loss, nor are those on their way when it ended.
    assert_eq!(report.news, News::Alive(Sample::default()));
    let during: Vec<_> = world.sent.iter().filter(|sent| (*back..back.after(ms(1001))).contains(sent)).collect();
    assert_eq!(during.len(), 50);
    assert_eq!(world.counted().1, 0);
}

#[test]
fn after_an_outage_shorter_than_the_hold_the_burst_goes_on_where_it_was_and_does_not_begin_anew() {
    let plan = Plan { burst: 250, interval: ms(1000), hold: ms(3000), ..PLAN };
    // Two seconds of each ten: the first in the middle of the first burst.
    let away = |sent: Mono| (2000..4000).contains(&(sent.since(Mono::ZERO).as_millis() % 10_000));
    let mut line = |sent| if away(sent) { Answer::Never } else { Answer::After(ms(40)) };
    let mut world = World::new(plan, &mut line);
    world.run_until(at(60_000));
    let silences = world.silences().len();
    let (sent, lost) = world.counted();
    assert!(silences >= 6 && lost == 0, "{silences} {lost}");
    // The burst once, less what was on its way when the line went, and an echo a second.
    assert!((250..330).contains(&sent), "{sent}");
    let later = at(20_000);
    let echoes = world.sent.iter().filter(|sent| **sent >= later).count();
    assert!(echoes < 60, "{echoes} in forty seconds, with those that confirm");
    assert!(world.silences().iter().filter(|when| **when >= later).count() >= 4);
}

#[test]
fn in_a_meeting_a_burst_is_slow_and_whole_and_decides_all_the_same() {
    let plan = Plan { burst: 250, interval: ms(1000), ..PLAN };
    let mut line = |sent| if (at(6000)..at(9000)).contains(&sent) { Answer::Never } else { Answer::After(ms(40)) };
    let mut world = World::new(plan, &mut line);
    world.run_until(at(6000));
    world.machine.be_gentle(true);
    world.run_until(at(80_000));
    let back = world.told.iter().rev().find(|(_, report)| matches!(report.news, News::Silent(_))).unwrap().0;
    let after: Vec<_> = world.sent.iter().copied().filter(|sent| *sent > back).collect();
    let gaps: Vec<_> = after.windows(2).map(|two| two[1].since(two[0])).collect();
    assert!(gaps.iter().all(|gap| *gap >= GENTLE), "{gaps:?}");
    assert_eq!(gaps.iter().filter(|gap| **gap == GENTLE).count(), 250);
    // The meeting's end, in the middle of one: the rest goes quickly.
    world.machine.be_gentle(false);
    world.machine.burst_left = 10;
    let before = world.sent.len();
    world.run_until(at(82_000));
    assert!(world.sent.len() >= before + 10);
}

#[test]
fn an_outage_is_no_jitter() {
    // The first answer after it waits until the way is found again.
    let mut line = |sent| match sent {
        sent if (at(2000)..at(5000)).contains(&sent) => Answer::Never,
        sent if (at(5000)..at(5250)).contains(&sent) => Answer::After(ms(200)),
        _ => Answer::After(ms(10)),
    };
    let mut world = World::new(PLAN, &mut line);
    world.run_until(at(6000));
    assert!(!world.silences().is_empty());
    let trips = world.machine.trips().summary().unwrap();
    assert_eq!((trips.last, trips.jitter), (0.01, Some(0.0)));
}

#[test]
fn a_satellite_is_not_silent_and_a_late_reply_is_no_loss() {
    let mut line = |_| Answer::After(ms(700));
    let mut world = World::new(PLAN, &mut line);
    world.run_until(at(60_000));
    assert_eq!(world.silences(), []);
    assert_eq!(world.counted().1, 0);
    assert_eq!(world.machine.totals().confirming, 0);
}

#[test]
fn a_single_loss_is_confirmed_away_and_counted_once() {
    let mut line = |sent| if sent == at(5000) { Answer::Never } else { Answer::After(ms(20)) };
    let mut world = World::new(PLAN, &mut line);
    world.run_until(at(10_000));
    assert_eq!(world.silences(), []);
    assert_eq!(world.machine.totals().confirming, 1);
    assert_eq!(world.machine.totals().lost, 1);
    assert_eq!(world.counted(), (40, 1));
}

#[test]
fn a_target_that_never_answered_is_silent_after_two_seconds() {
    let mut line = |_| Answer::Never;
    let mut world = World::new(Plan { interval: ms(1000), ..PLAN }, &mut line);
    world.run_until(at(3000));
    assert_eq!(world.silences()[0], at(2050));
}

#[test]
fn no_way_there_is_told_at_once_and_once_for_all_on_their_way() {
    let plan = Plan { burst: 250, ..PLAN };
    let mut line = |sent| if sent < at(1000) { Answer::After(ms(60)) } else { Answer::Unreachable(ms(80)) };
    let mut world = World::new(plan, &mut line);
    world.run_until(at(2000));
    let no_way: Vec<Mono> = world
        .told
        .iter()
        .filter(|(_, report)| matches!(report.news, News::Unreachable(_)))
        .map(|(when, _)| *when)
        .collect();
    assert_eq!(no_way[0], at(1080));
    // Five were on their way; from then on one an interval.
    assert!(no_way.windows(2).all(|pair| pair[1].since(pair[0]) >= ms(200)), "{no_way:?}");
    assert!(no_way.len() >= 3);
    assert_eq!(world.silences(), []);
}

#[test]
fn our_own_trouble_is_told_as_such_and_forgotten_when_over() {
    let mut machine = Machine::new(PLAN, Mono::ZERO);
    let Some(Order::Send(id)) = machine.poll(Mono::ZERO) else { panic!("no echo") };
    let fault = || Fate::Fault(ErrorKind::Permission, "not allowed".to_owned());
    machine.fate(id, fault(), Mono::ZERO);
    let Some(Order::Report(report)) = machine.poll(Mono::ZERO) else { panic!("no report") };
    assert_eq!(report.news, News::Fault(ErrorKind::Permission, "not allowed".to_owned()));
    assert_eq!(machine.poll(Mono::ZERO), None);
    assert_eq!(machine.next_deadline(), at(250));
    let Some(Order::Send(id)) = machine.poll(at(250)) else { panic!("no echo") };
    machine.fate(id, Fate::Reply(None), at(251));
    let Some(Order::Report(report)) = machine.poll(at(251)) else { panic!("no report") };
    assert!(matches!(report.news, News::Alive(_)));
    // A reply whose time could not be taken is a reply, and no measurement.
    assert_eq!(machine.trips().summary(), None);
    assert_eq!(machine.totals(), Totals { echoes: 1, lost: 0, confirming: 0, errors: 1 });
}

#[test]
fn a_sleep_of_this_process_is_no_loss_and_no_flood() {
    let mut machine = Machine::new(PLAN, Mono::ZERO);
    let Some(Order::Send(id)) = machine.poll(Mono::ZERO) else { panic!("no echo") };
    machine.fate(id, Fate::Reply(Some(ms(20))), at(20));
    while machine.poll(at(20)).is_some() {}
    let hours_later = at(3 * 3_600_000);
    assert!(matches!(machine.poll(hours_later), Some(Order::Send(_))));
    assert_eq!(machine.poll(hours_later), None);
    assert_eq!(machine.totals().lost, 0);
}

#[test]
fn another_address_begins_anew() {
    let mut machine = Machine::new(PLAN, Mono::ZERO);
    let Some(Order::Send(old)) = machine.poll(Mono::ZERO) else { panic!("no echo") };
    machine.moved(at(10));
    let Some(Order::Send(new)) = machine.poll(at(10)) else { panic!("no echo") };
    assert_ne!(old, new);
    machine.fate(old, Fate::Reply(Some(ms(15))), at(15));
    assert_eq!(machine.poll(at(15)), None);
    assert!(machine.trips().summary().is_none());
}

/// The goals for speed and quiet, on a simulated hour each: 4 echoes/s, 50 ms, 1 % loss.
#[test]
fn an_hour_of_one_percent_loss_gives_no_false_alarm() {
    for seed in 0..4 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut line = |_| if random.random_bool(0.01) { Answer::Never } else { Answer::After(ms(50)) };
        let mut world = World::new(Plan { burst: 250, ..PLAN }, &mut line);
        world.run_until(at(3_600_000));
        assert_eq!(world.silences(), []);
        let (sent, lost) = world.counted();
        assert!(sent > 14_000, "{sent}");
        let ratio = f64::from(lost) / f64::from(sent);
        assert!((0.007..0.013).contains(&ratio), "{ratio}: confirming echoes must not bend the loss");
    }
}

#[test]
fn silence_of_a_near_target_is_told_within_half_a_second_of_its_beginning() {
    let mut waits: Vec<Duration> = (0..250)
        .map(|phase| {
            let dies = at(10_000 + phase);
            // What was sent before comes back only if it is back before the line dies.
            let mut line = |sent: Mono| if sent.after(ms(25)) <= dies { Answer::After(ms(50)) } else { Answer::Never };
            let mut world = World::new(PLAN, &mut line);
            world.run_until(at(12_000));
            world.silences()[0].since(dies)
        })
        .collect();
    waits.sort();
    assert!(waits[waits.len() / 2] <= ms(400), "median {:?}", waits[waits.len() / 2]);
    assert!(waits[waits.len() - 1] <= ms(550), "worst {:?}", waits[waits.len() - 1]);
}

/// A stretch of the line's life.
#[derive(Clone, Debug)]
struct Stretch {
    lasts: u64,
    rtt: u64,
    wobble: u64,
    loss: f64,
    way: u8,
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let stretch = (100_u64..8000, 1_u64..2500, 0_u64..300, prop_oneof![Just(0.0), 0.0..0.5, Just(1.0)], 0_u8..12)
        .prop_map(|(lasts, rtt, wobble, loss, way)| Stretch { lasts, rtt, wobble, loss, way });
    prop::collection::vec(stretch, 1..8)
}

fn plans() -> impl Strategy<Value = Plan> {
    (20_u64..3000, 100_u64..4000, 1_u32..6, 0_u32..80, 5_u64..100).prop_map(
        |(interval, timeout, confirm, burst, spacing)| Plan {
            interval: ms(interval),
            timeout: ms(timeout),
            confirm,
            burst,
            burst_spacing: ms(spacing),
            hold: ms(1000),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the line does: the machine comes to rest, keeps its schedule, tells in time, and counts honestly.
    #[test]
    fn whatever_the_line_does(plan in plans(), life in stretches(), seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let total: u64 = life.iter().map(|stretch| stretch.lasts).sum();
        let mut line = |sent: Mono| {
            let mut past = Mono::ZERO;
            let stretch = life.iter().find(|stretch| { past = past.after(ms(stretch.lasts)); sent < past });
            let Some(stretch) = stretch else { return Answer::Never };
            let rtt = ms(stretch.rtt + random.random_range(0..=stretch.wobble));
            match stretch.way {
                0 => Answer::Unreachable(rtt.min(plan.timeout)),
                _ if random.random_bool(stretch.loss) => Answer::Never,
                _ => Answer::After(rtt),
            }
        };
        let mut world = World::new(plan, &mut line);
        world.run_until(at(total));

        // Something is told at least once in an interval, a wait for the reply, and a wait for the confirmation.
        let patience = plan.timeout * 2 + CONFIRM_SPACING * plan.confirm + plan.interval + TOGETHER + ms(1);
        let mut before = Mono::ZERO;
        for (when, _) in &world.told {
            prop_assert!(when.since(before) <= patience, "nothing told from {before:?} to {when:?}");
            before = *when;
        }
        prop_assert!(world.now.since(before) <= patience, "nothing told after {before:?}");

        // Never more is counted than was sent, nor more lost than is lost.
        let (sent, lost) = world.counted();
        let totals = world.machine.totals();
        prop_assert!(u64::from(sent) <= totals.echoes && u64::from(lost) <= totals.lost);
        prop_assert!(lost <= sent && totals.lost <= totals.echoes);
        prop_assert!(totals.echoes + totals.confirming <= world.sent.len() as u64 + totals.confirming);

        // The schedule holds: no two scheduled echoes closer than it says, and never a gap longer than an interval.
        let longest = world.sent.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default();
        prop_assert!(longest <= plan.interval.max(plan.burst_spacing), "a gap of {longest:?}");
    }

    /// A line on which everything comes back within the early deadline is never called silent.
    #[test]
    fn a_healthy_line_is_never_silent(plan in plans(), rtts in prop::collection::vec(1_u64..100, 1..50)) {
        let mut round = rtts.iter().cycle();
        let timeout = plan.timeout;
        let mut line = |_| Answer::After(ms(*round.next().unwrap()).min(timeout.saturating_sub(ms(1))));
        let mut world = World::new(plan, &mut line);
        world.run_until(at(20_000));
        prop_assert_eq!(world.silences(), vec![]);
        prop_assert_eq!(world.machine.totals().lost, 0);
        prop_assert_eq!(world.machine.totals().confirming, 0);
    }
}
