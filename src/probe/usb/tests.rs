//! The `usb` probe over buses that the tests write themselves.

use super::*;
use crate::probe::fixture::{Machine, found, value};

const CONTROLLER: &str = "0000:00:14.0";

/// A folder of a bus as sysfs shows one: `("usb1", "09")`, `("usb1/1-2", "09")`, `("usb1/1-2/1-2:1.0", "0e")`.
fn plug(machine: &Machine, path: &str, class: &str) {
    let name = path.rsplit('/').next().unwrap();
    let file = if name.contains(':') { "bInterfaceClass" } else { "bDeviceClass" };
    let folder = format!("sys/devices/pci0000:00/{CONTROLLER}/{path}");
    machine.write(&format!("{folder}/{file}"), format!("{class}\n"));
    machine.link(&format!("sys/bus/usb/devices/{name}"), machine.path(&folder));
}

fn unplug(machine: &Machine, path: &str) {
    for entry in std::fs::read_dir(machine.path("sys/bus/usb/devices")).unwrap() {
        let link = entry.unwrap().path();
        let target = std::fs::read_link(&link).unwrap();
        if target.starts_with(machine.path(&format!("sys/devices/pci0000:00/{CONTROLLER}/{path}"))) {
            std::fs::remove_file(link).unwrap();
        }
    }
    machine.remove(&format!("sys/devices/pci0000:00/{CONTROLLER}/{path}"));
}

/// A camera behind two hubs, one of USB 3 with its two halves, and a keyboard at another port.
fn room() -> Machine {
    let machine = Machine::bare();
    for (path, class) in [
        ("usb1", "09"),
        ("usb1/1-2", "09"),
        ("usb1/1-2/1-2.1", "09"),
        ("usb1/1-2/1-2.1/1-2.1.4", "ef"),
        ("usb1/1-2/1-2.1/1-2.1.4/1-2.1.4:1.0", "0e"),
        ("usb1/1-3", "09"),
        ("usb1/1-3/1-3.1", "00"),
        ("usb1/1-3/1-3.1/1-3.1:1.0", "03"),
        ("usb2", "09"),
        ("usb2/2-2", "09"),
    ] {
        plug(&machine, path, class);
    }
    machine
}

fn probe(machine: &Machine, config: &str) -> Probe {
    Probe::new(toml::from_str(config).unwrap(), machine.context())
}

const BUS: (&str, Verdict) = ("computer.usb_bus_missing", Verdict::NotReady);
const HUB: (&str, Verdict) = ("computer.usb_hub_missing", Verdict::NotReady);

fn told(observation: &Observation) -> String {
    format!("{:?}", observation.reading.findings.iter().map(|finding| &finding.args).collect::<Vec<_>>())
}

#[tokio::test]
async fn controllers_and_hubs_are_listed_with_what_they_carry() {
    let seen = buses::list(&room().roots().sys).unwrap();
    let expected = [
        ("0000:00:14.0", true),
        ("usb-0000:00:14.0-2", true),
        ("usb-0000:00:14.0-2.1", true),
        ("usb-0000:00:14.0-3", false),
    ];
    assert_eq!(seen, expected.map(|(name, carries)| (name.to_owned(), carries)).into());
    assert!(buses::list(&Machine::bare().roots().sys).unwrap().is_empty());
}

#[tokio::test]
async fn a_hub_that_carried_a_camera_is_missed_and_the_one_behind_it_is_not_told() {
    let machine = room();
    let mut probe = probe(&machine, "");
    assert_eq!(found(&probe.next().await), []);
    for half in ["usb1/1-2", "usb2/2-2"] {
        unplug(&machine, half);
    }
    let seen = probe.next().await;
    assert_eq!(found(&seen), [HUB]);
    assert!(told(&seen).contains("\"usb-0000:00:14.0-2\""), "{}", told(&seen));
    assert_eq!(value(&seen.reading, "usb_buses_missing", None), Some(1.0));
    for path in ["usb1/1-2", "usb1/1-2/1-2.1"] {
        plug(&machine, path, "09");
    }
    assert_eq!(found(&probe.next().await), [], "it is back, whatever hangs on it");
}

