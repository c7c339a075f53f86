//! What `/metrics` says, and that Prometheus' own lint has nothing to say about it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use siaga::domain::{Kind, Level, Verdict};
use siaga::probe;
use siaga::web::Own;
use siaga::web::metrics::{FAMILIES, Family};
use siaga::web::own::{Keeping, Pushing, SetAside, Telling};

use super::{promtool, whole_catalogue};
use crate::support::golden;
use crate::support::snapshot::{CAMERA_MISSING, CHARGE, DISK, check, good, room, troubled};
use crate::support::web::serve;

/// The exposition without what the process says of itself.
fn room_only(text: &str) -> String {
    let process = |line: &&str| !line.starts_with("process_") && !line.contains(" process_");
    text.lines().filter(process).flat_map(|line| [line, "\n"]).collect()
}

#[tokio::test]
async fn the_exposition_of_a_troubled_room() {
    let served = serve(troubled().build()).await;
    let got = served.get("/metrics").await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    golden::hold("metrics.txt", &room_only(&got.text));
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(got.text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
    served.stop().await;
}

#[tokio::test]
async fn it_agrees_with_the_api() {
    let served = serve(troubled().build()).await;
    let metrics = served.get("/metrics").await.text;
    let holds = |series: String| metrics.lines().any(|line| line == format!("{series} 1"));
    for profile in ["rapat", "simak"] {
        let json = served.get(&format!("/api/v1/readiness?profile={profile}")).await.json();
        let room = json["verdict"].as_str().unwrap();
        assert!(holds(format!("siaga_room_state{{room=\"rapat_1\",profile=\"{profile}\",state=\"{room}\"}}")));
        for part in json["components"].as_array().unwrap() {
            let (name, state) = (part["component"].as_str().unwrap(), part["verdict"].as_str().unwrap());
            let series =
                format!("siaga_component_state{{component=\"{name}\",profile=\"{profile}\",state=\"{state}\"}}");
            assert!(holds(series.clone()), "{series}");
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn promtool_has_nothing_to_say_about_any_quantity() {
    let served = serve(whole_catalogue().build()).await;
    let text = served.get("/metrics").await.text;
    for kind in Kind::ALL.into_iter().filter(|kind| kind.component().is_some()) {
        for quantity in probe::quantities(kind) {
            let name = Family::of_quantity(quantity).name;
            assert!(text.contains(&format!("# TYPE {name} ")), "{name} is not there");
        }
    }
    let (content, said) = promtool(&["check", "metrics"], &text);
    assert!(content && said.is_empty(), "{said}");
    served.stop().await;
}

#[test]
fn every_name_keeps_the_conventions() {
    let quantities = || Kind::ALL.into_iter().flat_map(probe::quantities);
    let all = FAMILIES.iter().map(|family| (*family).clone()).chain(quantities().map(|one| Family::of_quantity(one)));
    let mut named = BTreeSet::new();
    for family in all {
        let name = family.name.as_ref();
        assert!(name.starts_with("siaga_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'), "{name}");
        assert!(!name.contains("__") && !name.ends_with('_'), "{name}");
        assert_eq!(family.counter, name.ends_with("_total"), "{name}: counters end in _total and nothing else does");
        for reserved in ["_count", "_sum", "_bucket"] {
            assert!(!name.ends_with(reserved), "{name}: {reserved} is a histogram's");
        }
        for unit in ["_ms", "_milliseconds", "_minutes", "_hours", "_percent", "_bits", "_kb", "_mb"] {
            assert!(!name.ends_with(unit) && !name.contains(&format!("{unit}_")), "{name}: base units only");
        }
        assert!(family.help.ends_with('.') && !family.help.contains('\n'), "{name}: {:?}", family.help);
        let mut labels = BTreeSet::new();
        for label in family.labels.iter() {
            assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}: {label}");
            assert!(!["job", "instance", "le", "quantile"].contains(label), "{name}: {label} is Prometheus' own");
            assert!(labels.insert(*label), "{name}: {label} twice");
        }
        family.description().unwrap();
        named.insert(name.to_owned());
    }
    for quantity in quantities() {
        let stem = quantity.name.strip_suffix("_total").unwrap_or(quantity.name);
        if let Some(suffix) = quantity.unit.suffix() {
            assert!(stem.ends_with(suffix), "{}: its unit's suffix is {suffix}", quantity.name);
        }
        let kinds = Kind::ALL.into_iter().filter(|kind| probe::quantities(*kind).contains(quantity));
        for kind in kinds {
            assert!(quantity.name.starts_with(kind.as_str()), "{}: the kind comes first", quantity.name);
        }
    }
    assert!(named.len() > FAMILIES.len(), "the probes measure something");
}

#[tokio::test]
async fn what_is_too_old_is_dropped_and_its_state_and_age_stay() {
    let mut checks = good();
    checks[5] = check("ups", Kind::Ups, Level::Power)
        .measured(&CHARGE, 0.8)
        .because(&siaga::engine::reasons::STALE, Verdict::Unknown, &[])
        .stale();
    let served = serve(room(checks.clone()).build()).await;
    let text = served.get("/metrics").await.text;
    assert!(!text.contains("siaga_ups_battery_charge_ratio"), "{text}");
    for line in [
        "siaga_check_state{check=\"ups\",kind=\"ups\",component=\"power\",state=\"unknown\"} 1",
        "siaga_check_stale{check=\"ups\"} 1",
        "siaga_check_fresh_seconds{check=\"ups\"} 3600",
        "siaga_check_last_observation_timestamp_seconds{check=\"ups\"} 1795487412",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    // Held, it is old on purpose.
    checks[5] = check("ups", Kind::Ups, Level::Power).measured(&CHARGE, 0.8).held().stale();
    served.snapshot.send_replace(room(checks).build());
    let text = served.get("/metrics").await.text;
    assert!(text.contains("siaga_ups_battery_charge_ratio{check=\"ups\"} 0.8\n"));
    assert!(text.contains("siaga_check_held{check=\"ups\"} 1\n"));
    served.stop().await;
}

#[tokio::test]
async fn hard_labels_and_repeats_do_not_spoil_a_scrape() {
    let mut checks = good();
    let name = "a\"b\\c\nd{e}";
    checks[0] = check(name, Kind::Computer, Level::Computer)
        .measured_part(&DISK, "/mnt/\"x\\y\nz", 1.0)
        .measured_part(&DISK, "/mnt/\"x\\y\nz", 2.0)
        .because(&CAMERA_MISSING, Verdict::NotReady, &[])
        .because(&CAMERA_MISSING, Verdict::NotReady, &[]);
    let served = serve(room(checks).build()).await;
    let text = served.get("/metrics").await.text;
    let escaped = r#"siaga_computer_disk_free_bytes{check="a\"b\\c\nd{e}",mount="/mnt/\"x\\y\nz"} 1"#;
    assert!(text.lines().any(|line| line == escaped), "{text}");
    let mut series = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, _) = line.rsplit_once(' ').unwrap();
        assert!(series.insert(name), "{name} twice");
    }
    let (content, said) = promtool(&["check", "metrics"], &text);
    assert!(content, "{said}");
    served.stop().await;
}

#[tokio::test]
async fn a_reload_is_told() {
    let served = serve(room(good()).build()).await;
    let at = "2026-11-24T01:00:00Z".parse().unwrap();
    served.reloaded.send_replace(siaga::web::Reloaded { ok: false, newest: false, at });
    // What was rendered for this snapshot may be shown for a second more; a new one ends it.
    served.snapshot.send_replace(room(good()).build());
    let text = served.get("/metrics").await.text;
    assert!(text.contains("siaga_config_last_reload_successful 0\n"), "{text}");
    assert!(text.contains("siaga_config_last_reload_success_timestamp_seconds 1795482000\n"), "{text}");
    served.stop().await;
}

#[tokio::test]
async fn the_daemons_own_health_is_told() {
    let served = serve(room(good()).build()).await;
    *served.own.0.lock().unwrap() = Own {
        store: Keeping {
            healthy: false,
            waiting: 7,
            dropped: 5,
            set_aside: Some(SetAside {
                at: Timestamp::UNIX_EPOCH,
                newer: false,
                file: "siaga.db.damaged-19700101T000000Z".to_owned(),
            }),
            removed: 3,
        },
        // The same label twice would spoil the whole scrape.
        receivers: [("st\"af".into(), Telling { failed: vec![("timeout", 1), ("timeout", 2)], ..Telling::default() })]
            .into(),
        withheld: Vec::new(),
        pushed_today: [].into(),
        pushing: Some(Pushing {
            sent: 9,
            bytes: 1234,
            failed: vec![("timeout", 3)],
            dropped: vec![("refused", 4)],
            pending: 5,
            oldest_pending_at: Some("2026-11-24T01:00:00Z".parse().unwrap()),
            last_success_at: None,
            kept: true,
        }),
    };
    let text = served.get("/metrics").await.text;
    for line in [
        "siaga_store_healthy 0",
        "siaga_store_waiting 7",
        "siaga_store_dropped_total 5",
        "siaga_database_set_aside 1",
        "siaga_state_removed_total 3",
        r#"siaga_notifications_delivered_total{receiver="st\"af"} 0"#,
        r#"siaga_notifications_failed_attempts_total{receiver="st\"af",reason="timeout"} 1"#,
        "siaga_remote_write_sent_samples_total 9",
        "siaga_remote_write_sent_bytes_total 1234",
        r#"siaga_remote_write_failed_attempts_total{reason="timeout"} 3"#,
        r#"siaga_remote_write_dropped_samples_total{reason="refused"} 4"#,
        "siaga_remote_write_pending_samples 5",
        "siaga_remote_write_oldest_pending_timestamp_seconds 1795482000",
        "siaga_remote_write_buffer_healthy 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    assert!(!text.contains("siaga_remote_write_last_success"), "never is no moment: {text}");
    assert!(!text.contains("last_delivered"), "never is no moment: {text}");
    let (content, said) = promtool(&["check", "metrics"], &text);
    assert!(content, "{said}");
    served.stop().await;
}
