//! Echoes and what comes back, as bytes (RFC 792; RFC 4443 §2.1, §3, §4). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

const ECHO_V4: u8 = 8;
const ECHO_V6: u8 = 128;

/// An echo, as something that came in speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// To whom it had been sent.
    pub(super) to: IpAddr,
    pub(super) ident: u16,
    pub(super) sequence: u16,
    pub(super) what: What,
}

/// What is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was answered.
    Reply,
    /// It did not get there; an ICMP error of this type and code came.
    Error(u8, u8),
}

/// An echo request to an address of that family. The checksum of IPv6's has the addresses in it, which the kernel chooses;
/// so the kernel puts it in (RFC 3542 §3.1).
pub(super) fn request(to: IpAddr, ident: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(HEADER + payload.len());
    packet.extend([if to.is_ipv4() { ECHO_V4 } else { ECHO_V6 }, 0, 0, 0]);
    packet.extend(ident.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(payload);
    if to.is_ipv4() {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// The internet checksum (RFC 1071); of a message that has its own in it, zero.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u64 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    #[allow(clippy::cast_possible_truncation, reason = "folded to 16 bits")]
    let folded = sum as u16;
    !folded
}

/// What an IPv4 packet carries (RFC 791 §3.1); a raw socket is given the header too.
pub(super) fn without_ipv4_header(packet: &[u8]) -> Option<&[u8]> {
    let length = usize::from(packet.first()? & 0xf) * 4;
    (length >= 20).then(|| packet.get(length..))?
}

/// What an ICMP message from that address says of an echo, if it speaks of one.
///
/// Redirects are none of it: the router has sent the echo on, and the reply is still to come. So is a source quench, which
/// is to be ignored (RFC 6633 §3).
pub(super) fn heard(from: IpAddr, message: &[u8]) -> Option<Heard> {
    let (&[kind, code, ..], true) = (message, message.len() >= HEADER) else { return None };
    let what = What::Error(kind, code);
    match (from, kind) {
        // A raw socket gets ICMP before the kernel looks at its checksum; of ICMPv6 the kernel has (RFC 3542 §3.1).
        (IpAddr::V4(_), 0 | 3 | 11 | 12) if checksum(message) != 0 => None,
        (IpAddr::V4(_), 0) | (IpAddr::V6(_), 129) => {
            Some(Heard { to: from, ident: number(message, 4)?, sequence: number(message, 6)?, what: What::Reply })
        }
        (IpAddr::V4(_), 3 | 11 | 12) => {
            let original = message.get(HEADER..)?;
            let to = IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(original.get(16..20)?).ok()?));
            // 1 is ICMP.
            (original.get(9) == Some(&1)).then(|| original_echo(to, without_ipv4_header(original)?, what))?
        }
        (IpAddr::V6(_), 1..=4) => {
            let original = message.get(HEADER..)?;
            let to = IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(original.get(24..40)?).ok()?));
            // 58 is ICMPv6; our echoes have no header between.
            (original.get(6) == Some(&58)).then(|| original_echo(to, original.get(40..)?, what))?
        }
        _ => None,
    }
}

