//! What `make fuzz` holds the reader of a reflector's replies to. Compiled where assertions are.

use super::codec::{Key, Malformed, least, read_reply, write_reply};

/// Any datagram as a reply, without a key, with one, and with one whose signature is right.
///
/// # Panics
/// Where the reader does, where it takes a signature that is none, or where what it has read is not what is written of it.
pub fn reply(bytes: &[u8]) {
    let key = Key::new(b"sixteen letters!");
    look(bytes, None);
    look(bytes, Some(&key));
    let Ok(read) = read_reply(bytes, None) else { return };
    let mut signed = vec![0; least(Some(&key))];
    assert_eq!(write_reply(&mut signed, &read, Some(&key)), Ok(()));
    assert_eq!(read_reply(&signed, Some(&key)), Ok(read));
    // Whatever bit is turned over, the signature is of something else.
    let at = bytes.iter().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let (byte, bit) = (at / 8 % signed.len(), at % 8);
    signed[byte] ^= 1 << bit;
    assert_eq!(read_reply(&signed, Some(&key)), Err(Malformed::Signature), "bit {bit} of byte {byte}");
}

fn look(bytes: &[u8], key: Option<&Key>) {
    let Ok(read) = read_reply(bytes, key) else { return };
    let mut again = vec![0; least(key)];
    assert_eq!(write_reply(&mut again, &read, key), Ok(()));
    assert_eq!(read_reply(&again, key), Ok(read));
}
