//! Cameras that are pulled out, put back, and used, with the kernel's real drivers.

use crate::daemon::room;
use crate::equipment::Camera;
use crate::guest::Lab;
use crate::waiting;

const LOOK: &str = "interval = \"500ms\"\nrequery = \"1s\"\n";

#[test]
fn a_camera_pulled_out_is_missed_and_one_put_back_is_found() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    let named = format!("name = \"named\"\ndevice = \"vivid\"\n{LOOK}");
    let daemon = lab.daemon(&room(
        &["video", "audio"],
        &[("camera", LOOK), ("camera", &named), ("audio", "card = \"Dummy\"\nmixer = false\n")],
    ));
    daemon.ready();
    for _ in 0..2 {
        camera.unplug();
        daemon.check("camera", "not_ready", "video.no_camera");
        daemon.check("named", "not_ready", "video.camera_missing");
        for (name, verdict, codes) in daemon.stands() {
            match name.as_str() {
                "camera" => assert_eq!(codes, ["video.no_camera"]),
                "named" => assert_eq!(codes, ["video.camera_missing"]),
                _ => assert_eq!((verdict.as_str(), codes.len()), ("ready", 0), "{name}"),
            }
        }
        camera.replug();
        daemon.ready();
    }
}

#[test]
fn a_usb_camera_comes_and_goes() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Usb("CAM0001"));
    lab.camera(Camera::Vivid(0)).unplug();
    let daemon = lab.daemon(&room(&["video"], &[("camera", &format!("device = \"1209:0001\"\n{LOOK}"))]));
    daemon.only("camera", "not_ready", &["video.camera_missing"]);
    camera.replug();
    daemon.only("camera", "ready", &[]);
    camera.unplug();
    daemon.only("camera", "not_ready", &["video.camera_missing"]);
    camera.replug();
    daemon.only("camera", "ready", &[]);
}

#[test]
fn a_running_stream_is_told_and_loses_no_picture() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Usb("CAM0001"));
    camera.replug();
    let node = camera.node();
    // Two a second: an emulated processor keeps up with the daemon and the stream.
    lab.sh(&format!("v4l2-ctl -d {node} --set-parm 2 --set-ctrl brightness=77"));
    let daemon = lab.daemon(&room(&["video"], &[("camera", &format!("device = \"1209:0001\"\n{LOOK}"))]));
    daemon.only("camera", "ready", &[]);
    let before = camera.settings();
    assert!(before.contains("value=77"), "{before}");
    let process = stream(&lab, &node);
    daemon.only("camera", "ready", &["video.camera_in_use"]);
    let begun = sequence(&lab.log("stream")).len();
    for stands in daemon.looks("camera", 20) {
        for (name, verdict, codes) in stands {
            assert_eq!((verdict.as_str(), codes), ("ready", vec!["video.camera_in_use".to_owned()]), "{name}");
        }
    }
    same(&before, &camera.settings());
    let numbers = sequence(&lab.log("stream"));
    assert!(
        numbers.len() >= begun + 5,
        "the stream went on meanwhile: {begun} pictures before, {} after",
        numbers.len()
    );
    let whole: Vec<u32> = (0..).take(numbers.len()).collect();
    assert_eq!(numbers, whole, "left: the numbers of the pictures that the stream got");
    lab.sh(&format!("kill {process}"));
    daemon.only("camera", "ready", &[]);
}

#[test]
fn looking_at_an_idle_camera_changes_nothing_on_it() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    // Another format, size, rate and controls than the driver's own.
    lab.sh(&format!(
        "v4l2-ctl -d {} --set-fmt-video=width=640,height=360,pixelformat=NV12 --set-parm 10 \
         --set-ctrl brightness=33,hue=7,horizontal_flip=1",
        camera.node()
    ));
    let before = camera.settings();
    assert!(before.contains("640/360") && before.contains("10.000"), "{before}");
    let daemon = lab.daemon(&room(&["video"], &[("camera", LOOK)]));
    daemon.only("camera", "ready", &[]);
    daemon.looks("camera", 20);
    same(&before, &camera.settings());
}

#[test]
fn a_frozen_stream_is_one_whose_camera_is_frozen() {
    let lab = Lab::start();
    let (test, usb) = (lab.camera(Camera::Vivid(0)), lab.camera(Camera::Usb("CAM0001")));
    usb.replug();
    for camera in [test, usb] {
        let process = stream(&lab, &camera.node());
        camera.freeze(true);
        // It waits two seconds for a picture, says so and gives up.
        waiting::until(
            "a frozen stream's end",
            || lab.log("stream").contains("select timeout").then_some(()),
            || lab.log("stream"),
        );
        camera.node();
        camera.freeze(false);
        // Until it has ended the camera is its own; and its end waits in the kernel for what a frozen USB camera still owes.
        lab.wait_for(&format!("! kill -0 {process} 2>/dev/null"));
        stream(&lab, &camera.node());
        lab.sh("killall v4l2-ctl");
    }
}

/// Starts a stream and waits for its first pictures. Its log is `/share/stream.log`.
pub(crate) fn stream(lab: &Lab, node: &str) -> u32 {
    let process =
        lab.spawn("stream", &format!("v4l2-ctl -d {node} --stream-mmap --stream-poll --verbose --stream-to=/dev/null"));
    waiting::until("pictures", || (sequence(&lab.log("stream")).len() >= 2).then_some(()), || lab.log("stream"));
    process
}

/// Two accounts of a camera's settings must be the same, but for what the camera itself moves.
pub(crate) fn same(before: &str, after: &str) {
    // "grabbed" tells that somebody streams, and is no setting.
    let lasting = |text: &str| {
        let kept = text.lines().filter(|line| !line.contains("volatile") && !line.contains("read-only"));
        kept.map(|line| line.replace(" flags=grabbed", "")).collect::<Vec<_>>()
    };
    let (before, after) = (lasting(before), lasting(after));
    assert_eq!(before.len(), after.len());
    let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert!(changed.is_empty(), "before and after: {changed:#?}");
}

/// The numbers of the pictures that v4l2-ctl got, in its order: `cap dqbuf: 1 seq:      5 bytesused: …`.
pub(crate) fn sequence(log: &str) -> Vec<u32> {
    let told = log.lines().filter_map(|line| line.split_once("seq:")?.1.split_whitespace().next());
    told.map(|number| number.parse().unwrap()).collect()
}