#[tokio::test]
async fn a_controller_that_goes_is_told_alone() {
    let machine = room();
    let mut probe = probe(&machine, "");
    probe.next().await;
    for bus in ["usb1", "usb2"] {
        unplug(&machine, bus);
    }
    let seen = probe.next().await;
    assert_eq!(found(&seen), [BUS]);
    assert!(told(&seen).contains("\"0000:00:14.0\""), "{}", told(&seen));
    assert_eq!(value(&seen.reading, "usb_buses", None), Some(0.0));
}

#[tokio::test]
async fn what_was_missed_before_another_process_began_is_missed_still_until_the_machine_starts_again() {
    let machine = room();
    let mut before = probe(&machine, "");
    before.next().await;
    for bus in ["usb1", "usb2"] {
        unplug(&machine, bus);
    }
    let missed = before.next().await;
    let context = machine.context();
    assert_eq!(found(&Probe::new(Config::default(), context.clone()).next().await), [], "nobody told it");
    let mut earlier = missed.clone();
    earlier.at.mono = context.clock.mono().before(context.clock.since_boot().unwrap());
    context.buses.recall(&earlier, &Config::default(), context.clock);
    assert_eq!(found(&Probe::new(Config::default(), context.clone()).next().await), [], "of another boot");
    let named = Config { buses: vec![CONTROLLER.to_owned()] };
    context.buses.recall(&missed, &named, context.clock);
    assert_eq!(found(&Probe::new(Config::default(), context.clone()).next().await), [], "named, and not any more");
    context.buses.recall(&missed, &Config::default(), context.clock);
    let mut after = Probe::new(Config::default(), context.clone());
    let seen = after.next().await;
    assert_eq!((found(&seen), told(&seen)), (vec![BUS], told(&missed)));
    // One that is built anew, as by a reload, knows it by the one before.
    assert_eq!(found(&Probe::new(Config::default(), context).next().await), [BUS]);
    plug(&machine, "usb1", "09");
    assert_eq!(found(&after.next().await), []);
}

#[tokio::test]
async fn a_hub_with_a_keyboard_is_nobodys_loss_unless_it_is_named() {
    let machine = room();
    let mut unnamed = probe(&machine, "");
    let mut named = probe(&machine, "buses = [\"usb-0000:00:14.0-3\"]");
    assert_eq!((found(&unnamed.next().await), found(&named.next().await)), (vec![], vec![]));
    unplug(&machine, "usb1/1-3");
    assert_eq!((found(&unnamed.next().await), found(&named.next().await)), (vec![], vec![HUB]));
    // One that is named was perhaps never seen.
    let mut later = probe(&machine, "buses = [\"0000:00:1a.0\"]");
    assert_eq!(found(&later.next().await), [BUS]);
}

#[test]
fn what_went_just_before_its_bus_went_with_it() {
    let at = |seconds| Mono::from_elapsed(Duration::from_secs(seconds));
    let bus = |carries| BTreeMap::from([("0000:00:14.0".to_owned(), carries)]);
    let missing_after = |alone: &[u64], gone: u64| {
        let expected = Expected { named: Vec::new(), carried: Carried::default() };
        expected.judge(&bus(true), at(100));
        for second in alone {
            assert!(expected.judge(&bus(false), at(*second)).findings.is_empty());
        }
        !expected.judge(&BTreeMap::new(), at(gone)).findings.is_empty()
    };
    assert!(missing_after(&[], 5000), "however long ago the last look was");
    assert!(missing_after(&[101], 110));
    assert!(!missing_after(&[101, 110], 111), "the camera was taken away, and later the hub");
    assert!(!missing_after(&[101], 200), "however long nobody looked in between");
    assert!(missing_after(&[3700], 3701), "it was seen to die, an hour after it was last looked at");
}
