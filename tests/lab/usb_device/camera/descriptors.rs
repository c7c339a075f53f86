//! What the camera says of itself. (USB Video Class 1.1, chapter 3.)

use super::super::descriptors::{self, ASSOCIATION, CLASS, ENDPOINT, INTERFACE, TESTS, one};

const PRODUCT: u16 = 0x0001;

/// What it can send: format 1 is YUYV, two bytes a pixel; format 2 is MJPG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yuyv = 1,
    Mjpg = 2,
}

impl Format {
    pub(super) const ALL: [Self; 2] = [Self::Yuyv, Self::Mjpg];

    pub(super) const fn size(self) -> (u16, u16) {
        match self {
            Self::Yuyv => (320, 240),
            Self::Mjpg => (160, 120),
        }
    }

    /// Bytes of a picture at most.
    pub(super) const fn most(self) -> u32 {
        match self {
            Self::Yuyv => 2 * 320 * 240,
            Self::Mjpg => 8 * 1024,
        }
    }
}

/// Time between two pictures, in units of 100 ns: ten, five or two a second.
pub(super) const INTERVALS: [u32; 3] = [1_000_000, 2_000_000, 5_000_000];

/// The device's clock, which nothing here ticks by.
pub(super) const CLOCK: u32 = 48_000_000;

// Units of the video function.
const LENS: u8 = 1;
const OUT: u8 = 2;
pub(super) const BRIGHTNESS_UNIT: u8 = 3;

pub(super) fn device() -> Vec<u8> {
    // Class "see the interfaces, which are associated".
    descriptors::device([0xef, 2, 1], TESTS, PRODUCT)
}

pub(super) fn configuration() -> Vec<u8> {
    let association = one(ASSOCIATION, &[&[0, 2, 14, 3, 0, 0]]);
    descriptors::configuration(2, &[association, control_interface(), streaming_interface()].concat())
}

/// The lens, a unit with a brightness control, and the way out (§3.7).
fn control_interface() -> Vec<u8> {
    let units = [
        // An input terminal of the kind "camera", without a control of its own.
        one(CLASS, &[&[2, LENS], &0x0201_u16.to_le_bytes(), &[0, 0], &[0; 6], &[2, 0, 0]]),
        // A processing unit behind it; the first bit of its controls is brightness.
        one(CLASS, &[&[5, BRIGHTNESS_UNIT, LENS], &[0, 0], &[2, 1, 0], &[0, 0]]),
        // An output terminal to USB.
        one(CLASS, &[&[3, OUT], &0x0101_u16.to_le_bytes(), &[0, BRIGHTNESS_UNIT, 0]]),
    ]
    .concat();
    let length = u16::try_from(13 + units.len()).unwrap().to_le_bytes();
    let head = one(CLASS, &[&[1, 0x10, 0x01], &length, &CLOCK.to_le_bytes(), &[1, 1]]);
    [one(INTERFACE, &[&[0, 0, 0, 14, 1, 0, 0]]), head, units].concat()
}

/// Two formats of one size each, by a bulk endpoint: no bandwidth to reserve, and so no other setting (§3.9).
fn streaming_interface() -> Vec<u8> {
    let yuyv = [b"YUY2".as_slice(), &[0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]].concat();
    let formats = [
        // One size, 16 bits a pixel, size 1 unless asked.
        one(CLASS, &[&[4, Format::Yuyv as u8, 1], &yuyv, &[16, 1, 0, 0, 0, 0]]),
        size(5, Format::Yuyv),
        // One size, pictures of any length, size 1 unless asked. (USB Video Class 1.1, "MJPEG payload", table 3-1.)
        one(CLASS, &[&[6, Format::Mjpg as u8, 1, 0, 1, 0, 0, 0, 0]]),
        size(7, Format::Mjpg),
    ]
    .concat();
    let length = u16::try_from(15 + formats.len()).unwrap().to_le_bytes();
    let head = one(CLASS, &[&[1, 2], &length, &[0x81, 0, OUT, 0, 0, 0, 1, 0, 0]]);
    let endpoint = one(ENDPOINT, &[&[0x81, 2], &512_u16.to_le_bytes(), &[0]]);
    [one(INTERFACE, &[&[1, 0, 1, 14, 2, 0, 0]]), head, formats, endpoint].concat()
}

/// The only size of a format, at each of the intervals.
fn size(kind: u8, format: Format) -> Vec<u8> {
    let intervals = INTERVALS.map(u32::to_le_bytes).concat();
    let rate = |interval: u32| (format.most() * 8 * (10_000_000 / interval)).to_le_bytes();
    let (width, height) = format.size();
    one(
        CLASS,
        &[
            &[kind, 1, 0],
            &width.to_le_bytes(),
            &height.to_le_bytes(),
            &rate(INTERVALS[2]),
            &rate(INTERVALS[0]),
            &format.most().to_le_bytes(),
            &INTERVALS[0].to_le_bytes(),
            &[3],
            &intervals,
        ],
    )
}
