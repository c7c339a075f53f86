//! USB/IP, the device's side: requests come, answers go, in order. (Kernel: `Documentation/usb/usbip_protocol.rst`.)

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::{Answer, Device, Request, answer};

// Commands and their answers.
pub(super) const SUBMIT: u32 = 1;
pub(super) const UNLINK: u32 = 2;
pub(super) const SUBMITTED: u32 = 3;
pub(super) const UNLINKED: u32 = 4;

/// Every message begins with a head of this length.
pub(super) const HEAD: usize = 48;

/// The number of packets of a transfer that is not isochronous; kernels say this or 0.
const NO_PACKETS: u32 = u32::MAX;

/// `EPIPE`, by which a device says that it stalls.
pub(super) const STALL: i32 = -32;

/// Answers request by request until the other end is closed.
///
/// The kernel may take a request back before it has sent it. If that were answered first, the answer to the request would come
/// for one that is over, and the kernel would drop the whole device; so such an order waits for its request.
pub(super) fn serve(mut stream: &UnixStream, device: &mut dyn Device) -> io::Result<()> {
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
                stream.write_all(&told(UNLINKED, number, 0, 0))?;
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
        let packets = if field(32) == NO_PACKETS { 0 } else { field(32) };
        assert_eq!(packets, 0, "nobody listens to a microphone, or plays, by these devices");
        let said = match endpoint {
            0 => answer(device, Request::parse(&head[40..48]), &sent),
            _ if inward => device.stream(length),
            // A picture for a display, which nobody sees.
            _ => Answer::Data(Vec::new()),
        };
        let (status, data) = match said {
            Answer::Data(mut data) => {
                data.truncate(length);
                (0, data)
            }
            Answer::Stall => (STALL, Vec::new()),
        };
        let moved = if inward { data.len() } else { sent.len() };
        let mut message = told(SUBMITTED, number, status, u32::try_from(moved).unwrap()).to_vec();
        message.extend(if inward { data } else { Vec::new() });
        if let Some(order) = early.remove(&number) {
            message.extend(told(UNLINKED, order, 0, 0));
        }
        stream.write_all(&message)?;
    }
    Ok(())
}

fn told(command: u32, number: u32, status: i32, length: u32) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&command.to_be_bytes());
    head[4..8].copy_from_slice(&number.to_be_bytes());
    head[20..24].copy_from_slice(&status.to_be_bytes());
    head[24..28].copy_from_slice(&length.to_be_bytes());
    head
}
