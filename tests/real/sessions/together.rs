//! 64 schedulers at once, and a daemon that is killed in the middle of it.

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex};

use jiff::Timestamp;
use serde_json::Value;

use super::{BARE, MINUTE, Scheduler, ahead, meeting};
use crate::support::daemon::{Daemon, room, send};

/// Meetings are 45 minutes long and begin at quarters; the room needs half an hour between two.
const QUARTERS: u32 = 96;

#[test]
fn of_64_schedulers_none_gets_what_another_has_and_what_was_answered_survives_a_kill() {
    let folder = room(BARE);
    let jadwal = Scheduler::of(folder.path()).headers();
    let day = ahead(MINUTE * 60 * 48);
    let answered: Mutex<BTreeMap<String, (Timestamp, u16)>> = Mutex::default();
    for round in 0..3_u32 {
        let begin = Barrier::new(65);
        let daemon = Daemon::start(folder.path());
        let address = daemon.address();
        std::thread::scope(|scope| {
            for writer in 0..64_u32 {
                let (begin, answered, headers) = (&begin, &answered, &jadwal);
                scope.spawn(move || {
                    begin.wait();
                    for wish in 0..4_u32 {
                        // Spread, and the same for each run: what differs is who comes first.
                        let quarter = (writer * 37 + wish * 23 + round * 11) % QUARTERS;
                        let start = day.checked_add(MINUTE * 15 * quarter).unwrap();
                        let id = format!("{round}-{writer}-{wish}");
                        let body = meeting("Rapat", start, MINUTE * 45).to_string();
                        // One that gets no answer was killed with the daemon: it may stand, or not.
                        let Ok(answer) = send(address, "PUT", &format!("/api/v1/sessions/{id}"), headers, &body) else {
                            return;
                        };
                        assert!([201, 409].contains(&answer.status), "{}", answer.body);
                        answered.lock().unwrap().insert(id, (start, answer.status));
                    }
                });
            }
            begin.wait();
            // In the middle of it: as soon as some were answered.
            while answered.lock().unwrap().len() < (round as usize + 1) * 40 {
                std::thread::yield_now();
            }
            daemon.kill();
        });
        let daemon = Daemon::start(folder.path());
        let list = daemon.wait_for("/api/v1/sessions", "the agenda is read", |answer| answer.status == 200).json();
        let found: BTreeMap<&str, Timestamp> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["id"].as_str().unwrap(), one["start"].as_str().unwrap().parse().unwrap()))
            .collect();
        let answered = answered.lock().unwrap();
        for (id, (start, status)) in &*answered {
            match status {
                201 => assert_eq!(found.get(id.as_str()), Some(start), "{id} was answered and is gone"),
                _ => assert!(!found.contains_key(id.as_str()), "{id} was refused and is there"),
            }
        }
        assert_apart(&list);
        let booked = answered.values().filter(|(_, status)| *status == 201).count();
        daemon.stop();
        assert!(booked > 5 && answered.len() > booked, "{booked} of {}: the test showed nothing", answered.len());
    }
}

fn assert_apart(list: &Value) {
    let moment = |one: &Value, field: &str| one[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    let mut slots: Vec<_> =
        list.as_array().unwrap().iter().map(|one| (moment(one, "start"), moment(one, "end"))).collect();
    slots.sort();
    for two in slots.windows(2) {
        assert!(two[1].0.duration_since(two[0].1).as_mins() >= 30, "{two:?}");
    }
}
