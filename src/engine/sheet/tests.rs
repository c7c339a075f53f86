//! The sheet's laws, with virtual instants.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::record::{Point as Minute, Series};
use crate::domain::session::{Details, Member, SCHEDULER};
use crate::domain::sheet::{LONGEST_FINDINGS, MOST_ENTRIES, SheetAct, SheetWish, Unwritten};
use crate::domain::{Booking, Quantity, Unit};

pub(super) const HOUR: i64 = 3600;
/// When the meeting begins, and ends an hour later.
pub(super) const START: i64 = 100 * HOUR;
pub(super) const END: i64 = START + HOUR;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn item(key: &str, holds: i64, due: i64, requirement: Requirement) -> Item {
    Item {
        key: key.into(),
        id: key.to_owned(),
        en: key.to_owned(),
        holds: Duration::from_secs(holds.unsigned_abs()),
        due: Duration::from_secs(due.unsigned_abs()),
        task: Some("ruang".into()),
        requirement,
        each_site: false,
    }
}

/// A room that is checked for three hours and due half an hour before, the sites, and something that is only noted.
pub(super) fn items() -> Vec<Item> {
    vec![
        item("room", 3 * HOUR, HOUR / 2, Requirement::Required),
        Item { each_site: true, task: None, ..item("attendance", HOUR, HOUR / 4, Requirement::Required) },
        Item { task: None, ..item("spare", HOUR, HOUR / 2, Requirement::Advisory) },
    ]
}

pub(super) fn session() -> Session {
    let member = Member { person: "Petugas Ruang".to_owned(), receiver: Some("desk".to_owned()) };
    Session {
        id: "a".into(),
        revision: 1,
        booking: Booking::Booked,
        title: "Rapat".to_owned(),
        profile: "zoom_group_720".into(),
        start: at(START),
        end: at(END),
        source: SCHEDULER.into(),
        details: Details {
            sites: ["Camat Badau", "Camat Selimbau", "Camat Badau"].map(str::to_owned).to_vec(),
            crew: [("ruang".to_owned(), member)].into(),
            ..Details::default()
        },
    }
}

pub(super) fn wish(act: SheetAct) -> SheetWish {
    SheetWish { session: "a".into(), start: None, by: "Petugas Satu".to_owned(), act }
}

pub(super) fn tick(item: &str) -> SheetAct {
    SheetAct::Tick { item: item.to_owned() }
}

pub(super) fn untick(item: &str) -> SheetAct {
    SheetAct::Untick { item: item.to_owned() }
}

pub(super) fn answer_for(verdict: Verdict, until: i64) -> SheetAct {
    SheetAct::Override { verdict, reason: "kamera cadangan".to_owned(), until: at(until) }
}

pub(super) fn end_trial(findings: &str) -> SheetAct {
    SheetAct::EndTrial { findings: findings.to_owned() }
}

/// A sheet on which things are written as the store does it.
pub(super) struct Sheet {
    pub(super) session: Session,
    pub(super) written: Written,
}

impl Sheet {
    pub(super) fn new() -> Self {
        Self { session: session(), written: Written::default() }
    }

    pub(super) fn write(&mut self, act: SheetAct, now: i64) -> Result<(), Unwritten> {
        let what = admit(&wish(act), &self.session, &items(), &self.written.entries, at(now))?;
        let entry = Entry {
            key: format!("{}", self.written.entries.len()).into(),
            session: Arc::clone(&self.session.id),
            start: self.session.start,
            at: at(now),
            what,
            by: "Petugas Satu".into(),
            written_by: "Sari".into(),
        };
        self.written.entries.push(entry);
        Ok(())
    }

    fn points(&self, now: i64) -> Vec<Point> {
        points(&items(), &self.session, &self.written.entries, at(now))
    }

    fn standing(&self, name: &str, now: i64) -> (Standing, bool) {
        let point = self.points(now).into_iter().find(|point| &*point.name == name).unwrap();
        (point.standing, point.late)
    }

