//! By a line of a GPIO chip (`gpiochip`, the kernel's interface v2). At the close the kernel gives the line back to its driver,
//! which may leave it as it was: the guard releases before.

use std::io;
use std::path::Path;

use gpiocdev::Request;
use gpiocdev::line::Value;

const CONSUMER: &str = "siaga-radio";

/// A line that keys.
#[derive(Debug)]
pub struct Key(Request);

impl Key {
    pub(super) fn open(chip: &Path, line: u32, inverted: bool) -> io::Result<Self> {
        let mut request = Request::builder();
        request.on_chip(chip).with_consumer(CONSUMER).with_line(line).as_output(Value::Inactive);
        if inverted {
            request.as_active_low();
        }
        request.request().map(Self).map_err(io::Error::other)
    }

    pub(super) fn set(&self, pressed: bool) -> io::Result<()> {
        let value = if pressed { Value::Active } else { Value::Inactive };
        self.0.set_lone_value(value).map_err(io::Error::other)?;
        match self.0.lone_value().map_err(io::Error::other)? {
            is if is == value => Ok(()),
            is => Err(io::Error::other(format!("the line is {is:?}"))),
        }
    }
}

/// A line that tells.
#[derive(Debug)]
pub struct Squelch(Request);

impl Squelch {
    pub(super) fn open(chip: &Path, line: u32, inverted: bool) -> io::Result<Self> {
        let mut request = Request::builder();
        request.on_chip(chip).with_consumer(CONSUMER).with_line(line).as_input();
        if inverted {
            request.as_active_low();
        }
        request.request().map(Self).map_err(io::Error::other)
    }

    pub(super) fn is_open(&self) -> io::Result<bool> {
        self.0.lone_value().map(|value| value == Value::Active).map_err(io::Error::other)
    }
}
