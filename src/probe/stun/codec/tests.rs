//! Vectors of RFC 5769, every way of being wrong, and any bytes at all.

use proptest::prelude::*;

use super::*;

pub(in crate::probe::stun) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len() / 2).map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()).collect()
}

const TRANSACTION: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

/// RFC 5769 §2.1.
pub(in crate::probe::stun) const REQUEST: &str = "00010058 2112a442 b7e7a701bc34d686fa87dfae
    80220010 5354554e207465737420636c69656e74 00240004 6e0001ff 80290008 932ff9b151263b36
    00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf";
/// RFC 5769 §2.2.
pub(in crate::probe::stun) const SUCCESS_V4: &str = "0101003c 2112a442 b7e7a701bc34d686fa87dfae
    8022000b 7465737420766563746f7220 00200008 0001a147e112a643
    00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96";
/// RFC 5769 §2.3.
pub(in crate::probe::stun) const SUCCESS_V6: &str = "01010048 2112a442 b7e7a701bc34d686fa87dfae
    8022000b 7465737420766563746f7220 00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
    00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c";

#[test]
fn the_vectors_of_rfc_5769_are_understood() {
    let request = parse(&hex(REQUEST)).unwrap();
    assert_eq!((request.class, request.transaction), (Class::Request, TRANSACTION));
    assert_eq!(request.unknown, Vec::<u16>::new());
    let mut indication = super::request(TRANSACTION);
    indication[1] |= 0x10;
    assert_eq!(parse(&indication).unwrap().class, Class::Indication);
    let v4 = parse(&hex(SUCCESS_V4)).unwrap();
    assert_eq!((v4.class, v4.mapped), (Class::Success, Some("192.0.2.1:32853".parse().unwrap())));
    let v6 = parse(&hex(SUCCESS_V6)).unwrap();
    let mapped = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
    assert_eq!((v6.class, v6.mapped), (Class::Success, Some(mapped)));
}

#[test]
fn one_bit_wrong_and_the_fingerprint_tells() {
    for vector in [REQUEST, SUCCESS_V4, SUCCESS_V6] {
        let bytes = hex(vector);
        // But for the kind of the fingerprint itself: without it there is none to be wrong.
        let kind = bytes.len() - 8..bytes.len() - 6;
        for place in (HEADER..bytes.len()).filter(|place| !kind.contains(place)) {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x01;
            assert!(parse(&bytes).is_err(), "byte {place}");
        }
    }
}

#[test]
fn an_address_is_hidden_as_the_standard_says() {
    let bytes = success(TRANSACTION, "192.0.2.1:32853".parse().unwrap());
    let value = hex("0001a147e112a643");
    assert!(bytes.windows(8).any(|window| window == value), "{bytes:02x?}");
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let bytes = not_understood(TRANSACTION, &[0x7777, 0x0003]);
    let answer = parse(&bytes).unwrap();
    assert_eq!((answer.class, answer.error), (Class::Error, Some(420)));
    let mut strange = request(TRANSACTION);
    append(&mut strange, 0x7777, b"xyz");
    assert_eq!(parse(&strange).unwrap().unknown, [0x7777]);
    append(&mut strange, 0xFFFF, b"may be ignored");
    assert_eq!(parse(&strange).unwrap().unknown, [0x7777]);
}

#[test]
fn each_way_of_being_wrong_has_its_name() {
    let good = success(TRANSACTION, "192.0.2.1:32853".parse().unwrap());
    let with = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        parse(&bytes)
    };
    assert_eq!(parse(&[]), Err(Malformed::NotStun));
    assert_eq!(parse(&good[..19]), Err(Malformed::NotStun));
    assert_eq!(with(0, 0x80), Err(Malformed::NotStun));
    assert_eq!(with(4, 0x22), Err(Malformed::NotStun));
    assert_eq!(with(3, 0x10), Err(Malformed::Length));
    assert_eq!(with(1, 0x03), Err(Malformed::Method));
    assert_eq!(with(22, 0xFF), Err(Malformed::Attribute));
    assert_eq!(with(25, 3), Err(Malformed::Address));
    assert_eq!(parse(&good[..good.len() - 1]), Err(Malformed::Length));
}

