//! The list of devices over folders that the tests write themselves.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::probe::ProbeConfig;

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn roots(root: &Path) -> Roots {
    Roots { proc: root.join("proc"), sys: root.join("sys"), dev: root.join("dev") }
}

/// A room: a cable, a gateway of each family, two equal headsets, a camera whose name is hostile, a screen.
fn room(root: &Path) -> Roots {
    write(root, "sys/class/net/eth0/carrier", "1\n");
    write(root, "sys/class/net/eth0/speed", "1000\n");
    write(root, "sys/class/net/eth0/device/uevent", "");
    write(root, "sys/class/net/wlan0/wireless/x", "");
    write(root, "sys/class/net/lo/carrier", "1\n");
    let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
    write(
        root,
        "proc/net/route",
        &format!(
            "Iface\tDestination\tGateway \tFlags\neth0\t00000000\t{gateway:08X}\t0003\t0\neth0\t000200C0\t00000000\t0001\t0\n"
        ),
    );
    let zero = "0".repeat(32);
    write(
        root,
        "proc/net/ipv6_route",
        &format!(
            "{zero} 00 {zero} 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        ),
    );
    write(root, "etc/resolv.conf", "# comment\nnameserver 192.0.2.53\nsearch example.org\nnameserver 2001:db8::53\n");
    write(
        root,
        "proc/asound/cards",
        " 0 [Headset        ]: USB-Audio - Head\n                      Head at usb-0000:00:14.0-2, full speed\n 1 [Headset_1      ]: USB-Audio - Head\n                      Head at usb-0000:00:14.0-3, full speed\n 2 [Loopback       ]: Loopback - Loopback\n                      Loopback 1\n",
    );
    for pcm in ["card0/pcm0c", "card0/pcm0p", "card1/pcm0c", "card2/pcm0c"] {
        write(root, &format!("proc/asound/{pcm}/sub0/status"), "closed\n");
    }
    for card in ["card0", "card1"] {
        write(root, &format!("proc/asound/{card}/usbid"), "0b0e:0300\n");
    }
    write(root, "sys/devices/usb/1-1/idVendor", "046d\n");
    write(root, "sys/devices/usb/1-1/idProduct", "0825\n");
    write(root, "sys/devices/usb/1-1/1-1:1.0/video4linux/video0/name", "Web\u{1b}[31mcam \"C\"\n[[check]]\n");
    symlink("../..", root.join("sys/devices/usb/1-1/1-1:1.0/video4linux/video0/device")).unwrap();
    fs::create_dir_all(root.join("sys/class/video4linux")).unwrap();
    symlink(root.join("sys/devices/usb/1-1/1-1:1.0/video4linux/video0"), root.join("sys/class/video4linux/video0"))
        .unwrap();
    write(root, "sys/class/drm/card0-HDMI-A-1/status", "connected\n");
    write(root, "sys/class/drm/card0-DP-1/status", "disconnected\n");
    roots(root)
}

/// A child that says of every camera that it captures.
fn child() -> Program {
    let answer = r#"{"found":{"driver":"uvcvideo","card":"C","bus":"usb","captures":true,"formats":["MJPG"]}}"#;
    Program::other("/bin/sh", &["-c", &format!("printf '%s' '{answer}'")])
}

#[tokio::test]
async fn what_is_printed_is_a_config_that_means_these_devices() {
    let dir = tempfile::tempdir().unwrap();
    let roots = room(dir.path());
    let resolv_conf = dir.path().join("etc/resolv.conf");
    for lang in [Lang::Id, Lang::En] {
        let printed = list_with(&roots, &resolv_conf, &child(), lang).await.to_string();
        let config: toml::Table = printed.parse().unwrap_or_else(|error| panic!("{error}\n{printed}"));
        let checks: Vec<_> =
            config["check"].as_array().unwrap().iter().map(|check| check.as_table().unwrap()).collect();
        let names: BTreeSet<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), checks.len(), "each name once");
        let meant: Vec<_> = checks
            .iter()
            .map(|check| {
                let (key, value) =
                    check.iter().find(|(key, _)| !["name", "kind", "playback"].contains(&key.as_str())).unwrap();
                (check["kind"].as_str().unwrap(), key.as_str(), value.as_str().unwrap())
            })
            .collect();
        let expected = [
            ("link", "interface", "eth0"),
            ("icmp", "target", "gateway"),
            ("audio", "card", "usb-0000:00:14.0-2"),
            ("audio", "card", "usb-0000:00:14.0-3"),
            ("camera", "device", "046d:0825"),
            ("display", "connector", "HDMI-A-1"),
        ];
        assert_eq!(meant, expected);
        for shown in
            ["192.0.2.1 (eth0)", "2001:db8::1 (eth0)", "192.0.2.53", "2001:db8::53", "wlan0: Wi-Fi", "Loopback", "MJPG"]
        {
            assert!(printed.contains(shown), "{shown} in\n{printed}");
        }
        assert!(!printed.contains('\u{1b}'), "a device's name cannot colour the terminal");
    }
}

#[tokio::test]
async fn the_probes_understand_what_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let roots = room(dir.path());
    let printed = list_with(&roots, Path::new("/nonexistent"), &child(), Lang::En).await.to_string();
    let config: toml::Table = printed.parse().unwrap();
    for check in config["check"].as_array().unwrap() {
        let mut check = check.as_table().unwrap().clone();
        check.remove("name");
        let kind = Kind::ALL.into_iter().find(|kind| check["kind"].as_str() == Some(kind.as_str())).unwrap();
        check.remove("kind");
        ProbeConfig::deserialize_as(kind, check).unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

#[tokio::test]
async fn a_sound_card_on_the_board_is_said_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let roots = room(dir.path());
    let levels = async || {
        let printed = list_with(&roots, Path::new("/nonexistent"), &child(), Lang::En).await.to_string();
        let config: toml::Table = printed.parse().unwrap();
        let checks = config["check"].as_array().unwrap();
        checks.iter().filter_map(|check| Some(check.get("level")?.as_str()?.to_owned())).collect::<Vec<_>>()
    };
    assert!(levels().await.is_empty());
    fs::remove_file(dir.path().join("proc/asound/card1/usbid")).unwrap();
    assert_eq!(levels().await, ["onboard"]);
}

#[tokio::test]
async fn a_bare_machine_has_none_of_anything() {
    let dir = tempfile::tempdir().unwrap();
    let devices = list_with(&roots(dir.path()), Path::new("/nonexistent"), &child(), Lang::Id).await;
    let printed = devices.to_string();
    assert_eq!(printed.matches("#   tidak ada\n").count(), 6, "{printed}");
    assert!(printed.parse::<toml::Table>().unwrap().is_empty());
}