    fn judged(&self, machine: Verdict, now: i64) -> Judged {
        Judged::new(machine, &self.points(now), overridden(&self.session, &self.written.entries, at(now)))
    }

    fn tick_all(&mut self, now: i64) {
        for name in ["room", "attendance:Camat Badau", "attendance:Camat Selimbau"] {
            self.write(tick(name), now).unwrap();
        }
    }

    pub(super) fn told(&self, now: i64) -> Vec<(Word, String)> {
        let news = news(&items(), &self.session, &self.written, at(now));
        news.into_iter().map(|(word, point)| (word, point.name.to_string())).collect()
    }
}

#[test]
fn a_check_is_of_each_site_once_and_a_site_is_named_once() {
    let names: Vec<String> = Sheet::new().points(0).iter().map(|point| point.name.to_string()).collect();
    assert_eq!(names, ["room", "attendance:Camat Badau", "attendance:Camat Selimbau", "spare"]);
}

#[test]
fn what_nobody_has_checked_is_degraded_until_it_is_due_and_unknown_from_then_on() {
    let mut sheet = Sheet::new();
    let due = START - HOUR / 2;
    for (now, standing, hand) in [
        (0, (Standing::Open, false), Verdict::Degraded),
        (due - 1, (Standing::Open, false), Verdict::Degraded),
        (due, (Standing::Open, true), Verdict::Unknown),
        (START, (Standing::Open, true), Verdict::Unknown),
        (END + HOUR, (Standing::Open, true), Verdict::Unknown),
    ] {
        assert_eq!((sheet.standing("room", now), hand_at(&sheet, now)), (standing, hand), "{now}");
    }
    // Ticked too early, it runs out before the start: first there is time, then none.
    let early = START - 3 * HOUR - 40 * 60;
    sheet.write(tick("room"), early).unwrap();
    for (now, standing) in [
        (early, (Standing::Done, false)),
        (early + 3 * HOUR - 1, (Standing::Done, false)),
        (early + 3 * HOUR, (Standing::Expired, false)),
        (due, (Standing::Expired, true)),
        (START + 60, (Standing::Expired, true)),
    ] {
        assert_eq!(sheet.standing("room", now), standing, "{now}");
    }
    // One that holds at the start stands for the whole meeting, and a late one counts.
    sheet.tick_all(START - 60);
    assert_eq!(hand_at(&sheet, END + 9 * HOUR), Verdict::Ready);
    sheet.write(untick("room"), START + 60).unwrap();
    assert_eq!(hand_at(&sheet, START + 60), Verdict::Unknown);
    sheet.write(tick("room"), START + 120).unwrap();
    assert_eq!(hand_at(&sheet, START + 120), Verdict::Ready);
}

fn hand_at(sheet: &Sheet, now: i64) -> Verdict {
    hand(&sheet.points(now))
}

#[test]
fn what_is_only_noted_never_counts() {
    let mut sheet = Sheet::new();
    sheet.tick_all(START - HOUR / 2);
    assert_eq!(sheet.standing("spare", START - 60), (Standing::Open, true));
    assert_eq!(hand_at(&sheet, START - 60), Verdict::Ready);
}

