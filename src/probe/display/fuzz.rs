//! What `make fuzz` holds the reader of a display's EDID to. Compiled where assertions are.

use super::edid::parse;

/// What came over the cable; and the same as a block whose header and sum are right, behind which more is reached.
///
/// # Panics
/// Where the reader does, or where it lets through what cannot be shown.
pub fn edid(bytes: &[u8]) {
    look(bytes);
    let mut block = [0; 128];
    block[1..7].fill(0xff);
    for (at, byte) in block[8..127].iter_mut().zip(bytes) {
        *at = *byte;
    }
    block[127] = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    assert!(parse(&block).is_ok());
    look(&block);
}

fn look(bytes: &[u8]) {
    if let Ok(edid) = parse(bytes) {
        let all = [Some(edid.maker), edid.name];
        assert!(
            all.iter().flatten().all(|text| text.len() <= 13 && text.chars().all(|c| c == ' ' || c.is_ascii_graphic()))
        );
    }
}
