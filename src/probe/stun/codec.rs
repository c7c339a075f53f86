//! The little of STUN (RFC 8489) that a binding needs, both ways. Pure; whatever bytes come, nothing panics.

use std::net::{IpAddr, SocketAddr};

/// §5: tells STUN from other protocols on the same port.
const COOKIE: u32 = 0x2112_A442;

/// §5: the header's length, bytes.
const HEADER: usize = 20;

/// §3: the one method there is.
const BINDING: u16 = 0x001;

mod attribute {
    //! §18.3, and those of RFC 8445 §16 that may stand in a request.
    pub(super) const MAPPED_ADDRESS: u16 = 0x0001;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const FINGERPRINT: u16 = 0x8028;

    /// Those that must be understood (below 0x8000) and whose meaning is no hindrance here: addresses of older servers
    /// (RFC 3489), credentials (§9), and a client's words for ICE.
    pub(super) const HARMLESS: [u16; 13] =
        [0x0002, 0x0004, 0x0005, 0x0006, 0x0008, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E, 0x0024, 0x0025, 0x000B];
}

/// §5: 96 random bits that an answer repeats.
pub(crate) type Transaction = [u8; 12];

/// §5: what a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A message of the binding method, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) class: Class,
    pub(crate) transaction: Transaction,
    /// Where the server saw the request come from.
    pub(crate) mapped: Option<SocketAddr>,
    /// The code of an error, 300 to 699.
    pub(crate) error: Option<u16>,
    /// Attributes that must be understood and are not.
    pub(crate) unknown: Vec<u16>,
}

/// Why bytes are no STUN message of the binding method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("not STUN: no header with the magic cookie")]
    NotStun,
    #[error("the length does not agree with the datagram's")]
    Length,
    #[error("an attribute ends beyond the message")]
    Attribute,
    #[error("an address attribute makes no sense")]
    Address,
    #[error("an error code makes no sense")]
    ErrorCode,
    #[error("the fingerprint is wrong")]
    Fingerprint,
    #[error("a method other than binding")]
    Method,
}

/// A binding request, without attributes: what every server understands.
pub(crate) fn request(transaction: Transaction) -> Vec<u8> {
    message(Class::Request, transaction)
}

/// The answer to a request that came from `from`, with a fingerprint (§14.7).
pub(crate) fn success(transaction: Transaction, from: SocketAddr) -> Vec<u8> {
    let mut bytes = message(Class::Success, transaction);
    let mut value = vec![0];
    let mask = mask(transaction);
    let port = from.port() ^ u16::from_be_bytes([mask[0], mask[1]]);
    let octets = match from.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    value.push(if octets.len() == 4 { 1 } else { 2 });
    value.extend(port.to_be_bytes());
    value.extend(octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask));
    append(&mut bytes, attribute::XOR_MAPPED_ADDRESS, &value);
    seal(bytes)
}

/// The answer to a request with attributes that must be understood and are not (§6.3.1, error 420).
pub(crate) fn not_understood(transaction: Transaction, unknown: &[u16]) -> Vec<u8> {
    let mut bytes = message(Class::Error, transaction);
    let mut code = vec![0, 0, 4, 20];
    code.extend(b"Unknown Attribute");
    append(&mut bytes, attribute::ERROR_CODE, &code);
    let list: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
    append(&mut bytes, attribute::UNKNOWN_ATTRIBUTES, &list);
    seal(bytes)
}