#[test]
fn machine_and_hand_add_up_as_two_required_things_and_an_override_changes_neither() {
    let mut sheet = Sheet::new();
    // Due, and nothing is known; then all is.
    let (before, late, done) = (0, START - 60, START - 30);
    for (machine, at_first, when_late, when_done) in [
        (Verdict::Ready, Verdict::Degraded, Verdict::Unknown, Verdict::Ready),
        (Verdict::Degraded, Verdict::Degraded, Verdict::Unknown, Verdict::Degraded),
        (Verdict::Unknown, Verdict::Unknown, Verdict::Unknown, Verdict::Unknown),
        (Verdict::NotReady, Verdict::NotReady, Verdict::NotReady, Verdict::NotReady),
    ] {
        assert_eq!(sheet.judged(machine, before).verdict(), at_first, "{machine}");
        assert_eq!(sheet.judged(machine, late).verdict(), when_late, "{machine}");
        let mut whole = Sheet::new();
        whole.tick_all(done);
        assert_eq!(whole.judged(machine, done).verdict(), when_done, "{machine}");
    }
    sheet.write(answer_for(Verdict::Ready, START + 60), late).unwrap();
    let judged = sheet.judged(Verdict::NotReady, late);
    assert_eq!((judged.verdict(), judged.machine, judged.hand), (Verdict::Ready, Verdict::NotReady, Verdict::Unknown));
    assert_eq!(judged.together, Verdict::NotReady);
    // It ends by itself, …
    assert_eq!(sheet.judged(Verdict::NotReady, START + 59).verdict(), Verdict::Ready);
    assert_eq!(sheet.judged(Verdict::NotReady, START + 60).verdict(), Verdict::NotReady);
    // … by the next one, of which the newer holds, and by somebody.
    sheet.write(answer_for(Verdict::Degraded, END), START + 61).unwrap();
    sheet.write(answer_for(Verdict::NotReady, START + 90), START + 62).unwrap();
    assert_eq!(sheet.judged(Verdict::Ready, START + 70).verdict(), Verdict::NotReady);
    assert_eq!(sheet.judged(Verdict::Ready, START + 90).overridden, None, "the one before does not come back");
    sheet.write(answer_for(Verdict::NotReady, END), START + 91).unwrap();
    sheet.write(SheetAct::EndOverride { reason: "diganti".to_owned() }, START + 95).unwrap();
    assert_eq!(sheet.judged(Verdict::Ready, START + 95).overridden, None);
    let spans: Vec<_> = overrides(&sheet.session, &sheet.written.entries)
        .iter()
        .map(|one| (one.since.as_second() - START, one.until.as_second() - START))
        .collect();
    assert_eq!(spans, [(-60, 60), (61, 62), (62, 90), (91, 95)]);
}

#[test]
fn a_session_that_is_moved_has_a_new_sheet() {
    let mut sheet = Sheet::new();
    sheet.tick_all(START - 60);
    sheet.write(answer_for(Verdict::Ready, END), START - 60).unwrap();
    sheet.session.start = at(START + 60);
    assert_eq!(sheet.standing("room", START - 60), (Standing::Open, true));
    assert_eq!(sheet.judged(Verdict::Ready, START - 60).overridden, None);
}

#[test]
fn what_cannot_be_meant_is_not_written() {
    let mut sheet = Sheet::new();
    let now = START - HOUR;
    for (act, why) in [
        (tick("door"), Unwritten::NoItem(sheet.points(0).iter().map(|point| point.name.to_string()).collect())),
        (end_trial(""), Unwritten::NoTrial),
        (answer_for(Verdict::Unknown, START), Unwritten::Verdict),
        (answer_for(Verdict::Ready, now), Unwritten::Until),
        (answer_for(Verdict::Ready, END + 1), Unwritten::AfterEnd(at(END))),
        (SheetAct::EndOverride { reason: "x".to_owned() }, Unwritten::NoOverride),
        (SheetAct::EndOverride { reason: " ".to_owned() }, Unwritten::NoReason),
        (
            SheetAct::Override { verdict: Verdict::Ready, reason: "passcode: 82kq1".to_owned(), until: at(START) },
            Unwritten::Passcode,
        ),
    ] {
        let action = act.action();
        assert_eq!(sheet.write(act, now), Err(why), "{action}");
    }
    for by in ["", "  ", "a\nb", &"x".repeat(65)] {
        let nameless = SheetWish { by: by.to_owned(), ..wish(tick("room")) };
        let refused = admit(&nameless, &sheet.session, &items(), &[], at(now)).err();
        assert_eq!(refused, Some(Unwritten::NoName), "{by:?}");
    }
    sheet.write(SheetAct::BeginTrial, now).unwrap();
    assert_eq!(sheet.write(SheetAct::BeginTrial, now), Err(Unwritten::TrialUnderWay));
    assert_eq!(sheet.write(end_trial(&"x".repeat(LONGEST_FINDINGS + 1)), now), Err(Unwritten::Long));
    // Also when the meeting is over; then nothing else.
    sheet.write(end_trial("suara\u{7} pelan\nkamera baik\n"), END + 5).unwrap();
    let trials = trials(&sheet.session, &sheet.written.entries);
    assert_eq!((trials[0].from, trials[0].to), (at(now), Some(at(END + 5))));
    assert_eq!(trials[0].findings, "suara pelan\nkamera baik");
    assert_eq!(sheet.write(SheetAct::BeginTrial, START), Err(Unwritten::Begun));
    assert_eq!(sheet.write(tick("room"), END), Err(Unwritten::Over));
    sheet.session.booking = Booking::Cancelled;
    assert_eq!(sheet.write(tick("room"), now), Err(Unwritten::Cancelled));
    sheet.session.booking = Booking::Booked;
    while sheet.written.entries.len() < MOST_ENTRIES {
        sheet.write(tick("room"), now).unwrap();
    }
    assert_eq!(sheet.write(tick("room"), now), Err(Unwritten::Full));
}

