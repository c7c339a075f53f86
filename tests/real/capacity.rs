//! What the `bandwidth` probe makes of lines of a known rate: shaped by the kernel, far too fast, long and lossy.

use std::time::Duration;

use siaga::domain::Observation;
use siaga::probe::Context;
use siaga::probe::bandwidth::Probe;
use siaga::probe::budget::Budget;
use tokio::sync::watch;

use crate::bandwidth::{FarEnd, config};
use crate::support::cable;
use crate::support::daemon::{Daemon, room, siaga};
use crate::support::impairment::{Impairment, Loss};
use crate::support::line::Line;
use crate::support::namespace::{inside, ip};
use crate::support::probe::{context, findings, soon, value};

const WAYS: [(&str, &str); 2] = [("down", "bandwidth_down_bits_per_second"), ("up", "bandwidth_up_bits_per_second")];

/// A test that somebody asked for, so that the rate itself is wanted.
fn asked(check: &str, far_end: &FarEnd, rest: &str) -> Observation {
    let in_use = watch::Sender::new(false);
    let context = context(check, Duration::from_hours(1), &in_use);
    let context = Context { not_before: context.clock.mono().after(Duration::from_hours(1)), ..context };
    let _told = context.requests.ask();
    let mut probe = Probe::new(config(&far_end.url("/down"), &far_end.url("/up"), rest), context);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(soon(probe.next()))
}

fn bytes_on(card: &str) -> f64 {
    let count = |way| std::fs::read_to_string(format!("/sys/class/net/{card}/statistics/{way}_bytes")).unwrap();
    ["rx", "tx"].map(|way| count(way).trim().parse::<f64>().unwrap()).iter().sum()
}

#[test]
fn a_shaped_line_is_measured_with_its_headers_and_an_interval() {
    if !inside("capacity::a_shaped_line_is_measured_with_its_headers_and_an_interval") {
        return;
    }
    cable::lay();
    let far_end = FarEnd::across();
    for megabits in [5.0, 20.0] {
        cable::shape(&format!("{megabits}mbit"), 50);
        let before = bytes_on("near");
        let observation = asked(&format!("shaped_{megabits}"), &far_end, "");
        assert_eq!(findings(&observation), [], "{:?}", observation.error);
        let told = |quantity: &str, way| value(&observation, quantity, Some(way)).unwrap();
        for (way, content) in WAYS {
            let capacity = told("bandwidth_capacity_bits_per_second", way);
            let (low, high) = (
                told("bandwidth_capacity_low_bits_per_second", way),
                told("bandwidth_capacity_high_bits_per_second", way),
            );
            // `make bench` holds it to a hundredth. Here the shaper itself shares two processors with whatever else is tested: late
            // by 14 ms, it let through 4.1 % less or more in 2 of 85 runs beside a load of 8, and 2 % at most else.
            assert!((capacity / megabits / 1e6 - 1.0).abs() < 0.1, "{way}: {capacity} of {megabits} Mbit/s");
            assert!(low < capacity && capacity < high && high - low < capacity * 0.2, "{way}: {low} to {high}");
            // 1448 bytes of content in a packet of 1500 and a frame of 1514.
            let content = value(&observation, content, None).unwrap();
            assert!((capacity / content / (1514.0 / 1448.0) - 1.0).abs() < 0.002, "{way}: {content} in {capacity}");
        }
        let used = bytes_on("near") - before;
        assert!(used < 6e6, "{used} bytes both ways at {megabits} Mbit/s");
    }
}

#[test]
fn a_line_too_fast_for_the_data_is_enough_and_not_impossible() {
    if !inside("capacity::a_line_too_fast_for_the_data_is_enough_and_not_impossible") {
        return;
    }
    cable::lay();
    let far_end = FarEnd::across();
    let before = WAYS.map(|(way, _)| passed(card_way(way)));
    let observation = asked("too_fast", &far_end, "max_bytes = \"4 MB\"");
    assert_eq!(observation.error, None);
    for ((way, content), before) in WAYS.into_iter().zip(before) {
        // On a busy machine the kernel takes more than 4 MB before we stop it; all that came counts, over half a second.
        let most = (passed(card_way(way)) - before) * 8.0 / 0.5;
        let bound = value(&observation, "bandwidth_at_least_bits_per_second", Some(way));
        let capacity = value(&observation, "bandwidth_capacity_bits_per_second", Some(way));
        assert!(bound.is_some() != capacity.is_some(), "{way}: {observation:?}");
        // A slow machine may be slow enough to be measured.
        if let Some(bound) = bound {
            assert!((20e6..=most).contains(&bound), "{way}: {bound} of {most}");
            assert!(findings(&observation).iter().any(|(code, _)| *code == "siaga.bandwidth_beyond"));
        }
        assert!(value(&observation, content, None).is_some_and(|rate| rate >= 20e6), "{way}: enough is proven");
    }
}

