//! Where the echoes go: an address, a name, or the default gateway as the kernel's routing table has it now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::probe::Roots;
use crate::probe::egress::Egress;
use crate::probe::lookup::Lookup;

/// An address that an echo can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) address: IpAddr,
    /// The interface of a link-local address (RFC 4007 §6), else 0.
    pub(super) scope: u32,
}

impl From<IpAddr> for Destination {
    fn from(address: IpAddr) -> Self {
        Self { address, scope: 0 }
    }
}

/// What a check is aimed at.
pub(super) enum Target {
    /// The default gateway (of an uplink's interface), read each time it is needed: it changes with the network.
    Gateway(Option<String>),
    /// An address on one interface: `fe80::1%eth0`.
    Scoped(Ipv6Addr, String),
    /// An address or a name.
    Host(Lookup),
}

impl Target {
    /// Reads the config's word; touches nothing yet.
    pub(super) fn new(word: &str, egress: &Egress) -> Self {
        if is_gateway(word) {
            return Self::Gateway(egress.interface().map(str::to_owned));
        }
        match word.split_once('%').map(|(address, interface)| (address.parse(), interface)) {
            Some((Ok(address), interface)) => Self::Scoped(address, interface.to_owned()),
            _ => Self::Host(Lookup::new(word, egress.clone())),
        }
    }

    /// Where echoes go now, if that is known.
    pub(super) fn destination(&self, roots: &Roots) -> Option<Destination> {
        match self {
            Self::Gateway(by) => default_gateway(roots, by.as_deref()),
            Self::Scoped(address, interface) => {
                Some(Destination { address: IpAddr::V6(*address), scope: scope(roots, interface)? })
            }
            Self::Host(lookup) => lookup.address().map(Destination::from),
        }
    }
}

/// Whether the config's word means the default gateway.
pub(super) fn is_gateway(word: &str) -> bool {
    matches!(word, "gateway" | "auto")
}

/// The default gateway of the lowest metric (by that interface), IPv4 first: most rooms have it, and where both exist it is the same box.
fn default_gateway(roots: &Roots, by: Option<&str>) -> Option<Destination> {
    let read = |file: &str| std::fs::read_to_string(roots.proc.join("net").join(file)).unwrap_or_default();
    if let Some(address) = ipv4_gateway(&read("route"), by) {
        return Some(IpAddr::V4(address).into());
    }
    let (address, interface) = ipv6_gateway(&read("ipv6_route"), by)?;
    let scope = if address.is_unicast_link_local() { scope(roots, &interface)? } else { 0 };
    Some(Destination { address: IpAddr::V6(address), scope })
}

fn scope(roots: &Roots, interface: &str) -> Option<u32> {
    // A name with a slash is no interface and must not lead out of the folder.
    let name = Path::new(interface).file_name().filter(|name| *name == interface)?;
    std::fs::read_to_string(roots.sys.join("class/net").join(name).join("ifindex")).ok()?.trim().parse().ok()
}

/// `RTF_UP | RTF_GATEWAY` of route(7); a route that rejects is none.
const UP_AND_GATEWAY: u32 = 0x3;
const REJECT: u32 = 0x200;

fn usable(flags: u32) -> bool {
    flags & UP_AND_GATEWAY == UP_AND_GATEWAY && flags & REJECT == 0
}

/// Reads `/proc/net/route`: addresses are the bytes in memory order, printed as one native number.
fn ipv4_gateway(table: &str, by: Option<&str>) -> Option<Ipv4Addr> {
    let hex = |word: &str| u32::from_str_radix(word, 16).ok();
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[interface, destination, gateway, flags, _, _, metric, mask, ..] = words.as_slice() else {
                return None;
            };
            let ours = by.is_none_or(|by| by == interface);
            let default = ours && hex(destination)? == 0 && hex(mask)? == 0 && usable(hex(flags)?);
            default.then_some((metric.parse::<u32>().ok()?, Ipv4Addr::from(hex(gateway)?.to_ne_bytes())))
        })
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, gateway)| gateway)
}

