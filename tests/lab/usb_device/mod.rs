//! USB devices that are a program: on the guest's own virtual host controller, so that the kernel's real drivers find them, use
//! them, and lose them when the program ends. A camera (uvcvideo), a sound card (snd-usb-audio), an adapter for a display (udl).
//!
//! The controller (`vhci_hcd`) speaks USB/IP over a socket that is handed to it through sysfs; both ends are in the guest.
//! (Kernel: `Documentation/usb/usbip_protocol.rst`.)

pub(crate) mod camera;
mod descriptors;
mod display;
mod microphone;
mod protocol;
mod tests;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use protocol::serve;

/// Set in the guest: what this process is to be, at which port, and its serial number: `camera 0 CAM0001`.
pub(crate) const DEVICE: &str = "SIAGA_LAB_USB_DEVICE";

/// The test that becomes the device where [`DEVICE`] is set.
pub(crate) const TEST: &str = "usb_device::tests::they_answer_as_the_standard_says";

const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";

/// `USB_SPEED_HIGH` (include/uapi/linux/usb/ch9.h).
const HIGH_SPEED: u32 = 3;

/// The eight bytes of a control request.
#[derive(Clone, Copy, Debug)]
struct Request {
    kind: u8,
    asked: u8,
    value: u16,
    index: u16,
    length: usize,
}

impl Request {
    fn parse(setup: &[u8]) -> Self {
        let word = |at: usize| u16::from_le_bytes([setup[at], setup[at + 1]]);
        Self { kind: setup[0], asked: setup[1], value: word(2), index: word(4), length: word(6).into() }
    }
}

/// What a device says.
enum Answer {
    /// This, or that it has taken what was sent.
    Data(Vec<u8>),
    /// That it cannot.
    Stall,
}

/// A device's behaviour. What every device is asked alike (USB 2.0, §9.4) is answered for it.
trait Device {
    /// A descriptor by its kind and number.
    fn descriptor(&self, kind: u8, number: u8) -> Option<Vec<u8>>;

    /// Answers a control request of its class or its vendor; `None` stalls.
    fn control(&mut self, request: Request, sent: &[u8]) -> Option<Vec<u8>>;

    /// The next piece of its stream, of at most that length, at its own pace.
    fn stream(&mut self, length: usize) -> Answer;
}

/// Answers a control request.
fn answer(device: &mut dyn Device, request: Request, sent: &[u8]) -> Answer {
    let [number, kind] = request.value.to_le_bytes();
    let told = match (request.kind, request.asked) {
        // GET_DESCRIPTOR
        (0x80, 6) => device.descriptor(kind, number),
        // GET_STATUS
        (0x80..=0x82, 0) => Some(vec![0, 0]),
        // SET_ADDRESS, SET_CONFIGURATION, SET_INTERFACE, SET_FEATURE, CLEAR_FEATURE
        (0..=2, _) => Some(Vec::new()),
        _ => device.control(request, sent),
    };
    match told {
        Some(mut told) => {
            told.truncate(request.length);
            Answer::Data(told)
        }
        None => Answer::Stall,
    }
}

/// The device of which there is word.
fn device(kind: &str, serial: &str) -> Box<dyn Device> {
    match kind {
        "camera" => Box::new(camera::Camera::new(serial)),
        "microphone" => Box::new(microphone::Microphone::new(serial)),
        "display" => Box::new(display::Adapter::new(serial)),
        _ => panic!("{kind} is no device"),
    }
}

/// Plugs a device in at a port of the controller and answers until this process is killed.
fn plug(port: u32, device: &mut dyn Device) -> io::Result<()> {
    let (ours, kernels) = UnixStream::pair()?;
    // Port, socket, bus and device number (any), speed.
    let line = format!("{port} {} {} {HIGH_SPEED}", kernels.as_raw_fd(), (1 << 16) | (port + 1));
    File::options().write(true).open(ATTACH)?.write_all(line.as_bytes())?;
    drop(kernels);
    serve(&ours, device)
}
