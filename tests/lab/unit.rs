//! The unit as shipped: what it must not see, it does not; what it must see, it does.

use crate::daemon::room;
use crate::equipment::Camera;
use crate::guest::Lab;

const LOOK: &str = "interval = \"500ms\"\nrequery = \"1s\"\n";
/// Longer than any test: what is told sooner was told by the kernel.
const NEVER: &str = "interval = \"1h\"\nfresh_for = \"2h\"\n";
/// The guest is small, emulated, and in nobody's meeting.
const COMPUTER: &str = "cpu_degraded = 1.0\ncpu_pressure_degraded = 1.0\nmemory_pressure_degraded = 1.0\n\
    memory_degraded = \"20 MB\"\nmemory_not_ready = \"10 MB\"\ndisk_degraded = \"10 MB\"\ndisk_not_ready = \"1 MB\"\nmounts = [\"/\", \"/srv\"]\n\
    interval = \"500ms\"\n";

/// Of 10, of the unit as it runs: what `tests/real/unit_file.rs` holds its file to.
const MOST_EXPOSED: f64 = 1.9;

#[test]
fn a_user_of_its_own_with_one_privilege_and_no_core_dump() {
    let lab = Lab::start_system();
    let service = lab.service(&room(&["video"], &[("camera", LOOK)]));
    assert_eq!(service.property("ActiveState"), "active");
    assert_eq!((service.property("Type"), service.property("NRestarts")), ("notify".into(), "0".into()));
    let process = service.process();
    let status = lab.sh(&format!("cat /proc/{process}/status"));
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // Where systemd takes its short-lived users from (systemd.exec(5), "DynamicUser=").
    let user: u32 = field("Uid:")[0].parse().unwrap();
    assert!((61184..=65519).contains(&user), "{user}");
    // CAP_NET_RAW, number 13, and nothing that could be had beside it (capabilities(7)).
    for set in ["CapEff:", "CapPrm:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000002000"], "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), (vec!["1".to_owned()], vec!["2".to_owned()]));
    // A core would hold secrets, and what a device's child has just seen or heard.
    let limits = lab.sh(&format!("grep 'Max core file size' /proc/{process}/limits"));
    let limits: Vec<_> = limits.split_whitespace().skip(4).collect();
    assert_eq!(limits, ["0", "0", "bytes"]);
    assert_eq!(lab.sh("stat -L -c '%a %u' /var/lib/siaga"), format!("700 {user}"));
    assert!(
        lab.sh("ls /var/lib/siaga/").lines().any(|name| name.ends_with("siaga.db")),
        "{}",
        lab.sh("ls /var/lib/siaga/")
    );
    let security = lab.sh("systemd-analyze security --no-pager siaga.service | tail -1");
    let figure =
        security.split_once("siaga.service: ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(figure.is_some_and(|figure| figure <= MOST_EXPOSED), "{security}");
}

#[test]
fn every_passive_probe_sees_through_the_sandbox() {
    let lab = Lab::start_system();
    let card = lab.card();
    card.mute(false);
    // The unit makes both read-only for the daemon, but they are not.
    lab.sh("mount -t tmpfs srv /srv");
    // Echoes are the capability's, since the kernel admits nobody else.
    assert_eq!(lab.sh("cat /proc/sys/net/ipv4/ping_group_range").split_whitespace().collect::<Vec<_>>(), ["1", "0"]);
    let gateway = "name = \"gateway\"\ntarget = \"gateway\"\ninterval = \"200ms\"\n";
    let audio = format!("card = \"Dummy\"\n{LOOK}");
    let service = lab.service(&room(
        &["computer", "internet", "audio", "video", "power"],
        &[
            ("computer", COMPUTER),
            ("link", NEVER),
            ("icmp", gateway),
            ("audio", &audio),
            ("camera", LOOK),
            ("display", "requirement = \"advisory\"\n"),
            ("ups", "interval = \"500ms\"\n"),
        ],
    ));
    let daemon = &service.daemon;
    // This machine has no graphics card, and a clock that only the bus could tell of, which answers no user of this kind: both
    // are told for what they are.
    let settled = [
        ("audio", "ready", ""),
        ("camera", "ready", ""),
        ("computer", "ready", "siaga.clock_unseen"),
        ("display", "not_ready", "video.no_display"),
        ("gateway", "ready", ""),
        ("link", "ready", ""),
        ("ups", "ready", ""),
    ];
    for (check, verdict, code) in settled {
        daemon.stands_at(check, verdict, code);
    }
    // As timesyncd does when its server has answered.
    lab.sh("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized");
    daemon.stands_at("computer", "ready", "");
    let computer = service.check("computer")["measurements"].to_string();
    for quantity in ["computer_pressure_ratio", "computer_disk_free_bytes"] {
        assert!(computer.contains(quantity), "{quantity}: {computer}");
    }
    card.mute(true);
    daemon.stands_at("audio", "not_ready", "audio.microphone_muted");
    card.mute(false);
    daemon.stands_at("audio", "ready", "");
    lab.cable(false);
    daemon.stands_at("link", "not_ready", "internet.link_down");
    lab.cable(true);
    daemon.stands_at("link", "ready", "");
    daemon.ready();
    lab.sh("mount -o remount,ro /srv");
    daemon.stands_at("computer", "not_ready", "computer.disk_read_only");
}

#[test]
fn cameras_that_come_after_the_start_are_seen() {
    let lab = Lab::start_system();
    let (test, usb) = (lab.camera(Camera::Vivid(0)), lab.camera(Camera::Usb("CAM0001")));
    test.unplug();
    let vivid = format!("name = \"vivid\"\ndevice = \"vivid\"\n{LOOK}");
    let plugged = format!("name = \"usb\"\ndevice = \"1209:0001\"\n{LOOK}");
    let service = lab.service(&room(&["video"], &[("camera", &vivid), ("camera", &plugged)]));
    let daemon = &service.daemon;
    for _ in 0..2 {
        daemon.stands_at("vivid", "not_ready", "video.camera_missing");
        daemon.stands_at("usb", "not_ready", "video.camera_missing");
        test.replug();
        daemon.stands_at("vivid", "ready", "");
        usb.replug();
        daemon.stands_at("usb", "ready", "");
        usb.unplug();
        test.unplug();
    }
    assert_eq!(service.property("NRestarts"), "0");
}

/// What asks the kernel for more than a socket (`sock_diag(7)`), and what keeps ports of its own. The test by a whole call is more than an
/// emulated processor sends in time.
#[test]
fn the_tests_of_the_line_work_through_the_sandbox() {
    let lab = Lab::start_system();
    let service = lab.service(&room(
        &["internet"],
        &[
            ("stun", "server = \"self\"\n"),
            ("http", "url = \"self\"\n"),
            ("bandwidth", "down_url = \"self\"\nup_url = \"self\"\nmin_gap = \"3s\"\n"),
        ],
    ));
    for (check, quantity) in [
        ("stun", "stun_rtt_seconds"),
        ("http", "http_duration_seconds"),
        ("bandwidth", "bandwidth_down_bits_per_second"),
        ("bandwidth", "bandwidth_up_bits_per_second"),
    ] {
        let path = format!("/api/v1/checks/{check}");
        service.daemon.wait_for(&path, quantity, |_, body| body.contains(quantity));
    }
    assert_eq!(service.property("NRestarts"), "0");
}
