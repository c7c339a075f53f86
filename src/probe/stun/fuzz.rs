//! What `make fuzz` holds the reader of STUN and TURN messages to. Compiled where assertions are.

use super::codec::{Malformed, parse, parse_any};

/// Any datagram, or any that would be one but for its length and its header.
///
/// # Panics
/// Where the reader does, or where it takes something with the narrow eye that it refuses with the wide one.
pub fn datagram(bytes: &[u8]) {
    look(bytes);
    // Behind a good header more is reached.
    let Ok(length) = u16::try_from(bytes.len().next_multiple_of(4)) else { return };
    let mut whole = vec![0x01, 0x01];
    whole.extend(length.to_be_bytes());
    whole.extend([0x21, 0x12, 0xA4, 0x42]);
    whole.extend([7; 12]);
    whole.extend(bytes);
    whole.resize(20 + usize::from(length), 0);
    for head in [[0x01, 0x01], [0x00, 0x01], [0x01, 0x03], [0x01, 0x13], [0x00, 0x16]] {
        whole[..2].copy_from_slice(&head);
        look(&whole);
    }
}

fn look(bytes: &[u8]) {
    let (narrow, wide) = (parse(bytes), parse_any(bytes));
    match (&narrow, &wide) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Ok(_), Err(why)) => panic!("only the narrow eye takes it: {why}"),
        (Err(why), Ok(_)) => assert_eq!(*why, Malformed::Method),
        (Err(_), Err(_)) => {}
    }
}
