//! Every status word, alone and in company.

use proptest::prelude::*;

use super::*;
use Verdict::{Degraded as D, NotReady as N, Ready as R, Unknown as U};

fn reading(pairs: &[(&str, &str)]) -> Reading {
    believed(true, pairs)
}

/// The same; `testing`, whether it is believed that it tests itself.
fn believed(testing: bool, pairs: &[(&str, &str)]) -> Reading {
    as_far_as(Believed { test: testing, calibration: true }, pairs)
}

fn as_far_as(believed: Believed, pairs: &[(&str, &str)]) -> Reading {
    let mut variables = Variables::default();
    for (name, value) in pairs {
        variables.put(name, value);
    }
    let status = Status::parse(variables.text(Variable::Status).unwrap_or_default());
    let now = "2025-11-23T02:00:00Z".parse().unwrap();
    judge(&variables, &status, believed, Policy { usable_share: 0.8, margin: 300.0 }, now)
}

/// A UPS in good health that says these words, and whatever else is given.
fn healthy(status: &str, more: &[(&str, &str)]) -> Reading {
    let mut pairs = vec![("battery.charge", "100"), ("battery.runtime", "1800"), ("input.voltage", "221")];
    pairs.push(("ups.status", status));
    pairs.extend_from_slice(more);
    reading(&pairs)
}

fn found(reading: &Reading) -> Vec<(Verdict, &'static str)> {
    reading.findings.iter().map(|finding| (finding.verdict, finding.reason.code)).collect()
}

fn measured(reading: &Reading, name: &str, part: Option<&str>) -> Option<f64> {
    let hit = |m: &&crate::domain::Measurement| m.quantity.name == name && m.part.as_deref() == part;
    reading.measurements.iter().find(hit).map(|m| m.value)
}

type Pairs = &'static [(&'static str, &'static str)];

const NOTHING_MORE: Pairs = &[];

#[test]
fn each_word_and_what_it_means() {
    let table: &[(&str, &[(Verdict, &str)])] = &[
        ("OL", &[]),
        ("OL CHRG", &[]),
        ("OL ECO", &[]),
        ("OB DISCHRG", &[(D, "power.on_battery")]),
        ("OB", &[(D, "power.on_battery")]),
        ("OB LB DISCHRG", &[(N, "power.battery_low"), (D, "power.on_battery")]),
        ("FSD OB LB", &[(N, "power.forced_shutdown"), (N, "power.battery_low"), (D, "power.on_battery")]),
        ("OL FSD", &[(N, "power.forced_shutdown")]),
        ("OFF", &[(N, "power.output_off")]),
        ("OL OFF", &[(N, "power.output_off")]),
        ("OL OVER", &[(N, "power.overloaded")]),
        ("OL BYPASS", &[(D, "power.bypassed")]),
        ("BYPASS", &[(D, "power.bypassed")]),
        ("OL RB", &[(D, "power.battery_replace")]),
        ("OL HB", &[(D, "power.battery_high")]),
        ("ALARM OL", &[(D, "power.alarm")]),
        ("OL OVERHEAT", &[(D, "power.overheated")]),
        ("OL SD", &[(D, "power.shutting_down")]),
        ("OL TRIM", &[(R, "power.voltage_trimmed")]),
        ("OL BOOST", &[(R, "power.voltage_boosted")]),
        ("OL CAL", &[(D, "power.calibrating")]),
        ("OB CAL DISCHRG", &[(D, "power.calibrating")]),
        ("CAL DISCHRG", &[(D, "power.calibrating")]),
        ("OL CAL OFF", &[(D, "power.calibrating")]),
        ("OB TEST DISCHRG", &[(R, "power.self_test_running")]),
        ("OL TEST OFF", &[(N, "power.output_off"), (R, "power.self_test_running")]),
        ("OL HE NEWWORD", &[(R, "power.status_other")]),
    ];
    for (words, expected) in table {
        assert_eq!(found(&healthy(words, NOTHING_MORE)), *expected, "{words}");
    }
    // The closed list is the whole list: a word added without a row above is seen here.
    for flag in Flag::ALL {
        assert!(table.iter().any(|(words, _)| words.split(' ').any(|word| word == flag.as_str())), "{flag:?}");
    }
}

