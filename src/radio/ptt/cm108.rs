//! By a pin of a USB sound chip of the CM108 family, through its HID interface (`/dev/hidraw…`).
//!
//! One output report of five bytes: the report's number 0, then `HID_OR0` to `HID_OR3` of the chip's data sheet: nothing of the
//! codec, the pins' values, the pins that are outputs, nothing of SPDIF. The chip keeps what it was told when the file is
//! closed, so that the guard says it again at its start.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::radio::config::Button;

/// A pin that keys.
#[derive(Debug)]
pub struct Key {
    device: File,
    mask: u8,
}

impl Key {
    pub(super) fn open(device: &Path, pin: u8) -> io::Result<Self> {
        // A name that is not there must stay so: a plain file would take what was meant for a radio.
        let device = OpenOptions::new().write(true).open(device)?;
        Ok(Self { device, mask: 1 << (pin - 1) })
    }

    pub(super) fn set(&mut self, pressed: bool) -> io::Result<()> {
        let report = report(self.mask, pressed);
        // One call is one report: what is written in pieces is another one.
        let written = self.device.write(&report)?;
        if written == report.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

impl Key {
    /// Whether the chip is there still: the kernel hangs up on a file whose device is gone (`hidraw_poll`).
    pub(super) fn look(&self) -> io::Result<()> {
        let mut asked = [PollFd::new(&self.device, PollFlags::empty())];
        poll(&mut asked, Some(&Timespec::default()))?;
        if asked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(())
    }
}

/// An input that tells.
///
/// The chip sends its input registers (`HID_IR0` to `HID_IR3`) when one of them changes, and the kernel keeps the first 64 reports
/// that nobody reads and drops the rest: so they are read as they come, by a thread of their own, which ends with the process.
#[derive(Debug)]
pub struct Squelch {
    /// Whether the input was pressed when the chip last told, and nothing before it has: it tells changes alone.
    heard: Arc<Mutex<Result<Option<bool>, io::ErrorKind>>>,
    inverted: bool,
}

impl Squelch {
    pub(super) fn open(device: &Path, line: Button, inverted: bool) -> io::Result<Self> {
        let mut device = File::open(device)?;
        let heard = Arc::new(Mutex::new(Ok(None)));
        let told = Arc::clone(&heard);
        std::thread::Builder::new().name("squelch".to_owned()).spawn(move || {
            let mut report = [0; 16];
            loop {
                let read = device.read(&mut report);
                if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
                    continue;
                }
                let pressed = match read {
                    Ok(0) => Err(io::ErrorKind::UnexpectedEof),
                    Ok(_) => Ok(Some(report[0] & mask(line) != 0)),
                    Err(error) => Err(error.kind()),
                };
                *told.lock().unwrap_or_else(PoisonError::into_inner) = pressed;
                if pressed.is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { heard, inverted })
    }

    pub(super) fn is_open(&self) -> io::Result<bool> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing yet is no voice: a radio whose squelch stays closed would else never be spoken by.
        heard.map(|told| told.is_some_and(|pressed| pressed != self.inverted)).map_err(io::Error::from)
    }
}

/// A button's bit in `HID_IR0`.
const fn mask(line: Button) -> u8 {
    match line {
        Button::VolumeUp => 1,
        Button::VolumeDown => 1 << 1,
        Button::MutePlayback => 1 << 2,
        Button::MuteRecording => 1 << 3,
    }
}

fn report(mask: u8, pressed: bool) -> [u8; 5] {
    [0, 0, if pressed { mask } else { 0 }, mask, 0]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_report_sets_its_own_pin_and_no_other() {
        assert_eq!(report(1 << 2, true), [0, 0, 0b100, 0b100, 0]);
        assert_eq!(report(1 << 2, false), [0, 0, 0, 0b100, 0]);
        assert_eq!(report(1 << 7, true), [0, 0, 0x80, 0x80, 0]);
    }

    /// A pipe gives reports as they come too; the lab has the kernel's own hidraw.
    fn tells(inverted: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hidraw");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let chip = std::thread::spawn({
            let path = path.clone();
            move || OpenOptions::new().write(true).open(path).unwrap()
        });
        let squelch = Squelch::open(&path, Button::VolumeDown, inverted).unwrap();
        let mut chip = chip.join().unwrap();
        let clock = Clock::start();
        let until = |wanted: Option<bool>| {
            while squelch.is_open().ok() != wanted {
                assert!(clock.elapsed() < Duration::from_mins(1), "never {wanted:?}");
                std::thread::yield_now();
            }
        };
        assert_eq!(squelch.is_open().ok(), Some(false), "nobody has been heard yet");
        // Each tells another than the one before: two that come at once are one reading of a pipe.
        for (open, others) in [(true, 0), (false, 1), (true, 1)] {
            let pressed = if open == inverted { 0 } else { mask(Button::VolumeDown) };
            chip.write_all(&[pressed | others, 0, 0, 0]).unwrap();
            until(Some(open));
        }
        drop(chip);
        until(None);
    }

    #[test]
    fn what_the_input_last_told_is_what_it_tells_and_its_end_is_an_error() {
        tells(false);
    }

    #[test]
    fn an_inverted_input_that_has_not_told_yet_is_quiet() {
        tells(true);
    }

    #[test]
    fn a_device_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hidraw7");
        assert_eq!(Key::open(&path, 3).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
    }
}
