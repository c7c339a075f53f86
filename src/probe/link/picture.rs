//! What the kernel's files say of all interfaces, and which of them is the one that counts.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use super::netlink::Count;
use super::{ADDRESSES, GATEWAY, SPEED, UP, WIFI_SIGNAL, reasons};
use crate::domain::{Finding, Reading, Verdict};
use crate::probe::Roots;

/// `RTF_UP` and `RTF_REJECT` (linux/route.h, `linux/ipv6_route.h`).
const RTF_UP: u32 = 0x1;
const RTF_REJECT: u32 = 0x200;
/// `IFF_UP` (linux/if.h): switched on by the administrator.
const IFF_UP: u32 = 0x1;

/// `IFF_POINTOPOINT` and `IFF_NOARP` (linux/if.h): there is one other end, or nobody is asked who has an address.
const IFF_STRAIGHT: u32 = 0x10 | 0x80;

/// All interfaces but the loopback, at one moment.
pub(super) struct Picture {
    interfaces: Vec<Interface>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "the kernel's own flags, each a file or a line of its own")]
pub(super) struct Interface {
    pub(super) name: String,
    /// A device on a bus, not a bridge or a tunnel.
    physical: bool,
    wireless: bool,
    /// Without a layer of links (`ARPHRD_NONE`): VPNs, which carry everything as UDP.
    tunnel: bool,
    switched_on: bool,
    /// It has carrier, and whatever must log in (802.1X, a Wi-Fi key) has.
    up: bool,
    /// bit/s
    speed: Option<f64>,
    /// `None` where the kernel could not be asked.
    addresses: Option<Count>,
    /// The metric of the best default route by it.
    ipv4_route: Option<u32>,
    ipv6_route: Option<u32>,
    /// dBm
    signal: Option<f64>,
}

/// Which interface counts.
#[derive(Debug, PartialEq)]
pub(super) enum Choice<'a> {
    Interface(&'a Interface),
    /// The one that the config names is not there.
    Missing,
    /// There is no interface at all.
    NoneAtAll,
}

impl Picture {
    /// Reads all.
    ///
    /// # Errors
    /// The list of interfaces cannot be read. An interface that goes while it is looked at is not there.
    pub(super) fn read(roots: &Roots, counts: Option<&HashMap<u32, Count>>) -> io::Result<Self> {
        let ipv4 = default_routes(&roots.proc.join("net/route"), ipv4_default);
        let ipv6 = default_routes(&roots.proc.join("net/ipv6_route"), ipv6_default);
        let signals = signals(&roots.proc.join("net/wireless"));
        let mut interfaces = Vec::new();
        for entry in fs::read_dir(roots.sys.join("class/net"))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let folder = entry.path();
            let Some(index) = number::<u32>(&folder, "ifindex") else { continue };
            // ARPHRD_LOOPBACK (linux/if_arp.h); a bonding master's control file has no ifindex.
            let kind = number::<u32>(&folder, "type");
            if kind == Some(772) {
                continue;
            }
            let flags = flags(&folder).unwrap_or_default();
            // "unknown" is what drivers say that do not keep this state (RFC 2863, and the kernel's operstates.rst).
            let may_carry = matches!(word(&folder, "operstate").as_deref(), Some("up" | "unknown"));
            // An interface that is switched off answers EINVAL.
            let carrier = number::<u32>(&folder, "carrier") == Some(1);
            let physical = folder.join("device").exists();
            interfaces.push(Interface {
                physical,
                wireless: folder.join("wireless").exists() || folder.join("phy80211").exists(),
                // ARPHRD_NONE; so is a modem in raw-IP mode (qmi_wwan), which is a device.
                tunnel: kind == Some(65534) && !physical,
                switched_on: flags & IFF_UP != 0,
                up: carrier && may_carry,
                // In Mbit/s; -1, 0 or EINVAL where it is not known.
                speed: number::<f64>(&folder, "speed").filter(|speed| carrier && *speed > 0.0).map(|speed| speed * 1e6),
                addresses: counts.map(|counts| counts.get(&index).copied().unwrap_or_default()),
                ipv4_route: ipv4.get(&name).copied(),
                ipv6_route: ipv6.get(&name).copied(),
                signal: signals.get(&name).copied(),
                name,
            });
        }
        interfaces.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { interfaces })
    }

    /// Whether a tunnel is up.
    pub(super) fn has_tunnel(&self) -> bool {
        self.interfaces.iter().any(|interface| interface.tunnel && interface.switched_on)
    }

    /// The interface called `wanted`. For "auto": the one by which the best default route leaves (IPv4's before IPv6's,
    /// as the metrics of the two do not compare), else the best of the physical ones, else of all; among equals the one
    /// chosen `before`.
    pub(super) fn choose(&self, wanted: &str, before: Option<&str>) -> Choice<'_> {
        if wanted != "auto" {
            let found = self.interfaces.iter().find(|interface| interface.name == wanted);
            return found.map_or(Choice::Missing, Choice::Interface);
        }
        let routed = |route: fn(&Interface) -> Option<u32>| {
            self.interfaces
                .iter()
                .filter(|interface| route(interface).is_some())
                .min_by_key(|interface| route(interface))
        };
        let best = || {
            self.interfaces.iter().rev().max_by_key(|interface| {
                let addressed = interface.addresses.is_some_and(|count| count.ipv4 + count.ipv6 > 0);
                let chosen = before == Some(interface.name.as_str());
                (interface.physical, interface.up, addressed, chosen, !interface.wireless)
            })
        };
        routed(|interface| interface.ipv4_route)
            .or_else(|| routed(|interface| interface.ipv6_route))
            .or_else(best)
            .map_or(Choice::NoneAtAll, Choice::Interface)
    }
}

