//! The desktop session's agent as its unit is shipped: under a user's own systemd, beside the `PulseAudio` that this systemd
//! starts on the guest's real drivers, with the daemon outside as its own unit has it.

use crate::daemon::room;
use crate::guest::Lab;

const UNIT: &str = include_str!("../../systemd/siaga-seat.service");

/// Runs a command in the session of the user "room".
fn inside(command: &str) -> String {
    format!(
        "setpriv --reuid room --regid room --init-groups env HOME=/home/room XDG_RUNTIME_DIR=/run/user/1000 LC_ALL=C {command}"
    )
}

/// No sound test: an emulated processor plays and captures too slowly for a sound server.
#[test]
fn the_agent_reports_from_its_users_systemd_and_is_started_again() {
    let lab = Lab::start_system();
    lab.card().mute(false);
    let unit = lab.push(UNIT.as_bytes(), "seat_unit");
    // Left out of the image, since it takes seconds of every other test.
    lab.sh(&format!(
        "useradd --create-home --uid 1000 --groups audio room
         install -D -m 644 {unit} /usr/lib/systemd/user/siaga-seat.service
         systemctl unmask systemd-logind.service
         systemctl start systemd-logind.service
         loginctl enable-linger room"
    ));
    lab.wait_for("systemctl --quiet is-active user@1000.service");
    lab.wait_for(&inside("pactl info"));

    let seat = "user = \"room\"\ninterval = \"1s\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n";
    let service = lab.service(&room(&["audio"], &[("seat", seat)]));
    let daemon = &service.daemon;
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    lab.sh(&inside("systemctl --user enable --now siaga-seat.service"));
    let show = |name: &str| inside(&format!("systemctl --user show --property={name} --value siaga-seat.service"));
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
    let first = lab.sh(&show("MainPID"));
    assert_ne!(first, "0");
    lab.sh(&format!("kill -9 {first}"));
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    daemon.stands_at("seat", "ready", "");
    assert_eq!(lab.sh(&show("NRestarts")), "1");
    assert_ne!(lab.sh(&show("MainPID")), first);
    lab.sh(&inside("systemctl --user stop siaga-seat.service"));
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    assert_eq!(lab.sh(&show("Result")), "success");
}
