//! An adapter for a display at a USB port (`DisplayLink`), behind the kernel's driver for them (udl): its connector tells what the
//! screen's EDID says, and that there is no screen when nobody says anything. Its protocol stands in the driver alone
//! (`drivers/gpu/drm/udl`).

use std::path::PathBuf;

use super::descriptors::{self, CONFIGURATION, DEVICE, ENDPOINT, INTERFACE, TEXT, one, text};
use super::{Answer, Device, Request};

/// The driver goes by the vendor alone.
const DISPLAYLINK: u16 = 0x17e9;
const PRODUCT: u16 = 0x0001;

const NAME: &str = "Siaga Lab Adapter";

/// The vendor's own descriptor, which tells how many points a screen may have.
const VENDOR: u8 = 0x5f;
const POINTS: u32 = 1024 * 768;

/// An adapter, and the screen at its other end.
pub(super) struct Adapter {
    serial: String,
    /// While this file is there, no screen is.
    pulled: PathBuf,
}

impl Adapter {
    pub(super) fn new(serial: &str) -> Self {
        Self { serial: serial.to_owned(), pulled: PathBuf::from(format!("/run/{serial}.pulled")) }
    }
}

impl Device for Adapter {
    fn descriptor(&self, kind: u8, number: u8) -> Option<Vec<u8>> {
        match kind {
            DEVICE => Some(descriptors::device([0, 0, 0], DISPLAYLINK, PRODUCT)),
            CONFIGURATION => {
                // Of the vendor's own class, with one endpoint for pictures.
                let interface = one(INTERFACE, &[&[0, 0, 1, 0xff, 0, 0, 0]]);
                let endpoint = one(ENDPOINT, &[&[0x01, 2], &512_u16.to_le_bytes(), &[0]]);
                Some(descriptors::configuration(1, &[interface, endpoint].concat()))
            }
            // Version 1; then the length of what follows; a key, the length of its value, the value.
            VENDOR => Some(one(VENDOR, &[&[1, 0, 10], &0x0200_u16.to_le_bytes(), &[4], &POINTS.to_le_bytes()])),
            TEXT => text(number, NAME, &self.serial),
            _ => None,
        }
    }

    fn control(&mut self, request: Request, _: &[u8]) -> Option<Vec<u8>> {
        match (request.kind, request.asked) {
            // Choosing a channel.
            (0x40, 0x12) => Some(Vec::new()),
            // One byte of the EDID, after a byte that says nothing.
            (0xc0, 2) if !self.pulled.exists() => {
                let byte = edid().get(usize::from(request.value.to_be_bytes()[0])).copied();
                Some(vec![0, byte?])
            }
            _ => None,
        }
    }

    fn stream(&mut self, _: usize) -> Answer {
        Answer::Stall
    }
}

/// What the screen says of itself: a screen for 640 by 480 points called "Lab Screen". (VESA E-EDID, release A.2, §3.)
fn edid() -> Vec<u8> {
    let maker = b"LAB".iter().fold(0_u16, |word, letter| word << 5 | u16::from(letter - b'@'));
    let timing =
        [0xd5, 0x09, 0x80, 0xa0, 0x20, 0xe0, 0x2d, 0x10, 0x10, 0x60, 0xa2, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x18];
    let unused = [&[0, 0, 0, 0x10][..], &[0; 14]].concat();
    let mut bytes = [
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0][..],
        &maker.to_be_bytes(),
        // Product 1, no serial number, week 1 of 2026, version 1.3
        &[1, 0, 0, 0, 0, 0, 1, 36, 1, 3],
        // Digital; 32 by 24 cm; gamma 2.2; the first timing is its own
        &[0x80, 32, 24, 120, 0x0a],
        // The colours of sRGB
        &[0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54],
        // 640 by 480 at 60 Hz, and no other timing that has a name
        &[0x20, 0, 0],
        &[1; 16],
        &timing,
        b"\0\0\0\xfc\0Lab Screen\n  ",
        &unused,
        &unused,
        &[0],
    ]
    .concat();
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.push(sum.wrapping_neg());
    bytes
}

#[test]
fn its_screen_says_what_it_is() {
    let bytes = edid();
    assert_eq!(bytes.len(), 128);
    assert_eq!(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0);
    assert_eq!(&bytes[72 + 5..][..10], b"Lab Screen");
}
