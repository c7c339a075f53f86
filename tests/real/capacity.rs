//! What the `bandwidth` probe makes of lines of a known rate: shaped by the kernel, far too fast, long and lossy.

use std::time::Duration;

use siaga::domain::Observation;
use siaga::probe::Context;
use siaga::probe::bandwidth::Probe;
use tokio::sync::watch;

use crate::bandwidth::{FarEnd, config};
use crate::support::cable;
use crate::support::impairment::{Impairment, Loss};
use crate::support::line::Line;
use crate::support::namespace::inside;
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
            // `make bench` holds it to a hundredth; a test that shares its processors with others, not to more than this.
            assert!((capacity / megabits / 1e6 - 1.0).abs() < 0.04, "{way}: {capacity} of {megabits} Mbit/s");
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
    let observation = asked("too_fast", &far_end, "max_bytes = \"4 MB\"");
    assert_eq!(observation.error, None);
    for (way, content) in WAYS {
        let bound = value(&observation, "bandwidth_at_least_bits_per_second", Some(way));
        let capacity = value(&observation, "bandwidth_capacity_bits_per_second", Some(way));
        assert!(bound.is_some() != capacity.is_some(), "{way}: {observation:?}");
        // A slow machine may be slow enough to be measured; 4 MB are at most 64 Mbit/s for half a second.
        if let Some(bound) = bound {
            assert!((20e6..=65e6).contains(&bound), "{way}: {bound}");
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
