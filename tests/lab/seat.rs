//! The desktop session's agent as its unit is shipped: under a user's own systemd, beside the `PulseAudio` that this systemd
//! starts on the guest's real drivers, with the daemon outside as its own unit has it.

use crate::daemon::room;
use crate::guest::Lab;

const UNIT: &str = include_str!("../../systemd/siaga-seat.service");
const WITHOUT_NAMESPACES: &str = include_str!("../../systemd/seat-without-namespaces.conf");

/// Runs a command in the session of the user "room".
fn inside(command: &str) -> String {
    format!(
        "setpriv --reuid room --regid room --init-groups env HOME=/home/room XDG_RUNTIME_DIR=/run/user/1000 LC_ALL=C {command}"
    )
}

/// The session of "room", with the daemon outside.
struct Session<'lab> {
    lab: &'lab Lab,
}

impl Session<'_> {
    /// A property of the agent's unit, as its own systemd tells it.
    fn property(&self, name: &str) -> String {
        self.lab.sh(&inside(&format!("systemctl --user show --property={name} --value siaga-seat.service")))
    }

    /// Waits until systemd has started it anew that many times.
    fn restarted(&self, times: u32) {
        let show = inside("systemctl --user show --property=NRestarts --value siaga-seat.service");
        self.lab.wait_for(&format!("[ \"$({show})\" = {times} ]"));
    }

    /// What it and its systemd wrote.
    fn journal(&self, more: &str) -> String {
        self.lab.sh(&format!("journalctl --no-pager --output=cat --unit=user@1000.service {more}"))
    }
}

/// A session of the user "room" in which everything stands but the agent, and the room's config.
fn begin(lab: &Lab) -> String {
    lab.card().mute(false);
    let unit = lab.push(UNIT.as_bytes(), "seat_unit");
    // Left out of the image, since it takes seconds of every other test.
    lab.sh(&format!(
        "useradd --create-home --uid 1000 --groups audio room
         install -d -m 755 /home/other && echo secret >/home/other/secret && chmod 644 /home/other/secret
         install -D -m 644 {unit} /usr/lib/systemd/user/siaga-seat.service
         systemctl unmask systemd-logind.service
         systemctl start systemd-logind.service
         loginctl enable-linger room"
    ));
    lab.wait_for("systemctl --quiet is-active user@1000.service");
    lab.wait_for(&inside("pactl info"));
    let seat = "user = \"room\"\ninterval = \"1s\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n";
    room(&["audio"], &[("seat", seat)])
}

#[test]
fn the_agent_reports_from_its_users_systemd_and_is_started_again() {
    let lab = Lab::start_system();
    let service = lab.service(&begin(&lab));
    let (daemon, session) = (&service.daemon, Session { lab: &lab });
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    lab.sh(&inside("systemctl --user enable --now siaga-seat.service"));
    daemon.stands_at("seat", "ready", "");
    // By root, who is in nobody's session.
    let recorded = lab.sh("siaga enroll --state-dir /var/lib/siaga 2>&1");
    assert!(recorded.contains("(alsa_input.") && recorded.contains("@DEFAULT_SINK@"), "{recorded}");
    let chosen = lab.sh(&inside("pactl get-default-source"));
    lab.sh(&inside("pactl load-module module-null-source source_name=other description=Conference"));
    lab.sh(&inside("pactl set-default-source other"));
    daemon.check("seat", "degraded", "audio.default_source_other");
    lab.sh(&inside(&format!("pactl set-default-source {}", chosen.trim())));
    daemon.stands_at("seat", "ready", "");
    let first = session.property("MainPID");
    assert_ne!(first, "0");
    lab.sh(&format!("kill -9 {first}"));
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    daemon.stands_at("seat", "ready", "");
    assert_eq!(session.property("NRestarts"), "1");
    assert_ne!(session.property("MainPID"), first);
    lab.sh(&inside("systemctl --user stop siaga-seat.service"));
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    assert_eq!(session.property("Result"), "success");
}

/// Each by what the agent's own process has and sees: root, who looks, could see all.
#[test]
fn the_sandbox_holds_in_a_users_own_systemd() {
    let lab = Lab::start_system();
    let service = lab.service(&begin(&lab));
    let session = Session { lab: &lab };
    lab.sh(&inside("systemctl --user start siaga-seat.service"));
    service.daemon.stands_at("seat", "ready", "");
    let process = session.property("MainPID");
    let status = lab.sh(&format!("cat /proc/{process}/status"));
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    // None is left, and none can be had again in the user namespace, in which it would be its own root.
    for set in ["CapEff:", "CapPrm:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".to_owned(), "2".to_owned()));
    let of = |name: &str, process: &str| lab.sh(&format!("readlink /proc/{process}/ns/{name}"));
    for name in ["user", "net", "ipc", "uts", "mnt"] {
        assert_ne!(of(name, &process), of(name, "1"), "{name}");
    }
    assert_eq!(
        lab.sh(&format!("cat /proc/{process}/uid_map")).split_whitespace().collect::<Vec<_>>(),
        ["1000", "1000", "1"]
    );
    assert_eq!(lab.sh(&format!("tail -n +3 /proc/{process}/net/dev | cut -d: -f1")).trim(), "lo");
    // As that user, in its namespaces: what root sees through /proc/…/root is the same.
    let root = format!("/proc/{process}/root");
    for shut in ["home/other", "dev/snd", "dev/video0", "home/room/.bashrc"] {
        lab.sh(&format!("[ -e /{shut} ] && [ ! -e {root}/{shut} ]"));
    }
    let mounts = lab.sh(&format!("cut -d' ' -f5,6 {root}/proc/{process}/mountinfo"));
    let last = |place: &str| {
        mounts
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(&format!("{place} ")))
            .unwrap_or_else(|| panic!("{place}\n{mounts}"))
    };
    for place in ["/", "/dev", "/proc/sys", "/sys", "/sys/fs/cgroup", "/run/user/1000"] {
        assert!(last(place).starts_with("ro,"), "{place}\n{mounts}");
    }
    assert!(mounts.lines().any(|line| line.starts_with("/tmp ")), "{mounts}");
    // Nothing in the unit is beyond this systemd.
    assert_eq!(session.journal("--priority=warning | grep siaga-seat || true"), "");
    assert_eq!(session.property("NRestarts"), "0");
    // Whoever took the agent over reaches the sound server as it does, and not the session's systemd, which would start anything for him.
    let beside = |command: &str| {
        let enter = format!("nsenter --target {process} --user --mount --net --preserve-credentials -- {command}");
        lab.run(&inside(&format!("{enter} 2>&1")))
    };
    assert_eq!(beside("pactl info").code, 0, "{}", beside("pactl info").text());
    lab.sh(&inside("systemctl --user show-environment"));
    let asked = beside("systemctl --user show-environment");
    assert!(asked.code != 0 && asked.text().contains("Failed to connect to bus"), "{}", asked.text());
}

