//! The key (push to talk) and the squelch: one file a method, one enum over them. All calls may block as long as a driver likes:
//! for the guard alone.

mod cm108;
mod gpio;
mod rigctld;
mod serial;

use std::io;

#[cfg(debug_assertions)]
pub use rigctld::fuzz;

use super::config::{Busy, Ptt};

/// A radio's key. It is released when it has been opened.
#[derive(Debug)]
pub enum Key {
    /// The radio listens for itself; there is nothing to hold and nothing to release.
    Vox,
    /// A serial port's line.
    Serial(serial::Key),
    /// A pin of a USB sound chip.
    Cm108(cm108::Key),
    /// Hamlib's.
    Rigctld(rigctld::Key),
    /// A GPIO line.
    Gpio(gpio::Key),
}

impl Key {
    /// Opens and releases it.
    ///
    /// # Errors
    /// What the device or the server said.
    pub fn open(ptt: &Ptt) -> io::Result<Self> {
        let mut key = match ptt {
            Ptt::Vox {} => Self::Vox,
            Ptt::Serial { port, line, inverted } => Self::Serial(serial::Key::open(port, *line, *inverted)?),
            Ptt::Cm108 { device, pin } => Self::Cm108(cm108::Key::open(device, *pin)?),
            Ptt::Rigctld { address } => Self::Rigctld(rigctld::Key::new(*address)),
            Ptt::Gpio { chip, line, inverted } => Self::Gpio(gpio::Key::open(chip, *line, *inverted)?),
        };
        key.set(false)?;
        Ok(key)
    }

    /// Presses or releases it. Where the method can tell, it is looked whether that has come true.
    ///
    /// # Errors
    /// What the device or the server said; whether it is pressed is then not known.
    pub fn set(&mut self, pressed: bool) -> io::Result<()> {
        match self {
            Self::Vox => Ok(()),
            Self::Serial(key) => key.set(pressed),
            Self::Cm108(key) => key.set(pressed),
            Self::Rigctld(key) => key.set(pressed),
            Self::Gpio(key) => key.set(pressed),
        }
    }
}

impl Key {
    /// Holds it up, where somebody else can press it by opening the same device.
    ///
    /// # Errors
    /// It is not there any more. What may be over a moment later is none: to open it anew would be heard on the air.
    pub fn attend(&mut self) -> io::Result<()> {
        match self {
            Self::Serial(key) => key.attend(),
            Self::Cm108(key) => key.look(),
            // Nothing to hold; asked at each use; the line is ours alone.
            Self::Vox | Self::Rigctld(_) | Self::Gpio(_) => Ok(()),
        }
    }
}

/// What tells that somebody speaks.
#[derive(Debug)]
pub enum Squelch {
    /// A serial port's line.
    Serial(serial::Squelch),
    /// A button's input of a USB sound chip.
    Cm108(cm108::Squelch),
    /// Hamlib's.
    Rigctld(rigctld::Squelch),
    /// A GPIO line.
    Gpio(gpio::Squelch),
}

impl Squelch {
    /// Opens it; `None` where the channel is not seen by a line. Before the key: opening a serial port raises its lines.
    ///
    /// # Errors
    /// What the device said.
    pub fn open(busy: &Busy) -> io::Result<Option<Self>> {
        Ok(Some(match busy {
            Busy::Unseen {} | Busy::Audio { .. } => return Ok(None),
            Busy::Serial { port, line, inverted } => Self::Serial(serial::Squelch::open(port, *line, *inverted)?),
            Busy::Cm108 { device, line, inverted } => Self::Cm108(cm108::Squelch::open(device, *line, *inverted)?),
            Busy::Rigctld { address } => Self::Rigctld(rigctld::Squelch::new(*address)),
            Busy::Gpio { chip, line, inverted } => Self::Gpio(gpio::Squelch::open(chip, *line, *inverted)?),
        }))
    }

    /// Whether somebody speaks now.
    ///
    /// # Errors
    /// What the device or the server said.
    pub fn is_open(&self) -> io::Result<bool> {
        match self {
            Self::Serial(squelch) => squelch.is_open(),
            Self::Cm108(squelch) => squelch.is_open(),
            Self::Rigctld(squelch) => squelch.is_open(),
            Self::Gpio(squelch) => squelch.is_open(),
        }
    }

    /// Whether its device was unplugged: then it is to be opened anew.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Serial(squelch) => squelch.is_open().is_err_and(|error| serial::is_gone(&error)),
            Self::Cm108(squelch) => squelch.is_open().is_err(),
            Self::Rigctld(_) | Self::Gpio(_) => false,
        }
    }
}
