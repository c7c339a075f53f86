//! A sound chip of the CM108 family, its HID interface alone: made by the kernel's `uhid` for a program in the guest, so that the
//! kernel's own hidraw stands between it and whoever keys. (Kernel: `Documentation/hid/uhid.rst`, `include/uapi/linux/uhid.h`.)

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::Arc;

use siaga::clock::Clock;

use crate::guest::Lab;

/// Set in the guest: this process is to be the chip.
const CHIP: &str = "SIAGA_LAB_RADIO_CHIP";

/// The test that becomes the chip where [`CHIP`] is set.
const TEST: &str = "radio_chip::its_events_are_laid_out_as_the_kernel_has_them";

/// Where it makes what comes at its inputs known, a number a line (`HID_IR0`).
const INPUTS: &str = "/run/radio_chip";

// The kinds of events.
const OUTPUT: u32 = 6;
const GET_REPORT: u32 = 9;
const GET_REPORT_REPLY: u32 = 10;
const CREATE2: u32 = 11;
const INPUT2: u32 = 12;
const SET_REPORT: u32 = 13;
const SET_REPORT_REPLY: u32 = 14;

/// `UHID_DATA_MAX`
const DATA: usize = 4096;

/// An event of the largest sort, which is [`CREATE2`].
const EVENT: usize = 4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + DATA;

/// Four bytes in, four bytes out, without numbers, of a vendor's usage: what the chip's data sheet (6.3) has beside its buttons.
const DESCRIPTOR: [u8; 24] = [
    0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x09, 0x01, 0x81,
    0x02, 0x09, 0x01, 0x91, 0x02,
];

fn event(kind: u32, pieces: &[&[u8]]) -> Vec<u8> {
    let mut event = kind.to_ne_bytes().to_vec();
    event.extend(pieces.iter().copied().flatten());
    event
}

fn create() -> Vec<u8> {
    let text = |text: &str, length: usize| {
        let mut field = text.as_bytes().to_vec();
        field.resize(length, 0);
        field
    };
    let mut descriptor = DESCRIPTOR.to_vec();
    // The end of the collection.
    descriptor.push(0xc0);
    let length = u16::try_from(descriptor.len()).unwrap().to_ne_bytes();
    descriptor.resize(DATA, 0);
    let (usb, vendor, product) = (3_u16.to_ne_bytes(), 0x0d8c_u32.to_ne_bytes(), 0x000c_u32.to_ne_bytes());
    let (name, place, serial) = (text("Siaga Lab Radio", 128), text("lab", 64), text("CHIP0001", 64));
    event(CREATE2, &[&name, &place, &serial, &length, &usb, &vendor, &product, &[0; 8], &descriptor])
}

fn input(register: u8) -> Vec<u8> {
    event(INPUT2, &[&4_u16.to_ne_bytes(), &[register, 0, 0, 0]])
}

/// The report that whoever writes to its hidraw sends, its number first; `None` for other events.
fn output(event: &[u8]) -> Option<&[u8]> {
    if event.get(..4)? != OUTPUT.to_ne_bytes() {
        return None;
    }
    let length = u16::from_ne_bytes(event.get(4 + DATA..4 + DATA + 2)?.try_into().ok()?);
    event.get(4..4 + usize::from(length))
}

/// What the kernel waits for an answer to: nothing is known, nothing is taken.
fn refusal(event: &[u8]) -> Option<Vec<u8>> {
    let id = event.get(4..8)?;
    // EIO
    let error = 5_u16.to_ne_bytes();
    match u32::from_ne_bytes(event.get(..4)?.try_into().ok()?) {
        GET_REPORT => Some(self::event(GET_REPORT_REPLY, &[id, &error, &[0, 0]])),
        SET_REPORT => Some(self::event(SET_REPORT_REPLY, &[id, &error])),
        _ => None,
    }
}

