//! The disk of the guest with systemd: Debian, of this machine's own release, so that what cargo built here runs there.
//!
//! Fetched from this machine's own sources. Without a loop device, and without root where the user may make user namespaces.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::parts::{found, printed, program};

/// The packages, beside those that no Debian is without.
const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "udev",
    // For `timedatectl`.
    "dbus",
    // A client of HTTPS begins with whom it trusts.
    "ca-certificates",
    "kmod",
    "iproute2",
    "alsa-utils",
    "v4l-utils",
    "nut-server",
    "nut-client",
    // A desktop's session: a manager of the user's own, a sound server, and what siaga seat asks it by.
    "libpam-systemd",
    "pulseaudio",
    "pulseaudio-utils",
    "libasound2-plugins",
    // Who is measured at the far end of the line.
    "dnsmasq-base",
    "coturn",
    // Who takes letters (msmtpd), and what speaks.
    "msmtp-mta",
    "espeak-ng",
];

/// What is in nobody's way where it is missing.
const LEFT_OUT: &[&str] = &["man", "doc", "locale", "info", "lintian", "bug"];

/// Files beside the packages' own. The UPS is NUT's own `dummy-ups`, which tells what stands in `lab.dev`, or what it is told
/// (`upsrw`).
const FILES: &[(&str, &str)] = &[
    ("etc/hostname", "lab\n"),
    // Any will do: without one systemd takes each start for the first.
    ("etc/machine-id", "5a1a6a5a1a6a5a1a6a5a1a6a5a1a6a5a\n"),
    ("etc/resolv.conf", "nameserver 192.0.2.53\n"),
    ("etc/fstab", ""),
    ("etc/default/locale", "LANG=C.UTF-8\n"),
    ("etc/nut/nut.conf", "MODE=netserver\n"),
    (
        "etc/nut/ups.conf",
        "maxretry = 3\npollinterval = 1\n[lab]\ndriver = dummy-ups\nport = lab.dev\nmode = dummy-once\n",
    ),
    ("etc/nut/upsd.conf", "LISTEN 127.0.0.1 3493\nMAXAGE 5\n"),
    ("etc/nut/upsd.users", "[lab]\npassword = lab\nactions = SET\n"),
    (
        "etc/nut/lab.dev",
        "ups.mfr: Lab\nups.status: OL\nups.load: 23\nbattery.charge: 100\nbattery.runtime: 14400\ninput.voltage: 221.0\n",
    ),
    (
        "etc/systemd/system/lab.service",
        "[Unit]\nDescription=Runs what the tests send\nDefaultDependencies=no\n\
         [Service]\nExecStart=/usr/bin/dash /lab/agent\nStandardOutput=null\nStandardError=journal\nKillMode=process\n",
    ),
    // The tests read it when something failed; no more of it is kept than memory allows.
    (
        "etc/systemd/journald.conf.d/lab.conf",
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nRateLimitIntervalSec=0\n",
    ),
];

/// Services that start with it.
const WANTED: &[(&str, &str)] = &[("sysinit.target", "lab.service"), ("nut-driver.target", "nut-driver@lab.service")];

/// Services of a machine that lives for long, or that people sit at, which take an emulated processor seconds.
const MASKED: &[&str] = &[
    "alsa-restore.service",
    "alsa-state.service",
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "coturn.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "ldconfig.service",
    "nut-driver-enumerator.path",
    "nut-driver-enumerator.service",
    "nut-monitor.service",
    "systemd-hwdb-update.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-utmp.service",
];

/// The packages' versions that apt has now, as one text; `None` where it has no list of them.
pub(super) fn versions() -> Option<String> {
    let shown = printed(program("apt-cache", "apt").args(["show", "--no-all-versions"]).args(PACKAGES))?;
    let wanted = |line: &&str| line.starts_with("Package: ") || line.starts_with("Version: ");
    Some(shown.lines().filter(wanted).collect::<Vec<_>>().join("\n"))
}

/// Writes the disk.
pub(super) fn write_disk(to: &Path) {
    let mut make = program("mmdebstrap", "mmdebstrap");
    // It calls this one by its name.
    found("genext2fs", "genext2fs");
    make.args(["--variant=minbase", "--format=ext2", "--quiet"]);
    make.arg(format!("--include={}", PACKAGES.join(",")));
    make.arg("--aptopt=Apt::Install-Recommends \"false\"");
    for option in apt_options() {
        make.arg(format!("--aptopt={option}"));
    }
    for folder in LEFT_OUT {
        make.arg(format!("--dpkgopt=path-exclude=/usr/share/{folder}/*"));
    }
    make.arg(release()).arg(to).args(sources());
    let output = make.output().unwrap();
    assert!(output.status.success(), "{make:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Adds what `system` (in this folder) copies over the disk.
pub(super) fn add_files(archive: &mut Archive) {
    for (path, text) in FILES {
        archive.file(&format!("lab/files/{path}"), text.as_bytes().to_vec(), 0o644);
    }
    let units = "lab/files/etc/systemd/system";
    for (target, unit) in WANTED {
        // An instance is its template's file.
        let file = unit.split_once('@').map_or_else(|| (*unit).to_owned(), |(name, _)| format!("{name}@.service"));
        let folder = if *unit == "lab.service" { "/etc/systemd/system" } else { "/lib/systemd/system" };
        archive.link(&format!("{units}/{target}.wants/{unit}"), &format!("{folder}/{file}"));
    }
    for unit in MASKED {
        archive.link(&format!("{units}/{unit}"), "/dev/null");
    }
}

/// How this machine's apt reaches its sources: by which proxy, how often, whether with dates.
fn apt_options() -> Vec<String> {
    let told = printed(program("apt-config", "apt").args(["dump", "Acquire"])).unwrap_or_default();
    let ways = ["Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries "];
    let set = |line: &&str| ways.iter().any(|way| line.starts_with(way)) && !line.ends_with(" \"\";");
    told.lines().filter(set).map(str::to_owned).collect()
}

/// The files that name this machine's sources.
fn sources() -> Vec<PathBuf> {
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let kind = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "list" || kind == "sources");
    let mut files: Vec<_> = folder.filter(kind).collect();
    files.push("/etc/apt/sources.list".into());
    files.sort();
    let says = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line.starts_with("deb ") || line.starts_with("deb [") || line.starts_with("Types:"))
    };
    files.retain(says);
    files
}

/// The release's name, such as "bookworm" (os-release(5)).
fn release() -> String {
    let told = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.expect("/etc/os-release has no VERSION_CODENAME").trim_matches('"').to_owned()
}
