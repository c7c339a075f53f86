//! The desktop session's agent as its unit is shipped: under a user's own systemd, beside the `PulseAudio` that this systemd
//! starts, with the daemon outside as its own unit has it.

use crate::daemon::room;
use crate::guest::Lab;

const UNIT: &str = include_str!("../../systemd/siaga-seat.service");

/// Runs a command in the session of the user "room".
fn inside(command: &str) -> String {
    format!(
        "setpriv --reuid room --regid room --init-groups env HOME=/home/room XDG_RUNTIME_DIR=/run/user/1000 LC_ALL=C {command}"
    )
}

#[test]
fn the_agent_sees_and_tests_from_its_users_systemd_and_is_started_again() {
    let lab = Lab::start_system();
    lab.card().mute(false);
    let unit = lab.push(UNIT.as_bytes(), "seat_unit");
    // What is in nobody's way in other tests, and makes sessions.
    lab.sh(&format!(
        "useradd --create-home --uid 1000 --groups audio room
         install -D -m 644 {unit} /usr/lib/systemd/user/siaga-seat.service
         systemctl unmask systemd-logind.service
         systemctl start systemd-logind.service
         loginctl enable-linger room"
    ));
    lab.wait_for("systemctl --quiet is-active user@1000.service");
    lab.wait_for(&inside("pactl info"));
    // Of the guest's cards, the one whose microphone is silent.
    let source =
        lab.wait_for(&inside("pactl list short sources | grep -i dummy | grep -v monitor | cut -f 2 | grep ."));
    lab.sh(&inside(&format!("pactl set-default-source {}", source.trim())));

    let pace = "interval = \"2s\"\nretry = \"1s\"\nbad_for = \"0s\"\n";
    let checks = [
        ("seat", "user = \"room\"\ninterval = \"1s\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n".to_owned()),
        ("microphone", format!("at = \"seat\"\n{pace}")),
        ("audio", "card = \"Dummy\"\nmixer = false\ninterval = \"500ms\"\n".to_owned()),
    ];
    let service = lab.service(&room(&["audio"], &checks.each_ref().map(|(kind, keys)| (*kind, keys.as_str()))));
    let daemon = &service.daemon;
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    daemon.stands_at("microphone", "unknown", "siaga.microphone_no_seat");

    lab.sh(&inside("systemctl --user enable --now siaga-seat.service"));
    let property =
        |name: &str| lab.sh(&inside(&format!("systemctl --user show --property={name} --value siaga-seat.service")));
    daemon.stands_at("seat", "ready", "");
    // A whole test, inside the unit's sandbox. It would never come to its end if the card that the server opens for it were in
    // use by that.
    daemon.stands_at("microphone", "not_ready", "audio.microphone_silent");
    daemon.stands_at("audio", "ready", "");
    let first = property("MainPID");
    assert_ne!(first, "0");
    lab.sh(&format!("kill -9 {first}"));
    lab.wait_for(&inside(&format!(
        "sh -c 'now=$(systemctl --user show --property=MainPID --value siaga-seat.service); [ $now != 0 ] && [ $now != {first} ]'"
    )));
    daemon.stands_at("seat", "ready", "");
    assert_eq!(property("NRestarts"), "1");

    // A recording in the session holds the room, whoever opens the card for it.
    let call = lab.spawn("call", &inside("parec --client-name=meeting /dev/null"));
    daemon.stands_at("seat", "ready", "audio.seat_in_use");
    daemon.check("audio", "ready", "audio.in_use");
    lab.sh(&format!("kill {call}"));
    daemon.stands_at("seat", "ready", "");
    daemon.stands_at("audio", "ready", "");
    lab.sh(&inside("systemctl --user stop siaga-seat.service"));
    daemon.stands_at("seat", "unknown", "siaga.seat_absent");
    assert_eq!(property("Result"), "success");
}
