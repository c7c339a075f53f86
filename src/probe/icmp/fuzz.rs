//! What `make fuzz` holds the reader of echoes and of what routers say to. Compiled where assertions are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what is wrong by panicking")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packet::{What, heard, in_words, request, without_ipv4_header};

/// Whatever a raw socket is given, from an address of either family.
///
/// # Panics
/// Where the reader does; where an echo of ours that comes back is not known again.
pub fn message(bytes: &[u8]) {
    let four = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let six = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    look(four, bytes);
    look(six, bytes);
    if let Some(inside) = without_ipv4_header(bytes) {
        assert!(inside.len() < bytes.len());
        look(four, inside);
    }
    let [a, b, c, d, payload @ ..] = bytes else { return };
    let (ident, sequence) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    for (to, reply) in [(four, 0), (six, 129)] {
        let mut echo = request(to, ident, sequence, payload);
        echo[0] = reply;
        if to.is_ipv4() {
            // RFC 1624: the type is 8 less, and the sum more by as much.
            let sum = u32::from(u16::from_be_bytes([echo[2], echo[3]])) + 0x0800;
            let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or_default();
            echo[2..4].copy_from_slice(&folded.to_be_bytes());
        }
        let known = heard(to, &echo).expect("an answer to us is known");
        assert_eq!((known.to, known.ident, known.sequence, known.what), (to, ident, sequence, What::Reply));
    }
}

fn look(from: IpAddr, bytes: &[u8]) {
    if let Some(heard) = heard(from, bytes)
        && let What::Error(kind, code) = heard.what
    {
        assert!(!in_words(heard.to, kind, code).is_empty());
        assert_eq!(heard.to.is_ipv4(), from.is_ipv4());
    }
}
