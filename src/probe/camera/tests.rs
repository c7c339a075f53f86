//! The `camera` probe over USB cameras that the tests write themselves.

use super::*;
use crate::probe::fixture::{Machine, found, value};

/// A UVC camera with its picture node and its metadata node, as the kernel shows one.
fn usb_camera(machine: &Machine, first: u32, usb: (&str, &str), card: &str, port: &str) {
    let device = format!("sys/devices/pci0000:00/usb1/1-{port}");
    machine.write(&format!("{device}/idVendor"), format!("{}\n", usb.0));
    machine.write(&format!("{device}/idProduct"), format!("{}\n", usb.1));
    let interface = format!("{device}/1-{port}:1.0");
    machine.write(&format!("{interface}/power/runtime_status"), "suspended\n");
    for index in 0..2 {
        let name = format!("video{}", first + index);
        let node = format!("{interface}/video4linux/{name}");
        machine.write(&format!("{node}/name"), format!("{card}\n"));
        machine.write(&format!("{node}/index"), format!("{index}\n"));
        machine.link(&format!("{node}/device"), "../..");
        machine.link(&format!("sys/class/video4linux/{name}"), machine.path(&node));
        machine.write(&format!("dev/{name}"), "");
        machine
            .write(&format!("answers/{name}"), answer(index == 0, "uvcvideo").replace("usb-1", &format!("usb-{port}")));
        machine.link(&format!("dev/v4l/by-id/usb-{}_{port}-video-index{index}", usb.0), format!("../../{name}"));
    }
}