/// Is the chip until it is killed: prints each output report with the machine's uptime, s.
#[allow(clippy::print_stdout, reason = "its log is what the tests read")]
fn be_the_chip() {
    let uhid = Arc::new(File::options().read(true).write(true).open("/dev/uhid").unwrap());
    (&*uhid).write_all(&create()).unwrap();
    let inputs = Arc::clone(&uhid);
    std::thread::spawn(move || {
        loop {
            // Whoever writes to the pipe closes it again: then it is opened anew.
            for line in BufReader::new(File::open(INPUTS).unwrap()).lines() {
                let register = line.unwrap().trim().parse().unwrap();
                (&*inputs).write_all(&input(register)).unwrap();
            }
        }
    });
    // The harness may have begun the line.
    println!();
    let clock = Clock::start();
    let mut event = vec![0; EVENT];
    loop {
        let length = (&*uhid).read(&mut event).unwrap();
        if let Some(report) = output(&event[..length]) {
            let report: Vec<_> = report.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("{:.3} {}", clock.since_boot().unwrap().as_secs_f64(), report.join(" "));
        }
        if let Some(answer) = refusal(&event[..length]) {
            (&*uhid).write_all(&answer).unwrap();
        }
    }
}

#[test]
fn its_events_are_laid_out_as_the_kernel_has_them() {
    if std::env::var_os(CHIP).is_some() {
        return be_the_chip();
    }
    let create = create();
    assert_eq!(create.len(), EVENT);
    assert_eq!((&create[..4], &create[4..9]), (&[11, 0, 0, 0][..], &b"Siaga"[..]));
    // The descriptor's length, the bus, the vendor, the product.
    assert_eq!(create[260..272], [25, 0, 3, 0, 0x8c, 0x0d, 0, 0, 0x0c, 0, 0, 0]);
    assert_eq!(create[280..304], DESCRIPTOR);
    assert_eq!(input(2), [12, 0, 0, 0, 4, 0, 2, 0, 0, 0]);
    let mut told = vec![0; EVENT];
    told[0] = 6;
    told[4..9].copy_from_slice(&[0, 0, 4, 4, 0]);
    told[4 + DATA] = 5;
    assert_eq!(output(&told), Some(&[0, 0, 4, 4, 0][..]));
    told[0] = 9;
    assert_eq!(output(&told), None);
    assert_eq!(refusal(&told).unwrap()[..4], [10, 0, 0, 0]);
}

/// The chip in a guest.
pub(crate) struct Chip<'lab>(&'lab Lab);

/// An output report as it was sent, and when, in the guest's uptime (s).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) at: f64,
    pub(crate) bytes: String,
}

/// What presses pin 3, and what releases it.
pub(crate) const ON: &str = "00 00 04 04 00";
pub(crate) const OFF: &str = "00 00 00 04 00";

impl<'lab> Chip<'lab> {
    /// Where whoever keys finds it.
    pub(crate) const DEVICE: &'static str = "/dev/hidraw0";

    /// Plugs it in, and waits until the kernel has made its device.
    pub(crate) fn plug(lab: &'lab Lab) -> Self {
        let program = Lab::path_of(&std::env::current_exe().unwrap());
        lab.sh(&format!("modprobe -a uhid hid-generic; rm -f {INPUTS}; mkfifo {INPUTS}"));
        let process = lab.spawn("chip", &format!("dash -c '{CHIP}=1 exec {program} --exact {TEST} --nocapture'"));
        lab.sh(&format!("echo {process} > /run/radio_chip.pid"));
        lab.wait_for(&format!("[ -c {} ]", Self::DEVICE));
        Self(lab)
    }

    /// Pulls it out.
    pub(crate) fn unplug(self) {
        self.0.sh("kill -KILL $(cat /run/radio_chip.pid)");
        self.0.wait_for(&format!("[ ! -e {} ]", Self::DEVICE));
    }

    /// Somebody speaks on the channel, or nobody does any more: the squelch's line at "volume down".
    pub(crate) fn hears(&self, somebody: bool) {
        self.0.sh(&format!("echo {} > {INPUTS}", if somebody { 2 } else { 0 }));
    }

    /// What it was told so far.
    pub(crate) fn reports(&self) -> Vec<Report> {
        let log = self.0.log("chip");
        let line = |line: &str| {
            let (at, bytes) = line.split_once(' ')?;
            Some(Report { at: at.parse().ok()?, bytes: bytes.to_owned() })
        };
        log.lines().filter_map(line).collect()
    }

    /// The same, without the moments.
    pub(crate) fn told(&self) -> Vec<String> {
        self.reports().into_iter().map(|report| report.bytes).collect()
    }
}
