//! What is recorded of a room whose folders the tests write themselves.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::domain::in_full;
use crate::probe::child::Program;
use crate::probe::enrolled::read;

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn link(root: &Path, path: &str, target: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(root.join(target), path).unwrap();
}

/// A camera at a port of the bus, with a serial number or without.
fn camera(root: &Path, number: u32, port: &str, serial: Option<&str>) {
    let device = format!("sys/devices/pci0000:00/0000:00:14.0/usb1/1-{port}");
    write(root, &format!("{device}/idVendor"), "046d\n");
    write(root, &format!("{device}/idProduct"), "0825\n");
    if let Some(serial) = serial {
        write(root, &format!("{device}/serial"), &format!("{serial}\n"));
    }
    let node = format!("{device}/1-{port}:1.0/video4linux/video{number}");
    write(root, &format!("{node}/name"), "Webcam\u{1b}[31m C270\n");
    link(root, &format!("{node}/device"), &format!("{device}/1-{port}:1.0"));
    link(root, &format!("sys/class/video4linux/video{number}"), &node);
}

async fn look_at(root: &Path, probes: &[ProbeConfig]) -> Seen {
    let roots = Roots { proc: root.join("proc"), sys: root.join("sys"), dev: root.join("dev") };
    let answer = r#"{"found":{"driver":"uvcvideo","card":"C","bus":"usb","captures":true,"formats":["MJPG"]}}"#;
    let child = Program::other("/bin/sh", &["-c", &format!("printf '%s' '{answer}'")]);
    look_with(&roots, &root.join("etc/resolv.conf"), &child, probes).await
}

#[tokio::test]
async fn a_room_is_recorded_with_what_tells_its_devices_apart() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    camera(root, 0, "2", None);
    camera(root, 2, "3.1", Some("5A1B"));
    write(
        root,
        "proc/asound/cards",
        " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7f10000 irq 30\n 1 [Loopback       ]: Loopback - Loopback\n                      Loopback 1\n",
    );
    write(root, "sys/devices/pci0000:00/0000:00:1f.3/vendor", "0x8086\n");
    link(root, "sys/class/sound/card0/device", "sys/devices/pci0000:00/0000:00:1f.3");
    let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
    write(root, "proc/net/route", &format!("Iface\tDestination\tGateway\neth0\t00000000\t{gateway:08X}\t0003\n"));
    write(root, "etc/resolv.conf", "nameserver 192.0.2.53\n");
    write(root, "sys/class/drm/card0-HDMI-A-1/status", "disconnected\n");

    let seen = look_at(root, &[]).await;
    let told: Vec<_> = seen
        .devices
        .iter()
        .map(|device| {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let (usb, serial, place) = (or_dash(&device.usb), or_dash(&device.serial), or_dash(&device.place));
            format!("{:?} {} {usb} {serial} {place}", device.kind, device.name)
        })
        .collect();
    let expected = [
        "Camera Webcam [31m C270 046d:0825 - usb-0000:00:14.0-2",
        "Camera Webcam [31m C270 046d:0825 5A1B usb-0000:00:14.0-3.1",
        "Audio HDA Intel PCH - - 0000:00:1f.3",
        "Gateway 192.0.2.1 - - eth0",
        "Resolver 192.0.2.53 - - -",
    ];
    assert_eq!(told, expected);

    let (file, record) =
        (root.join("state/enrolled.toml"), Enrolled { at: jiff::Timestamp::UNIX_EPOCH, devices: seen.devices });
    assert_eq!(read(&file).unwrap(), None);
    assert!(super::write(&file, "x", &record).is_err(), "a folder that is mistyped is not made");
    fs::create_dir(root.join("state")).unwrap();
    // Left by a process of the same number that died.
    fs::write(root.join(format!("state/enrolled.toml.{}-0.new", std::process::id())), "half").unwrap();
    super::write(&file, "one line\nand another", &record).unwrap();
    assert!(fs::read_to_string(&file).unwrap().starts_with("# one line\n# and another\n\nat = "));
    assert_eq!(read(&file).unwrap(), Some(record));
    fs::write(&file, "devices = 3").unwrap();
    assert!(in_full(&read(&file).unwrap_err()).contains("unknown field"));
}

#[tokio::test]
async fn a_upsd_that_does_not_answer_is_not_a_ups_that_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens where somebody just did.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let table: toml::Table = format!("server = \"127.0.0.1:{port}\"").parse().unwrap();
    let config = ProbeConfig::deserialize_as(crate::domain::Kind::Ups, table).unwrap();
    let seen = look_at(dir.path(), &[config]).await;
    assert_eq!(seen.devices, []);
    assert_eq!(seen.unseen.len(), 1);
    assert_eq!(seen.unseen[0].0, Equipment::Ups);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_neither_there_nor_away() {
    let dir = tempfile::tempdir().unwrap();
    // A file where a folder should be, and the other way round: what root, too, cannot read.
    write(dir.path(), "sys/class/video4linux", "");
    write(dir.path(), "sys/class/drm", "");
    fs::create_dir_all(dir.path().join("proc/asound/cards")).unwrap();
    let seen = look_at(dir.path(), &[]).await;
    let unseen: Vec<_> = seen.unseen.iter().map(|(equipment, _)| *equipment).collect();
    assert_eq!(unseen, [Equipment::Camera, Equipment::Audio, Equipment::Display], "{seen:?}");
    assert!(seen.unseen[0].1.contains("Not a directory"), "{seen:?}");
}

#[tokio::test]
async fn the_radios_interface_is_the_radios_and_no_sound_device_of_the_room() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(
        root,
        "proc/asound/cards",
        " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7f10000 irq 30\n 1 [Device         ]: USB-Audio - USB Sound\n                      USB Sound at usb-0000:00:14.0-2, full speed\n",
    );
    write(root, "proc/asound/card1/usbid", "0d8c:000c\n");
    let usb = |port: &str| format!("sys/devices/pci0000:00/0000:00:14.0/usb1/1-{port}");
    for (port, vendor, product, name) in [("2", "0d8c", "000c", "USB Sound"), ("3", "0403", "6001", "FT232R USB UART")]
    {
        for (file, text) in [("idVendor", vendor), ("idProduct", product), ("product", name)] {
            write(root, &format!("{}/{file}", usb(port)), text);
        }
    }
    write(root, &format!("{}/1-2:1.0/uevent", usb("2")), "");
    write(root, &format!("{}/1-3:1.0/ttyUSB0/uevent", usb("3")), "");
    link(root, "sys/class/sound/card1/device", &format!("{}/1-2:1.0", usb("2")));
    link(root, "sys/class/tty/ttyUSB0/device", &format!("{}/1-3:1.0/ttyUSB0", usb("3")));
    write(root, "dev/ttyUSB0", "");
    link(root, "dev/serial/by-id/usb-FTDI", "dev/ttyUSB0");
    let config = toml::from_str("card = \"Device\"\nkey = \"/dev/serial/by-id/usb-FTDI\"").unwrap();
    let seen = look_at(root, &[ProbeConfig::Radio(config)]).await;
    let told: Vec<_> =
        seen.devices.iter().map(|device| (device.kind, device.to_string(), device.place.as_deref())).collect();
    assert_eq!(
        told,
        [
            (Equipment::Audio, "HDA Intel PCH".to_owned(), None),
            (Equipment::Radio, "USB Sound (0d8c:000c)".to_owned(), Some("usb-0000:00:14.0-2")),
            (Equipment::Radio, "FT232R USB UART (0403:6001)".to_owned(), Some("usb-0000:00:14.0-3")),
        ]
    );
    assert_eq!(seen.unseen, []);
}