fn answer(captures: bool, driver: &str) -> String {
    let formats = if captures { r#"["MJPG","YUYV"]"# } else { "[]" };
    format!(
        r#"{{"found":{{"driver":"{driver}","card":"Cam","bus":"usb-1","captures":{captures},"formats":{formats}}}}}"#
    )
}

fn headset_room() -> Machine {
    let machine = Machine::bare();
    usb_camera(&machine, 0, ("046d", "0825"), "Webcam C270", "2");
    machine
}

/// A probe whose child reads its answers from the machine's own folder, and notes each question.
fn probe(machine: &Machine, device: &str) -> Probe {
    let folder = machine.path("");
    let script = format!(
        "cd {} && n=${{1##*/}} && echo $n >> asked && [ ! -e hang-$n ] || exec sleep infinity; cat answers/$n",
        folder.display()
    );
    machine.write("child.sh", script);
    let config = Config { device: device.to_owned(), requery: Period(Duration::from_hours(1)) };
    let mut probe = Probe::new(config, machine.context());
    // `camera` stands first among the arguments of a real child; here the path alone is wanted.
    probe.program = Program::other("/bin/sh", &["-c", "shift; . \"$0\"", machine.path("child.sh").to_str().unwrap()]);
    probe.deadline = Duration::from_secs(20);
    probe
}

fn asked(machine: &Machine) -> Vec<String> {
    let mut asked: Vec<_> =
        std::fs::read_to_string(machine.path("asked")).unwrap_or_default().lines().map(ToOwned::to_owned).collect();
    asked.sort();
    asked
}

#[tokio::test]
async fn a_machine_without_any_camera_says_so() {
    let machine = Machine::bare();
    let seen = probe(&machine, "auto").next().await;
    assert_eq!(found(&seen), [("video.no_camera", Verdict::NotReady)]);
    assert_eq!(value(&seen.reading, "camera_devices", None), Some(0.0));
    let seen = probe(&machine, "046d:0825").next().await;
    assert_eq!(found(&seen), [("video.camera_missing", Verdict::NotReady)]);
}

#[tokio::test]
async fn a_camera_with_a_metadata_node_is_one_camera() {
    let machine = headset_room();
    let seen = probe(&machine, "auto").next().await;
    assert_eq!(found(&seen), []);
    assert_eq!(value(&seen.reading, "camera_devices", None), Some(1.0));
    assert_eq!(value(&seen.reading, "camera_formats", Some("video0")), Some(2.0));
    assert_eq!(value(&seen.reading, "camera_formats", Some("video1")), None);
    assert_eq!(value(&seen.reading, "camera_in_use", Some("video0")), Some(0.0));
    assert_eq!(seen.reading.in_use, Some(false));
}

#[tokio::test]
async fn a_camera_pulled_out_while_it_is_asked_is_at_no_place() {
    let machine = headset_room();
    let seen = probe(&machine, "auto").next().await;
    assert_eq!(seen.reading.places, ["usb-pci0000:00-2", "usb-pci0000:00-2"]);
    let mut pulled = probe(&machine, "auto");
    let devices = machine.path("sys/devices");
    // In one step: of a folder that is half removed the name would be left. The kernel removes the interface first.
    machine.write("child.sh", format!("mv {} {}", devices.display(), machine.path("pulled").display()));
    assert_eq!(pulled.next().await.reading.places, [""; 0], "the name of its interface is none");
}

#[tokio::test]
async fn a_camera_is_named_in_five_ways() {
    let machine = headset_room();
    usb_camera(&machine, 2, ("1bcf", "28c4"), "Document Camera", "3");
    for (wanted, node) in [
        ("046d:0825", "video0"),
        ("1BCF:28C4", "video2"),
        ("document", "video2"),
        ("/dev/video2", "video2"),
        ("usb-046d_2-video-index0", "video0"),
        ("/dev/v4l/by-id/usb-1bcf_3-video-index0", "video2"),
    ] {
        let seen = probe(&machine, wanted).next().await;
        assert_eq!(found(&seen), [], "{wanted}");
        assert!(value(&seen.reading, "camera_formats", Some(node)).is_some(), "{wanted}");
        assert_eq!(value(&seen.reading, "camera_devices", None), Some(1.0), "{wanted}");
    }
    for wanted in ["046d:0826", "/dev/video7", "usb-046d_2", "C920"] {
        let seen = probe(&machine, wanted).next().await;
        assert_eq!(found(&seen), [("video.camera_missing", Verdict::NotReady)], "{wanted}");
    }
}

#[tokio::test]
async fn it_is_asked_once_and_again_when_it_was_plugged_anew() {
    let machine = headset_room();
    let mut probe = probe(&machine, "auto");
    for _ in 0..3 {
        assert_eq!(found(&probe.next().await), []);
    }
    assert_eq!(asked(&machine), ["video0", "video1"]);
    for path in ["sys/class/video4linux/video0", "sys/class/video4linux/video1", "sys/devices"] {
        machine.remove(path);
    }
    assert_eq!(found(&probe.next().await), [("video.no_camera", Verdict::NotReady)]);
    for path in ["dev/v4l", "asked"] {
        machine.remove(path);
    }
    usb_camera(&machine, 0, ("046d", "0825"), "Webcam C270", "2");
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(asked(&machine), ["video0", "video1"]);
}

#[tokio::test]
async fn a_camera_in_use_is_healthy_and_is_not_opened() {
    let machine = headset_room();
    machine.write("sys/devices/pci0000:00/usb1/1-2/1-2:1.0/power/runtime_status", "active\n");
    let seen = probe(&machine, "auto").next().await;
    let notes = [("video.camera_not_asked", Verdict::Ready), ("video.camera_in_use_unseen", Verdict::Ready)];
    assert_eq!(found(&seen), notes);
    assert_eq!(seen.reading.in_use, Some(true));
    assert_eq!(asked(&machine), [] as [&str; 0]);

    machine.link("proc/149/fd/7", machine.path("dev/video0"));
    machine.write("proc/149/comm", "conference\n");
    let seen = probe(&machine, "auto").next().await;
    let by = seen.reading.findings.last().unwrap();
    assert_eq!(by.reason.code, "video.camera_in_use");
    assert!(by.args.contains(&("holder", "conference".into())), "{by:?}");
}

#[tokio::test]
async fn while_the_room_is_in_use_no_camera_is_opened_and_what_was_known_stands() {
    let machine = headset_room();
    let mut probe = probe(&machine, "auto");
    probe.config.requery = Period(Duration::ZERO);
    assert_eq!(found(&probe.next().await), []);
    machine.in_use.send_replace(true);
    machine.remove("asked");
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(asked(&machine), [] as [&str; 0]);
    machine.in_use.send_replace(false);
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(asked(&machine), ["video0", "video1"]);
}

#[tokio::test]
async fn our_own_busy_is_asked_again_though_by_it_the_room_is_in_use() {
    let machine = headset_room();
    let mut probe = probe(&machine, "/dev/video0");
    probe.config.requery = Period(Duration::ZERO);
    machine.write("answers/video0", r#"{"failed":{"kind":"busy","detail":"told"}}"#);
    let seen = probe.next().await;
    assert_eq!(found(&seen), [("video.camera_in_use_unseen", Verdict::Ready)]);
    assert_eq!(seen.reading.in_use, Some(true));
    // As the judge makes of it.
    machine.in_use.send_replace(true);
    // While another is seen to hold it, it is not asked.
    let power = "sys/devices/pci0000:00/usb1/1-2/1-2:1.0/power/runtime_status";
    machine.write(power, "active\n");
    machine.link("proc/149/fd/7", machine.path("dev/video0"));
    machine.write("proc/149/comm", "conference\n");
    machine.remove("asked");
    assert_eq!(found(&probe.next().await), [("video.camera_in_use", Verdict::Ready)]);
    assert_eq!(asked(&machine), [] as [&str; 0]);
    machine.remove("proc/149");
    machine.write(power, "suspended\n");
    machine.write("answers/video0", answer(true, "uvcvideo"));
    let seen = probe.next().await;
    assert_eq!((found(&seen), seen.reading.in_use), (vec![], Some(false)), "else the room would be in use for ever");
    assert_eq!(asked(&machine), ["video0"]);
}

#[tokio::test]
async fn a_camera_that_hangs_is_told_and_does_not_hide_another() {
    let machine = headset_room();
    machine.write("hang-video0", "");
    let mut hanging = probe(&machine, "046d:0825");
    hanging.deadline = Duration::from_secs(2);
    let seen = hanging.next().await;
    assert_eq!(found(&seen), [("video.camera_unanswering", Verdict::NotReady)]);
    assert_eq!(value(&seen.reading, "camera_children_left_behind", None), Some(0.0));
    assert_eq!(seen.reading.in_use, Some(false), "it sleeps, so nobody has it");

    usb_camera(&machine, 2, ("1bcf", "28c4"), "Document Camera", "3");
    let mut both = probe(&machine, "auto");
    both.deadline = Duration::from_secs(5);
    let seen = both.next().await;
    assert_eq!(found(&seen), [("video.camera_unanswering", Verdict::Degraded)]);
    assert_eq!(value(&seen.reading, "camera_devices", None), Some(1.0));
}

#[tokio::test]
async fn a_camera_that_failed_keeps_the_room_neither_in_use_nor_free() {
    let machine = headset_room();
    usb_camera(&machine, 2, ("1bcf", "28c4"), "Document Camera", "3");
    let mut probe = probe(&machine, "auto");
    probe.config.requery = Period(Duration::ZERO);
    machine.write("answers/video2", r#"{"failed":{"kind":"timeout","detail":"told"}}"#);
    assert_eq!(probe.next().await.reading.in_use, Some(false));
    // A call on the good one, and its end.
    let power = |port: &str| format!("sys/devices/pci0000:00/usb1/1-{port}/1-{port}:1.0/power/runtime_status");
    machine.write(&power("2"), "active\n");
    assert_eq!(probe.next().await.reading.in_use, Some(true));
    machine.in_use.send_replace(true);
    machine.write(&power("2"), "suspended\n");
    assert_eq!(probe.next().await.reading.in_use, Some(false), "else the room would be in use for ever");
    // Then the other is asked again.
    machine.in_use.send_replace(false);
    machine.remove("asked");
    assert_eq!(found(&probe.next().await), [("video.camera_unanswering", Verdict::Degraded)]);
    assert!(asked(&machine).contains(&"video2".to_owned()));
    // A call on the one that we may not open.
    machine.write("answers/video2", r#"{"failed":{"kind":"permission","detail":"told"}}"#);
    assert_eq!(probe.next().await.reading.in_use, Some(false));
    machine.write(&power("3"), "active\n");
    let seen = probe.next().await;
    assert_eq!(found(&seen), [("video.camera_in_use_unseen", Verdict::Ready)]);
    assert_eq!(seen.reading.in_use, Some(true));
}

#[tokio::test]
async fn our_own_child_that_hangs_is_nobodys_call() {
    let machine = headset_room();
    let mut probe = probe(&machine, "auto");
    assert_eq!(found(&probe.next().await), []);
    let node = nodes::list(&machine.roots()).unwrap().remove(0);
    let child = tokio::process::Command::new("/bin/sleep").arg("infinity").kill_on_drop(true).spawn().unwrap();
    let number = child.id().unwrap();
    let known = probe.known.get_mut("video0").unwrap();
    known.place = place::Place::hanging(&node, child);
    known.answer = Some(Err(ProbeError::new(ErrorKind::Timeout, "told")));
    // Before Linux 6.16 whoever has it open keeps it awake.
    machine.write("sys/devices/pci0000:00/usb1/1-2/1-2:1.0/power/runtime_status", "active\n");
    let seen = probe.next().await;
    assert_eq!(found(&seen), [("video.camera_unanswering", Verdict::NotReady)]);
    assert_eq!(value(&seen.reading, "camera_children_left_behind", None), Some(1.0));
    assert_eq!(seen.reading.in_use, Some(false));
    let number = rustix::process::Pid::from_raw(number.try_into().unwrap()).unwrap();
    rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
    let freed = async { while probe.next().await.reading.in_use != Some(true) {} };
    tokio::time::timeout(Duration::from_secs(20), freed)
        .await
        .expect("once it is gone, whoever keeps it awake is another");
}

#[tokio::test]
async fn a_question_ends_when_the_room_comes_into_use_and_is_asked_again_after() {
    let machine = headset_room();
    machine.write("hang-video0", "");
    let mut probe = probe(&machine, "/dev/video0");
    let (clock, room) = (crate::clock::Clock::start(), machine.in_use.clone());
    let used = async {
        while asked(&machine).is_empty() {
            tokio::task::yield_now().await;
        }
        room.send_replace(true);
        clock.mono()
    };
    let (seen, told) = tokio::join!(probe.next(), used);
    // A safety deadline: 100 ms, and a busy machine's slowness.
    let took = clock.mono().since(told);
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!(found(&seen), [("video.camera_not_asked", Verdict::Ready)]);
    machine.remove("hang-video0");
    assert_eq!(found(&probe.next().await), [("video.camera_not_asked", Verdict::Ready)]);
    room.send_replace(false);
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(asked(&machine), ["video0", "video0"]);
}

#[tokio::test]
async fn one_that_did_not_answer_is_asked_again_long_before_an_hourly_look() {
    let machine = headset_room();
    machine.write("hang-video0", "");
    let mut probe = probe(&machine, "/dev/video0");
    (probe.context.interval, probe.deadline) = (Duration::from_hours(1), Duration::from_millis(200));
    assert_eq!(found(&probe.next().await), [("video.camera_unanswering", Verdict::NotReady)]);
    machine.remove("hang-video0");
    probe.deadline = Duration::from_secs(20);
    let seen = tokio::time::timeout(Duration::from_mins(1), probe.next()).await.expect("asked again");
    assert_eq!(found(&seen), []);
}

#[tokio::test]
async fn a_camera_that_is_being_looked_at_is_asked_after() {
    let machine = headset_room();
    let mut probe = probe(&machine, "auto");
    let node = nodes::list(&machine.roots()).unwrap().remove(0);
    let look = Ours::claim(&node, Purpose::Look);
    probe.next().await;
    assert_eq!(asked(&machine), [] as [&str; 0]);
    drop(look);
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(asked(&machine), ["video0", "video1"]);
}

#[tokio::test]
async fn what_the_child_met_is_judged_by_its_kind() {
    for (kind, expected) in [
        ("permission", ("siaga.camera_no_permission", Verdict::Unknown)),
        ("protocol", ("siaga.camera_unreadable", Verdict::Unknown)),
        ("busy", ("video.camera_in_use_unseen", Verdict::Ready)),
        ("gone", ("video.camera_missing", Verdict::NotReady)),
    ] {
        let machine = headset_room();
        for node in ["video0", "video1"] {
            let failed = format!(r#"{{"failed":{{"kind":"{kind}","detail":"told"}}}}"#);
            machine.write(&format!("answers/{node}"), failed);
        }
        let seen = probe(&machine, "/dev/video0").next().await;
        assert_eq!(found(&seen), [expected], "{kind}");
    }
}

#[tokio::test]
async fn a_camera_that_is_another_than_the_enrolled_one_is_told_by_its_port() {
    let machine = headset_room();
    let mut auto = probe(&machine, "auto");
    let mut other = probe(&machine, "046d:0825");
    assert_eq!(found(&auto.next().await), [], "nothing is recorded");
    let enrolled = |usb: &str, port: u32| {
        format!("[[device]]\nkind = \"camera\"\nname = \"PTZ\"\nusb = \"{usb}\"\nplace = \"usb-pci0000:00-{port}\"\n")
    };
    let record = |devices: &str| machine.write("enrolled.toml", format!("at = \"2026-11-25T02:00:00Z\"\n{devices}"));
    record(&enrolled("1bcf:28c4", 2));
    let seen = auto.next().await;
    assert_eq!(found(&seen), [("video.camera_other", Verdict::Degraded)]);
    let told = format!("{:?}", seen.reading.findings[0].args);
    assert!(told.contains("Webcam C270 (046d:0825)") && told.contains("PTZ (1bcf:28c4)"), "{told}");
    assert_eq!(found(&other.next().await), [], "this check does not speak of that camera");
    // Of two twins, the one at port 3 is missing. Another length, because a file may be written twice in a clock's tick.
    record(&[enrolled("046d:0825", 2), enrolled("046d:0825", 3)].concat());
    for probe in [&mut auto, &mut other] {
        let seen = probe.next().await;
        assert_eq!(found(&seen), [("video.camera_enrolled_missing", Verdict::Degraded)]);
        assert!(format!("{:?}", seen.reading.findings[0].args).contains("usb-pci0000:00-3"));
    }
    machine.write("enrolled.toml", "at = 3");
    for probe in [&mut auto, &mut other] {
        let seen = probe.next().await;
        assert_eq!(
            found(&seen),
            [("siaga.camera_record_unreadable", Verdict::Ready)],
            "said, and no fault of the room"
        );
        assert!(format!("{:?}", seen.reading.findings[0].args).contains("enrolled.toml"));
    }
    record(&enrolled("046d:0825", 2));
    assert_eq!(found(&auto.next().await), [], "enrolled anew");
}

#[tokio::test]
async fn a_twin_is_held_against_the_record_by_the_name_that_devices_proposes() {
    let machine = headset_room();
    usb_camera(&machine, 2, ("046d", "0825"), "Webcam C270", "3");
    let nodes = nodes::list(&machine.roots()).unwrap();
    let devices = nodes.iter().filter(|node| node.index == 0).map(Node::as_device).collect();
    let record = crate::domain::Enrolled { at: jiff::Timestamp::UNIX_EPOCH, devices };
    machine.write("enrolled.toml", toml::to_string(&record).unwrap());
    let proposed = present(&machine.roots(), &probe(&machine, "auto").program).await.unwrap();
    let words: Vec<String> = proposed.into_iter().map(|camera| camera.device).collect();
    assert_eq!(words, ["usb-046d_2-video-index0", "usb-046d_3-video-index0"]);
    for path in ["sys/class/video4linux/video2", "sys/class/video4linux/video3", "sys/devices/pci0000:00/usb1/1-3"] {
        machine.remove(path);
    }
    let missing = ("video.camera_enrolled_missing", Verdict::Degraded);
    for (wanted, expected) in
        [(&words[0], vec![]), (&words[1], vec![("video.camera_missing", Verdict::NotReady), missing])]
    {
        assert_eq!(found(&probe(&machine, wanted).next().await), expected, "{wanted}");
    }
}

#[tokio::test]
async fn twins_without_serial_numbers_are_told_apart_by_their_ports() {
    let machine = headset_room();
    usb_camera(&machine, 2, ("046d", "0825"), "Webcam C270", "3");
    machine.remove("dev/v4l/by-id");
    for (port, first) in [(2, 0), (3, 2)] {
        for index in 0..2 {
            let path = format!("dev/v4l/by-path/pci-0-usb-0:{port}:1.0-video-index{index}");
            machine.link(&path, format!("../../video{}", first + index));
        }
    }
    let shared = "dev/v4l/by-id/usb-046d_C270-video-index0";
    machine.link(shared, "../../video2");
    let proposed = present(&machine.roots(), &probe(&machine, "auto").program).await.unwrap();
    let words: Vec<String> = proposed.iter().map(|camera| camera.device.clone()).collect();
    let at = |port| format!("/dev/v4l/by-path/pci-0-usb-0:{port}:1.0-video-index0");
    assert_eq!(words, [at(2), at(3)]);
    // The record knows it by that word too.
    assert!(proposed[1].known.is_meant(&at(3)) && !proposed[0].known.is_meant(&at(3)));
    for path in [
        "sys/class/video4linux/video2",
        "sys/class/video4linux/video3",
        "dev/v4l/by-path/pci-0-usb-0:3:1.0-video-index0",
        "dev/v4l/by-path/pci-0-usb-0:3:1.0-video-index1",
        shared,
    ] {
        std::fs::remove_file(machine.path(path)).unwrap();
    }
    machine.link(shared, "../../video0");
    assert_eq!(found(&probe(&machine, &words[1]).next().await), [("video.camera_missing", Verdict::NotReady)]);
    assert_eq!(found(&probe(&machine, &words[0]).next().await), []);
}

/// The clock runs on at once while nothing but the thread works.
#[tokio::test(start_paused = true)]
async fn a_camera_that_does_not_tell_its_serial_number_keeps_nobody_waiting() {
    let machine = headset_room();
    let device = "[[device]]\nkind = \"camera\"\nname = \"PTZ\"\nusb = \"1bcf:28c4\"\nplace = \"usb-pci0000:00-2\"\n";
    let serial = machine.path("sys/devices/pci0000:00/usb1/1-2/serial");
    rustix::fs::mkfifoat(rustix::fs::CWD, &serial, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    machine.in_use.send_replace(true);
    let mut probe = probe(&machine, "auto");
    assert_eq!(probe.next().await.reading.places.len(), 2, "nobody asks for it");
    machine.write("enrolled.toml", format!("at = \"2026-11-25T02:00:00Z\"\n{device}"));
    assert_eq!(probe.next().await.error, None);
    drop(std::fs::File::options().write(true).open(serial).unwrap());
}

#[tokio::test]
async fn a_refusal_counts_only_once_udev_has_had_its_time() {
    let machine = headset_room();
    let refused = r#"{"failed":{"kind":"permission","detail":"told"}}"#;
    machine.write("answers/video0", refused);
    let mut probe = probe(&machine, "/dev/video0");
    assert_eq!(found(&probe.next().await), [("siaga.camera_no_permission", Verdict::Unknown)]);
    machine.write("answers/video0", answer(true, "uvcvideo"));
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(asked(&machine), ["video0", "video0"]);
    // What was there at the first look may have been refused for long; what came since is not there until it may be opened.
    for path in ["sys/class/video4linux/video0", "sys/class/video4linux/video1", "sys/devices", "dev/v4l"] {
        machine.remove(path);
    }
    let missing = [("video.camera_missing", Verdict::NotReady)];
    assert_eq!(found(&probe.next().await), missing);
    usb_camera(&machine, 0, ("046d", "0825"), "Webcam C270", "2");
    machine.write("answers/video0", refused);
    assert_eq!(found(&probe.next().await), missing);
    machine.write("answers/video0", answer(true, "uvcvideo"));
    assert_eq!(found(&probe.next().await), []);

    let node = nodes::list(&machine.roots()).unwrap().remove(0);
    let refused = Err(ProbeError::new(ErrorKind::Permission, "told"));
    let since = machine.context().clock.mono();
    let mut known = Known { born: node.born, since, asked: Some(since), answer: Some(refused), ..Known::default() };
    let at = |seconds| since.after(Duration::from_secs(seconds));
    let due = |known: &Known, seconds| known.is_due(&node, Duration::from_mins(1), at(seconds));
    assert!(due(&known, 1) && due(&known, 4) && !due(&known, 6) && due(&known, 11));
    known.answer = Some(Err(ProbeError::new(ErrorKind::Timeout, "told")));
    assert!(!due(&known, 1), "what hangs is left in peace");
}

#[tokio::test]
async fn a_loop_back_camera_counts_only_when_it_is_named() {
    let machine = headset_room();
    machine.write("answers/video0", answer(true, "v4l2 loopback"));
    assert_eq!(found(&probe(&machine, "auto").next().await), [("video.no_camera", Verdict::NotReady)]);
    assert_eq!(found(&probe(&machine, "/dev/video0").next().await), []);
}

#[test]
fn the_config_has_defaults_and_refuses_what_it_does_not_know() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!((config.device.as_str(), config.requery.0), ("auto", Duration::from_mins(1)));
    assert!(toml::from_str::<Config>("devise = \"auto\"").unwrap_err().to_string().contains("unknown field"));
}
