//! What `make fuzz` holds the reader of a TURN server's stream to. Compiled where assertions are.

use super::wire::{MESSAGE, framed};

/// Any stream, in one piece, and in pieces of as many bytes as its first says: the same messages come of both, up to the same end.
///
/// # Panics
/// Where the reader does, where it keeps more than the longest message, or where pieces make a difference.
pub fn stream(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else { return };
    let whole = read([bytes]);
    assert_eq!(read(bytes.chunks(usize::from(*piece).max(1))), whole);
}

/// The messages, and whether something stood there that is none.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let (mut heard, mut buffer, mut messages) = (Vec::new(), [0; MESSAGE], Vec::new());
    for piece in pieces {
        heard.extend_from_slice(piece);
        loop {
            match framed(&mut heard, &mut buffer) {
                Ok(Some(length)) => messages.push(buffer[..length].to_vec()),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
        assert!(heard.len() <= MESSAGE, "{} bytes are kept", heard.len());
    }
    (messages, false)
}
