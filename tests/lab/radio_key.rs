//! The radio's key and squelch at a CM108 (by the kernel's own hidraw) and at a UART, as the guard moves them: what, when, in which
//! order, and that it comes up whatever happens.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

use crate::daemon::room;
use crate::guest::Lab;
use crate::radio::{LINES, radio};
use crate::radio_chip::{Chip, OFF, ON, Report};
use crate::waiting::until;

const CM108: &str = "ptt = { method = 'cm108', device = '/dev/hidraw0' }\n";
const BUSY: &str = "busy = { method = 'cm108', device = '/dev/hidraw0' }\n";

/// 200 ms, and five times that in an emulated machine.
const UNKEYED: f64 = 1.0;

/// Whether a key was down for so long (s). The guard counts from the order, the chip from when its emulation has read the report:
/// either stamp may be late, so that what the chip saw is a little shorter now and then, too.
fn is_for(limit: f64, (on, off): (&Report, &Report)) -> bool {
    (limit - UNKEYED..=limit + UNKEYED).contains(&(off.at - on.at))
}

/// The guest's uptime, s.
fn uptime(lab: &Lab) -> f64 {
    lab.sh("read -r up rest </proc/uptime; echo $up").parse().unwrap()
}

/// Waits for a report after the first `known`, and gives it.
fn next(lab: &Lab, chip: &Chip<'_>, known: usize) -> Report {
    until("a report", || chip.reports().into_iter().nth(known), || lab.told())
}

/// Waits until there are so many reports, and gives all: the guard does not wait until the chip has read one.
fn reports(lab: &Lab, chip: &Chip<'_>, count: usize) -> Vec<Report> {
    until("the chip's reports", || Some(chip.reports()).filter(|all| all.len() >= count), || lab.told())
}

/// Says the test message by the program, to its end. Gives what it printed.
fn say(lab: &Lab, arguments: &str) -> String {
    let program = lab.spawn("radio", &format!("/built/siaga radio test {arguments}"));
    lab.wait_for(&format!("[ ! -d /proc/{program} ]"));
    lab.log("radio")
}

#[test]
fn a_cm108_is_told_the_right_reports_in_order_and_in_time() {
    let lab = Lab::start();
    let chip = Chip::plug(&lab);
    let said = say(&lab, &format!("{} --twice", radio(&lab, CM108)));
    print!("{said}");
    // The guard releases at its start, after each transmission, and at its end.
    until("the guard's last report", || (chip.told().len() == 6).then_some(()), || lab.told());
    assert_eq!(chip.told(), [OFF, ON, OFF, ON, OFF, OFF]);
    let reports = chip.reports();
    let keyed: Vec<f64> =
        said.split("key down ").skip(1).map(|rest| rest.split_once(' ').unwrap().0.parse().unwrap()).collect();
    let down = [reports[2].at - reports[1].at, reports[4].at - reports[3].at];
    println!(
        "key down for {down:.2?} s by the chip, {keyed:.1?} s by the station; {:.2} s between",
        reports[3].at - reports[2].at
    );
    for (chips, stations) in down.iter().zip(&keyed) {
        assert!((chips - stations).abs() < UNKEYED, "{chips} and {stations}");
        // Six phrases of half a second, lead-in and tail.
        assert!(*chips > 3.0 + 0.75, "{chips}");
    }
    assert!(reports[3].at - reports[2].at >= 2.0, "it listens between");
}

#[test]
fn a_killed_daemon_lets_a_cm108_go() {
    let lab = Lab::start();
    let chip = Chip::plug(&lab);
    let config = radio(&lab, CM108);
    for _ in 0..5 {
        let known = chip.told().len();
        let program = lab.spawn("radio", &format!("/built/siaga radio test {config}"));
        assert_eq!(next(&lab, &chip, known).bytes, OFF);
        assert_eq!(next(&lab, &chip, known + 1).bytes, ON);
        let killed: f64 =
            lab.sh(&format!("read -r up rest </proc/uptime; kill -9 {program}; echo $up")).parse().unwrap();
        let released = next(&lab, &chip, known + 2);
        println!("{:.3} s", released.at - killed);
        assert_eq!(released.bytes, OFF);
        assert!(released.at - killed <= UNKEYED, "{released:?}, killed at {killed}");
        lab.wait_for("! grep -q RUNNING /proc/asound/Loop/pcm0p/sub0/status");
    }
}

/// A guard whose parent is the test: orders go in by a pipe that a process of its own holds open.
struct Guard<'lab> {
    lab: &'lab Lab,
    holder: u32,
}