#[test]
fn a_trial_that_was_forgotten_is_not_being_held_and_can_still_be_ended() {
    let mut sheet = Sheet::new();
    let held = |sheet: &Sheet, now| {
        let last = trials(&sheet.session, &sheet.written.entries).pop().unwrap();
        last.held_until(&sheet.session, at(now))
    };
    let begun = START - 10 * HOUR;
    sheet.write(SheetAct::BeginTrial, begun).unwrap();
    let most = begun + 2 * HOUR;
    assert_eq!(
        (held(&sheet, begun), held(&sheet, most - 1), held(&sheet, most)),
        (Some(at(most)), Some(at(most)), None)
    );
    sheet.write(end_trial("suara pelan"), START - HOUR).unwrap();
    assert_eq!(trials(&sheet.session, &sheet.written.entries)[0].to, Some(at(START - HOUR)));
    // The next is another, and is over with the meeting.
    sheet.write(SheetAct::BeginTrial, START - 1).unwrap();
    assert_eq!((held(&sheet, START), held(&sheet, END)), (Some(at(END)), None));
    sheet.write(end_trial(""), START).unwrap();
    assert_eq!(held(&sheet, START), None);
}

#[test]
fn the_crew_is_told_once_that_something_is_late_and_once_that_it_was_made_up() {
    let mut sheet = Sheet::new();
    let due = START - HOUR / 2;
    assert_eq!(sheet.told(due - 1), []);
    assert_eq!(sheet.told(due), [(Word::Late, "room".to_owned())], "the sites' task is nobody's");
    let tell = |sheet: &mut Sheet, word, now| {
        let (session, start) = (Arc::clone(&sheet.session.id), sheet.session.start);
        sheet.written.told.push(Told { session, start, item: "room".into(), word, at: at(now) });
    };
    tell(&mut sheet, Word::Late, due);
    assert_eq!(sheet.told(due + 1), []);
    sheet.write(tick("room"), due + 60).unwrap();
    assert_eq!(sheet.told(due + 60), [(Word::MadeUp, "room".to_owned())]);
    tell(&mut sheet, Word::MadeUp, due + 60);
    sheet.write(untick("room"), due + 90).unwrap();
    assert_eq!(sheet.told(due + 120), [], "once");
    // Whoever was away when it was due is told still, but not once the meeting has begun.
    let other = Sheet::new();
    assert_eq!((other.told(START - 1).len(), other.told(START).len()), (1, 0));
}

#[test]
fn minutes_that_lie_wholly_in_a_span_add_up() {
    static VOLTS: Quantity = Quantity::gauge("ups_input_volts", Unit::Volts, "x");
    let minute =
        |second: i64, count, mean| Minute { at: at(second), count, min: mean - 1.0, max: mean + 1.0, mean, p50: mean };
    let points = vec![minute(0, 9, 9.0), minute(60, 1, 220.0), minute(120, 3, 224.0), minute(180, 9, 9.0)];
    let series = Series { check: "ups".into(), quantity: &VOLTS, part: None, points };
    let found = measured(std::slice::from_ref(&series), (at(30), at(239)));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].minutes, found[0].min, found[0].mean, found[0].max), (2, 219.0, 223.0, 225.0));
    assert_eq!(measured(&[series], (at(61), at(119))), []);
}

