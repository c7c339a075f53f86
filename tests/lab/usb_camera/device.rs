//! The camera's behaviour: control requests, and pictures at the pace that was agreed on.
//! (USB 2.0, §9.3 and §9.4; USB Video Class 1.1, chapter 4.)

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::descriptors::{self, BRIGHTNESS_UNIT, CLOCK, INTERVALS, PICTURE};

/// A picture goes in one payload: a head of twelve bytes before it.
const PAYLOAD_HEAD: u32 = 12;
pub(super) const PAYLOAD: usize = (PICTURE + PAYLOAD_HEAD) as usize;

/// The eight bytes of a control request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    kind: u8,
    asked: u8,
    value: u16,
    index: u16,
    length: usize,
}

impl Request {
    pub(super) fn parse(setup: &[u8]) -> Self {
        let word = |at: usize| u16::from_le_bytes([setup[at], setup[at + 1]]);
        Self { kind: setup[0], asked: setup[1], value: word(2), index: word(4), length: word(6).into() }
    }
}

/// What the device says.
pub(super) enum Answer {
    /// This, or that it has taken what was sent.
    Data(Vec<u8>),
    /// That it cannot.
    Stall,
}

/// A camera.
pub(super) struct Device {
    serial: String,
    brightness: [u8; 2],
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
}

impl Device {
    pub(super) fn new(serial: &str) -> Self {
        Self {
            serial: serial.to_owned(),
            brightness: 128_u16.to_le_bytes(),
            interval: INTERVALS[0],
            picture: 0,
            payload: Vec::new(),
            sent: 0,
            due: None,
            fault: PathBuf::from(format!("/run/{serial}.fault")),
        }
    }

    /// Answers a control request.
    pub(super) fn control(&mut self, request: Request, sent: &[u8]) -> Answer {
        let [number, selector] = request.value.to_le_bytes();
        let unit = request.index.to_le_bytes()[1];
        let told = match (request.kind, request.asked) {
            // GET_DESCRIPTOR
            (0x80, 6) => match selector {
                1 => Some(descriptors::device()),
                2 => Some(descriptors::configuration()),
                3 => descriptors::text(number, &self.serial),
                _ => None,
            },
            // GET_STATUS
            (0x80..=0x82, 0) => Some(vec![0, 0]),
            // SET_ADDRESS, SET_CONFIGURATION, SET_INTERFACE, SET_FEATURE, CLEAR_FEATURE
            (0..=2, _) => Some(Vec::new()),
            // SET_CUR
            (0x21, 1) => self.set(unit, selector, sent).then(Vec::new),
            (0xa1, asked) => self.get(unit, selector, asked),
            _ => None,
        };
        match told {
            Some(mut told) => {
                told.truncate(request.length);
                Answer::Data(told)
            }
            None => Answer::Stall,
        }
    }

    fn set(&mut self, unit: u8, selector: u8, sent: &[u8]) -> bool {
        match (unit, selector) {
            (BRIGHTNESS_UNIT, 2) if sent.len() == 2 => self.brightness.copy_from_slice(sent),
            // Probe and commit: of what is negotiated, the interval is all that there is a choice of (bytes 4 to 7).
            (0, 1 | 2) if sent.len() >= 8 => {
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
        let [picture, payload, clock] = [PICTURE, PICTURE + PAYLOAD_HEAD, CLOCK].map(u32::to_le_bytes);
        let interval = self.interval.to_le_bytes();
        // Hint, format 1, size 1; interval; ten bytes of no compression; sizes; clock; framing and versions.
        [&[1, 0, 1, 1][..], &interval, &[0; 10], &picture, &payload, &clock, &[0; 4]].concat()
    }

    /// The next piece of the stream, of at most that length. The pace is the camera's own.
    #[allow(clippy::disallowed_methods, reason = "a camera has a clock of its own")]
    pub(super) fn payload(&mut self, length: usize) -> Answer {
        if self.fault.exists() {
            return Answer::Stall;
        }
        if self.sent == self.payload.len() {
            let interval = Duration::from_nanos(u64::from(self.interval) * 100);
            let now = Instant::now();
            // A picture that nobody fetched in time is late, and is not made up for by a burst.
            let due = self.due.map_or(now, |due| due + interval).max(now);
            std::thread::sleep(due.saturating_duration_since(now));
            self.due = Some(due);
            self.payload = picture(self.picture);
            (self.sent, self.picture) = (0, self.picture + 1);
        }
        let rest = &self.payload[self.sent..];
        let piece = rest[..rest.len().min(length)].to_vec();
        self.sent += piece.len();
        Answer::Data(piece)
    }
}

/// One picture: its payload's head (end of head, end of picture, and a bit that changes with each; UVC 1.1, §2.4.3.3), then a
/// slope of grey that moves.
fn picture(number: u32) -> Vec<u8> {
    let bit = u8::try_from(number & 1).unwrap();
    let mut bytes = vec![12, 0x82 | bit];
    bytes.resize(PAYLOAD_HEAD as usize, 0);
    for _ in 0..descriptors::HEIGHT {
        for column in 0..u32::from(descriptors::WIDTH) {
            bytes.extend([((column + number * 8) & 0xff) as u8, 128]);
        }
    }
    bytes
}
