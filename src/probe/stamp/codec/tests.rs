//! The packets, against vectors written by hand from the figures of RFC 8762 and RFC 8972.

use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len() / 2).map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()).collect()
}

const REQUEST: Request =
    Request { sequence: 0x0102_0304, sent: Stamp(0xE8A1_B2C3_4000_0000), estimate: Estimate(0x2001), session: 0x0A0B };

const REPLY: Reply = Reply {
    sequence: 0x0506_0708,
    sent: Stamp(0xE8A1_B2C3_9000_0001),
    estimate: Estimate(0xA014),
    received: Stamp(0xE8A1_B2C3_8000_0002),
    request: REQUEST,
    ttl: 57,
};

/// RFC 8762 figure 3 with RFC 8972 figure 1.
const PLAIN_REQUEST: &str = "01020304 e8a1b2c340000000 2001 0a0b
    00000000 00000000 00000000 00000000 00000000 00000000 00000000";
/// RFC 8762 figure 5 with RFC 8972 figure 2.
const PLAIN_REPLY: &str = "05060708 e8a1b2c390000001 a014 0a0b e8a1b2c380000002
    01020304 e8a1b2c340000000 2001 0000 39 000000";
/// RFC 8762 figure 4 with RFC 8972 figure 3. The signature by `openssl dgst -sha256 -mac hmac -macopt key:siaga-stamp-vector`.
const SIGNED_REQUEST: &str = "01020304 000000000000000000000000 e8a1b2c340000000 2001 0a0b
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    94bc5fba7a8a532c392490fe00151537";
/// RFC 8762 figure 6 with RFC 8972 figure 4.
const SIGNED_REPLY: &str = "05060708 000000000000000000000000 e8a1b2c390000001 a014 0a0b 00000000 e8a1b2c380000002
    0000000000000000 01020304 000000000000000000000000 e8a1b2c340000000 2001 000000000000
    39 000000000000000000000000000000
    4feb22a96a11cf7e2880ada0ea331656";

fn key() -> Key {
    Key::new(b"siaga-stamp-vector")
}

#[test]
fn packets_are_those_of_the_figures() {
    for (key, request, reply) in [(None, PLAIN_REQUEST, PLAIN_REPLY), (Some(&key()), SIGNED_REQUEST, SIGNED_REPLY)] {
        let mut packet = vec![0xEE; least(key)];
        write_request(&mut packet, &REQUEST, key).unwrap();
        assert_eq!(packet, hex(request));
        assert_eq!(read_request(&packet, key), Ok(REQUEST));
        write_reply(&mut packet, &REPLY, key).unwrap();
        assert_eq!(packet, hex(reply));
        assert_eq!(read_reply(&packet, key), Ok(REPLY));
    }
}

#[test]
fn what_is_longer_is_padding_and_comes_back_as_long() {
    // RFC 8972 figure 6: U, type 1, length 5.
    let mut packet = hex(PLAIN_REQUEST);
    packet.extend([0xEE; 9]);
    write_request(&mut packet, &REQUEST, None).unwrap();
    assert_eq!(packet[PLAIN..], hex("80 01 0005 eeeeeeeeee"));
    write_reply(&mut packet, &REPLY, None).unwrap();
    assert_eq!(packet[PLAIN..], hex("00 01 0005 eeeeeeeeee"), "understood");
    // No room for an extension.
    packet.truncate(PLAIN + 3);
    write_request(&mut packet, &REQUEST, None).unwrap();
    assert_eq!(packet[PLAIN..], [0; 3]);
}

#[test]
fn extensions_come_back_marked() {
    let answered = |extensions: &str| {
        let mut packet = hex(PLAIN_REQUEST);
        packet.extend(hex(extensions));
        write_reply(&mut packet, &REPLY, None).unwrap();
        packet.split_off(PLAIN)
    };
    // A location (2) is not understood, the padding behind it is.
    assert_eq!(answered("80 02 0004 00000000 80 01 0001 ff"), hex("80 02 0004 00000000 00 01 0001 ff"));
    // It would end beyond the packet.
    assert_eq!(answered("80 01 0001 ff 80 03 0005 01020304"), hex("00 01 0001 ff 40 03 0005 01020304"));
    // Padding of a sender that knows no extensions, and remains that are none.
    for plain in ["00000000 00000000", "deadbeef 00", "80 01 00"] {
        assert_eq!(answered(plain), hex(plain));
    }
}