#[test]
fn only_five_words_make_power_not_ready() {
    for flag in Flag::ALL {
        let reading = healthy(&format!("OL {}", flag.as_str()), &[("battery.charge", "50")]);
        let five = matches!(flag, Flag::Lb | Flag::Off | Flag::Over | Flag::Fsd);
        assert_eq!(found(&reading).iter().any(|(verdict, _)| *verdict == N), five, "{flag:?}");
    }
    // The fifth is OB past the runtime rule, which the rules decide.
    assert!(found(&healthy("OB", NOTHING_MORE)).iter().all(|(verdict, _)| *verdict == D));
}

#[test]
fn contradictions_are_unknown_and_nothing_else_is_concluded() {
    let table: &[(&str, Pairs, &str)] = &[
        ("", &[], "–"),
        ("   ", &[], "–"),
        ("OL OB", &[], "OL OB"),
        ("OL OB LB OVER OFF", &[], "OL OB LB OVER OFF"),
        ("CHRG", &[], "CHRG"),
        ("RB", &[], "RB"),
        ("ALARM", &[], "ALARM"),
        ("OL CHRG DISCHRG", &[], "OL CHRG DISCHRG"),
        ("OB CHRG", &[], "OB CHRG"),
        ("OB HB LB", &[], "OB HB LB"),
        ("OL LB", &[], "OL LB; battery.charge 100"),
        ("OL DISCHRG", &[("battery.charge", "70")], "OL DISCHRG; battery.charge 70"),
        ("OL DISCHRG", &[("input.voltage", "0.0")], "OL DISCHRG; input.voltage 0.0"),
    ];
    for (words, more, evidence) in table {
        let reading = healthy(words, more);
        let unknown: Vec<_> = reading.findings.iter().filter(|finding| finding.verdict > D).collect();
        assert_eq!(unknown.len(), 1, "{words}: {:?}", found(&reading));
        assert_eq!((unknown[0].verdict, unknown[0].reason.code), (U, "power.status_contradictory"), "{words}");
        assert_eq!(unknown[0].args[0].1.render(crate::domain::Lang::Id), *evidence);
        for source in ["mains", "battery"] {
            assert_eq!(measured(&reading, "ups_usable_runtime_seconds", Some(source)), None, "{words}");
        }
    }
    let forced = found(&healthy("FSD OL OB", NOTHING_MORE));
    assert_eq!(forced, [(N, "power.forced_shutdown"), (U, "power.status_contradictory")], "FSD is upsd's own word");
    assert_eq!(found(&reading(NOTHING_MORE)), [(U, "power.status_contradictory")], "no variable at all");
}

#[test]
fn what_only_looks_like_a_contradiction() {
    let at_rest = healthy("OL DISCHRG", NOTHING_MORE);
    assert_eq!(found(&at_rest), [], "a full battery at rest");
    let low = healthy("OL DISCHRG", &[("input.voltage", "50")]);
    assert!(!found(&low).contains(&(U, "power.status_contradictory")), "50 V is what a weak mains may still be");
    let resting = healthy("OL DISCHRG", &[("battery.charge", "85"), ("battery.charger.status", "resting")]);
    assert_eq!(found(&resting), [], "the charger says it rests");
    let worn = healthy("OL LB", &[("battery.runtime", "90")]);
    assert_eq!(found(&worn), [(N, "power.battery_low")], "a worn battery is full and lasts no time");
    let empty = healthy("OL LB CHRG", &[("battery.charge", "12"), ("battery.runtime", "200")]);
    assert_eq!(found(&empty), [(N, "power.battery_low"), (D, "power.charge_low")]);
}

