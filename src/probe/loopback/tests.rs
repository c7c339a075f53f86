//! What the `loopback` probe makes of what its child heard.

use super::*;
use crate::probe::fixture::value;

const GOOD: Found = Found { delay: 0.030, level: -20.0, clarity: 40.0, snr: 25.0, distortion: 0.02 };

fn heard(runs: [Option<Found>; 3]) -> Heard {
    Heard { silent: false, runs: runs.to_vec() }
}

fn codes(reading: &Reading) -> Vec<(&'static str, Verdict)> {
    reading.findings.iter().map(|finding| (finding.reason.code, finding.verdict)).collect()
}

#[test]
fn three_that_are_heard_give_medians_and_worst_cases() {
    let config = Config::default();
    let runs = [
        Found { delay: 0.031, snr: 22.0, ..GOOD },
        Found { level: -21.0, distortion: 0.05, ..GOOD },
        Found { delay: 0.034, ..GOOD },
    ];
    let reading = reading(&config, "Headset", Way::Card, &heard(runs.map(Some)));
    assert_eq!(codes(&reading), []);
    assert!(is_good(&reading, &config.rules()));
    let of = |name: &str| value(&reading, name, None).unwrap();
    assert!((of("loopback_delay_seconds") - 0.031).abs() < 1e-9);
    assert!((of("loopback_delay_spread_seconds") - 0.004).abs() < 1e-9);
    assert!((of("loopback_snr_decibels") - 22.0).abs() < 1e-9);
    assert!((of("loopback_distortion_ratio") - 0.05).abs() < 1e-9);
}

#[test]
fn what_is_not_heard_is_uncertain_and_a_dead_microphone_is_certain() {
    let config = Config::default();
    let faint = Found { clarity: 12.0, ..GOOD };
    for runs in [[None; 3], [Some(GOOD), Some(GOOD), None], [Some(GOOD), Some(faint), Some(GOOD)]] {
        let reading = reading(&config, "Headset", Way::Card, &heard(runs));
        assert_eq!(codes(&reading), [("audio.loopback_uncertain", Verdict::Unknown)], "{runs:?}");
        assert_eq!(value(&reading, "loopback_delay_seconds", None), None);
    }
    let silent = Heard { silent: true, runs: Vec::new() };
    assert_eq!(codes(&reading(&config, "Headset", Way::Card, &silent)), [("audio.loopback_silent", Verdict::NotReady)]);
}

#[test]
fn an_echo_canceller_makes_it_uncertain_and_never_a_fault() {
    let config = Config::default();
    let cancelled = [("audio.loopback_cancelled", Verdict::Unknown)];
    let through = Way::Seat { canceller: true };
    let silent = Heard { silent: true, runs: Vec::new() };
    let bad = Found { snr: 1.0, distortion: 0.9, delay: 0.55, ..GOOD };
    for heard in [silent, heard([Some(GOOD), Some(bad), Some(GOOD)]), heard([None; 3]), heard([Some(GOOD); 3])] {
        let reading = reading(&config, "Headset", through, &heard);
        assert_eq!(codes(&reading), cancelled, "{heard:?}");
        assert!(reading.measurements.iter().all(|measured| measured.quantity.name == "loopback_clarity_decibels"));
    }
    // One that nobody tells of learns, and takes more each time.
    let learns = [-10.0, -17.0, -24.0].map(|level| Some(Found { level, ..bad }));
    assert_eq!(codes(&reading(&config, "Headset", Way::Card, &heard(learns))), cancelled);
}

#[test]
fn each_limit_stands_where_the_config_puts_it() {
    let config = Config::default();
    for wrong in [Found { snr: 10.0, ..GOOD }, Found { distortion: 0.2, ..GOOD }, Found { delay: 0.045, ..GOOD }] {
        let reading = reading(&config, "Headset", Way::Card, &heard([Some(GOOD), Some(wrong), Some(GOOD)]));
        assert_eq!(codes(&reading), []);
        assert!(!is_good(&reading, &config.rules()), "{wrong:?}");
    }
    let late = reading(&config, "Headset", Way::Card, &heard([Some(Found { delay: 0.51, ..GOOD }); 3]));
    assert!(!is_good(&late, &config.rules()));
}
