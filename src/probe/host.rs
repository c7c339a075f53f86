//! Who a far end can be: a name, or the address of one host.

use std::net::IpAddr;

/// What keeps `host` from being one, in words to put behind it.
pub(super) fn fault(host: &str) -> Option<&'static str> {
    // A link-local address says by which interface (RFC 4007 §11).
    let bare = host.split_once('%').filter(|(_, zone)| !zone.is_empty()).map_or(host, |(address, _)| address);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
        let nobody = address.is_unspecified() || address.is_multicast() || broadcast;
        return nobody.then_some("is not the address of one host");
    }
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    // RFC 1035 §2.3.4 for the lengths; names with underscores are no host names, and resolve.
    let fits = |label: &&str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    if host.len() > 253 || !labels.iter().all(fits) {
        return Some("is neither a name nor an address");
    }
    // RFC 1123 §2.1: a name does not end in a number, so that it can be told from an address.
    let number = labels.last().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    number.then_some("is no address, and a name does not end in a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_end_is_one_host() {
        for host in [
            "meet.example.org",
            "router",
            "a_b.example.",
            "192.0.2.1",
            "127.0.0.1",
            "2001:db8::1",
            "fe80::2%eth0",
            "4u.example",
        ] {
            assert_eq!(fault(host), None, "{host}");
        }
        let long = "a".repeat(64);
        for (host, why) in [
            ("0.0.0.0", "one host"),
            ("255.255.255.255", "one host"),
            ("224.0.0.1", "one host"),
            ("ff02::1", "one host"),
            ("::", "one host"),
            ("fe80::2%", "neither"),
            ("a%b", "neither"),
            ("300.1.1.1", "end in a number"),
            ("http://x/", "neither"),
            ("a b", "neither"),
            ("...", "neither"),
            ("", "neither"),
            ("???", "neither"),
            (&*long, "neither"),
        ] {
            assert!(fault(host).is_some_and(|said| said.contains(why)), "{host}: {:?}", fault(host));
        }
    }
}