#[test]
fn no_name_and_nothing_that_was_written_is_debugged() {
    let mut sheet = Sheet::new();
    sheet.write(SheetAct::BeginTrial, 0).unwrap();
    sheet.write(end_trial("Petugas Dua sakit"), 1).unwrap();
    sheet.write(answer_for(Verdict::Ready, START), 2).unwrap();
    let trials = trials(&sheet.session, &sheet.written.entries);
    let said = format!("{:?} {trials:?} {:?}", sheet.written, sheet.judged(Verdict::Ready, 3));
    for name in ["Petugas", "Sari", "cadangan"] {
        assert!(!said.contains(name), "{said}");
    }
}

/// One thing that somebody does, or that time goes on.
fn step() -> impl Strategy<Value = (SheetAct, i64)> {
    let names = prop::sample::select(vec!["room", "attendance:Camat Badau", "attendance:Camat Selimbau", "spare", "?"]);
    let verdicts = prop::sample::select(Verdict::ALL.to_vec());
    let act = prop_oneof![
        names.clone().prop_map(tick),
        names.prop_map(untick),
        Just(SheetAct::BeginTrial),
        Just(end_trial("baik")),
        (verdicts, 0..END + HOUR).prop_map(|(verdict, until)| answer_for(verdict, until)),
        Just(SheetAct::EndOverride { reason: "cukup".to_owned() }),
    ];
    (act, 0..2 * HOUR)
}

proptest! {
    #[test]
    fn whatever_is_done_the_laws_hold(steps in prop::collection::vec(step(), 0..60), begin in 90 * HOUR..END) {
        let (mut sheet, mut now) = (Sheet::new(), begin);
        for (act, later) in steps {
            let before = sheet.written.entries.clone();
            if sheet.write(act, now).is_err() {
                prop_assert_eq!(&before, &sheet.written.entries);
            } else {
                prop_assert_eq!(&before[..], &sheet.written.entries[..before.len()], "rows are only added");
            }
            let entries = &sheet.written.entries;
            let points = sheet.points(now);
            // What is ready has a tick for each required check that held when it was last looked at.
            let ready = points.iter().all(|point| {
                point.item.requirement == Requirement::Advisory
                    || point.until().is_some_and(|until| until > at(now).min(sheet.session.start))
            });
            prop_assert_eq!(hand(&points) == Verdict::Ready, ready);
            prop_assert!(hand(&points) != Verdict::NotReady);
            for machine in Verdict::ALL {
                let judged = sheet.judged(machine, now);
                prop_assert_eq!(judged.machine, machine);
                prop_assert!(judged.together >= machine, "the hand never makes it better");
                let holds = overridden(&sheet.session, entries, at(now));
                prop_assert!(holds.as_ref().is_none_or(|one| one.until > at(now) && one.verdict != Verdict::Unknown));
                prop_assert_eq!(judged.verdict(), holds.map_or(judged.together, |one| one.verdict));
            }
            let trials = trials(&sheet.session, entries);
            let open = trials.iter().filter(|trial| trial.to.is_none()).count();
            prop_assert!(open <= 1 && (open == 0 || trials.last().is_some_and(|last| last.to.is_none())));
            prop_assert!(trials.windows(2).all(|pair| pair[0].to.is_some_and(|to| to <= pair[1].from)));
            // Between two changes by time nothing changes.
            let next = next_change(&items(), &sheet.session, entries, at(now)).map_or(now + 9 * HOUR, Timestamp::as_second);
            prop_assert!(next > now);
            let seen = |now| {
                let points: Vec<_> = sheet.points(now).into_iter().map(|point| (point.standing, point.late)).collect();
                (points, overridden(&sheet.session, entries, at(now)))
            };
            if next - 1 > now {
                prop_assert_eq!(seen(now), seen(next - 1));
            }
            now += later;
        }
    }
}