/// The echo that an error speaks of, from the beginning of its own message, of which at least eight bytes come back.
pub(super) fn original_echo(to: IpAddr, message: &[u8], what: What) -> Option<Heard> {
    let kind = if to.is_ipv4() { ECHO_V4 } else { ECHO_V6 };
    let ours = message.starts_with(&[kind, 0]);
    ours.then(|| Some(Heard { to, ident: number(message, 4)?, sequence: number(message, 6)?, what }))?
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// What an ICMP error says, in words (RFC 792, RFC 1812 §5.2.7.1; RFC 4443 §3).
pub(super) fn in_words(to: IpAddr, kind: u8, code: u8) -> String {
    let words = match (to, kind, code) {
        (IpAddr::V4(_), 3, 0 | 6 | 11) => "unreachable: it has no route to that network",
        (IpAddr::V4(_), 3, 1 | 7 | 12) | (IpAddr::V6(_), 1, 3) => "unreachable: it cannot reach that address",
        (IpAddr::V4(_), 3, 4) | (IpAddr::V6(_), 2, _) => "unreachable: the packet is too big for the way there",
        (IpAddr::V4(_), 3, 9 | 10 | 13) | (IpAddr::V6(_), 1, 1 | 5) => "unreachable: a rule forbids it",
        (IpAddr::V6(_), 1, 0) => "unreachable: it has no route there",
        (IpAddr::V4(_), 11, _) | (IpAddr::V6(_), 3, _) => "time exceeded: a loop of routes",
        (IpAddr::V4(_), 3, _) | (IpAddr::V6(_), 1, _) => return format!("unreachable, code {code}"),
        (IpAddr::V4(_), ..) => return format!("ICMP type {kind}, code {code}"),
        (IpAddr::V6(_), ..) => return format!("ICMPv6 type {kind}, code {code}"),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

    /// The same message as another type and code, its checksum put right.
    fn turned(mut message: Vec<u8>, kind: u8, code: u8) -> Vec<u8> {
        message[..4].copy_from_slice(&[kind, code, 0, 0]);
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
        message
    }

    /// An error of a router about a request to `to`, which carries that protocol.
    fn error(to: IpAddr, protocol: u8, kind: u8, code: u8, request: &[u8]) -> Vec<u8> {
        let mut message = vec![0; HEADER];
        match to {
            IpAddr::V4(to) => {
                // With options, as a router may see it: 24 bytes of header.
                let mut header = [0; 24];
                (header[0], header[9]) = (0x46, protocol);
                header[16..20].copy_from_slice(&to.octets());
                message.extend(header);
            }
            IpAddr::V6(to) => {
                let mut header = [0; 40];
                (header[0], header[6]) = (0x60, protocol);
                header[24..].copy_from_slice(&to.octets());
                message.extend(header);
            }
        }
        // No more of the original than must be.
        message.extend(&request[..HEADER]);
        turned(message, kind, code)
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        // The example of its section 3, and an odd length.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[0xff]), !0xff00);
        assert_eq!(checksum(&[]), 0xffff);
    }

    #[test]
    fn an_ipv4_header_is_as_long_as_it_says() {
        let packet: Vec<u8> = std::iter::once(0x46).chain(1..30).collect();
        assert_eq!(without_ipv4_header(&packet), Some(&packet[24..]));
        assert_eq!(without_ipv4_header(&[0x44; 30]), None);
        assert_eq!(without_ipv4_header(&[0x4f; 30]), None);
        assert_eq!(without_ipv4_header(&[]), None);
    }

    #[test]
    fn redirects_quenches_and_requests_speak_of_no_fate() {
        let request = request(V4, 1, 2, &[]);
        for kind in [4, 5] {
            assert_eq!(heard(V4, &error(V4, 1, kind, 1, &request)), None, "{kind}");
        }
        assert_eq!(heard(V4, &request), None);
        // A redirect of ICMPv6 (RFC 4861 §4.5).
        assert_eq!(heard(V6, &error(V6, 58, 137, 0, &request)), None);
    }

    #[test]
    fn an_error_about_another_protocol_is_not_of_an_echo() {
        for (to, udp) in [(V4, 17), (V6, 17)] {
            let request = request(to, 1, 2, &[]);
            assert_eq!(heard(to, &error(to, udp, 3, 1, &request)), None);
        }
    }

    #[test]
    fn each_error_has_words() {
        for kind in 0..=255 {
            for code in 0..=20 {
                for to in [V4, V6] {
                    assert!(!in_words(to, kind, code).is_empty());
                }
            }
        }
        assert!(in_words(V4, 3, 1).starts_with("unreachable"));
        assert!(in_words(V6, 3, 0).contains("loop"));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_known_again(
            ident: u16, sequence: u16, payload in prop::collection::vec(any::<u8>(), 0..100), code in 0_u8..16,
        ) {
            for (to, reply, errors, protocol) in [(V4, 0, &[3, 11, 12][..], 1), (V6, 129, &[1, 2, 3, 4][..], 58)] {
                let request = request(to, ident, sequence, &payload);
                prop_assert!(to.is_ipv6() || checksum(&request) == 0);
                let answered = Heard { to, ident, sequence, what: What::Reply };
                prop_assert_eq!(heard(to, &turned(request.clone(), reply, 0)), Some(answered));
                for &kind in errors {
                    let router = if to.is_ipv4() { "198.51.100.1" } else { "2001:db8::ffff" }.parse().unwrap();
                    let refused = Heard { what: What::Error(kind, code), ..answered };
                    prop_assert_eq!(heard(router, &error(to, protocol, kind, code, &request)), Some(refused));
                }
            }
        }

        #[test]
        fn a_reply_with_a_broken_bit_is_none(sequence: u16, at in 0_usize..64, bit in 0_u8..8) {
            let mut reply = turned(request(V4, 7, sequence, &[0x5a; 56]), 0, 0);
            reply[at] ^= 1 << bit;
            prop_assert_eq!(heard(V4, &reply), None);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            for from in [V4, V6] {
                heard(from, &bytes);
                original_echo(from, &bytes, What::Reply);
            }
            without_ipv4_header(&bytes);
        }
    }
}
