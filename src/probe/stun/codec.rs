//! The little of STUN (RFC 8489) that a binding needs, both ways, and of TURN (RFC 8656) what a client does. Pure; whatever
//! bytes come, nothing panics.

use std::net::{IpAddr, SocketAddr};

/// §5: tells STUN from other protocols on the same port.
const COOKIE: u32 = 0x2112_A442;

/// §5: the header's length, bytes.
const HEADER: usize = 20;

/// §14.5: a message's signature, bytes.
pub(super) const SIGNATURE: usize = 20;

pub(crate) mod attribute {
    //! §18.3, those of RFC 8656 §18, and those of RFC 8445 §16 that may stand in a request.
    pub(super) const MAPPED_ADDRESS: u16 = 0x0001;
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(in crate::probe::stun) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
    pub(crate) const LIFETIME: u16 = 0x000D;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const REALM: u16 = 0x0014;
    pub(crate) const NONCE: u16 = 0x0015;
    pub(super) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const FINGERPRINT: u16 = 0x8028;

    /// Those that must be understood (below 0x8000) and whose meaning is no hindrance here: addresses of older servers
    /// (RFC 3489), credentials (§9), and a client's words for ICE.
    pub(super) const HARMLESS: [u16; 13] =
        [0x0002, 0x0004, 0x0005, 0x0006, 0x0008, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E, 0x0024, 0x0025, 0x000B];
}

/// §5: 96 random bits that an answer repeats.
pub(crate) type Transaction = [u8; 12];

/// §3, and RFC 8656 §17: what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Binding = 0x001,
    Allocate = 0x003,
    Refresh = 0x004,
    ChannelBind = 0x009,
}

/// §5: what a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A message, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: Method,
    pub(crate) class: Class,
    pub(crate) transaction: Transaction,
    /// Where the server saw the request come from.
    pub(crate) mapped: Option<SocketAddr>,
    /// The code of an error, 300 to 699.
    pub(crate) error: Option<u16>,
    /// Attributes that must be understood and are not.
    pub(crate) unknown: Vec<u16>,
    /// RFC 8656 §18.5: where a TURN server hears for us.
    pub(crate) relayed: Option<SocketAddr>,
    /// §14.9 and §14.10: what a request with credentials must repeat.
    pub(crate) realm: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
    /// §14.5: where its signature stands.
    pub(super) signature: Option<usize>,
}

/// Why bytes are no STUN message that is expected.
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
    #[error("another method than is spoken here")]
    Method,
    #[error("a signature of another length")]
    Signature,
}

/// A binding request, without attributes: what every server understands.
pub(crate) fn request(transaction: Transaction) -> Vec<u8> {
    message(Method::Binding, Class::Request, transaction)
}

/// The answer to a request that came from `from`, with a fingerprint (§14.7).
pub(crate) fn success(transaction: Transaction, from: SocketAddr) -> Vec<u8> {
    let mut bytes = message(Method::Binding, Class::Success, transaction);
    append(&mut bytes, attribute::XOR_MAPPED_ADDRESS, &hidden(from, transaction));
    seal(bytes)
}

/// The answer to a request with attributes that must be understood and are not (§6.3.1, error 420).
pub(crate) fn not_understood(transaction: Transaction, unknown: &[u16]) -> Vec<u8> {
    let mut bytes = message(Method::Binding, Class::Error, transaction);
    let mut code = vec![0, 0, 4, 20];
    code.extend(b"Unknown Attribute");
    append(&mut bytes, attribute::ERROR_CODE, &code);
    let list: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
    append(&mut bytes, attribute::UNKNOWN_ATTRIBUTES, &list);
    seal(bytes)
}

/// Reads a datagram of the binding method.
pub(crate) fn parse(bytes: &[u8]) -> Result<Message, Malformed> {
    read(bytes, &[Method::Binding])
}

/// Reads a message of any method that is spoken here.
pub(crate) fn parse_any(bytes: &[u8]) -> Result<Message, Malformed> {
    read(bytes, &[Method::Binding, Method::Allocate, Method::Refresh, Method::ChannelBind])
}

fn read(bytes: &[u8], spoken: &[Method]) -> Result<Message, Malformed> {
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
    let (method, class) = kind_of(u16::from_be_bytes([t0, t1]), spoken)?;
    let mut message = Message {
        method,
        class,
        transaction,
        mapped: None,
        error: None,
        unknown: Vec::new(),
        relayed: None,
        realm: None,
        nonce: None,
        signature: None,
    };
    let mut plain = None;
    while let Some((&[k0, k1, l0, l1], after)) = rest.split_first_chunk::<4>() {
        let kind = u16::from_be_bytes([k0, k1]);
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        // §14: padded to a multiple of four with bytes of any value.
        let value = after.get(..length).ok_or(Malformed::Attribute)?;
        let next = after.get(length.next_multiple_of(4)..).ok_or(Malformed::Attribute)?;
        match kind {
            // §14.5: what follows the signature is not signed, and counts for nothing.
            kind if message.signature.is_some() && kind != attribute::FINGERPRINT => {}
            attribute::MESSAGE_INTEGRITY if length != SIGNATURE => return Err(Malformed::Signature),
            attribute::MESSAGE_INTEGRITY => message.signature = Some(bytes.len() - rest.len()),
            attribute::REALM => message.realm = Some(value.to_vec()),
            attribute::NONCE => message.nonce = Some(value.to_vec()),
            attribute::XOR_RELAYED_ADDRESS if method != Method::Binding => {
                message.relayed = Some(address(value, mask(transaction))?);
            }
            attribute::LIFETIME if method != Method::Binding => {}
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
fn kind_of(kind: u16, spoken: &[Method]) -> Result<(Method, Class), Malformed> {
    let method = spoken.iter().copied().find(|method| kind & !0x0110 == *method as u16).ok_or(Malformed::Method)?;
    let class = match kind & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::Success,
        _ => Class::Error,
    };
    Ok((method, class))
}

/// A message without attributes yet.
pub(crate) fn message(method: Method, class: Class, transaction: Transaction) -> Vec<u8> {
    let bits: u16 = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    let mut bytes = Vec::with_capacity(HEADER + 40);
    bytes.extend((method as u16 | bits).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend(transaction);
    bytes
}

/// Adds an attribute (§14).
pub(crate) fn append(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend(short(value.len()).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    set_length(bytes);
}

/// Adds the fingerprint (§14.7), the last attribute.
pub(crate) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    append(&mut bytes, attribute::FINGERPRINT, &[0; 4]);
    let end = bytes.len() - 8;
    let sum = fingerprint(&bytes[..end]).to_be_bytes();
    bytes[end + 4..].copy_from_slice(&sum);
    bytes
}

fn set_length(bytes: &mut [u8]) {
    claim(bytes, bytes.len());
}

/// Has the header speak of a message of so many bytes.
pub(super) fn claim(bytes: &mut [u8], whole: usize) {
    bytes[2..4].copy_from_slice(&short(whole - HEADER).to_be_bytes());
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

/// §14.2: an address as an attribute's value.
pub(crate) fn hidden(address: SocketAddr, transaction: Transaction) -> Vec<u8> {
    let mask = mask(transaction);
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut value = vec![0, if octets.len() == 4 { 1 } else { 2 }];
    value.extend((address.port() ^ u16::from_be_bytes([mask[0], mask[1]])).to_be_bytes());
    value.extend(octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask));
    value
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
pub(super) mod tests;
