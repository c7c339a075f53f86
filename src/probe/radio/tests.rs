//! The `radio` probe over an interface that the tests write themselves.

use super::*;
use crate::clock::Clock;
use crate::probe::fixture::{Machine, found, value};

/// A USB device with a sound card and a HID interface, as a CM108 is.
fn plug(machine: &Machine, serial: &str) {
    machine.write(
        "proc/asound/cards",
        " 1 [Device         ]: USB-Audio - USB PnP Sound Device\n                      C-Media USB PnP Sound Device at usb-0000:00:14.0-2, full speed\n",
    );
    machine.write("proc/asound/card1/usbid", "0d8c:000c\n");
    machine.write("proc/asound/card1/pcm0p/sub0/status", "closed\n");
    let usb = "sys/devices/pci0000:00/0000:00:14.0/usb1/1-2";
    for (file, text) in
        [("idVendor", "0d8c"), ("idProduct", "000c"), ("product", "USB PnP Sound Device"), ("serial", serial)]
    {
        machine.write(&format!("{usb}/{file}"), format!("{text}\n"));
    }
    machine.write(&format!("{usb}/1-2:1.0/sound/card1/id"), "Device\n");
    machine.write(&format!("{usb}/1-2:1.3/0003:0D8C:000C.0001/uevent"), "");
    if !machine.path("sys/class/sound/card1/device").exists() {
        machine.link("sys/class/sound/card1/device", machine.path(&format!("{usb}/1-2:1.0")));
        machine.link("sys/class/hidraw/hidraw0/device", machine.path(&format!("{usb}/1-2:1.3/0003:0D8C:000C.0001")));
    }
    machine.write("dev/hidraw0", "");
}

fn unplug(machine: &Machine) {
    machine.write("proc/asound/cards", "--- no soundcards ---\n");
    machine.remove("dev/hidraw0");
}

/// A room whose config has a receiver of kind `radio`.
fn config(text: &str) -> Config {
    let mut config: Config = toml::from_str(text).unwrap();
    config.speaks = Some(Interface {
        card: Named::of_pcm("plughw:CARD=Device,DEV=0"),
        key: Some("/dev/hidraw0".into()),
        server: None,
        channel: Some("162.475 MHz".to_owned()),
    });
    config
}

#[tokio::test]
async fn what_it_hangs_on_is_there_or_missed() {
    let machine = Machine::bare();
    plug(&machine, "A");
    let mut probe = Probe::new(config(""), machine.context());
    let seen = probe.next().await;
    assert_eq!(found(&seen), [("radio.unheard", Verdict::Degraded), ("radio.never_said", Verdict::Ready)]);
    assert_eq!(seen.reading.places, ["usb-0000:00:14.0-2"], "one device, once");
    let present = |seen: &Observation, part| value(&seen.reading, "radio_interface_present", Some(part));
    assert_eq!((present(&seen, "card"), present(&seen, "key"), present(&seen, "server")), (Some(1.0), Some(1.0), None));
    unplug(&machine);
    let seen = probe.next().await;
    let missing = [("radio.card_missing", Verdict::NotReady), ("radio.key_missing", Verdict::NotReady)];
    assert_eq!(found(&seen)[..2], missing);
    assert_eq!((present(&seen, "card"), present(&seen, "key")), (Some(0.0), Some(0.0)));
    assert!(seen.reading.places.is_empty());
    plug(&machine, "A");
    assert_eq!(found(&probe.next().await).len(), 2);
    // What the check names itself goes before what the receiver has; nothing named is nothing looked for.
    let other = Probe::new(config("card = \"Other\""), machine.context()).next().await;
    assert_eq!(found(&other)[0], missing[0]);
    let people = Probe::new(toml::from_str("").unwrap(), machine.context()).next().await;
    assert_eq!(found(&people), [("radio.unheard", Verdict::Degraded)]);
}

/// The clock runs on at once while nothing but the thread works.
#[tokio::test(start_paused = true)]
async fn an_interface_whose_driver_hangs_keeps_nobody_waiting() {
    let machine = Machine::bare();
    plug(&machine, "A");
    let serial = machine.path("sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/serial");
    std::fs::remove_file(&serial).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &serial, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let seen = Probe::new(config(""), machine.context()).next().await;
    assert_eq!(seen.error.unwrap().kind, ErrorKind::Timeout);
    drop(std::fs::File::options().write(true).open(serial).unwrap());
}

#[tokio::test]
async fn a_server_of_the_key_that_lets_nobody_in_is_told() {
    let machine = Machine::bare();
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let rigctld = toml::from_str(&format!("rigctld = \"{address}\"\nunheard = \"advisory\"")).unwrap();
    let mut probe = Probe::new(rigctld, machine.context());
    assert_eq!(found(&probe.next().await), [("radio.unheard", Verdict::Ready)]);
    drop(server);
    assert_eq!(found(&probe.next().await)[0], ("radio.server_silent", Verdict::NotReady));
}