/// A geostationary satellite, and loss that no single connection fills a line with: the line is never called slower than it is.
#[test]
fn a_long_way_and_a_lossy_one_are_not_taken_for_slow_ones() {
    if !inside("capacity::a_long_way_and_a_lossy_one_are_not_taken_for_slow_ones") {
        return;
    }
    let (rate, queue) = (10e6, Duration::from_millis(200));
    let long = Impairment { delay: Duration::from_millis(300), rate: Some((rate, queue)), ..Impairment::default() };
    let near = Impairment { delay: Duration::from_millis(20), ..long };
    let lossy = |way| Impairment { loss: Loss::Random(0.05), ..way };
    // A line lies in a namespace of its own, so the bad ones come one after another in the same place.
    let line = Line::lay(long, long, 7);
    Line::segment();
    let far_end = FarEnd::across();
    for (name, way) in [("long", long), ("lossy", lossy(near)), ("long_and_lossy", lossy(long))] {
        line.become_like(way, way);
        let observation = asked(name, &far_end, "duration = \"4s\"");
        for (way, content) in WAYS {
            let known = value(&observation, content, None);
            let bound = value(&observation, "bandwidth_at_least_bits_per_second", Some(way));
            if let Some(known) = known {
                assert!((0.8..1.1).contains(&(known / rate)), "{name} {way}: {known}");
            }
            assert!(bound.is_none_or(|bound| bound < rate * 1.1), "{name} {way}: {bound:?}");
        }
    }
}

/// Which way at our end of the cable content goes.
fn card_way(way: &str) -> &'static str {
    if way == "down" { "rx" } else { "tx" }
}

/// Bytes past our end of the cable that way.
fn passed(way: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/sys/class/net/near/statistics/{way}_bytes")).unwrap();
    text.trim().parse().unwrap()
}

/// Packets that our end's shaper had no room for.
fn dropped() -> f64 {
    let output = std::process::Command::new("tc").args(["-s", "qdisc", "show", "dev", "near"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split("(dropped ")
        .nth(1)
        .and_then(|rest| rest.split(',').next()?.parse().ok())
        .expect("tc tells what was dropped")
}

#[test]
fn a_room_that_comes_into_use_ends_a_transfer_within_100_ms_and_it_has_cost_what_it_cost() {
    if !inside("capacity::a_room_that_comes_into_use_ends_a_transfer_within_100_ms_and_it_has_cost_what_it_cost") {
        return;
    }
    cable::lay();
    // What our kernel still holds would take seconds here; what the cable's own queue holds, a moment.
    cable::shape("2mbit", 25);
    // So that the shaper drops whole packets.
    ip(&["link set dev near gso_max_segs 1"]);
    let far_end = FarEnd::across();
    for (way, enough) in [("rx", 250e3), ("tx", 120e3)] {
        let (in_use, budget) = (watch::Sender::new(false), Budget::default());
        let context = Context { budget: budget.clone(), ..context(way, Duration::from_hours(1), &in_use) };
        let mut probe = Probe::new(config(&far_end.url("/down"), &far_end.url("/up"), "duration = \"6s\""), context);
        let spent = || bytes_on("near") + dropped() * 1514.0;
        let (before, all) = (passed(way), spent());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let user = async {
                while passed(way) < before + enough {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                in_use.send_replace(true);
                tokio::time::sleep(Duration::from_millis(100)).await;
                let by_then = passed("tx");
                tokio::time::sleep(Duration::from_millis(300)).await;
                (by_then, passed("tx"))
            };
            tokio::select! {
                observation = probe.next() => panic!("{observation:?}"),
                (by_then, later) = soon(user) => {
                    // What was on its way to us is answered by a few resets of 54 bytes; content comes in packets of 1514.
                    assert!(later - by_then < 1000.0, "{way}: bytes after 100 ms: {}", later - by_then);
                }
            }
        });
        let (told, cost) = (budget.page(way.into(), None).total(), spent() - all);
        // Ethernet's own headers are not counted, nor what was still on its way to us; what our end's shaper dropped had been sent.
        assert!((0.9..1.02).contains(&(told / cost)), "{way}: {told} bytes in the books, {cost} on the cable");
    }
}

#[test]
fn whoever_asks_for_a_test_is_told_the_capacity_and_its_interval() {
    if !inside("capacity::whoever_asks_for_a_test_is_told_the_capacity_and_its_interval") {
        return;
    }
    cable::lay();
    cable::shape("20mbit", 50);
    let far_end = FarEnd::across();
    let absent: String = ["computer", "audio", "video", "power", "radio"]
        .map(|component| format!("[components.{component}]\nabsent = true\n"))
        .concat();
    let folder = room(&format!(
        "{absent}[[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = {:?}\nup_url = {:?}\nenough = \"1 Mbit/s\"\n\
         min_gap = \"1ms\"\n",
        far_end.url("/down"),
        far_end.url("/up")
    ));
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("line", "ready", "");
    let mut command = siaga();
    command
        .args(["--lang", "en", "test", "line", "--verbose", "--socket"])
        .arg(folder.path().join("state/control.sock"));
    let output = command.env_remove("SIAGA_CONFIG").output().unwrap();
    let text = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for quantity in ["", ", at least", ", at most"] {
        for way in ["down", "up"] {
            let lines = text.lines().filter(|line| line.contains(&format!("Capacity of the line{quantity} ({way}): ")));
            assert!(lines.count() > 0, "no capacity{quantity} {way}: {text}");
        }
    }
    daemon.stop();
}
