//! The `display` probe over connectors that the tests write themselves.

use super::edid::block;
use super::*;
use crate::probe::fixture::{Machine, found, value};

/// A connector as sysfs shows one.
fn connector(machine: &Machine, name: &str, status: &str, edid: &[u8]) {
    machine.write(&format!("sys/class/drm/{name}/status"), format!("{status}\n"));
    machine.write(&format!("sys/class/drm/{name}/edid"), edid);
}

fn room() -> Machine {
    let machine = Machine::bare();
    machine.write("sys/class/drm/version", "drm 1.1.0\n");
    machine.write("sys/class/drm/card0/dev", "226:0\n");
    machine.write("sys/class/drm/renderD128/dev", "226:128\n");
    connector(&machine, "card0-Writeback-1", "unknown", b"");
    connector(&machine, "card0-HDMI-A-1", "connected", &block("Room TV"));
    connector(&machine, "card0-DP-1", "disconnected", b"");
    machine
}

async fn see(machine: &Machine, connector: &str) -> Observation {
    Probe::new(Config { connector: connector.to_owned() }, machine.context()).next().await
}

#[tokio::test]
async fn a_machine_without_graphics_has_no_display() {
    assert_eq!(found(&see(&Machine::bare(), "auto").await), [("video.no_display", Verdict::NotReady)]);
}

#[tokio::test]
async fn a_screen_that_says_what_it_is_is_ready() {
    let machine = room();
    for wanted in ["auto", "HDMI-A-1"] {
        let seen = see(&machine, wanted).await;
        assert_eq!(found(&seen), [], "{wanted}");
        assert_eq!(value(&seen.reading, "display_connected", Some("HDMI-A-1")), Some(1.0));
        assert_eq!(value(&seen.reading, "display_edid_valid", Some("HDMI-A-1")), Some(1.0));
    }
    let seen = see(&machine, "auto").await;
    assert_eq!(value(&seen.reading, "display_connected", Some("DP-1")), Some(0.0));
    assert_eq!(value(&seen.reading, "display_connected", Some("Writeback-1")), None);
}

#[tokio::test]
async fn a_connector_without_a_screen_and_one_that_does_not_exist_are_told_apart() {
    let machine = room();
    assert_eq!(found(&see(&machine, "DP-1").await), [("video.display_disconnected", Verdict::NotReady)]);
    assert_eq!(found(&see(&machine, "DP-9").await), [("video.connector_missing", Verdict::NotReady)]);
    connector(&machine, "card0-HDMI-A-1", "disconnected", b"");
    assert_eq!(found(&see(&machine, "auto").await), [("video.display_disconnected", Verdict::NotReady)]);
}

/// The clock runs on at once while nothing but the thread works.
#[tokio::test(start_paused = true)]
async fn a_driver_that_hangs_hangs_nobody_else() {
    let machine = room();
    machine.remove("sys/class/drm/card0-HDMI-A-1/edid");
    let edid = machine.path("sys/class/drm/card0-HDMI-A-1/edid");
    rustix::fs::mkfifoat(rustix::fs::CWD, &edid, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let seen = see(&machine, "auto").await;
    assert_eq!(found(&seen), [("siaga.display_unreadable", Verdict::Unknown)]);
    assert_eq!(seen.error.unwrap().kind, ErrorKind::Timeout);
    drop(std::fs::File::options().write(true).open(edid).unwrap());
}

#[tokio::test]
async fn a_screen_that_says_nothing_or_nonsense_has_a_bad_cable() {
    let machine = room();
    let mut garbled = block("Room TV");
    garbled[40] ^= 0x10;
    for edid in [Vec::new(), garbled] {
        connector(&machine, "card0-HDMI-A-1", "connected", &edid);
        let seen = see(&machine, "auto").await;
        assert_eq!(found(&seen), [("video.display_no_edid", Verdict::Degraded)]);
        assert_eq!(value(&seen.reading, "display_edid_valid", Some("HDMI-A-1")), Some(0.0));
    }
}

#[tokio::test]
async fn a_screen_that_is_another_than_the_enrolled_one_is_told() {
    let machine = room();
    let record = |name: &str| {
        let device = format!("[[device]]\nkind = \"display\"\nname = \"{name}\"\nplace = \"HDMI-A-1\"\n");
        machine.write("enrolled.toml", format!("at = \"2026-11-25T02:00:00Z\"\n{device}"));
    };
    record("Room TV");
    assert_eq!(found(&see(&machine, "auto").await), []);
    record("Projector");
    for wanted in ["auto", "HDMI-A-1"] {
        assert_eq!(found(&see(&machine, wanted).await), [("video.display_other", Verdict::Degraded)], "{wanted}");
    }
    assert_eq!(found(&see(&machine, "DP-1").await), [("video.display_disconnected", Verdict::NotReady)]);
    connector(&machine, "card0-HDMI-A-1", "disconnected", b"");
    let gone =
        [("video.display_disconnected", Verdict::NotReady), ("video.display_enrolled_missing", Verdict::Degraded)];
    assert_eq!(found(&see(&machine, "auto").await), gone);
    machine.write("enrolled.toml", "at = 3");
    let unread = [gone[0], ("siaga.display_record_unreadable", Verdict::Ready)];
    assert_eq!(found(&see(&machine, "auto").await), unread, "what is no record is passed over, and said");
}

#[tokio::test]
async fn a_built_in_screen_has_no_cable_to_blame() {
    let machine = Machine::bare();
    connector(&machine, "card0-eDP-1", "connected", b"");
    connector(&machine, "card0-DSI-1", "connected", b"");
    assert_eq!(found(&see(&machine, "auto").await), []);
}

#[tokio::test]
async fn a_connector_that_cannot_tell_is_our_blindness() {
    let machine = Machine::bare();
    connector(&machine, "card0-VGA-1", "unknown", b"");
    assert_eq!(found(&see(&machine, "auto").await), [("siaga.display_unseen", Verdict::Unknown)]);
}

#[tokio::test]
async fn two_graphics_cards_may_have_connectors_of_one_name() {
    let machine = room();
    connector(&machine, "card1-HDMI-A-1", "connected", b"");
    let seen = see(&machine, "auto").await;
    assert_eq!(value(&seen.reading, "display_edid_valid", Some("card0-HDMI-A-1")), Some(1.0));
    assert_eq!(value(&seen.reading, "display_edid_valid", Some("card1-HDMI-A-1")), Some(0.0));
    assert_eq!(found(&see(&machine, "card0-HDMI-A-1").await), []);
    assert_eq!(found(&see(&machine, "card1-HDMI-A-1").await), [("video.display_no_edid", Verdict::Degraded)]);
    assert_eq!(found(&see(&machine, "DP-1").await), [("video.display_disconnected", Verdict::NotReady)]);
}