#[test]
fn without_user_namespaces_it_starts_by_the_drop_in_that_is_shipped() {
    let lab = Lab::start_system();
    let service = lab.service(&begin(&lab));
    let session = Session { lab: &lab };
    lab.sh("echo 0 >/proc/sys/user/max_user_namespaces");
    lab.sh(&inside("systemctl --user start siaga-seat.service || true"));
    assert_eq!(session.property("ExecMainStatus"), "217");
    service.daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    let drop_in = lab.push(WITHOUT_NAMESPACES.as_bytes(), "drop_in");
    lab.sh(&format!("install -D -m 644 {drop_in} /etc/systemd/user/siaga-seat.service.d/open.conf"));
    lab.sh(&inside("systemctl --user daemon-reload"));
    lab.sh(&inside("systemctl --user restart siaga-seat.service"));
    service.daemon.stands_at("seat", "ready", "");
}

/// Not how well it hears: an emulated processor does not always keep up with the samples. Nor the loudspeaker's test, whose two streams
/// it never keeps up with.
#[test]
fn a_microphone_is_listened_to_in_the_sandbox() {
    let lab = Lab::start_system();
    let config = begin(&lab);
    for order in [
        "load-module module-null-sink sink_name=speaker rate=48000 channels=1",
        "load-module module-remap-source master=speaker.monitor source_name=ear source_properties=device.description=Ear",
        "load-module module-sine sink=speaker frequency=440",
        "set-default-sink speaker",
        "set-default-source ear",
    ] {
        lab.sh(&inside(&format!("pactl {order}")));
    }
    let microphone =
        "[[check]]\nname = \"microphone\"\nkind = \"microphone\"\nat = \"seat\"\ninterval = \"2s\"\nretry = \"1s\"\n";
    let service = lab.service(&format!("{config}\n{microphone}"));
    lab.sh(&inside("systemctl --user start siaga-seat.service"));
    service.daemon.stands_at("seat", "ready", "");
    // There is none of silence.
    let heard = "microphone_rms_decibels";
    service.daemon.wait_for("/api/v1/checks/microphone", heard, |_, body| body.contains(heard));
}

#[test]
fn a_stuck_agent_is_started_anew_and_one_whose_sound_server_is_stuck_is_not() {
    let lab = Lab::start_system();
    let service = lab.service(&begin(&lab));
    let (daemon, session) = (&service.daemon, Session { lab: &lab });
    lab.sh(&inside("systemctl --user start siaga-seat.service"));
    daemon.stands_at("seat", "ready", "");
    let first = session.property("MainPID");
    lab.sh(&format!("kill -STOP {first}"));
    daemon.stands_at("seat", "unknown", "siaga.seat_silent");
    session.restarted(1);
    assert!(session.journal("").contains("Watchdog timeout (limit 30s)!"), "{}", session.journal(""));
    daemon.stands_at("seat", "ready", "");
    let second = session.property("MainPID");
    assert_ne!(second, first);

    let server = lab.sh(&inside("systemctl --user show --property=MainPID --value pulseaudio.service"));
    lab.sh(&format!("kill -STOP {server}"));
    daemon.stands_at("seat", "not_ready", "audio.server_unanswering");
    // By the guest's own clock: longer than the watchdog waits (30 s).
    let begun = lab.sh("cut -d. -f1 /proc/uptime");
    lab.wait_for(&format!("[ $(($(cut -d. -f1 /proc/uptime) - {begun})) -ge 45 ]"));
    daemon.stands_at("seat", "not_ready", "audio.server_unanswering");
    lab.sh(&format!("kill -CONT {server}"));
    daemon.stands_at("seat", "ready", "");
    // Nor is one that waits for its daemon, whoever long.
    lab.sh("systemctl stop siaga.service");
    let begun = lab.sh("cut -d. -f1 /proc/uptime");
    lab.wait_for(&format!("[ $(($(cut -d. -f1 /proc/uptime) - {begun})) -ge 45 ]"));
    assert_eq!((session.property("MainPID"), session.property("NRestarts")), (second, "1".to_owned()));
}
