//! The systemd units, by systemd's own judgement.
//!
//! Debian package: `systemd` (no running systemd is needed).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Of 10, by far less than what systemd calls "OK", which goes up to 4.9 (its `analyze-security.c`); each thing that the unit leaves open
/// is argued beside it. With the radio's key it is the same: devices are let through by name either way.
const MOST_EXPOSED: f64 = 1.9;

/// A user's unit, which systemd reckons as if it were root's. What is left open is the place of its sockets, and what has no meaning there
/// (a user of its own, a list of addresses).
const SEAT_EXPOSED: f64 = 0.7;

/// The same where there are no user namespaces, by the drop-in for that.
const SEAT_WITHOUT_NAMESPACES: f64 = 4.8;

/// The far end needs no device, no file and no privilege: only the network.
const REFLECTOR_EXPOSED: f64 = 1.1;

/// The daemon's unit.
fn unit() -> (TempDir, PathBuf) {
    unit_of("siaga", "run")
}

/// A unit, with the program that was just built in the place where the package puts it.
fn unit_of(name: &str, command: &str) -> (TempDir, PathBuf) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("systemd/{name}.service"));
    let text = fs::read_to_string(shipped).unwrap();
    assert!(text.contains(&format!("ExecStart=/usr/bin/siaga {command}\n")));
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join(format!("{name}.service"));
    fs::write(&unit, text.replace("/usr/bin/siaga", env!("CARGO_BIN_EXE_siaga"))).unwrap();
    (folder, unit)
}

fn analyze(args: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze")
        .args(args)
        .arg(unit)
        .env("SYSTEMD_COLORS", "0")
        // For `--user`, which looks there for a session's own units.
        .env("XDG_RUNTIME_DIR", unit.parent().unwrap())
        .output()
        .expect("systemd-analyze is missing: install Debian's package systemd")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// By whose systemd a unit is run.
fn scope(name: &str) -> &'static str {
    if name == "siaga-seat" { "--user" } else { "--system" }
}

/// How exposed a unit is, of 10, its drop-ins included.
fn exposure(unit: &Path, name: &str) -> f64 {
    let text = told(&analyze(&[scope(name), "security", "--offline=true", "--no-pager"], unit));
    let before = format!("exposure level for {name}.service: ");
    let overall = text.lines().find_map(|line| line.split_once(&before)).map(|(_, rest)| rest);
    let score = overall.and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    score.unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn systemd_finds_nothing_wrong() {
    for (name, command) in [("siaga", "run"), ("siaga-seat", "seat"), ("siaga-reflect", "reflect")] {
        let (_folder, unit) = unit_of(name, command);
        let output = analyze(&[scope(name), "verify", "--man=no"], &unit);
        // What systemd says of other units on this machine is not ours.
        let findings: Vec<_> = told(&output).lines().filter(|line| line.contains("siaga")).map(str::to_owned).collect();
        assert!(findings.is_empty() && output.status.success(), "{findings:#?}\n{}", told(&output));
    }
}

#[test]
fn systemd_does_find_what_is_wrong() {
    let (_folder, unit) = unit();
    let misspelt = fs::read_to_string(&unit).unwrap().replace("MemoryMax=", "MemoryMaximum=");
    fs::write(&unit, misspelt).unwrap();
    assert!(told(&analyze(&["verify", "--man=no"], &unit)).contains("MemoryMaximum"));
}

#[test]
fn the_sandboxes_are_tight() {
    for (name, command, most) in [
        ("siaga", "run", MOST_EXPOSED),
        ("siaga-seat", "seat", SEAT_EXPOSED),
        ("siaga-reflect", "reflect", REFLECTOR_EXPOSED),
    ] {
        let (_folder, unit) = unit_of(name, command);
        let score = exposure(&unit, name);
        assert!(score <= most, "{name}: {score}");
    }
}

#[test]
fn the_radios_key_opens_one_thing_and_no_more() {
    let (folder, unit) = unit();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/radio.conf");
    let drop_in = folder.path().join("siaga.service.d/radio.conf");
    fs::create_dir(drop_in.parent().unwrap()).unwrap();
    let shipped = fs::read_to_string(shipped).unwrap();
    // As shipped, and with all that somebody could take out of its comments.
    for text in [shipped.clone(), shipped.replace("\n#DeviceAllow", "\nDeviceAllow").replace("\n#Supp", "\nSupp")] {
        fs::write(&drop_in, &text).unwrap();
        let output = analyze(&["verify", "--man=no"], &unit);
        assert!(!told(&output).lines().any(|line| line.contains("siaga")), "{text}\n{}", told(&output));
        let score = exposure(&unit, "siaga");
        assert!(score <= MOST_EXPOSED, "{score}\n{text}");
    }
    // The drop-in is read: one that opens a door is seen.
    fs::write(&drop_in, "[Service]\nNoNewPrivileges=no\nDevicePolicy=auto\nDeviceAllow=\n").unwrap();
    assert!(exposure(&unit, "siaga") > MOST_EXPOSED);
}

/// Whose numbers systemd finds in /proc/devices once which module is loaded; none where the kernel has it built in.
const REGISTERED_BY: [(&str, Option<&str>); 7] = [
    ("video4linux", Some("videodev")),
    ("alsa", Some("snd")),
    ("hidraw", Some("hid")),
    ("ttyUSB", Some("usbserial")),
    ("ttyACM", Some("cdc_acm")),
    ("ttyS", None),
    ("gpiochip", None),
];

#[test]
fn what_is_plugged_in_after_the_start_is_let_through_too() {
    for name in ["siaga.service", "radio.conf"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name);
        let text = fs::read_to_string(shipped).unwrap();
        let groups = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix("DeviceAllow=char-"));
        let groups: Vec<&str> = groups.filter_map(|rest| rest.split(' ').next()).collect();
        assert!(groups.len() > 1, "{name}: {groups:?}");
        for group in groups {
            let known = REGISTERED_BY.iter().find(|(known, _)| *known == group);
            let Some(module) = known.unwrap_or_else(|| panic!("{name}: who registers {group}?")).1 else { continue };
            for key in ["Wants=", "After="] {
                let unit = format!("modprobe@{module}.service");
                let mut units = text.lines().filter_map(|line| line.strip_prefix(key)).flat_map(|all| all.split(' '));
                assert!(units.any(|named| named == unit), "{name}: {key} lacks {unit}, for {group}");
            }
        }
    }
}

