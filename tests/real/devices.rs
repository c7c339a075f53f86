//! The device probes on this very machine: what is absent is told as absent, and never as an error.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use siaga::clock::Clock;
use siaga::devices;
use siaga::domain::{Kind, Lang, Observation, Verdict};
use siaga::probe::{Context, Probe, ProbeConfig, Roots};
use tokio::sync::watch;

fn probe(kind: Kind, config: &str) -> Probe {
    let config: toml::Table = config.parse().unwrap();
    let context = Context {
        check: kind.as_str().into(),
        clock: Clock::start(),
        interval: Duration::from_millis(300),
        bad_for: Duration::from_secs(3),
        roots: Roots::default(),
        in_use: watch::channel(false).1,
        requests: siaga::probe::Requests::default(),
        not_before: siaga::domain::Mono::ZERO,
        stands_until: siaga::domain::Mono::ZERO,
        own_far_end: None,
        enrolled: None,
        egress: siaga::probe::egress::Egress::default(),
        budget: siaga::probe::budget::Budget::default(),
        desktop: siaga::probe::seat::desktop::Desktop::default(),
        on_air: siaga::probe::on_air::OnAir::default(),
        buses: siaga::probe::usb::carried::Carried::default(),
        cards: siaga::probe::audio::Seen::default(),
        board: siaga::probe::board::Board::default(),
    };
    ProbeConfig::deserialize_as(kind, config).unwrap().build(context)
}

async fn see(kind: Kind) -> Observation {
    probe(kind, "").next().await
}

fn codes(seen: &Observation) -> BTreeSet<&'static str> {
    seen.reading.findings.iter().map(|finding| finding.reason.code).collect()
}

/// Whether a class of devices has any member here.
fn any(class: &str) -> bool {
    Path::new(class).read_dir().is_ok_and(|mut entries| entries.next().is_some())
}

#[tokio::test]
async fn absent_devices_are_absent_and_not_errors() {
    for (kind, present, absent) in [
        (Kind::Audio, any("/proc/asound"), "audio.no_card"),
        (Kind::Camera, any("/sys/class/video4linux"), "video.no_camera"),
        (Kind::Display, any("/sys/class/drm"), "video.no_display"),
    ] {
        let seen = see(kind).await;
        assert_eq!(seen.error, None, "{kind}");
        if !present {
            assert_eq!(codes(&seen), BTreeSet::from([absent]), "{kind}");
            assert_eq!(seen.reading.findings[0].verdict, Verdict::NotReady, "{kind}");
        }
    }
}

#[tokio::test]
async fn this_computer_is_measured_by_its_own_kernel() {
    let mut computer = probe(Kind::Computer, "");
    computer.next().await;
    let seen = computer.next().await;
    assert_eq!(seen.error, None);
    let value = |name: &str, part: Option<&str>| {
        let mut all = seen.reading.measurements.iter();
        all.find(|one| one.quantity.name == name && one.part.as_deref() == part).map(|one| one.value)
    };
    let share = value("computer_cpu_ratio", None).expect("a second look has a first to compare with");
    assert!((0.0..=1.0).contains(&share), "{share}");

    // Compared with the kernel's own words, read now: what others take meanwhile is less than a quarter.
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let available = 1024.0 * line.trim().trim_end_matches(" kB").parse::<f64>().unwrap();
    let ratio = value("computer_memory_available_bytes", None).unwrap() / available;
    assert!((0.75..1.25).contains(&ratio), "{ratio}");

    assert!(value("computer_disk_free_bytes", Some("/")).is_some_and(|free| free > 0.0));
    let pressure = Path::new("/proc/pressure/cpu").exists();
    assert_eq!(value("computer_pressure_ratio", Some("cpu")).is_some(), pressure);
    // One of three, and always exactly one: it follows a server, it runs free, or that cannot be seen.
    let clock = value("computer_clock_synchronised", None);
    assert_eq!(clock.is_none(), codes(&seen).contains("siaga.clock_unseen"), "{:?}", seen.reading.findings);
}

#[tokio::test]
async fn the_list_of_devices_is_a_config() {
    for lang in [Lang::Id, Lang::En] {
        let printed = devices::list(&Roots::default(), lang).await.to_string();
        printed.parse::<toml::Table>().unwrap_or_else(|error| panic!("{error}\n{printed}"));
    }
}
