//! What is said of a link, from what the kernel says of it.

use std::collections::HashMap;
use std::fs;

use super::netlink::Count;
use super::picture::{Choice, Picture};
use super::*;
use crate::domain::Quantity;
use crate::probe::Roots;

/// A folder that looks like the kernel's, with the files that the probe reads.
struct Kernel {
    folder: tempfile::TempDir,
    counts: HashMap<u32, Count>,
}

impl Kernel {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kernel = Self { folder, counts: HashMap::new() };
        kernel.file("sys/class/net/lo/type", "772");
        kernel.file("sys/class/net/lo/ifindex", "1");
        kernel
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A physical Ethernet card, up at 1 Gbit/s with one address.
    fn card(&mut self, name: &str, index: u32) {
        let at = |file: &str| format!("sys/class/net/{name}/{file}");
        for (file, text) in
            [("type", "1"), ("flags", "0x1003"), ("operstate", "up"), ("carrier", "1"), ("speed", "1000")]
        {
            self.file(&at(file), text);
        }
        self.file(&at("ifindex"), &index.to_string());
        self.file(&at("device/uevent"), "");
        self.counts.insert(index, Count { ipv4: 1, ipv6: 0 });
    }

    fn routes(&self, lines: &str) {
        self.file("proc/net/route", &format!("Iface\tDestination\tGateway\tFlags\n{lines}\n"));
    }

    fn picture(&self) -> Picture {
        let roots =
            Roots { proc: self.folder.path().join("proc"), sys: self.folder.path().join("sys"), ..Roots::default() };
        Picture::read(&roots, Some(&self.counts)).unwrap()
    }

    fn reading(&self, interface: &str) -> Reading {
        let picture = self.picture();
        let Choice::Interface(interface) = picture.choose(interface, None) else { panic!("no interface was chosen") };
        let mut reading = Reading::default();
        interface.tell(&mut reading);
        reading
    }
}

const BY_ETH0: &str = "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";

fn codes(reading: &Reading) -> Vec<&str> {
    reading.findings.iter().map(|finding| finding.reason.code).collect()
}

fn value(reading: &Reading, quantity: &Quantity, part: &str) -> Option<f64> {
    let of = |m: &&crate::domain::Measurement| m.quantity == quantity && m.part.as_deref() == Some(part);
    reading.measurements.iter().find(of).map(|measurement| measurement.value)
}

#[test]
fn a_good_link_says_its_numbers_and_nothing_else() {
    let mut kernel = Kernel::new();
    kernel.card("eth0", 2);
    kernel.routes(BY_ETH0);
    let reading = kernel.reading("auto");
    assert!(codes(&reading).is_empty());
    assert_eq!(value(&reading, &UP, "eth0"), Some(1.0));
    assert_eq!(value(&reading, &SPEED, "eth0"), Some(1e9));
    assert_eq!(value(&reading, &ADDRESSES, "ipv4"), Some(1.0));
    assert_eq!(value(&reading, &GATEWAY, "ipv4"), Some(1.0));
    assert_eq!(value(&reading, &GATEWAY, "ipv6"), Some(0.0));
    assert_eq!(value(&reading, &WIFI_SIGNAL, "eth0"), None, "a cable has no signal level");
}

#[test]
fn the_first_fault_is_told_alone() {
    let mut kernel = Kernel::new();
    kernel.card("eth0", 2);
    assert_eq!(codes(&kernel.reading("eth0")), ["internet.no_gateway"]);
    kernel.counts.clear();
    assert_eq!(codes(&kernel.reading("eth0")), ["internet.no_address"]);
    kernel.file("sys/class/net/eth0/carrier", "0");
    assert_eq!(codes(&kernel.reading("eth0")), ["internet.link_down"]);
    kernel.file("sys/class/net/eth0/wireless/status", "");
    assert_eq!(codes(&kernel.reading("eth0")), ["internet.wifi_down"]);
    kernel.file("sys/class/net/eth0/flags", "0x1002");
    assert_eq!(codes(&kernel.reading("eth0")), ["internet.interface_off"]);
}

#[test]
fn carrier_without_a_login_is_not_up() {
    let mut kernel = Kernel::new();
    kernel.card("eth0", 2);
    kernel.file("sys/class/net/eth0/operstate", "dormant");
    assert_eq!(codes(&kernel.reading("eth0")), ["internet.link_down"]);
}