#[test]
fn the_socket_is_the_configs_own_default() {
    let (folder, _unit) = unit();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/siaga.socket");
    let socket = folder.path().join("siaga.socket");
    fs::copy(shipped, &socket).unwrap();
    let output = analyze(&["verify", "--man=no"], &socket);
    assert!(!told(&output).lines().any(|line| line.contains("siaga")) && output.status.success(), "{}", told(&output));
    let listens = format!("ListenStream={}\n", siaga::config::Web::default().listen[0]);
    let text = fs::read_to_string(&socket).unwrap();
    assert!(text.contains(&listens), "{listens}");
    // An address of the network that somebody writes there is not there yet when the machine starts.
    assert!(text.contains("\nFreeBind=yes\n"), "{text}");
}

/// The lines of a unit that begin with one of these words, in their order.
fn lines_of(name: &str, command: &str, words: &[&str]) -> Vec<String> {
    let (_folder, unit) = unit_of(name, command);
    let text = fs::read_to_string(unit).unwrap();
    let chosen = text.lines().filter(|line| words.iter().any(|word| line.starts_with(word)));
    chosen.map(str::to_owned).collect()
}

/// How the keys begin that take something away from a service. The figure leaves room for one of them to go, or to become weaker.
const FENCES: [&str; 13] = [
    "NoNewPrivileges",
    "Device",
    "Protect",
    "Private",
    "ProcSubset",
    "LockPersonality",
    "MemoryDeny",
    "RemoveIPC",
    "Restrict",
    "SocketBind",
    "SystemCall",
    "ReadWritePaths",
    "UMask",
];

/// What both that run for the whole machine have.
const COMMON: [&str; 20] = [
    "DevicePolicy=closed",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "NoNewPrivileges=yes",
    "PrivateMounts=yes",
    "PrivateTmp=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectSystem=strict",
    "RemoveIPC=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "UMask=0077",
];

#[test]
fn the_daemon_and_the_far_end_keep_each_key_of_their_sandboxes() {
    let daemon: &[&str] = &[
        "DeviceAllow=char-video4linux rw",
        "DeviceAllow=char-alsa rw",
        "ProtectHome=read-only",
        "ProtectProc=default",
        "ProcSubset=all",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        // The second takes away from the first.
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
    ];
    let far_end: &[&str] = &[
        "PrivateDevices=yes",
        "ProtectHome=yes",
        "PrivateUsers=yes",
        "ProtectProc=invisible",
        "ProcSubset=pid",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "SocketBindDeny=any",
        "SocketBindAllow=udp:10862",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
    ];
    for (name, command, own) in [("siaga", "run", daemon), ("siaga-reflect", "reflect", far_end)] {
        let (common, rest): (Vec<_>, Vec<_>) =
            lines_of(name, command, &FENCES).into_iter().partition(|line| COMMON.contains(&line.as_str()));
        assert_eq!(rest, own, "{name}");
        let lacks: Vec<_> = COMMON.iter().filter(|key| !common.iter().any(|line| line == *key)).collect();
        assert!(lacks.is_empty(), "{name} lacks {lacks:?}");
    }
}