/// Reads `/proc/net/ipv6_route`: addresses are 32 hexadecimal digits in network order.
fn ipv6_gateway(table: &str, by: Option<&str>) -> Option<(Ipv6Addr, String)> {
    table
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[destination, length, _, _, hop, metric, _, _, flags, interface] = words.as_slice() else {
                return None;
            };
            let hop = u128::from_str_radix(hop, 16).ok()?;
            let ours = by.is_none_or(|by| by == interface);
            let default = ours && u128::from_str_radix(destination, 16).ok()? == 0 && length == "00";
            let number = |word: &str| u32::from_str_radix(word, 16).ok();
            let usable = default && hop != 0 && usable(number(flags)?);
            usable.then_some((number(metric)?, Ipv6Addr::from(hop), interface.to_owned()))
        })
        .min_by_key(|(metric, ..)| *metric)
        .map(|(_, hop, interface)| (hop, interface))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    /// A line of `/proc/net/route` as this machine's kernel would print it.
    fn route(destination: [u8; 4], gateway: [u8; 4], flags: u32, metric: u32, mask: [u8; 4]) -> String {
        let hex = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        format!("eth0\t{}\t{}\t{flags:04X}\t0\t0\t{metric}\t{}\t0\t0\t0\n", hex(destination), hex(gateway), hex(mask))
    }

    #[test]
    fn the_gateway_is_the_default_route_of_the_lowest_metric() {
        let (none, all) = ([0; 4], [255, 255, 255, 0]);
        let table = [
            HEADER.to_owned(),
            route([192, 0, 2, 0], none, 1, 0, all),
            route(none, [192, 0, 2, 254], 3, 600, none),
            route(none, [192, 0, 2, 1], 3, 100, none),
            route(none, [192, 0, 2, 9], 0x203, 0, none),
            route([198, 51, 100, 0], [192, 0, 2, 7], 3, 0, all),
        ]
        .concat();
        assert_eq!(ipv4_gateway(&table, None), Some(Ipv4Addr::new(192, 0, 2, 1)));
        // By an interface that has no default route there is none.
        assert_eq!(ipv4_gateway(&table, Some("eth0")), Some(Ipv4Addr::new(192, 0, 2, 1)));
        let other = table.replace("eth0\t00000000\tFE0200C0", "wwan0\t00000000\tFE0200C0");
        assert_eq!(ipv4_gateway(&other, Some("wwan0")), Some(Ipv4Addr::new(192, 0, 2, 254)));
        assert_eq!(ipv4_gateway(&table, Some("wwan0")), None);
        assert_eq!(ipv4_gateway(HEADER, None), None);
        assert_eq!(ipv4_gateway("", None), None);
    }

    #[test]
    fn a_gateway_of_ipv6_comes_with_its_interface() {
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n\
             20010db8000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001     eth0\n\
             {zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00450003     eth0\n"
        );
        assert_eq!(ipv6_gateway(&table, None), Some(("fe80::1".parse().unwrap(), "eth0".to_owned())));
        assert_eq!(ipv6_gateway(&table, Some("wwan0")), None);
        assert_eq!(ipv6_gateway("", None), None);
    }

    #[test]
    fn the_table_is_read_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { proc: folder.path().join("proc"), sys: folder.path().join("sys"), ..Roots::default() };
        let net = roots.proc.join("net");
        std::fs::create_dir_all(&net).unwrap();
        std::fs::create_dir_all(roots.sys.join("class/net/eth0")).unwrap();
        let target = Target::new("gateway", &Egress::default());
        assert_eq!(target.destination(&roots), None);

        let zero = "0".repeat(32);
        let line = format!("{zero} 00 {zero} 00 fe80{}0001 00000400 0 0 00000003 eth0\n", "0".repeat(24));
        std::fs::write(net.join("ipv6_route"), line).unwrap();
        std::fs::write(roots.sys.join("class/net/eth0/ifindex"), "7\n").unwrap();
        let link_local = Destination { address: "fe80::1".parse().unwrap(), scope: 7 };
        assert_eq!(target.destination(&roots), Some(link_local));

        let line = route([0; 4], [192, 0, 2, 1], 3, 0, [0; 4]);
        std::fs::write(net.join("route"), format!("{HEADER}{line}")).unwrap();
        let gateway = Destination::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(target.destination(&roots), Some(gateway));
        assert_eq!(Target::new("fe80::1%eth0", &Egress::default()).destination(&roots), Some(link_local));
        assert_eq!(Target::new("fe80::1%../eth0", &Egress::default()).destination(&roots), None);
    }

    #[test]
    fn a_way_out_by_a_device_is_a_way_out_without_a_router() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { proc: folder.path().to_owned(), sys: folder.path().join("sys"), ..Roots::default() };
        let net = folder.path().join("net");
        std::fs::create_dir(&net).unwrap();
        // As the kernel has them of PPP, WireGuard and Ethernet.
        for (name, flags) in [("ppp0", "0x10d1"), ("wg0", "0xd1"), ("eth0", "0x1003")] {
            let interface = roots.sys.join("class/net").join(name);
            std::fs::create_dir_all(&interface).unwrap();
            std::fs::write(interface.join("flags"), format!("{flags}\n")).unwrap();
        }
        let (zero, none) = ("0".repeat(32), [0; 4]);
        // The kernel's own lines of `ip route add default dev ppp0`, and of no default route at all.
        let by_cable = route(none, none, 1, 0, none);
        let by_device = by_cable.replace("eth0", "ppp0");
        let rejects = format!("{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n");
        let by_device_6 = format!("{zero} 00 {zero} 00 {zero} 00000400 00000001 00000000 00000001     wg0\n");
        let local = route([192, 0, 2, 0], none, 1, 0, [255, 255, 255, 0]);
        for (table, table_6, by, without) in [
            (&*by_device, "", None, true),
            (&*by_device, "", Some("ppp0"), true),
            (&*by_device, "", Some("eth0"), false),
            // Without DHCP the machine gave itself an address, and a route to everybody.
            (&*by_cable, "", None, false),
            (&*by_cable, "", Some("eth0"), false),
            (&*local, &*rejects, None, false),
            ("", &*by_device_6, None, true),
            ("", "", None, false),
        ] {
            std::fs::write(net.join("route"), format!("{HEADER}{table}")).unwrap();
            std::fs::write(net.join("ipv6_route"), table_6).unwrap();
            assert_eq!(crate::probe::link::is_way_straight_out(&roots, by), without, "{table}{table_6}{by:?}");
            assert_eq!(Target::Gateway(by.map(str::to_owned)).destination(&roots), None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(?s).{0,400}", lines in "([0-9A-F]{0,9}[ \t]?){0,40}\n") {
            ipv4_gateway(&text, None);
            ipv6_gateway(&text, None);
            ipv4_gateway(&lines, None);
            ipv6_gateway(&lines, None);
        }
    }
}