#[test]
fn what_follows_the_signature_is_not_signed_and_counts_for_nothing() {
    let mut answer = message(Method::Binding, Class::Success, TRANSACTION);
    append(&mut answer, attribute::MESSAGE_INTEGRITY, &[7; SIGNATURE]);
    let signed = answer.clone();
    append(&mut answer, attribute::MAPPED_ADDRESS, &hex("0001 8055 c0000201"));
    append(&mut answer, 0x7777, b"must be understood");
    let understood = parse(&seal(answer.clone())).unwrap();
    assert_eq!((understood.mapped, understood.unknown, understood.signature), (None, vec![], Some(HEADER)));
    // The fingerprint alone is looked at there, and a signature of another length is none.
    let mut sealed = seal(answer);
    *sealed.last_mut().unwrap() ^= 1;
    assert_eq!(parse(&sealed), Err(Malformed::Fingerprint));
    for length in [SIGNATURE - 4, SIGNATURE + 4] {
        let mut other = message(Method::Binding, Class::Success, TRANSACTION);
        append(&mut other, attribute::MESSAGE_INTEGRITY, &vec![7; length]);
        assert_eq!(parse(&other), Err(Malformed::Signature));
    }
    assert!(parse(&signed).is_ok());
}

#[test]
fn what_belongs_to_a_relay_is_understood_of_a_relay_alone() {
    let with = |method, kind, value: &[u8]| {
        let mut bytes = message(method, Class::Success, TRANSACTION);
        append(&mut bytes, kind, value);
        parse_any(&bytes).unwrap()
    };
    let relayed = hex("0001a147e112a643");
    let of = |method| with(method, attribute::XOR_RELAYED_ADDRESS, &relayed);
    let binding = of(Method::Binding);
    assert_eq!((binding.relayed, binding.unknown), (None, vec![attribute::XOR_RELAYED_ADDRESS]));
    let allocate = of(Method::Allocate);
    assert_eq!((allocate.relayed, allocate.unknown), (Some("192.0.2.1:32853".parse().unwrap()), vec![]));
    let lasts = |method| with(method, attribute::LIFETIME, &600_u32.to_be_bytes()).unknown;
    assert_eq!((lasts(Method::Binding), lasts(Method::Refresh)), (vec![attribute::LIFETIME], vec![]));
}

#[test]
fn a_server_of_rfc_3489_says_an_address_as_it_is_and_a_later_one_hides_it() {
    let mut old = message(Method::Binding, Class::Success, TRANSACTION);
    append(&mut old, attribute::MAPPED_ADDRESS, &hex("0001 8055 c0000201"));
    assert_eq!(parse(&old).unwrap().mapped, Some("192.0.2.1:32853".parse().unwrap()));
    append(&mut old, attribute::XOR_MAPPED_ADDRESS, &hex("0001a146e112a643"));
    assert_eq!(parse(&old).unwrap().mapped, Some("192.0.2.1:32852".parse().unwrap()), "what no router alters");
    // The list of what a server did not understand is nothing that we do not; and from 0x8000 on nothing must be understood.
    for kind in [attribute::UNKNOWN_ATTRIBUTES, 0x8000] {
        let mut answer = message(Method::Binding, Class::Success, TRANSACTION);
        append(&mut answer, kind, &[0x77, 0x77]);
        assert_eq!(parse(&answer).unwrap().unknown, Vec::<u16>::new(), "{kind:#x}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
        let _ = parse_any(&bytes);
    }

    /// Random bytes seldom pass the header: here they come behind a good one.
    #[test]
    fn any_attributes_are_survived(body in prop::collection::vec(any::<u8>(), 0..120), kind in 0_u8..4) {
        let mut bytes = request(TRANSACTION);
        bytes[0] = kind >> 1;
        bytes[1] = 0x01 | (kind & 1) << 4;
        bytes.extend(&body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        set_length(&mut bytes);
        let _ = parse(&bytes);
        let _ = parse_any(&bytes);
    }

    #[test]
    fn what_is_answered_is_understood(ip: IpAddr, port: u16, transaction: Transaction) {
        let answer = parse(&success(transaction, SocketAddr::new(ip, port))).unwrap();
        prop_assert_eq!(answer.class, Class::Success);
        prop_assert_eq!(answer.transaction, transaction);
        prop_assert_eq!(answer.mapped, Some(SocketAddr::new(ip, port)));
    }
}
