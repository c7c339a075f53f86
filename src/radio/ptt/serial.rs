//! By the lines of a serial port: RTS or DTR key, CTS, DSR, DCD or RI tell of the squelch.
//!
//! The kernel raises RTS and DTR at each opening, before anybody can say otherwise: the radio hears a click of some
//! milliseconds then. So the guard opens the port once and keeps it, and lowers them again where somebody else opens it. At the last close the kernel lowers both (HUPCL), which releases a
//! key; of one that low keys it is told to leave them as they are, which after the guard's own end is high.

use std::io;
use std::path::Path;

use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
use serial2::{KeepSettings, SerialPort};

use crate::radio::config::{Input, Output};

/// A line that keys.
#[derive(Debug)]
pub struct Key {
    port: SerialPort,
    line: Output,
    inverted: bool,
}

impl Key {
    pub(super) fn open(port: &Path, line: Output, inverted: bool) -> io::Result<Self> {
        let key = Self { port: open(port, |modes| modes.set(ControlModes::HUPCL, !inverted))?, line, inverted };
        key.rest()?;
        Ok(key)
    }

    /// The same as long as it is up. A call that fails now and then, as beside a transmitter, is made again.
    pub(super) fn attend(&self) -> io::Result<()> {
        self.rest().or_else(|error| if is_gone(&error) { Err(error) } else { Ok(()) })
    }

    /// Released: also after somebody else has opened the port.
    fn rest(&self) -> io::Result<()> {
        self.set(false)?;
        // It keys nothing, and some adapters wire both.
        self.drive(if self.line == Output::Rts { Output::Dtr } else { Output::Rts }, false)
    }

    pub(super) fn set(&self, pressed: bool) -> io::Result<()> {
        self.drive(self.line, pressed != self.inverted)
    }

    fn drive(&self, line: Output, high: bool) -> io::Result<()> {
        match line {
            Output::Rts => self.port.set_rts(high),
            Output::Dtr => self.port.set_dtr(high),
        }
    }
}

/// A line that tells.
#[derive(Debug)]
pub struct Squelch {
    port: SerialPort,
    line: Input,
    inverted: bool,
}

impl Squelch {
    pub(super) fn open(port: &Path, line: Input, inverted: bool) -> io::Result<Self> {
        // It may be the port of a key, which says what becomes of its lines.
        Ok(Self { port: open(port, |_| ())?, line, inverted })
    }

    pub(super) fn is_open(&self) -> io::Result<bool> {
        let high = match self.line {
            Input::Cts => self.port.read_cts(),
            Input::Dsr => self.port.read_dsr(),
            Input::Dcd => self.port.read_cd(),
            Input::Ri => self.port.read_ri(),
        }?;
        Ok(high != self.inverted)
    }
}

/// Whether the port was unplugged (the kernel hangs up on its file), and not merely a call lost.
pub(super) fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let gone = [Errno::IO, Errno::NODEV, Errno::NXIO].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| gone.contains(&code))
}

/// As it is set, but for what is `changed`, and that nothing waits for a carrier.
fn open(path: &Path, changed: impl FnOnce(&mut ControlModes)) -> io::Result<SerialPort> {
    let port = SerialPort::open(path, KeepSettings)?;
    let mut settings = tcgetattr(&port)?;
    changed(&mut settings.control_modes);
    settings.control_modes |= ControlModes::CLOCAL;
    tcsetattr(&port, OptionalActions::Now, &settings)?;
    Ok(port)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::path::PathBuf;

    use rustix::pty::OpenptFlags;

    use super::*;

    #[test]
    fn what_has_no_lines_is_told_and_not_taken_for_a_key() {
        // A pty has none; the lab keys a real UART.
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let path = PathBuf::from(OsString::from_vec(rustix::pty::ptsname(&master, Vec::new()).unwrap().into_bytes()));
        assert!(Key::open(&path, Output::Rts, false).is_err());
        assert!(Squelch::open(&path, Input::Dcd, false).unwrap().is_open().is_err());
        assert_eq!(
            Key::open(Path::new("/dev/null"), Output::Rts, false).unwrap_err().raw_os_error(),
            Some(25),
            "ENOTTY"
        );
    }
}
