//! The Debian package under a running systemd: it starts the daemon, starts it anew when it is upgraded, and stops it when it goes.
//!
//! Alone by `make deb-test`, which builds the package.

use std::path::Path;

use crate::built::{built, newer};
use crate::guest::Lab;
use crate::radio::radio;
use crate::radio_chip::{Chip, OFF};
use crate::typed::typed;

/// What lets the radio's key through.
const RADIO: &str = include_str!("../../systemd/radio.conf");

/// Installs a package, as where nobody is there to be asked.
fn install(lab: &Lab, package: &str, name: &str) -> String {
    lab.push_file(Path::new(package), name);
    lab.sh(&format!("DEBIAN_FRONTEND=noninteractive dpkg --install /share/{name} 2>&1 </dev/null"))
}

fn property(lab: &Lab, name: &str) -> String {
    lab.sh(&format!("systemctl show --property={name} --value siaga.service"))
}

/// Waits until the daemon answers at its own address, whatever it says of this room.
fn answers(lab: &Lab) {
    lab.wait_for("siaga status --json | grep -q '\"verdict\"'");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn the_package_starts_upgrades_and_stops_the_service() {
    let lab = Lab::start_system();
    install(&lab, &built(), "siaga.deb");
    answers(&lab);
    let process = property(&lab, "MainPID");
    // The package's own user, whose number stays; and what it owns.
    let user = lab.sh("id -u siaga");
    assert_eq!(lab.sh(&format!("stat --format=%u /proc/{process}")), user);
    assert_eq!(lab.sh("stat --format='%u %a' /var/lib/siaga/"), format!("{user} 700"));
    // dbus-daemon hangs up on a user that exists only while a service runs, and knows this one: timedated can be asked.
    lab.sh("setpriv --reuid=siaga --regid=siaga --clear-groups timedatectl show --property=NTPSynchronized");
    lab.sh("siaga token --state-dir /var/lib/siaga add 'The scheduler' --scope schedule");

    // The room's own config takes the place of the package's, which says nothing yet.
    typed(&lab, "/root", "make deb ", &["make", "apt"]);
    answers(&lab);
    assert_eq!(property(&lab, "MainPID"), process);

    // An upgrade starts it anew, and loses nothing.
    install(&lab, &newer(), "newer.deb");
    answers(&lab);
    assert_ne!(property(&lab, "MainPID"), process);
    assert_eq!(property(&lab, "NRestarts"), "0");
    assert!(lab.sh("siaga token --state-dir /var/lib/siaga list").contains("The scheduler"));

    // One that does not take the config ends no watch: the older one goes on until somebody has mended it.
    let process = property(&lab, "MainPID");
    lab.sh("cp /etc/siaga/siaga.toml /root/ && echo 'nonsense = 1' >>/etc/siaga/siaga.toml
         mkdir -p /etc/systemd/system/siaga.service.d
         printf '[Service]\\nEnvironment=SIAGA_LOG=debug\\n' >/etc/systemd/system/siaga.service.d/log.conf");
    let said = install(&lab, &built(), "siaga.deb");
    assert!(said.contains("nonsense") && said.contains("was left running"), "{said}");
    // The command reads the config too.
    lab.sh("siaga --config /root/siaga.toml status --json | grep -q '\"verdict\"'");
    assert_eq!((property(&lab, "MainPID"), property(&lab, "NRestarts")), (process.clone(), "0".to_owned()));
    lab.sh("cp /root/siaga.toml /etc/siaga/ && systemctl restart siaga");
    answers(&lab);
    assert_ne!(property(&lab, "MainPID"), process);

    // systemd holds the door, where somebody wants that: who knocks while the daemon is away is answered when it is back.
    lab.sh("systemctl stop siaga.service && systemctl start siaga.socket siaga.service");
    answers(&lab);
    let journal = lab.sh("journalctl --no-pager --output=cat --unit=siaga.service");
    assert!(!journal.contains("nobody listens where"), "{journal}");
    lab.sh("systemctl stop siaga.service");
    answers(&lab);
    assert_eq!(property(&lab, "ActiveState"), "active", "whoever knocks starts it");
    lab.sh("systemctl stop siaga.socket");

    // Removed, nothing of it runs; what it has written is there until it is purged.
    lab.sh("dpkg --remove siaga");
    assert_eq!(lab.run("systemctl is-active siaga.service").text().trim(), "inactive");
    assert_eq!(lab.run("grep -lx siaga /proc/[0-9]*/comm 2>/dev/null").text(), "");
    lab.sh("[ -e /var/lib/siaga/tokens.toml ]");
    lab.sh("dpkg --purge siaga && [ ! -e /var/lib/siaga ] && [ ! -e /var/lib/private/siaga ] && [ ! -e /etc/siaga/siaga.toml ]");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn a_serial_port_is_the_daemons_once_a_rule_of_the_house_says_that_it_keys_the_radio() {
    let lab = Lab::start_system();
    install(&lab, &built(), "siaga.deb");
    let owner = |port: &str| lab.sh(&format!("stat --format='%U %G %a' /dev/{port}"));
    let is_ignored = |port: &str| {
        let said = lab.sh(&format!("udevadm info --query=property /dev/{port}"));
        ["ID_MM_DEVICE_IGNORE=1", "ID_MM_PORT_IGNORE=1"].map(|word| said.lines().any(|line| line == word))
    };
    let anew =
        || lab.sh("udevadm control --reload && udevadm trigger --settle --subsystem-match=tty && udevadm settle");
    anew();
    assert_eq!([owner("ttyS0"), owner("ttyS1")], ["root dialout 660"; 2], "the package alone takes no port");
    assert_eq!(is_ignored("ttyS0"), [false; 2]);
    // The rule for a port on the board, as somebody does who takes it out of its comment into the file that is named there.
    let rules = lab.sh("cat /lib/udev/rules.d/60-siaga.rules");
    let file = "/etc/udev/rules.d/60-siaga-key.rules";
    assert!(rules.contains(file), "{rules}");
    let rule =
        rules.lines().find_map(|line| line.strip_prefix("#   ").filter(|rule| rule.contains("KERNEL==\"ttyS0\"")));
    let rule = lab.push(format!("{}\n", rule.unwrap()).as_bytes(), "key.rules");
    lab.sh(&format!("install -D -m 644 {rule} {file}"));
    anew();
    assert_eq!([owner("ttyS0"), owner("ttyS1")], ["root siaga 660", "root dialout 660"]);
    assert_eq!([is_ignored("ttyS0"), is_ignored("ttyS1")], [[true; 2], [false; 2]]);
    lab.sh("dpkg --purge siaga");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn the_radios_key_is_for_the_daemon_and_by_the_drop_in_alone() {
    let lab = Lab::start_system();
    // Plugged in before there is a rule for it.
    let chip = Chip::plug(&lab);
    let owner = || lab.sh(&format!("stat --format='%U %G %a' {}", Chip::DEVICE));
    assert_eq!(owner(), "root root 600");
    install(&lab, &built(), "siaga.deb");
    lab.wait_for(&format!("[ \"$(stat --format='%U %G %a' {})\" = 'root siaga 660' ]", Chip::DEVICE));
    let table = radio(&lab, &format!("ptt = {{ method = 'cm108', device = '{}' }}\n", Chip::DEVICE));
    lab.sh(&format!(
        "{{ printf '\n[[receiver]]\nname = \"ht\"\nkind = \"radio\"\n'; sed \"s#^clips = .*#clips = '/share'#\" {table}; }} >>/etc/siaga/siaga.toml
         systemctl restart siaga.service"
    ));
    // The file is the daemon's to open; the unit lets it through to nobody (EPERM, not EACCES).
    let refused = "the key cannot be opened: Operation not permitted";
    lab.wait_for(&format!("journalctl --no-pager --unit=siaga.service | grep -q '{refused}'"));
    assert_eq!(chip.told(), [""; 0]);
    let drop_in = lab.push(RADIO.as_bytes(), "radio.conf");
    lab.sh(&format!(
        "install -D -m 644 {drop_in} /etc/systemd/system/siaga.service.d/radio.conf
         systemctl daemon-reload && systemctl restart siaga.service"
    ));
    // The guard releases the key as soon as it has it.
    lab.wait_for(&format!("grep -q '{OFF}' /share/chip.log"));
    assert!(chip.told().iter().all(|report| report == OFF), "{:?}", chip.told());
    lab.sh("dpkg --purge siaga");
}