impl<'lab> Guard<'lab> {
    fn start(lab: &'lab Lab, key: &str, limit: &str) -> Self {
        Self::start_hearing(lab, key, r#"{"method":"unseen"}"#, limit)
    }

    fn start_hearing(lab: &'lab Lab, key: &str, busy: &str, limit: &str) -> Self {
        let post = format!(r#"{{"ptt":{key},"busy":{busy},"limit":"{limit}"}}"#);
        let script = format!("exec /built/siaga radio-guard '{post}' </run/orders");
        let script = lab.push(script.as_bytes(), "guard.sh");
        lab.sh("rm -f /run/orders; mkfifo /run/orders");
        lab.spawn("guard", &format!("dash {script}"));
        let holder = lab.spawn("holder", "dash -c 'exec sleep 100000 >/run/orders'");
        lab.wait_for("grep -q ready /share/guard.log");
        Self { lab, holder }
    }

    fn order(&self, order: &str) {
        self.lab.sh(&format!("echo '\"{order}\"' >/run/orders"));
    }

    /// Beats for ever, as a daemon would that forgot to release.
    fn beats(&self) -> u32 {
        let script = "while :; do echo '\"beat\"'; sleep 0.3; done >/run/orders";
        let script = self.lab.push(script.as_bytes(), "beats.sh");
        self.lab.spawn("beats", &format!("dash {script}"))
    }

    fn says(&self, what: &str) {
        self.lab.wait_for(&format!("grep -q '{what}' /share/guard.log"));
    }

    /// Its parent dies.
    fn orphan(self) -> f64 {
        let at = self.lab.sh(&format!("read -r up rest </proc/uptime; kill -9 {}; echo $up", self.holder));
        at.parse().unwrap()
    }
}

#[test]
fn a_cm108_is_not_pressed_for_longer_than_the_limit_nor_for_a_daemon_that_stands_still() {
    // The guard's own two seconds of silence are not to be the machine's.
    let lab = Lab::start_alone();
    let chip = Chip::plug(&lab);
    let guard = Guard::start(&lab, r#"{"method":"cm108","device":"/dev/hidraw0","pin":3}"#, "5s");
    reports(&lab, &chip, 1);
    assert_eq!(chip.told(), [OFF]);
    let beats = guard.beats();
    guard.order("on");
    guard.says("limit");
    let reports = self::reports(&lab, &chip, 3);
    println!("at the limit after {:.2} s", reports[2].at - reports[1].at);
    assert_eq!(chip.told(), [OFF, ON, OFF]);
    assert!(is_for(5.0, (&reports[1], &reports[2])), "{reports:?}");
    lab.sh(&format!("kill -9 {beats}"));
    guard.order("on");
    guard.says("silence");
    let reports = self::reports(&lab, &chip, 5);
    println!("of silence after {:.2} s", reports[4].at - reports[3].at);
    assert_eq!(chip.told(), [OFF, ON, OFF, ON, OFF]);
    assert!(is_for(2.0, (&reports[3], &reports[4])), "{reports:?}");
    guard.order("on");
    assert_eq!(next(&lab, &chip, 5).bytes, ON);
    let orphaned = guard.orphan();
    let released = next(&lab, &chip, 6);
    assert!(released.bytes == OFF && released.at - orphaned <= UNKEYED, "{released:?}, orphaned at {orphaned}");
}

#[test]
fn a_uart_has_the_line_up_that_keys_and_no_other() {
    let lab = Lab::start();
    let up = |line: &str| lab.run(&format!("{LINES} | grep -q {line}")).code == 0;
    for (line, other) in [("RTS", "DTR"), ("DTR", "RTS")] {
        let key = format!(r#"{{"method":"serial","port":"/dev/ttyS0","line":"{}"}}"#, line.to_lowercase());
        let guard = Guard::start(&lab, &key, "30s");
        assert!(!up(line) && !up(other), "released at the start: {}", lab.sh(LINES));
        // Whoever else opens the port raises both, and does not lower them as long as the guard has it open.
        lab.sh("exec 3<>/dev/ttyS0; exec 3>&-");
        lab.wait_for(&format!("! {LINES} | grep -qE 'RTS|DTR'"));
        let beats = guard.beats();
        guard.order("on");
        lab.wait_for(&format!("{LINES} | grep -q {line}"));
        assert!(!up(other), "{}", lab.sh(LINES));
        guard.order("off");
        guard.says("off");
        assert!(!up(line) && !up(other), "{}", lab.sh(LINES));
        guard.order("on");
        lab.wait_for(&format!("{LINES} | grep -q {line}"));
        lab.sh(&format!("kill -9 {beats}"));
        guard.orphan();
        lab.wait_for(&format!("! {LINES} | grep -qE 'RTS|DTR'"));
    }
}

#[test]
fn a_uart_that_keys_when_it_is_low_is_high_when_nobody_keys_and_nobody_is_there() {
    let lab = Lab::start();
    let up = || lab.run(&format!("{LINES} | grep -q RTS")).code == 0;
    let key = r#"{"method":"serial","port":"/dev/ttyS0","line":"rts","inverted":true}"#;
    // Its squelch is not plugged in, which keeps nothing pressed.
    let guard = Guard::start_hearing(&lab, key, r#"{"method":"cm108","device":"/dev/hidraw0"}"#, "30s");
    assert!(up(), "released at the start: {}", lab.sh(LINES));
    let beats = guard.beats();
    guard.order("on");
    lab.wait_for(&format!("! {LINES} | grep -q RTS"));
    lab.sh(&format!("kill -9 {beats}"));
    guard.orphan();
    // The brackets are for grep, which would else find itself.
    lab.wait_for("! grep -qs 'radio[-]guard' /proc/[0-9]*/cmdline");
    assert!(up(), "it ends released: {}", lab.sh(LINES));
}

#[test]
fn a_cm108_that_was_pulled_out_keys_again_once_it_is_plugged_in() {
    let lab = Lab::start();
    let (key, busy) = (
        r#"{"method":"cm108","device":"/dev/hidraw0","pin":3}"#,
        r#"{"method":"cm108","device":"/dev/hidraw0","line":"volume_down"}"#,
    );
    let chip = Chip::plug(&lab);
    let guard = Guard::start_hearing(&lab, key, busy, "30s");
    reports(&lab, &chip, 1);
    chip.unplug();
    // As long as somebody has its old file open, it comes back under another name.
    lab.wait_for("! ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q hidraw");
    let chip = Chip::plug(&lab);
    assert_eq!(next(&lab, &chip, 0).bytes, OFF, "opened anew, and released");
    guard.order("on");
    assert_eq!(next(&lab, &chip, 1).bytes, ON);
    guard.order("off");
    assert_eq!(next(&lab, &chip, 2).bytes, OFF);
    chip.hears(true);
    guard.order("look");
    guard.says("busy");
}

#[test]
fn who_speaks_on_a_cm108s_channel_is_let_finish_and_after_the_wait_the_message_fails() {
    let lab = Lab::start();
    let chip = Chip::plug(&lab);
    let config = radio(&lab, &format!("{CM108}{BUSY}"));
    lab.spawn("radio", &format!("/built/siaga radio test {config}"));
    // The guard listens before it releases.
    assert_eq!(next(&lab, &chip, 0).bytes, OFF);
    chip.hears(true);
    // The card is open: now it waits for quiet, which with all its chance takes five seconds.
    lab.wait_for("! grep -q closed /proc/asound/Loop/pcm0p/sub0/status");
    let waits = uptime(&lab);
    lab.wait_for(&format!("read -r up rest </proc/uptime; [ ${{up%.*}} -ge {} ]", waits.ceil() + 7.0));
    assert_eq!(chip.told(), [OFF], "it speaks over somebody");
    let quiet = uptime(&lab);
    chip.hears(false);
    let on = next(&lab, &chip, 1);
    println!("pressed {:.2} s after the channel fell quiet", on.at - quiet);
    assert_eq!(on.bytes, ON);
    assert!(on.at - quiet >= 2.0, "{on:?}, quiet at {quiet}");
    lab.wait_for("! pidof siaga");

    // Released after the message, and at the guard's end.
    let known = reports(&lab, &chip, 4).len();
    let config = radio(&lab, &format!("{CM108}{BUSY}wait = '5s'\n"));
    let program = lab.spawn("radio", &format!("/built/siaga radio test {config}"));
    assert_eq!(next(&lab, &chip, known).bytes, OFF);
    chip.hears(true);
    lab.wait_for(&format!("[ ! -d /proc/{program} ]"));
    let said = lab.log("radio");
    assert!(said.contains("the channel was busy for 5s"), "{said}");
    assert!(!chip.told()[known..].contains(&ON.to_owned()), "{:?}", chip.told());
}

#[test]
fn a_radios_interface_that_is_pulled_out_is_missed_and_its_radio_check_is_noted() {
    let lab = Lab::start();
    let chip = Chip::plug(&lab);
    let check = format!("card = \"Loop\"\nkey = \"{}\"\nbad_for = \"1s\"\ngood_for = \"1s\"\n", Chip::DEVICE);
    let daemon = lab.daemon(&room(&["radio"], &[("radio", &check)]));
    daemon.stands_at("radio", "degraded", "radio.unheard");
    lab.sh("/built/siaga --config /share/siaga.toml radio check --heard-by 'Operator Dua' --socket /run/siaga/control.sock");
    daemon.stands_at("radio", "ready", "");
    chip.unplug();
    daemon.stands_at("radio", "not_ready", "radio.key_missing");
    let chip = Chip::plug(&lab);
    daemon.stands_at("radio", "ready", "");
    lab.sh("echo snd_aloop.0 > /sys/bus/platform/drivers/snd_aloop/unbind");
    daemon.stands_at("radio", "not_ready", "radio.card_missing");
    lab.sh("echo snd_aloop.0 > /sys/bus/platform/drivers/snd_aloop/bind");
    daemon.stands_at("radio", "ready", "");
    assert!(chip.told().is_empty(), "a watched key is not moved");
}
