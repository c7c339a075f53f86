//! What pages look back at: steps of measurements, an incident's story, what a receiver was told.

use super::*;
use crate::domain::Outbox as _;

#[tokio::test]
async fn measurements_come_in_steps_and_only_those_that_are_wanted() {
    let folder = folder();
    let store = open(folder.path());
    // A value a second for twelve minutes, each minute one greater; then nothing; then two minutes more.
    for at in (0..720).chain(1800..1920) {
        #[allow(clippy::cast_precision_loss, reason = "minutes")]
        store.observe(&observation("far-end", second(at), (at / 60) as f64));
        store.observe(&observation("web", second(at), 7.0));
    }
    store.flush().await.unwrap();
    let read = async |minutes, wanted: bool| {
        let span = (second(0), second(7200));
        store.steps("far-end", move |quantity| wanted && *quantity == RTT, span, minutes, 8).await.unwrap()
    };
    let [fine] = &read(1, true).await[..] else { panic!("one series") };
    assert_eq!((fine.points.len(), &*fine.check, fine.quantity.name), (14, "far-end", "icmp_rtt_seconds"));
    let [coarse] = &read(5, true).await[..] else { panic!("one series") };
    let told: Vec<_> = coarse.points.iter().map(|point| (point.at, point.count)).collect();
    // Steps lie on the clock: at 0, 5 … minutes of the hour.
    assert!(told.iter().all(|(at, _)| at.as_second() % 300 == 0), "{told:?}");
    assert_eq!(told.iter().map(|(_, count)| count).sum::<u64>(), 14 * 60);
    let all = |of: fn(&crate::domain::record::Point) -> f64| coarse.points.iter().map(of).collect::<Vec<_>>();
    assert!(all(|point| point.min)[0] < f64::EPSILON && all(|point| point.max).contains(&11.0), "{coarse:?}");
    assert!(read(5, false).await.is_empty());
    let none = store.steps("nobody", |_| true, (second(0), second(7200)), 5, 8).await.unwrap();
    assert!(none.is_empty());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_story_is_of_one_incident_alone_and_is_told_after_its_end_too() {
    let folder = folder();
    let kept = open(folder.path());
    let opened = Incident { closed_at: Some(second(20)), ..incident("internet-1", 1) };
    let batch = Batch {
        incidents: vec![opened, incident("internet-2", 500)],
        transitions: vec![transition(1), transition(10), transition(500)],
        notifications: vec![notification("a", "desk"), notification("b", "radio")],
        ..Batch::default()
    };
    kept.record(batch).await.unwrap();
    kept.delivered("a", None).await;
    let story = kept.story("internet-1").await.unwrap().unwrap();
    assert_eq!(story.changes.iter().map(|change| change.at).collect::<Vec<_>>(), [second(1), second(10)]);
    let told: Vec<_> = story.told.iter().map(|told| (&*told.receiver, &*told.event, told.done_at.is_some())).collect();
    assert_eq!(told, [("desk", "incident_opened", true), ("radio", "incident_opened", false)]);
    assert_eq!(story.incident.reasons.len(), 1);
    let other = kept.story("internet-2").await.unwrap().unwrap();
    assert_eq!((other.changes.len(), other.told.len(), other.incident.closed_at), (1, 0, None));
    assert!(kept.story("internet-3").await.unwrap().is_none());
    let radio = kept.told(vec!["radio".into(), "nobody".into()], 8).await.unwrap();
    assert_eq!(radio.iter().map(|told| (&*told.receiver, &told.spoken)).collect::<Vec<_>>(), [("radio", &None)]);
    kept.delivered("b", Some("perhatian, di sini ruang media\nsaya ulangi")).await;
    let radio = kept.told(vec!["radio".into()], 8).await.unwrap();
    let spoken = radio[0].spoken.as_deref().unwrap();
    assert_eq!(spoken, ["perhatian, di sini ruang media", "saya ulangi"]);
    kept.close().await.unwrap();
}

#[tokio::test]
async fn had_word_has_who_was_told_of_that_hour_of_that_meeting_and_nobody_else() {
    let folder = folder();
    let store = open(folder.path());
    let of = [
        ("session.rapat.5f.confirmed.desk", "desk"),
        ("session.rapat.5f.preflight.desk", "desk"),
        ("session.rapat.5f.\u{10fffd}.pager", "pager"),
        ("session.rapat.5f0.confirmed.radio", "radio"),
        ("session.rapat.5e.confirmed.mail", "mail"),
        ("session.rapat.5f", "bare"),
        ("session.Rapat.5f.confirmed.other", "other"),
        ("session.rapat-2.5f.confirmed.third", "third"),
    ];
    let notifications = of.map(|(key, receiver)| notification(key, receiver)).to_vec();
    store.record(Batch { notifications, ..Batch::default() }).await.unwrap();
    let had_word = async |about: &str| {
        let mut found = store.had_word(about.to_owned()).await.unwrap();
        found.sort();
        found
    };
    assert_eq!(had_word("session.rapat.5f.").await, ["desk".into(), "pager".into()]);
    assert_eq!(had_word("session.rapat.5e.").await, ["mail".into()]);
    assert_eq!(had_word("session.rapat.").await.len(), 5);
    assert_eq!(had_word("session.rapat.5.").await, [] as [Arc<str>; 0]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn who_sees_to_what_has_dropped_out_hundreds_of_times_is_told_of_what_it_became_after_that() {
    let folder = folder();
    let store = open(folder.path());
    let (old, gone, day) = (Verdict::Degraded, Verdict::Unknown, 86_400);
    let changed = |at, from, to| Transition { from, to, settling: false, ..transition(at) };
    let mut transitions = vec![changed(1, Verdict::Ready, old)];
    for round in 1..150 {
        transitions.extend([changed(round * 300, old, gone), changed(round * 300 + 150, gone, old)]);
    }
    transitions.push(changed(4 * day, old, Verdict::NotReady));
    let incidents = vec![incident("internet-1", 1)];
    store.record(Batch { transitions, incidents, ..Batch::default() }).await.unwrap();
    let said = async |at: i64| {
        let seen_to = store.acknowledged(vec!["internet-1".to_owned()]).await.unwrap();
        seen_to["internet-1"].iter().find(|row| row.asked.at == second(at)).map(|row| row.is_outgrown)
    };
    let db = other_eyes(folder.path());
    let acknowledge = |at: i64| {
        db.execute(
            "INSERT INTO audit (key, at, actor, via, action, subject, outcome)
             VALUES (?1, ?1, 'sari', 'local', 'acknowledge', 'internet', 'acknowledged internet-1')",
            [second(at).as_microsecond()],
        )
        .unwrap()
    };
    acknowledge(4 * day + 60);
    assert_eq!(said(4 * day + 60).await, Some(false));
    acknowledge(3 * day);
    assert_eq!((said(3 * day).await, said(4 * day + 60).await), (Some(true), Some(false)));
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_an_incident_was_when_somebody_saw_to_it_may_be_since_before_it_began() {
    let folder = folder();
    let store = open(folder.path());
    // Brought down by something else at first; and found so at a start, by a process that knew nothing.
    let down = Transition { from: Verdict::Ready, to: Verdict::NotReady, settling: false, ..transition(600) };
    let found = Transition { from: Verdict::Unknown, to: Verdict::NotReady, settling: true, ..transition(2000) };
    let (transitions, incidents) = (vec![down, found], vec![incident("internet-1", 660)]);
    store.record(Batch { transitions, incidents, ..Batch::default() }).await.unwrap();
    other_eyes(folder.path())
        .execute(
            "INSERT INTO audit (key, at, actor, via, action, subject, outcome)
             VALUES (?1, ?1, 'sari', 'local', 'acknowledge', 'internet', 'acknowledged internet-1')",
            [second(700).as_microsecond()],
        )
        .unwrap();
    let seen_to = store.acknowledged(vec!["internet-1".to_owned()]).await.unwrap();
    assert!(!seen_to["internet-1"][0].is_outgrown);
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_the_incident_before_it_was_is_nothing_of_this_one() {
    let folder = folder();
    let store = open(folder.path());
    let changed = |at, from, to| Transition { from, to, settling: false, ..transition(at) };
    let (ready, mild, worst) = (Verdict::Ready, Verdict::Degraded, Verdict::NotReady);
    // One right after another, both milder at first: said so of the second within two minutes of the end of the first.
    for (place, (over_ms, said_at)) in [(0, (655_000, 740)), (1, (659_500, 670)), (2, (655_000, 900)), (3, (0, 670))] {
        let began = place * 10_000;
        let mut over = changed(0, worst, ready);
        over.at = second(began) + jiff::SignedDuration::from_millis(over_ms);
        let became = [(600, ready, mild), (610, mild, worst), (660, ready, mild), (950, mild, worst)];
        let mut transitions = became.map(|(at, from, to)| changed(began + at, from, to)).to_vec();
        transitions.insert(2, over);
        if place == 3 {
            // Worse until then, by what something else explained: no incident.
            transitions.splice(1..4, [changed(began + 610, mild, worst), changed(began + 660, worst, mild)]);
        }
        let id = format!("internet-{place}");
        let incidents = vec![incident(&id, began + 660)];
        store.record(Batch { transitions, incidents, ..Batch::default() }).await.unwrap();
        other_eyes(folder.path())
            .execute(
                "INSERT INTO audit (key, at, actor, via, action, subject, outcome)
                 VALUES (?1, ?1, 'sari', 'local', 'acknowledge', 'internet', 'acknowledged ' || ?2)",
                (second(began + said_at).as_microsecond(), &id),
            )
            .unwrap();
        let seen_to = store.acknowledged(vec![id.clone()]).await.unwrap();
        assert!(seen_to[&id][0].is_outgrown, "said {} s after it began", said_at - 660);
    }
    store.close().await.unwrap();
}
