//! The camera's behaviour: control requests, and pictures at the pace that was agreed on.
//! (USB 2.0, §9.3 and §9.4; USB Video Class 1.1, chapter 4.)

mod descriptors;
mod pictures;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::descriptors::{CONFIGURATION, DEVICE, TEXT, text};
use super::{Answer, Device, Request};
use descriptors::{BRIGHTNESS_UNIT, CLOCK, Format, INTERVALS};
pub(crate) use pictures::Picture;

/// What the camera is called.
pub(crate) const NAME: &str = "Siaga Lab Camera";

/// A picture goes in one payload: a head of twelve bytes before it.
const PAYLOAD_HEAD: u32 = 12;

/// The length of a payload with a picture as it is when nothing was agreed on.
pub(super) const PAYLOAD: usize = (Format::Yuyv.most() + PAYLOAD_HEAD) as usize;

/// A camera.
pub(super) struct Camera {
    serial: String,
    brightness: [u8; 2],
    /// As agreed on.
    format: Format,
    /// Between two pictures, as agreed on, in units of 100 ns.
    interval: u32,
    /// How many pictures since the stream began.
    picture: u32,
    /// The payload that is being sent, and how much of it was.
    payload: Vec<u8>,
    sent: usize,
    due: Option<Instant>,
    /// While this file is there, the stream stalls.
    fault: PathBuf,
    /// What it is with its pictures stands in this one.
    pictures: PathBuf,
}

impl Camera {
    pub(super) fn new(serial: &str) -> Self {
        Self {
            serial: serial.to_owned(),
            brightness: 128_u16.to_le_bytes(),
            format: Format::Yuyv,
            interval: INTERVALS[0],
            picture: 0,
            payload: Vec::new(),
            sent: 0,
            due: None,
            fault: PathBuf::from(format!("/run/{serial}.fault")),
            pictures: PathBuf::from(format!("/run/{serial}.pictures")),
        }
    }

    fn set(&mut self, unit: u8, selector: u8, sent: &[u8]) -> bool {
        match (unit, selector) {
            (BRIGHTNESS_UNIT, 2) if sent.len() == 2 => self.brightness.copy_from_slice(sent),
            // Probe and commit: of what is negotiated, there is a choice of the format (byte 2) and the interval (4 to 7).
            (0, 1 | 2) if sent.len() >= 8 => {
                let known = Format::ALL.into_iter().find(|format| *format as u8 == sent[2]);
                self.format = known.unwrap_or(Format::Yuyv);
                let wanted = u32::from_le_bytes([sent[4], sent[5], sent[6], sent[7]]);
                self.interval = INTERVALS.into_iter().find(|interval| *interval >= wanted).unwrap_or(INTERVALS[2]);
                if selector == 2 {
                    (self.picture, self.sent, self.due) = (0, 0, None);
                    self.payload.clear();
                }
            }
            _ => return false,
        }
        true
    }

    fn get(&self, unit: u8, selector: u8, asked: u8) -> Option<Vec<u8>> {
        // GET_CUR, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO ("may be read and set"), GET_DEF
        match (unit, selector, asked) {
            (_, _, 0x86) => Some(vec![3]),
            (BRIGHTNESS_UNIT, 2, 0x81) => Some(self.brightness.to_vec()),
            (BRIGHTNESS_UNIT, 2, 0x82) => Some(vec![0, 0]),
            (BRIGHTNESS_UNIT, 2, 0x83) => Some(vec![255, 0]),
            (BRIGHTNESS_UNIT, 2, 0x84) => Some(vec![1, 0]),
            (BRIGHTNESS_UNIT, 2, 0x85) => Some(vec![2, 0]),
            (BRIGHTNESS_UNIT, 2, 0x87) => Some(vec![128, 0]),
            (0, 1 | 2, 0x85) => Some(vec![34, 0]),
            (0, 1 | 2, _) => Some(self.negotiated()),
            _ => None,
        }
    }

    /// The probe and commit controls (UVC 1.1, table 4-75).
    fn negotiated(&self) -> Vec<u8> {
        let most = self.format.most();
        let [picture, payload, clock] = [most, most + PAYLOAD_HEAD, CLOCK].map(u32::to_le_bytes);
        let interval = self.interval.to_le_bytes();
        // Hint, format, size 1; interval; ten bytes of no compression; sizes; clock; framing and versions.
        [&[1, 0, self.format as u8, 1][..], &interval, &[0; 10], &picture, &payload, &clock, &[0; 4]].concat()
    }
}

impl Device for Camera {
    fn descriptor(&self, kind: u8, number: u8) -> Option<Vec<u8>> {
        match kind {
            DEVICE => Some(descriptors::device()),
            CONFIGURATION => Some(descriptors::configuration()),
            TEXT => text(number, NAME, &self.serial),
            _ => None,
        }
    }

    fn control(&mut self, request: Request, sent: &[u8]) -> Option<Vec<u8>> {
        let (unit, selector) = (request.index.to_le_bytes()[1], request.value.to_le_bytes()[1]);
        match (request.kind, request.asked) {
            // SET_CUR
            (0x21, 1) => self.set(unit, selector, sent).then(Vec::new),
            (0xa1, asked) => self.get(unit, selector, asked),
            _ => None,
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a camera has a clock of its own")]
    fn stream(&mut self, length: usize) -> Answer {
        if self.fault.exists() {
            return Answer::Stall;
        }
        if self.sent == self.payload.len() {
            let word = std::fs::read_to_string(&self.pictures).unwrap_or_default();
            let picture = word.trim().parse().unwrap_or_default();
            let interval = if picture == Picture::Slow { 7_000_000 } else { self.interval };
            let interval = Duration::from_nanos(u64::from(interval) * 100);
            let now = Instant::now();
            // A picture that nobody fetched in time is late, and is not made up for by a burst.
            let due = self.due.map_or(now, |due| due + interval).max(now);
            std::thread::sleep(due.saturating_duration_since(now));
            self.due = Some(due);
            // A payload's head: end of head, end of picture, and a bit that changes with each (UVC 1.1, §2.4.3.3).
            let bit = u8::try_from(self.picture & 1).unwrap();
            self.payload = vec![12, 0x82 | bit];
            self.payload.resize(PAYLOAD_HEAD as usize, 0);
            self.payload.extend(pictures::bytes(self.format, picture, self.picture));
            (self.sent, self.picture) = (0, self.picture + 1);
        }
        let rest = &self.payload[self.sent..];
        let piece = rest[..rest.len().min(length)].to_vec();
        self.sent += piece.len();
        Answer::Data(piece)
    }
}
