//! A sound card with a microphone, and nothing that comes out of it: it is there, or it is not.
//! (USB Device Class Definition for Audio Devices 1.0, chapter 4, and its formats, §2.2.5.)

use super::descriptors::{
    self, CLASS, CLASS_ENDPOINT, CONFIGURATION, DEVICE, ENDPOINT, INTERFACE, TESTS, TEXT, one, text,
};
use super::{Answer, Device, Request};

const PRODUCT: u16 = 0x0002;

const NAME: &str = "Siaga Lab Microphone";

// Its two terminals.
const EAR: u8 = 1;
const OUT: u8 = 2;

/// A sound card.
pub(super) struct Microphone {
    serial: String,
}

impl Microphone {
    pub(super) fn new(serial: &str) -> Self {
        Self { serial: serial.to_owned() }
    }
}

impl Device for Microphone {
    fn descriptor(&self, kind: u8, number: u8) -> Option<Vec<u8>> {
        match kind {
            // Class "see the interfaces".
            DEVICE => Some(descriptors::device([0, 0, 0], TESTS, PRODUCT)),
            CONFIGURATION => {
                Some(descriptors::configuration(2, &[control_interface(), streaming_interface()].concat()))
            }
            TEXT => text(number, NAME, &self.serial),
            _ => None,
        }
    }

    fn control(&mut self, _: Request, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn stream(&mut self, _: usize) -> Answer {
        Answer::Stall
    }
}

/// From the microphone to USB.
fn control_interface() -> Vec<u8> {
    let terminals = [
        // An input terminal of the kind "microphone": one channel.
        one(CLASS, &[&[2, EAR], &0x0201_u16.to_le_bytes(), &[0, 1, 0, 0, 0, 0]]),
        // An output terminal to USB.
        one(CLASS, &[&[3, OUT], &0x0101_u16.to_le_bytes(), &[0, EAR, 0]]),
    ]
    .concat();
    let length = u16::try_from(9 + terminals.len()).unwrap().to_le_bytes();
    let head = one(CLASS, &[&[1, 0x00, 0x01], &length, &[1, 1]]);
    [one(INTERFACE, &[&[0, 0, 0, 1, 1, 0, 0]]), head, terminals].concat()
}

/// Silent until somebody listens (setting 0), then 16 bits at 48 kHz, each millisecond (setting 1).
fn streaming_interface() -> Vec<u8> {
    let rate = &48_000_u32.to_le_bytes()[..3];
    [
        one(INTERFACE, &[&[1, 0, 0, 1, 2, 0, 0]]),
        one(INTERFACE, &[&[1, 1, 1, 1, 2, 0, 0]]),
        one(CLASS, &[&[1, OUT, 1], &0x0001_u16.to_le_bytes()]),
        one(CLASS, &[&[2, 1, 1, 2, 16, 1], rate]),
        // Isochronous, asynchronous; every eighth microframe.
        one(ENDPOINT, &[&[0x81, 5], &96_u16.to_le_bytes(), &[4, 0, 0]]),
        one(CLASS_ENDPOINT, &[&[1, 0, 0, 0, 0]]),
    ]
    .concat()
}