#[test]
fn each_way_of_being_wrong_has_its_name() {
    let key = &key();
    for (key, request) in [(None, hex(PLAIN_REQUEST)), (Some(key), hex(SIGNED_REQUEST))] {
        assert_eq!(read_request(&request[..request.len() - 1], key), Err(Malformed::Short));
        assert_eq!(read_request(&[], key), Err(Malformed::Short));
        assert_eq!(write_request(&mut [0; 43], &REQUEST, key), Err(Malformed::Short));
        let wrong = |place: usize, byte: u8| {
            let mut packet = request.clone();
            packet[place] = byte;
            read_request(&packet, key)
        };
        assert_eq!(wrong(40, 1), Err(Malformed::NotZero));
        let place = layout(key).estimate + 1;
        assert_eq!(wrong(place, 0), Err(Malformed::Estimate));
    }
    // Of another key; without one; and with a bit turned anywhere.
    assert_eq!(read_request(&hex(SIGNED_REQUEST), Some(&Key::new(b"another"))), Err(Malformed::Signature));
    assert_eq!(read_reply(&hex(SIGNED_REPLY), Some(&Key::new(b"another"))), Err(Malformed::Signature));
    assert_eq!(read_request(&hex(SIGNED_REQUEST), None), Err(Malformed::NotZero));
    for place in 0..SIGNED {
        let (mut request, mut reply) = (hex(SIGNED_REQUEST), hex(SIGNED_REPLY));
        request[place] ^= 0x10;
        reply[place] ^= 0x10;
        assert!(read_request(&request, Some(key)).is_err(), "byte {place}");
        assert!(read_reply(&reply, Some(key)).is_err(), "byte {place}");
    }
    // The same bit in two bytes of the signature: what differs does not cancel out.
    let mut request = hex(SIGNED_REQUEST);
    request[SIGNED - 1] ^= 0x10;
    request[SIGNED - 2] ^= 0x10;
    assert_eq!(read_request(&request, Some(key)), Err(Malformed::Signature));
    assert_eq!(format!("{key:?}"), "Key", "what is debugged ends in a log");
}

#[test]
fn a_reply_is_no_request() {
    for (key, reply) in [(None, PLAIN_REPLY), (Some(&key()), SIGNED_REPLY)] {
        assert_eq!(read_request(&hex(reply), key), Err(Malformed::NotZero));
    }
}

fn any_request() -> impl Strategy<Value = Request> {
    (any::<u32>(), any::<u64>(), any::<u16>(), any::<u16>()).prop_map(|(sequence, sent, estimate, session)| Request {
        sequence,
        sent: Stamp(sent),
        estimate: Estimate(estimate | 1),
        session,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        request in any_request(), sequence: u32, sent: u64, received in 1_u64.., estimate: u16, ttl: u8,
        signed: bool, padding in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let key = signed.then(key);
        let key = key.as_ref();
        let mut packet = vec![0xEE; least(key)];
        packet.extend(&padding);
        write_request(&mut packet, &request, key).unwrap();
        prop_assert_eq!(read_request(&packet, key), Ok(request));
        let reply = Reply {
            sequence, sent: Stamp(sent), estimate: Estimate(estimate | 1), received: Stamp(received), request, ttl,
        };
        write_reply(&mut packet, &reply, key).unwrap();
        prop_assert_eq!(packet.len(), least(key) + padding.len());
        prop_assert_eq!(read_reply(&packet, key), Ok(reply));
        prop_assert_eq!(read_request(&packet, key), Err(Malformed::NotZero), "no reflector answers a reflector");
    }

    #[test]
    fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..300), signed: bool) {
        let key = signed.then(key);
        let _ = (read_request(&bytes, key.as_ref()), read_reply(&bytes, key.as_ref()));
        let length = bytes.len();
        let _ = write_reply(&mut bytes, &REPLY, key.as_ref());
        prop_assert_eq!(bytes.len(), length);
    }
}