/// Reads a datagram.
pub(crate) fn parse(bytes: &[u8]) -> Result<Message, Malformed> {
    let (header, mut rest) = bytes.split_first_chunk::<HEADER>().ok_or(Malformed::NotStun)?;
    let [t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = *header;
    // §5: the first two bits are zero; §6.3: the cookie, and a length in whole words.
    if t0 & 0xC0 != 0 || u32::from_be_bytes([c0, c1, c2, c3]) != COOKIE {
        return Err(Malformed::NotStun);
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length != rest.len() || !length.is_multiple_of(4) {
        return Err(Malformed::Length);
    }
    let class = class_of(u16::from_be_bytes([t0, t1]))?;
    let mut message = Message { class, transaction, mapped: None, error: None, unknown: Vec::new() };
    let mut plain = None;
    while let Some((&[k0, k1, l0, l1], after)) = rest.split_first_chunk::<4>() {
        let kind = u16::from_be_bytes([k0, k1]);
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        // §14: padded to a multiple of four with bytes of any value.
        let value = after.get(..length).ok_or(Malformed::Attribute)?;
        let next = after.get(length.next_multiple_of(4)..).ok_or(Malformed::Attribute)?;
        match kind {
            attribute::XOR_MAPPED_ADDRESS => message.mapped = Some(address(value, mask(transaction))?),
            attribute::MAPPED_ADDRESS => plain = Some(address(value, [0; 16])?),
            attribute::ERROR_CODE => message.error = Some(error_code(value)?),
            attribute::UNKNOWN_ATTRIBUTES => {}
            attribute::FINGERPRINT => {
                // §14.7: it is the last, and speaks of all that stands before it.
                let before = &bytes[..bytes.len() - rest.len()];
                if !next.is_empty() || value != fingerprint(before).to_be_bytes() {
                    return Err(Malformed::Fingerprint);
                }
            }
            kind if kind < 0x8000 && !attribute::HARMLESS.contains(&kind) => message.unknown.push(kind),
            _ => {}
        }
        rest = next;
    }
    // A server of RFC 3489 knows only the plain form.
    message.mapped = message.mapped.or(plain);
    Ok(message)
}

/// §5, figure 3: the class's two bits stand between the method's.
fn class_of(kind: u16) -> Result<Class, Malformed> {
    if kind & !0x0110 != BINDING {
        return Err(Malformed::Method);
    }
    Ok(match kind & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::Success,
        _ => Class::Error,
    })
}

fn message(class: Class, transaction: Transaction) -> Vec<u8> {
    let bits: u16 = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    let mut bytes = Vec::with_capacity(HEADER + 40);
    bytes.extend((BINDING | bits).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend(transaction);
    bytes
}

fn append(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend(short(value.len()).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    set_length(bytes);
}

fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    append(&mut bytes, attribute::FINGERPRINT, &[0; 4]);
    let end = bytes.len() - 8;
    let sum = fingerprint(&bytes[..end]).to_be_bytes();
    bytes[end + 4..].copy_from_slice(&sum);
    bytes
}

fn set_length(bytes: &mut [u8]) {
    let length = short(bytes.len() - HEADER).to_be_bytes();
    bytes[2..4].copy_from_slice(&length);
}

/// Messages made here are short: an address, or the attributes of one datagram.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// §14.2: an address is hidden from middleboxes that rewrite what looks like one.
fn mask(transaction: Transaction) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction);
    mask
}

/// §14.1 with a mask of zeros, §14.2 with that of the transaction.
fn address(value: &[u8], mask: [u8; 16]) -> Result<SocketAddr, Malformed> {
    let (&[_, family, p0, p1], octets) = value.split_first_chunk::<4>().ok_or(Malformed::Address)?;
    let port = u16::from_be_bytes([p0 ^ mask[0], p1 ^ mask[1]]);
    let clear = |octet: u8, place: usize| octet ^ mask[place];
    let ip = match family {
        1 => {
            let octets = <[u8; 4]>::try_from(octets).map_err(|_| Malformed::Address)?;
            IpAddr::from(std::array::from_fn::<u8, 4, _>(|place| clear(octets[place], place)))
        }
        2 => {
            let octets = <[u8; 16]>::try_from(octets).map_err(|_| Malformed::Address)?;
            IpAddr::from(std::array::from_fn::<u8, 16, _>(|place| clear(octets[place], place)))
        }
        _ => return Err(Malformed::Address),
    };
    Ok(SocketAddr::new(ip, port))
}

/// §14.8: the hundreds and the rest.
fn error_code(value: &[u8]) -> Result<u16, Malformed> {
    match *value {
        [_, _, class, number, ..] if (3..=6).contains(&(class & 7)) && number < 100 => {
            Ok(u16::from(class & 7) * 100 + u16::from(number))
        }
        _ => Err(Malformed::ErrorCode),
    }
}

/// §14.7: CRC-32 of what stands before, exclusive-or "STUN". The header's length counts the fingerprint already.
fn fingerprint(before: &[u8]) -> u32 {
    let crc = before.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    !crc ^ 0x5354_554E
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len() / 2).map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()).collect()
    }

    const TRANSACTION: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    /// RFC 5769 §2.1.
    const REQUEST: &str = "00010058 2112a442 b7e7a701bc34d686fa87dfae
        80220010 5354554e207465737420636c69656e74 00240004 6e0001ff 80290008 932ff9b151263b36
        00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf";
    /// RFC 5769 §2.2.
    const SUCCESS_V4: &str = "0101003c 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f7220 00200008 0001a147e112a643
        00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96";
    /// RFC 5769 §2.3.
    const SUCCESS_V6: &str = "01010048 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f7220 00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c";

    #[test]
    fn the_vectors_of_rfc_5769_are_understood() {
        let request = parse(&hex(REQUEST)).unwrap();
        assert_eq!((request.class, request.transaction), (Class::Request, TRANSACTION));
        assert_eq!(request.unknown, Vec::<u16>::new());
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

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
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
        }

        #[test]
        fn what_is_answered_is_understood(ip: IpAddr, port: u16, transaction: Transaction) {
            let answer = parse(&success(transaction, SocketAddr::new(ip, port))).unwrap();
            prop_assert_eq!(answer.class, Class::Success);
            prop_assert_eq!(answer.transaction, transaction);
            prop_assert_eq!(answer.mapped, Some(SocketAddr::new(ip, port)));
        }
    }
}
