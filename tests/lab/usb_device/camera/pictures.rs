//! What the camera sees, and what becomes of it on the way.

use std::str::FromStr;

use super::descriptors::Format;

/// Three pictures of Debian's `ffmpeg` (its test source, 160 by 120 points, standard Huffman tables), and a black one.
const PICTURES: [&[u8]; 3] =
    [include_bytes!("pictures/0.jpg"), include_bytes!("pictures/1.jpg"), include_bytes!("pictures/2.jpg")];
const BLACK: &[u8] = include_bytes!("pictures/black.jpg");

/// What it is with the pictures; a word in the camera's file says so. The raw format knows no more than the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Picture {
    /// They move. As cameras send them: without the tables that the standard has (ITU-T T.81, annex K.3), which whoever reads
    /// MJPG knows.
    #[default]
    Good,
    /// With those tables.
    Tables,
    /// Their heads are lost.
    Broken,
    /// Their ends are lost.
    Cut,
    /// A piece in the middle is lost.
    Torn,
    /// The end of one in three is lost.
    Flaky,
    Black,
    /// Always the same.
    Frozen,
    /// One every 0.7 s, whatever was agreed on.
    Slow,
}

impl Picture {
    /// Its word.
    pub(crate) fn word(self) -> String {
        format!("{self:?}")
    }
}

impl FromStr for Picture {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        use Picture::{Black, Broken, Cut, Flaky, Frozen, Good, Slow, Tables, Torn};
        let all = [Good, Tables, Broken, Cut, Torn, Flaky, Black, Frozen, Slow];
        all.into_iter().find(|picture| picture.word() == word).ok_or(())
    }
}

/// The bytes of one.
pub(super) fn bytes(format: Format, picture: Picture, number: u32) -> Vec<u8> {
    match format {
        Format::Yuyv => slope(number),
        Format::Mjpg => jpeg(picture, number),
    }
}

/// A slope of grey that moves.
fn slope(number: u32) -> Vec<u8> {
    let (width, height) = Format::Yuyv.size();
    let line = (0..u32::from(width)).flat_map(|column| [((column + number * 8) & 0xff) as u8, 128]);
    line.collect::<Vec<_>>().repeat(height.into())
}

fn jpeg(picture: Picture, number: u32) -> Vec<u8> {
    let number = if picture == Picture::Frozen { 0 } else { number as usize % PICTURES.len() };
    let bytes = if picture == Picture::Black { BLACK } else { PICTURES[number] };
    let mut bytes = if picture == Picture::Tables { bytes.to_vec() } else { bare(bytes) };
    let half = bytes.len() / 2;
    match picture {
        Picture::Broken => bytes[2..half].fill(0),
        Picture::Cut => bytes.truncate(half),
        Picture::Flaky if number == 0 => bytes.truncate(half),
        Picture::Torn => _ = bytes.drain(half..half + 512),
        _ => {}
    }
    // The number of a black one changes, as a sensor's noise would.
    if picture == Picture::Black {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// The picture without its Huffman tables. Until its scan, a picture is segments of a marker, a length and so many bytes
/// (ITU-T T.81, §B.1.1.4).
fn bare(bytes: &[u8]) -> Vec<u8> {
    const TABLES: u8 = 0xc4;
    const SCAN: u8 = 0xda;
    let (mut kept, mut at) = (bytes[..2].to_vec(), 2);
    while bytes[at + 1] != SCAN {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] != TABLES {
            kept.extend(&bytes[at..end]);
        }
        at = end;
    }
    kept.extend(&bytes[at..]);
    kept
}