#[test]
fn each_unit_has_its_ceilings() {
    // Without a policy of its own a unit ends with the first of its processes that had no memory, and is started anew: right for the other
    // two, which are one process and keep nothing that a start does not bring back.
    for (name, command, wanted) in [
        ("siaga", "run", ["OOMPolicy=continue", "MemoryMax=256M", "TasksMax=256", "LimitCORE=0"].as_slice()),
        ("siaga-seat", "seat", &["MemoryMax=128M", "TasksMax=32", "LimitCORE=0"]),
        ("siaga-reflect", "reflect", &["MemoryMax=64M", "TasksMax=16", "LimitCORE=0"]),
    ] {
        assert_eq!(lines_of(name, command, &["OOM", "MemoryMax", "MemoryHigh", "Tasks", "Limit"]), wanted, "{name}");
    }
}

#[test]
fn the_far_end_has_no_capability_and_no_root() {
    let (_folder, unit) = unit_of("siaga-reflect", "reflect");
    let text = fs::read_to_string(unit).unwrap();
    let lines: Vec<_> = text.lines().collect();
    for line in ["DynamicUser=yes", "CapabilityBoundingSet=", "PrivateDevices=yes", "Type=notify"] {
        assert!(lines.contains(&line), "{line}");
    }
    let more = ["User=", "AmbientCapabilities=", "Environment="];
    assert!(!lines.iter().any(|line| more.iter().any(|word| line.starts_with(word))));
}

#[test]
fn the_far_end_may_have_tokens_and_keeps_its_sandbox() {
    let (_folder, unit) = unit_of("siaga-reflect", "reflect");
    let shipped = fs::read_to_string(&unit).unwrap();
    let with = shipped
        .replace("\n#StateDirectory", "\nStateDirectory")
        .replace("\n#Environment=SIAGA_REFLECT_T", "\nEnvironment=SIAGA_REFLECT_T");
    assert_eq!(with.len() + 3, shipped.len());
    fs::write(&unit, with).unwrap();
    let output = analyze(&["verify", "--man=no"], &unit);
    assert!(!told(&output).lines().any(|line| line.contains("siaga")) && output.status.success(), "{}", told(&output));
    let score = exposure(&unit, "siaga-reflect");
    assert!(score <= REFLECTOR_EXPOSED, "{score}");
}

/// What the figure does not hold: keys that weigh nothing in it, and those that undo others.
#[test]
fn the_sessions_agent_sees_its_sockets_and_has_a_watchdog() {
    let (_folder, unit) = unit_of("siaga-seat", "seat");
    let text = fs::read_to_string(unit).unwrap();
    let lines: Vec<_> = text.lines().collect();
    for line in [
        "Type=notify",
        "WatchdogSec=30s",
        "Restart=on-failure",
        "PrivateIPC=yes",
        "BindReadOnlyPaths=%t -%h/.config/pulse",
        "InaccessiblePaths=-%t/bus -%t/systemd/private -%t/gnupg -%t/keyring",
        "RestrictAddressFamilies=AF_UNIX",
        "MemoryDenyWriteExecute=yes",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
    let more = ["ReadWritePaths=", "BindPaths=", "NotifyAccess=", "SystemCallFilter=@privileged"];
    assert!(!lines.iter().any(|line| more.iter().any(|word| line.starts_with(word))));
}

#[test]
fn the_sessions_agent_without_namespaces_keeps_the_rest() {
    let (folder, unit) = unit_of("siaga-seat", "seat");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/seat-without-namespaces.conf");
    let drop_in = folder.path().join("siaga-seat.service.d/open.conf");
    fs::create_dir(drop_in.parent().unwrap()).unwrap();
    fs::copy(shipped, &drop_in).unwrap();
    let output = analyze(&["--user", "verify", "--man=no"], &unit);
    assert!(!told(&output).lines().any(|line| line.contains("siaga")) && output.status.success(), "{}", told(&output));
    let score = exposure(&unit, "siaga-seat");
    assert!(score > SEAT_EXPOSED && score <= SEAT_WITHOUT_NAMESPACES, "{score}");
}

#[test]
fn one_capability_and_no_root() {
    let (_folder, unit) = unit();
    let text = fs::read_to_string(unit).unwrap();
    let lines: Vec<_> = text.lines().collect();
    for line in
        ["DynamicUser=yes", "AmbientCapabilities=CAP_NET_RAW", "CapabilityBoundingSet=CAP_NET_RAW", "Type=notify"]
    {
        assert!(lines.contains(&line), "{line}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("User=") || line.starts_with("Environment=")));
}
