//! A meeting that is moved, cancelled and held after all, after people were told of it; with a restart right after any step, before
//! anybody has heard of what came of it.

use siaga::domain::{Granted, Wish};

use super::house::{House, paused};

const STEPS: usize = 9;

async fn step(house: &mut House, step: usize) {
    let kept = |granted: Granted| assert!(matches!(granted, Granted::Kept { .. }), "{granted:?}");
    let cancel = |id: &str| Wish::Cancel { id: id.into() };
    match step {
        0 => {
            let answer = house.confirm(&house.meeting("a", 0)).await;
            kept(house.book("a", 0, Some(answer)).await);
            // Of this one nobody is told anything, so that nobody needs to hear of its end.
            kept(house.book("n", 300, None).await);
            kept(house.wish(cancel("n"), None).await);
        }
        1 => house.pass_until(-149).await,
        2 => {
            let moved = house.meeting("a", 60);
            let answer = house.confirm(&moved).await;
            let wish = Wish::Move { id: "a".into(), start: Some(moved.start), end: Some(moved.end) };
            kept(house.wish(wish, Some(answer)).await);
        }
        3 => house.pass_until(-89).await,
        4 | 7 => kept(house.wish(cancel("a"), None).await),
        5 => kept(house.book("a", 60, None).await),
        6 => house.pass_until(-40).await,
        _ => {
            let answer = house.confirm(&house.meeting("a", 180)).await;
            kept(house.book("a", 180, Some(answer)).await);
        }
    }
}

fn told(restart_after: Option<usize>) -> Vec<String> {
    paused(async {
        let mut house = House::begin(-160).await;
        for at in 0..STEPS {
            step(&mut house, at).await;
            if restart_after == Some(at) {
                house.restart().await;
            }
            house.hear_later().await;
        }
        let told =
            house.told().iter().map(|(receiver, word)| format!("{receiver}: {}", word["text"].as_str().unwrap()));
        let told = told.collect();
        house.end().await;
        told
    })
}

#[test]
fn whoever_was_told_of_a_meeting_is_told_once_when_it_is_moved_cancelled_and_held_after_all() {
    let all = [
        "operator: Media Center: time to prepare the room for Rapat a at 10:00 WIB. Tasks: kamera, ruang. Ready: everything that is required works.",
        "jadwal: Media Center: Rapat a dipindah dari 2 Desember 2026 pukul 10.00 WIB ke 2 Desember 2026 pukul 11.00 WIB. Siap: semua yang diperlukan berfungsi.",
        "operator: Media Center: Rapat a is moved from 2 December 2026 at 10:00 WIB to 2 December 2026 at 11:00 WIB. Ready: everything that is required works.",
        "operator: Media Center: time to prepare the room for Rapat a at 11:00 WIB. Tasks: kamera, ruang. Ready: everything that is required works.",
        "jadwal: Media Center: Rapat a, 2 Desember 2026 pukul 11.00 WIB, dibatalkan.",
        "operator: Media Center: Rapat a, 2 December 2026 at 11:00 WIB, is cancelled.",
        "jadwal: Media Center: Rapat a, 2 Desember 2026 pukul 11.00 WIB, jadi diadakan. Siap: semua yang diperlukan berfungsi.",
        "operator: Media Center: Rapat a, 2 December 2026 at 11:00 WIB, takes place after all. Ready: everything that is required works.",
        "jadwal: Media Center: Rapat a, 2 Desember 2026 pukul 11.00 WIB, dibatalkan.",
        "operator: Media Center: Rapat a, 2 December 2026 at 11:00 WIB, is cancelled.",
        "jadwal: Media Center: Rapat a dipindah dari 2 Desember 2026 pukul 11.00 WIB ke 2 Desember 2026 pukul 13.00 WIB. Siap: semua yang diperlukan berfungsi.",
        "operator: Media Center: Rapat a is moved from 2 December 2026 at 11:00 WIB to 2 December 2026 at 13:00 WIB. Ready: everything that is required works.",
    ];
    assert_eq!(told(None), all);
    for after in 0..STEPS {
        assert_eq!(told(Some(after)), all, "a restart after step {after}");
    }
}

#[test]
fn of_what_is_cancelled_for_a_moment_to_be_booked_elsewhere_nobody_hears_that_it_is_cancelled() {
    let told = paused(async {
        let mut house = House::begin(-160).await;
        for at in [0, 1] {
            step(&mut house, at).await;
        }
        // As a feed in which two meetings change places.
        step(&mut house, 4).await;
        step(&mut house, 5).await;
        house.hear_later().await;
        let told = house.told().iter().filter(|(_, word)| word["event"] != "session_preflight");
        let told = told.map(|(receiver, word)| format!("{receiver}: {}", word["event"].as_str().unwrap()));
        let told = told.collect::<Vec<_>>();
        house.end().await;
        told
    });
    assert_eq!(told, ["jadwal: session_moved", "operator: session_moved"]);
}

#[test]
fn what_is_cancelled_is_told_by_the_hour_that_people_have_in_mind() {
    let told = paused(async {
        let mut house = House::begin(-160).await;
        for at in [0, 1] {
            step(&mut house, at).await;
        }
        // Moved, and cancelled before anybody heard of that.
        step(&mut house, 2).await;
        step(&mut house, 4).await;
        house.hear_later().await;
        let told = house.told().iter().filter(|(_, word)| word["event"] != "session_preflight");
        let told = told.map(|(_, word)| word["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        house.end().await;
        told
    });
    assert_eq!(
        told,
        [
            "Media Center: Rapat a, 2 Desember 2026 pukul 10.00 WIB, dibatalkan.",
            "Media Center: Rapat a, 2 December 2026 at 10:00 WIB, is cancelled.",
        ]
    );
}
