//! What a display says of itself over its cable (VESA E-EDID 1.4).

/// Why bytes are no EDID: each is a sign that the cable or what sits in it (an extender, a splitter) garbles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The display said nothing.
    #[error("empty")]
    Empty,
    /// Less than one block of 128 bytes.
    #[error("cut short")]
    Short,
    /// It does not begin as one must (§3.3).
    #[error("bad header")]
    Header,
    /// Its bytes do not add up (§3.11).
    #[error("bad checksum")]
    Checksum,
}

/// The part of it that people know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edid {
    /// Three letters that stand for the maker: `SAM`.
    pub(super) maker: String,
    /// The name on the box, if it tells one.
    pub(super) name: Option<String>,
}

const BLOCK: usize = 128;
const HEADER: [u8; 8] = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
/// Where the four descriptors of 18 bytes begin (§3.10).
const DESCRIPTORS: [usize; 4] = [54, 72, 90, 108];
/// The descriptor that holds the name (§3.10.3.4): it begins with three zeros and this tag.
const NAME: [u8; 4] = [0, 0, 0, 0xfc];

/// Reads the base block; extensions only tell of modes.
///
/// # Errors
/// Why it is none.
pub(super) fn parse(bytes: &[u8]) -> Result<Edid, Fault> {
    if bytes.is_empty() {
        return Err(Fault::Empty);
    }
    let base: &[u8; BLOCK] = bytes.first_chunk().ok_or(Fault::Short)?;
    if !base.starts_with(&HEADER) {
        return Err(Fault::Header);
    }
    if base.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
        return Err(Fault::Checksum);
    }
    let packed = u16::from_be_bytes([base[8], base[9]]);
    let letter = |shift: u32| char::from(b'@' + u8::try_from(packed >> shift & 0x1f).unwrap_or_default());
    let name = DESCRIPTORS.iter().map(|at| &base[*at..*at + 18]).find(|text| text.starts_with(&NAME));
    Ok(Edid { maker: [10, 5, 0].map(letter).iter().collect(), name: name.map(|text| line(&text[5..])) })
}

/// Thirteen bytes of text, ended by a line feed and filled with spaces.
fn line(text: &[u8]) -> String {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    text[..end]
        .iter()
        .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { ' ' })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A whole base block with a maker (`SAM`) and a name, for tests.
#[cfg(test)]
pub(super) fn block(name: &str) -> Vec<u8> {
    let mut base = vec![0; BLOCK];
    base[..8].copy_from_slice(&HEADER);
    base[8..10].copy_from_slice(&[0x4c, 0x2d]);
    base[72..76].copy_from_slice(&NAME);
    let mut text = [b' '; 13];
    text[..name.len()].copy_from_slice(name.as_bytes());
    if let Some(after) = text.get_mut(name.len()) {
        *after = b'\n';
    }
    base[77..90].copy_from_slice(&text);
    let sum = base.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    base[127] = sum.wrapping_neg();
    base
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn maker_and_name_are_read() {
        let edid = parse(&block("Room TV")).unwrap();
        assert_eq!(edid, Edid { maker: "SAM".into(), name: Some("Room TV".into()) });
        assert_eq!(parse(&block("Thirteen long")).unwrap().name.unwrap(), "Thirteen long");
        let extended = [block("Room TV"), vec![2; BLOCK]].concat();
        assert!(parse(&extended).is_ok());
    }

    #[test]
    fn a_display_need_not_tell_a_name() {
        let mut bytes = block("");
        bytes[75] = 0;
        bytes[127] = bytes[127].wrapping_add(0xfc);
        assert_eq!(parse(&bytes).unwrap().name, None);
    }

    #[test]
    fn what_a_bad_cable_gives_is_told_apart() {
        assert_eq!(parse(&[]), Err(Fault::Empty));
        assert_eq!(parse(&block("TV")[..100]), Err(Fault::Short));
        assert_eq!(parse(&[0; BLOCK]), Err(Fault::Header));
        let mut flipped = block("TV");
        flipped[20] ^= 4;
        assert_eq!(parse(&flipped), Err(Fault::Checksum));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn nor_do_bytes_that_add_up(mut bytes in proptest::collection::vec(any::<u8>(), BLOCK)) {
            bytes[..8].copy_from_slice(&HEADER);
            bytes[127] = 0;
            bytes[127] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
            let edid = parse(&bytes).unwrap();
            prop_assert_eq!(edid.maker.chars().count(), 3);
        }

        #[test]
        fn one_flipped_bit_is_never_taken_for_sound(bit in 0_usize..BLOCK * 8) {
            let mut bytes = block("Room TV");
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(parse(&bytes).is_err());
        }
    }
}
