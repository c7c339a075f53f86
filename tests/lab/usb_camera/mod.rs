//! A USB camera that is a program: a device on the guest's own virtual host controller, so that the kernel's real driver
//! (uvcvideo) finds it, and streams from it, and loses it when the program ends.
//!
//! The controller (`vhci_hcd`) speaks USB/IP over a socket that is handed to it through sysfs; both ends are in the guest.
//! (Kernel: `Documentation/usb/usbip_protocol.rst`.)

mod descriptors;
mod device;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use device::{Answer, Device, Request};

/// Set in the guest: the serial number of the camera that this process is to be.
pub(crate) const SERIAL: &str = "SIAGA_LAB_USB_CAMERA";

/// The test that becomes the camera where [`SERIAL`] is set.
pub(crate) const TEST: &str = "usb_camera::it_answers_as_the_standard_says";

const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";

/// `USB_SPEED_HIGH` (include/uapi/linux/usb/ch9.h).
const HIGH_SPEED: u32 = 3;

// Commands and their answers.
const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;

/// Every message begins with a head of this length.
const HEAD: usize = 48;

/// `EPIPE`, by which a device says that it stalls.
const STALL: i32 = -32;

/// Plugs the camera in at a port of the controller and answers until this process is killed.
fn plug(port: u32, serial: &str) -> io::Result<()> {
    let (ours, kernels) = UnixStream::pair()?;
    // Port, socket, bus and device number (any), speed.
    let line = format!("{port} {} {} {HIGH_SPEED}", kernels.as_raw_fd(), (1 << 16) | (port + 1));
    File::options().write(true).open(ATTACH)?.write_all(line.as_bytes())?;
    drop(kernels);
    serve(&ours, &mut Device::new(serial))
}

/// Answers request by request, in order, until the other end is closed.
///
/// The kernel may take a request back before it has sent it. If that were answered first, the answer to the request would come
/// for one that is over, and the kernel would drop the whole device; so such an order waits for its request.
fn serve(mut stream: &UnixStream, device: &mut Device) -> io::Result<()> {
    let mut head = [0; HEAD];
    // The requests that were seen, and the orders that wait: by the request's number, the order's own.
    let (mut seen, mut early) = (HashSet::new(), HashMap::new());
    while stream.read_exact(&mut head).is_ok() {
        let field = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (command, number, inward, endpoint, length) = (field(0), field(4), field(12) == 1, field(16), field(24));
        if command == UNLINK {
            let request = field(20);
            if seen.contains(&request) {
                // It is answered already.
                stream.write_all(&answer(UNLINKED, number, 0, 0))?;
            } else {
                early.insert(request, number);
            }
            continue;
        }
        seen.insert(number);
        assert_eq!(command, SUBMIT, "the kernel sent a command that is none");
        let length = usize::try_from(length).unwrap();
        let mut sent = vec![0; if inward { 0 } else { length }];
        stream.read_exact(&mut sent)?;
        let said =
            if endpoint == 0 { device.control(Request::parse(&head[40..48]), &sent) } else { device.payload(length) };
        let (status, data) = match said {
            Answer::Data(mut data) => {
                data.truncate(length);
                (0, data)
            }
            Answer::Stall => (STALL, Vec::new()),
        };
        let moved = if inward { data.len() } else { sent.len() };
        let mut message = answer(SUBMITTED, number, status, u32::try_from(moved).unwrap()).to_vec();
        message.extend(data);
        if let Some(order) = early.remove(&number) {
            message.extend(answer(UNLINKED, order, 0, 0));
        }
        stream.write_all(&message)?;
    }
    Ok(())
}

fn answer(command: u32, number: u32, status: i32, length: u32) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&command.to_be_bytes());
    head[4..8].copy_from_slice(&number.to_be_bytes());
    head[20..24].copy_from_slice(&status.to_be_bytes());
    head[24..28].copy_from_slice(&length.to_be_bytes());
    head
}

/// On this machine a test of the device; in the guest the device itself.
#[test]
fn it_answers_as_the_standard_says() {
    if let Ok(serial) = std::env::var(SERIAL) {
        plug(0, &serial).unwrap();
        return;
    }
    let (mut host, ours) = UnixStream::pair().unwrap();
    let device = std::thread::spawn(move || serve(&ours, &mut Device::new("CAM0001")));
    let mut ask = |endpoint: u32, setup: [u8; 8], length: u32| {
        let mut head = [0; HEAD];
        for (at, value) in [(0, SUBMIT), (4, 7), (12, 1), (16, endpoint), (24, length)] {
            head[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        head[40..].copy_from_slice(&setup);
        host.write_all(&head).unwrap();
        let mut answered = [0; HEAD];
        host.read_exact(&mut answered).unwrap();
        assert_eq!(answered[..8], [0, 0, 0, 3, 0, 0, 0, 7], "the answer to the seventh request");
        let field = |at: usize| u32::from_be_bytes(answered[at..at + 4].try_into().unwrap());
        let mut data = vec![0; usize::try_from(field(24)).unwrap()];
        host.read_exact(&mut data).unwrap();
        (field(20), data)
    };
    let (status, told) = ask(0, [0x80, 6, 0, 1, 0, 0, 18, 0], 18);
    assert_eq!((status, told.len(), &told[..2]), (0, 18, &[18, 1][..]), "the device's descriptor (USB 2.0, §9.6.1)");
    let (_, told) = ask(0, [0x80, 6, 0, 2, 0, 0, 255, 0], 255);
    let whole = usize::from(u16::from_le_bytes([told[2], told[3]]));
    assert_eq!((told[1], told.len()), (2, whole), "the configuration tells its whole length (§9.6.3)");
    let mut at = 0;
    while at < told.len() {
        assert!(told[at] >= 2, "a descriptor of no length at {at}");
        at += usize::from(told[at]);
    }
    assert_eq!(at, whole, "its descriptors end where it ends");
    assert_eq!(ask(0, [0x80, 6, 9, 3, 0, 0, 255, 0], 255).0, STALL.cast_unsigned(), "a text that is not there");
    // Two pictures, each in pieces of 16 KiB; the one bit that tells them apart changes between (UVC 1.5, §2.4.3.3).
    let mut picture = || {
        let mut bytes = Vec::new();
        while bytes.len() < device::PAYLOAD {
            bytes.extend(ask(1, [0; 8], 16384).1);
        }
        (bytes.len(), bytes[1] & 1)
    };
    assert_eq!([picture(), picture()], [(device::PAYLOAD, 0), (device::PAYLOAD, 1)]);
    // Request 8 is taken back, by order 9, before it is sent: answered after it, not before.
    for (command, number, request) in [(UNLINK, 9, 8), (SUBMIT, 8, 0)] {
        let mut head = [0; HEAD];
        for (at, value) in [(0, command), (4, number), (12, 1), (16, 1), (20, request)] {
            head[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
        }
        host.write_all(&head).unwrap();
    }
    for (command, number) in [(SUBMITTED, 8), (UNLINKED, 9)] {
        let mut answered = [0; HEAD];
        host.read_exact(&mut answered).unwrap();
        assert_eq!(answered[..8], [u32::to_be_bytes(command), u32::to_be_bytes(number)].concat());
    }
    drop(host);
    device.join().unwrap().unwrap();
}
