//! A USB controller that dies takes its camera and its sound card along, and that is told as one fault.

use serde_json::Value;

use crate::daemon::{Daemon, room};
use crate::equipment::Camera;
use crate::guest::Lab;

const CAMERA: &str = "name = \"camera\"\ndevice = \"1209:0001\"\ninterval = \"500ms\"\n";

const CARD: &str =
    "name = \"microphone\"\ncard = \"1209:0002\"\nmixer = false\ninterval = \"500ms\"\nplayback = false\n";

/// A room with a USB camera and a USB microphone, and another camera and sound card that hang elsewhere and go on working. The holds are in the
/// order of the shipped ones.
fn watched(lab: &Lab) -> Daemon<'_> {
    lab.camera(Camera::Usb("CAM0001")).replug();
    lab.usb_card().replug();
    let daemon = lab.daemon(&room(
        &["computer", "video", "audio"],
        &[
            ("usb", "bad_for = \"0s\"\ngood_for = \"20s\"\n"),
            ("camera", &format!("{CAMERA}bad_for = \"2s\"\ngood_for = \"1s\"\n")),
            ("camera", "name = \"other\"\ndevice = \"vivid\"\ninterval = \"500ms\"\n"),
            ("audio", &format!("{CARD}bad_for = \"2s\"\ngood_for = \"1s\"\n")),
            ("audio", "card = \"Dummy\"\nmixer = false\ninterval = \"500ms\"\n"),
        ],
    ));
    daemon.ready();
    daemon
}

fn incidents(daemon: &Daemon) -> Vec<(String, bool, Vec<String>)> {
    let body: Value = serde_json::from_str(&daemon.get("/api/v1/incidents").1).unwrap();
    let list = body.as_array().expect("a list of incidents");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |incident: &Value| {
        let codes = incident["codes"].as_array().unwrap().iter().map(text).collect();
        (text(&incident["component"]), incident["open"].as_bool().unwrap(), codes)
    };
    list.iter().map(one).collect()
}

#[test]
fn a_controller_that_dies_is_the_one_cause_of_what_hung_on_it() {
    let lab = Lab::start();
    let daemon = watched(&lab);
    lab.usb().dies();
    daemon.check("usb", "not_ready", "computer.usb_bus_missing");
    daemon.check("camera", "not_ready", "video.camera_missing");
    let cause = |open| vec![("computer".to_owned(), open, vec!["computer.usb_bus_missing".to_owned()])];
    daemon.check("microphone", "not_ready", "audio.card_missing");
    for name in ["camera", "microphone"] {
        let check: Value = serde_json::from_str(&daemon.get(&format!("/api/v1/checks/{name}")).1).unwrap();
        assert_eq!(check["blocked_by"], "usb", "{check}");
    }
    assert_eq!(daemon.root_cause(), "usb");
    assert_eq!(incidents(&daemon), cause(true));
    lab.usb().revives();
    lab.camera(Camera::Usb("CAM0001")).replug();
    lab.usb_card().replug();
    daemon.ready();
    daemon.wait_for("/api/v1/incidents", "the incident is closed", |_, body| !body.contains("\"open\":true"));
    assert_eq!(incidents(&daemon), cause(false));
}

#[test]
fn a_camera_pulled_out_of_a_healthy_controller_is_its_own_cause() {
    let lab = Lab::start();
    let daemon = watched(&lab);
    lab.camera(Camera::Usb("CAM0001")).unplug();
    daemon.only("camera", "not_ready", &["video.camera_missing"]);
    assert_eq!(daemon.root_cause(), "camera");
    assert_eq!(incidents(&daemon), [("video".to_owned(), true, vec!["video.camera_missing".to_owned()])]);
}