impl Interface {
    /// Adds what is known of it, and the first thing that is wrong: what follows from that is not told again.
    pub(super) fn tell(&self, reading: &mut Reading) {
        let flag = |value: bool| f64::from(u8::from(value));
        reading.measure_part(&UP, &self.name, flag(self.up));
        if let Some(speed) = self.speed {
            reading.measure_part(&SPEED, &self.name, speed);
        }
        if let Some(signal) = self.signal.filter(|_| self.up) {
            reading.measure_part(&WIFI_SIGNAL, &self.name, signal);
        }
        if let Some(count) = self.addresses {
            reading.measure_part(&ADDRESSES, "ipv4", f64::from(count.ipv4));
            reading.measure_part(&ADDRESSES, "ipv6", f64::from(count.ipv6));
        }
        reading.measure_part(&GATEWAY, "ipv4", flag(self.ipv4_route.is_some()));
        reading.measure_part(&GATEWAY, "ipv6", flag(self.ipv6_route.is_some()));

        let wrong = if !self.switched_on {
            &reasons::INTERFACE_OFF
        } else if !self.up {
            if self.wireless { &reasons::WIFI_DOWN } else { &reasons::LINK_DOWN }
        } else if self.addresses == Some(Count::default()) {
            &reasons::NO_ADDRESS
        } else if self.ipv4_route.is_none() && self.ipv6_route.is_none() {
            &reasons::NO_GATEWAY
        } else {
            return;
        };
        reading.find(Finding::new(wrong, Verdict::NotReady).with("interface", self.name.as_str()));
    }
}

/// By which interface the machine's best default route leaves, IPv4's before IPv6's.
pub(in crate::probe) fn default_interface(roots: &Roots) -> Option<String> {
    let best =
        |routes: HashMap<String, u32>| routes.into_iter().min_by_key(|(_, metric)| *metric).map(|(name, _)| name);
    best(default_routes(&roots.proc.join("net/route"), ipv4_default))
        .or_else(|| best(default_routes(&roots.proc.join("net/ipv6_route"), ipv6_default)))
}

/// Whether a way out (by that interface) leads straight through a device: PPP, `WireGuard`, a modem's raw IP. A cable or a Wi-Fi is none,
/// though its route may name no router: an address that a machine without DHCP has given itself (RFC 3927) comes with such a route.
pub(in crate::probe) fn is_way_straight_out(roots: &Roots, by: Option<&str>) -> bool {
    let is_straight = |name: &String| {
        let folder = roots.sys.join("class/net").join(name);
        by.is_none_or(|by| by == name) && flags(&folder).is_some_and(|flags| flags & IFF_STRAIGHT != 0)
    };
    let leads = |routes: HashMap<String, u32>| routes.keys().any(is_straight);
    leads(default_routes(&roots.proc.join("net/route"), ipv4_default))
        || leads(default_routes(&roots.proc.join("net/ipv6_route"), ipv6_default))
}

/// An interface's flags (linux/if.h), of its folder in sysfs.
fn flags(folder: &Path) -> Option<u32> {
    u32::from_str_radix(word(folder, "flags")?.trim_start_matches("0x"), 16).ok()
}

fn word(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned())
}

fn number<T: std::str::FromStr>(folder: &Path, file: &str) -> Option<T> {
    word(folder, file)?.parse().ok()
}

/// The best metric of a default route by each interface. A family that the kernel lacks has no file and no route.
fn default_routes(file: &Path, parse: fn(&str) -> Option<(&str, u32)>) -> HashMap<String, u32> {
    let mut routes = HashMap::new();
    for (interface, metric) in fs::read_to_string(file).unwrap_or_default().lines().filter_map(parse) {
        routes.entry(interface.to_owned()).and_modify(|best: &mut u32| *best = metric.min(*best)).or_insert(metric);
    }
    routes
}

/// A line of `/proc/net/route`: interface, destination, gateway, flags, references, uses, metric, mask, …; the metric is decimal.
fn ipv4_default(line: &str) -> Option<(&str, u32)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, "00000000", _gateway, flags, _, _, metric, "00000000", ..] = fields[..] else { return None };
    usable(flags).then_some((interface, metric.parse().ok()?))
}

/// A line of `/proc/net/ipv6_route`: destination, its length, source, its length, next hop, metric, references, uses,
/// flags, interface; all numbers are hexadecimal.
fn ipv6_default(line: &str) -> Option<(&str, u32)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, "00", _, _, _, metric, _, _, flags, interface] = fields[..] else { return None };
    usable(flags).then_some((interface, u32::from_str_radix(metric, 16).ok()?))
}

fn usable(flags: &str) -> bool {
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & RTF_UP != 0 && flags & RTF_REJECT == 0)
}

/// Signal levels in dBm from `/proc/net/wireless`: "wlan0: 0000   54.  -56.  -256 …". Drivers that give a level without
/// a unit give positive numbers; those are no dBm.
fn signals(file: &Path) -> HashMap<String, f64> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let level: f64 = rest.split_ascii_whitespace().nth(2)?.trim_end_matches('.').parse().ok()?;
        // -256 is what the kernel writes for "not known".
        (-200.0..0.0).contains(&level).then(|| (name.trim().to_owned(), level))
    };
    text.lines().filter_map(line).collect()
}
