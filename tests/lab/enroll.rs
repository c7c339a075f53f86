//! A room's USB cameras, recorded and compared, with the kernel's real drivers.

use crate::daemon::room;
use crate::equipment::Camera;
use crate::guest::Lab;

/// Exit code and what was printed.
fn enroll(lab: &Lab, arguments: &str) -> (i32, String) {
    let output = lab.run(&format!(
        "/built/siaga --config /share/siaga.toml --lang en enroll --state-dir /run/siaga {arguments} 2>&1"
    ));
    (output.code, output.text())
}

#[test]
fn another_camera_at_the_port_is_told_from_the_one_that_was_recorded() {
    let lab = Lab::start();
    let (recorded, other) = (lab.camera(Camera::Usb("CAM0001")), lab.camera(Camera::Usb("CAM0002")));
    recorded.replug();
    // A room without a UPS, and so without a upsd to ask.
    lab.push(room(&["video"], &[("camera", "")]).as_bytes(), "siaga.toml");
    let (code, told) = enroll(&lab, "");
    assert_eq!(code, 0, "{told}");
    let camera = "(1209:0001, serial number CAM0001) at usb-vhci_hcd.0-1";
    assert!(told.contains(camera) && told.contains("Gateway 192.0.2.1 at eth1"), "{told}");
    assert!(told.contains("vivid.0"), "{told}");
    let same = (0, "The room is as enrolled".to_owned());
    assert_eq!(enroll(&lab, "--compare"), same);

    recorded.unplug();
    let (code, told) = enroll(&lab, "--compare");
    assert!(code == 2 && told.ends_with(&format!("{camera}: is missing")), "{told}");
    other.replug();
    let (code, told) = enroll(&lab, "--compare");
    assert!(code == 2 && told.contains("CAM0002) at usb-vhci_hcd.0-1: is another than the enrolled one"), "{told}");
    other.unplug();
    recorded.replug();
    assert_eq!(enroll(&lab, "--compare"), same);
}

#[test]
fn the_daemon_says_that_a_camera_is_another_until_it_is_enrolled() {
    let lab = Lab::start();
    let (recorded, other) = (lab.camera(Camera::Usb("CAM0001")), lab.camera(Camera::Usb("CAM0002")));
    recorded.replug();
    let daemon = lab.daemon(&room(&["video"], &[("camera", "interval = \"500ms\"\n")]));
    daemon.becomes("camera", "ready");
    assert_eq!(enroll(&lab, "").0, 0);
    recorded.unplug();
    daemon.check("camera", "degraded", "video.camera_enrolled_missing");
    other.replug();
    daemon.check("camera", "degraded", "video.camera_other");
    let told = daemon.get("/api/v1/readiness?lang=id").1;
    assert!(told.contains("lain dari yang terdaftar") && told.contains("1209:0001, CAM0001"), "{told}");
    assert_eq!(enroll(&lab, "").0, 0);
    daemon.becomes("camera", "ready");
}