#[test]
fn speed_that_is_not_known_is_no_measurement() {
    let mut kernel = Kernel::new();
    kernel.card("eth0", 2);
    for unknown in ["-1", "0", ""] {
        kernel.file("sys/class/net/eth0/speed", unknown);
        assert_eq!(value(&kernel.reading("eth0"), &SPEED, "eth0"), None, "{unknown:?}");
    }
}

#[test]
fn auto_follows_the_best_default_route() {
    let mut kernel = Kernel::new();
    kernel.card("eth0", 2);
    kernel.card("wlan0", 3);
    let chosen = |kernel: &Kernel, before| match kernel.picture().choose("auto", before) {
        Choice::Interface(interface) => interface.name.clone(),
        other => panic!("{other:?}"),
    };
    let by_wlan0 = BY_ETH0.replace("eth0", "wlan0").replace("\t100\t", "\t50\t");
    kernel.routes(&format!("{BY_ETH0}\n{by_wlan0}"));
    assert_eq!(chosen(&kernel, None), "wlan0");
    // A route that rejects is no way out.
    kernel.routes(&format!("{BY_ETH0}\n{}", by_wlan0.replace("0003", "0203")));
    assert_eq!(chosen(&kernel, None), "eth0");
    // Without any: among equals the one of before, and one that is up rather than that.
    kernel.routes("");
    assert_eq!(chosen(&kernel, Some("wlan0")), "wlan0");
    kernel.file("sys/class/net/wlan0/carrier", "0");
    assert_eq!(chosen(&kernel, Some("wlan0")), "eth0");
    // IPv6's default route alone will do; the kernel's own "unreachable" one on lo will not.
    let zero = "0".repeat(32);
    let line = |flags: &str, interface: &str| {
        format!("{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 {flags} {interface}\n")
    };
    kernel.file("proc/net/ipv6_route", &format!("{}{}", line("00200200", "lo"), line("00450003", "wlan0")));
    assert_eq!(chosen(&kernel, None), "wlan0");
}

#[test]
fn a_missing_interface_and_a_machine_without_any_are_told_apart() {
    let mut kernel = Kernel::new();
    assert_eq!(kernel.picture().choose("auto", None), Choice::NoneAtAll);
    assert_eq!(kernel.picture().choose("eth0", None), Choice::Missing);
    kernel.card("eth0", 2);
    assert_eq!(kernel.picture().choose("eth1", None), Choice::Missing);
}

#[test]
fn wifi_signal_is_read_only_where_it_is_dbm() {
    let mut kernel = Kernel::new();
    kernel.card("wlan0", 3);
    let head = "Inter-| sta-|   Quality        |   Discarded packets\n face | tus | link level noise |  nwid\n";
    for (level, expected) in [("-56.", Some(-56.0)), ("-81", Some(-81.0)), ("54.", None), ("-256", None), ("0.", None)]
    {
        kernel.file("proc/net/wireless", &format!("{head} wlan0: 0000   54.  {level}  -256        0      0\n"));
        assert_eq!(value(&kernel.reading("wlan0"), &WIFI_SIGNAL, "wlan0"), expected, "{level}");
    }
}

#[test]
fn the_limits_are_the_configs() {
    let config: Config = toml::from_str("slow_below = \"1 Gbit/s\"\nweak_below_dbm = -60").unwrap();
    let limits: Vec<Limit> = config.rules().iter().map(|rule| rule.degraded).collect();
    assert_eq!(limits, [Limit::Fixed(1e9), Limit::Fixed(-60.0)]);
    assert!(toml::from_str::<Config>("iface = \"eth0\"").is_err());
    let config: Config = toml::from_str("damaged_above = 0.01\nfaulty_for = \"5m\"\ncall_traffic = \"note\"").unwrap();
    assert_eq!((config.faulty_for, config.call_traffic), (Period(Duration::from_mins(5)), CallTraffic::Note));
    for wrong in ["damaged_above = 1.5", "dropped_above = -1.0", "faulty_for = \"2h\"", "call_traffic = \"maybe\""] {
        assert!(toml::from_str::<Config>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_tunnel_that_is_up_is_seen() {
    let mut kernel = Kernel::new();
    kernel.card("eth0", 2);
    kernel.card("wg0", 3);
    assert!(!kernel.picture().has_tunnel());
    kernel.file("sys/class/net/wg0/type", "65534");
    assert!(!kernel.picture().has_tunnel(), "a modem in raw-IP mode");
    std::fs::remove_dir_all(kernel.folder.path().join("sys/class/net/wg0/device")).unwrap();
    assert!(kernel.picture().has_tunnel());
    kernel.file("sys/class/net/wg0/flags", "0x1002");
    assert!(!kernel.picture().has_tunnel(), "switched off");
}