#[test]
fn runtime_counts_by_where_the_load_lives() {
    let usable = |reading: &Reading| {
        ["mains", "battery"].map(|source| measured(reading, "ups_usable_runtime_seconds", Some(source)))
    };
    assert_eq!(usable(&healthy("OL", NOTHING_MORE)), [Some(1440.0), None]);
    assert_eq!(usable(&healthy("OB DISCHRG", NOTHING_MORE)), [None, Some(1140.0)]);
    assert_eq!(usable(&healthy("OB", &[("battery.runtime", "60")])), [None, Some(0.0)], "never negative");
    assert_eq!(usable(&healthy("OB CAL", NOTHING_MORE)), [Some(1440.0), None], "a calibration is no outage");
    assert_eq!(usable(&healthy("OFF", NOTHING_MORE)), [None, None]);
    // facts of the rule: runtime × 0.8 − 300 s against the minutes left
    for (runtime, minutes, enough) in [(5400, 60, true), (4950, 60, true), (4500, 60, false), (1080, 30, false)] {
        let [_, battery] = usable(&healthy("OB", &[("battery.runtime", &runtime.to_string())]));
        assert_eq!(battery.unwrap() >= f64::from(minutes * 60), enough, "{runtime} s, {minutes} min");
    }
}

#[test]
fn a_runtime_that_nobody_knows() {
    let without = |words| reading(&[("ups.status", words), ("battery.charge", "100")]);
    assert_eq!(found(&without("OL")), [(R, "power.runtime_unknown")]);
    assert_eq!(found(&without("OB")), [(D, "power.on_battery"), (U, "power.runtime_unknown")]);
}

#[test]
fn a_self_test_that_runs_for_ever_hides_nothing() {
    let hangs = |status, more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("battery.charge", "50"), ("battery.runtime", "1800"), ("ups.status", status)];
        pairs.extend_from_slice(more);
        found(&believed(false, &pairs))
    };
    assert_eq!(hangs("OB TEST DISCHRG", NOTHING_MORE), [(D, "power.on_battery")]);
    assert_eq!(hangs("OB", &[("ups.test.result", "In progress")]), [(D, "power.on_battery")]);
    assert_eq!(hangs("OL TEST", NOTHING_MORE), [(D, "power.charge_low")]);
    assert_eq!(hangs("OB CAL TEST", NOTHING_MORE), [(D, "power.calibrating")], "a calibration is no test");
    let low = healthy("OL TEST", &[("battery.charge", "12")]);
    assert_eq!(found(&low), [(R, "power.self_test_running"), (D, "power.charge_low")], "nor is it hidden meanwhile");
}

#[test]
fn a_running_self_test_is_no_outage() {
    let running = healthy("OB DISCHRG", &[("ups.test.result", "In progress")]);
    assert_eq!(found(&running), [(R, "power.self_test_running")]);
    assert_eq!(measured(&running, "ups_self_test", Some("running")), Some(1.0));
    assert_eq!(measured(&running, "ups_self_test", Some("passed")), Some(0.0));
    let failed = healthy("OL", &[("ups.test.result", "Done and error")]);
    assert_eq!(found(&failed), [(D, "power.self_test_failed")]);
    assert_eq!(measured(&healthy("OL", NOTHING_MORE), "ups_self_test", Some("none")), None, "not reported: no series");
}

#[test]
fn charge_counts_only_while_there_is_mains() {
    assert_eq!(found(&healthy("OL CHRG", &[("battery.charge", "79")])), [(D, "power.charge_low")]);
    assert_eq!(found(&healthy("OL", &[("battery.charge", "79")])), [(D, "power.charge_low")]);
    assert_eq!(found(&healthy("OL CHRG", &[("battery.charge", "80")])), []);
    assert_eq!(found(&healthy("OB", &[("battery.charge", "60")])), [(D, "power.on_battery")]);
}