#[tokio::test]
async fn a_radio_check_is_good_for_its_time_and_seen_at_once() {
    let machine = Machine::bare();
    let wall = "2026-03-02T08:00:00Z".parse::<Timestamp>().unwrap();
    let hours = |hours| wall - Duration::from_hours(hours);
    for (expired, verdict) in [("degraded", Verdict::Degraded), ("advisory", Verdict::Ready)] {
        // A look in an hour: what is seen sooner is seen for the note alone.
        let context =
            Context { clock: Clock::on_tokio_time(wall), interval: Duration::from_hours(1), ..machine.context() };
        let on_air = context.on_air.clone();
        let text = format!("card = \"x\"\nheard_within = \"2d\"\nunheard = \"{expired}\"");
        let mut probe = Probe::new(toml::from_str(&text).unwrap(), context);
        assert_eq!(found(&probe.next().await)[1], ("radio.unheard", verdict));
        on_air.hear(hours(49)).await.unwrap();
        let seen = probe.next().await;
        assert_eq!(found(&seen)[1], ("radio.heard_long_ago", verdict));
        let said = seen.reading.findings[1].args.iter().map(|(_, arg)| arg.render(crate::domain::Lang::En));
        assert_eq!(said.collect::<Vec<_>>(), ["2", "2"]);
        on_air.hear(hours(47)).await.unwrap();
        let seen = probe.next().await;
        assert_eq!(found(&seen).len(), 1, "{:?}", found(&seen));
        let at = 1_772_438_400.0 - 47.0 * 3600.0;
        assert_eq!(value(&seen.reading, "radio_last_heard_timestamp_seconds", None), Some(at));
    }
}

#[tokio::test]
async fn a_radio_check_that_was_noted_by_a_clock_that_was_ahead_is_good_for_its_time_from_now() {
    let machine = Machine::bare();
    let wall = "2026-03-02T08:00:00Z".parse::<Timestamp>().unwrap();
    let context = Context { clock: Clock::on_tokio_time(wall), interval: Duration::from_hours(1), ..machine.context() };
    let on_air = context.on_air.clone();
    let mut probe = Probe::new(toml::from_str("card = \"x\"\nheard_within = \"2d\"").unwrap(), context);
    let passes = async |hours| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_hours(hours)).await;
        tokio::time::resume();
    };
    let ahead = wall + Duration::from_hours(24 * 365);
    on_air.hear(ahead).await.unwrap();
    assert_eq!(found(&probe.next().await).len(), 1);
    assert_eq!(on_air.last_heard(wall), Some(ahead), "the clock may not be set yet");
    passes(2).await;
    assert_eq!(found(&probe.next().await).len(), 1);
    let in_three_hours = wall + Duration::from_hours(3);
    assert!(on_air.last_heard(in_three_hours).is_some_and(|at| at < in_three_hours));
    assert_eq!(on_air.last_heard(ahead), Some(ahead), "it may have been this clock that was wrong");
    passes(47).await;
    assert_eq!(found(&probe.next().await).len(), 1);
    passes(2).await;
    assert_eq!(found(&probe.next().await)[1], ("radio.heard_long_ago", Verdict::Degraded));
}

#[tokio::test]
async fn siagas_own_last_word_is_noted_and_never_counts() {
    let machine = Machine::bare();
    plug(&machine, "A");
    let context = machine.context();
    let (on_air, clock) = (context.on_air.clone(), context.clock);
    let mut probe = Probe::new(config("unheard = \"advisory\""), context);
    on_air.said("162.475 MHz", clock.now().wall - Duration::from_hours(24 * 9));
    assert_eq!(found(&probe.next().await)[1], ("radio.unsaid", Verdict::Ready));
    on_air.begins("162.475 MHz", Duration::from_secs(9), clock.now());
    on_air.ends("162.475 MHz", Duration::from_secs(7), clock.now());
    on_air.said("162.475 MHz", clock.now().wall);
    let seen = probe.next().await;
    assert_eq!(found(&seen).len(), 1);
    assert_eq!(value(&seen.reading, "radio_airtime_seconds", None), Some(7.0));
    for (echo, told, heard) in [
        (Echo::Missed, Some("radio.echo_missed"), Some(0.0)),
        (Echo::Uncertain, Some("radio.echo_uncertain"), None),
        (Echo::Heard, None, Some(1.0)),
    ] {
        on_air.echoed("162.475 MHz", echo);
        let seen = probe.next().await;
        assert_eq!(found(&seen).get(1).copied(), told.map(|code| (code, Verdict::Ready)));
        assert_eq!(value(&seen.reading, "radio_echo_heard", None), heard);
    }
}

#[tokio::test]
async fn another_interface_than_the_enrolled_one_is_told() {
    let machine = Machine::bare();
    plug(&machine, "A");
    let devices = present(&config(""), &machine.roots()).unwrap();
    assert_eq!(devices.len(), 1, "{devices:?}");
    let record = crate::domain::Enrolled { at: Timestamp::UNIX_EPOCH, devices };
    machine.write("enrolled.toml", toml::to_string(&record).unwrap());
    let mut probe = Probe::new(config("unheard = \"advisory\""), machine.context());
    assert_eq!(found(&probe.next().await).len(), 2);
    plug(&machine, "B");
    assert_eq!(found(&probe.next().await)[2], ("radio.interface_other", Verdict::Degraded));
    unplug(&machine);
    assert_eq!(found(&probe.next().await)[4], ("radio.interface_enrolled_missing", Verdict::Degraded));
}
