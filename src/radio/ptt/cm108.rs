//! By a pin of a USB sound chip of the CM108 family, through its HID interface (`/dev/hidraw…`).
//!
//! One output report of five bytes: the report's number 0, then `HID_OR0` to `HID_OR3` of the chip's data sheet: nothing of the
//! codec, the pins' values, the pins that are outputs, nothing of SPDIF. The chip keeps what it was told when the file is
//! closed, so that the guard says it again at its start.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

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

fn report(mask: u8, pressed: bool) -> [u8; 5] {
    [0, 0, if pressed { mask } else { 0 }, mask, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_sets_its_own_pin_and_no_other() {
        assert_eq!(report(1 << 2, true), [0, 0, 0b100, 0b100, 0]);
        assert_eq!(report(1 << 2, false), [0, 0, 0, 0b100, 0]);
        assert_eq!(report(1 << 7, true), [0, 0, 0x80, 0x80, 0]);
    }

    #[test]
    fn a_device_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hidraw7");
        assert_eq!(Key::open(&path, 3).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
    }
}