#[test]
fn nonsense_is_noted_and_left_out() {
    let reading = healthy("OL", &[("battery.charge", "255"), ("battery.runtime", "soon")]);
    assert_eq!(found(&reading), [(R, "power.value_implausible"), (R, "power.runtime_unknown")]);
    let values = reading.findings[0].args[0].1.render(crate::domain::Lang::En);
    assert_eq!(values, "battery.charge=255, battery.runtime=soon");
    assert_eq!(measured(&reading, "ups_battery_charge_ratio", None), None);
    assert_eq!(measured(&reading, "ups_battery_runtime_seconds", None), None);
}

#[test]
fn flags_are_one_series_each() {
    let reading = healthy("OL CHRG HE", NOTHING_MORE);
    let on: Vec<_> = reading
        .measurements
        .iter()
        .filter(|m| m.quantity.name == "ups_status" && m.value > 0.5)
        .map(|m| m.part.as_deref().unwrap().to_owned())
        .collect();
    assert_eq!(on, ["OL", "CHRG", "other"]);
    let all = reading.measurements.iter().filter(|m| m.quantity.name == "ups_status").count();
    assert_eq!(all, Flag::ALL.len() + 1);
}

#[test]
fn of_unknown_words_eight_are_kept() {
    let words: Vec<String> = (0..12).map(|n| format!("X{n}")).collect();
    assert_eq!(Status::parse(&words.join(" ")).other, words[..8]);
}

#[test]
fn wait_is_neither_mains_nor_battery() {
    assert!(Status::parse("WAIT").waits());
    assert!(!Status::parse("OL").waits());
}

proptest! {
    #[test]
    fn any_words_and_values_give_a_reading_that_can_be_told(
        words in prop::collection::vec(prop::sample::select(Flag::ALL), 0..8),
        strange in "[A-Z ]{0,40}",
        charge in "[^{]{0,12}",
        runtime in "-?[0-9]{0,12}(\\.[0-9]{0,3})?",
    ) {
        let mut status = strange;
        for word in &words {
            status.push(' ');
            status.push_str(word.as_str());
        }
        let reading = reading(&[
            ("ups.status", status.as_str()), ("battery.charge", &charge), ("battery.runtime", &runtime),
        ]);
        for finding in &reading.findings {
            prop_assert!(super::r::ALL.iter().any(|reason| **reason == *finding.reason));
            // Every name in the sentence has its argument.
            for text in [finding.reason.message, finding.reason.remedy] {
                let told = crate::domain::reason::fill(text.id, &finding.args, crate::domain::Lang::Id);
                prop_assert!(!told.contains('{'), "{}", told);
            }
        }
        // Never green without a word that says so.
        let green = reading.findings.iter().all(|finding| finding.verdict == R);
        prop_assert!(!green || words.iter().any(|word| matches!(word, Flag::Ol | Flag::Cal | Flag::Test))
            || status.split_ascii_whitespace().any(|word| matches!(word, "OL" | "CAL" | "TEST")), "{}", status);
    }
}

#[test]
fn a_calibration_into_which_nothing_comes_is_an_outage_and_so_is_one_that_never_ends() {
    let with = |status, volts| healthy(status, &[("input.voltage", volts)]);
    for status in ["OL CAL DISCHRG", "CAL DISCHRG", "OB CAL DISCHRG"] {
        assert_eq!(found(&with(status, "221")), [(D, "power.calibrating")], "{status}");
        assert_eq!(found(&with(status, "0")), [(D, "power.on_battery"), (D, "power.calibrating")], "{status}");
    }
    let hangs = |status| {
        let pairs =
            [("battery.charge", "70"), ("battery.runtime", "1800"), ("input.voltage", "221"), ("ups.status", status)];
        found(&as_far_as(Believed { test: true, calibration: false }, &pairs))
    };
    assert_eq!(hangs("OB CAL DISCHRG"), [(D, "power.on_battery"), (D, "power.calibrating")]);
    assert!(hangs("OL CAL DISCHRG").contains(&(U, "power.status_contradictory")));
}
