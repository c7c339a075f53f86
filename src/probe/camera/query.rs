//! What a camera says of itself, asked in the device child: `VIDIOC_QUERYCAP` and `VIDIOC_ENUM_FMT`, which a driver answers
//! also while another program streams, and which change nothing. No format, rate, input or buffer is ever set.

use std::io;
use std::path::Path;

use linuxvideo::{BufType, CapabilityFlags, Device};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::domain::{ErrorKind, ProbeError};

/// More formats than any camera has: a driver that counts on for ever is cut off.
const MOST_FORMATS: usize = 64;

/// What one V4L2 node said.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(in crate::probe) struct Info {
    /// The kernel's driver: `uvcvideo`.
    pub(super) driver: String,
    /// The device's name, as the driver tells it.
    pub(super) card: String,
    /// Where it is attached: `usb-0000:00:14.0-2`.
    pub(super) bus: String,
    /// Whether frames come out of this node. By `device_caps`: `capabilities` is of all nodes of the device together, so that
    /// a camera's metadata node would count too (V4L2 documentation, `VIDIOC_QUERYCAP`).
    pub(super) captures: bool,
    /// Its pixel formats, as four-character codes: `MJPG`.
    pub(super) formats: Vec<String>,
}

/// Asks the node at `path`. Blocks for as long as the driver likes: only for the child.
///
/// # Errors
/// What opening and asking came to; `Busy` where the driver lets one program in at a time.
pub(in crate::probe) fn look(path: &Path) -> Result<Info, ProbeError> {
    let failed = |error: io::Error| ProbeError::new(kind(&error), format!("{}: {error}", path.display()));
    let device = Device::open(path).map_err(failed)?;
    let caps = device.capabilities().map_err(failed)?;
    let flags = caps.device_capabilities();
    let queue = if flags.contains(CapabilityFlags::VIDEO_CAPTURE) {
        Some(BufType::VIDEO_CAPTURE)
    } else if flags.contains(CapabilityFlags::VIDEO_CAPTURE_MPLANE) {
        Some(BufType::VIDEO_CAPTURE_MPLANE)
    } else {
        None
    };
    let formats = queue.map_or(Ok(Vec::new()), |queue| formats(&device, queue)).map_err(failed)?;
    Ok(Info {
        driver: caps.driver().to_owned(),
        card: caps.card().to_owned(),
        bus: caps.bus_info().to_owned(),
        captures: queue.is_some(),
        formats,
    })
}

/// The pixel formats that a node has, as four-character codes.
///
/// # Errors
/// What asking came to.
pub(in crate::probe) fn formats(device: &Device, queue: BufType) -> io::Result<Vec<String>> {
    let formats = device.formats(queue).take(MOST_FORMATS);
    formats.map(|format| format.map(|format| code(format.pixel_format().as_fourcc()))).collect()
}

/// A four-character code as text. The top bit marks big-endian formats (`V4L2_PIX_FMT_FLAG`), and is dropped.
pub(in crate::probe) fn code(fourcc: [u8; 4]) -> String {
    String::from_utf8_lossy(&fourcc.map(|byte| byte & 0x7f)).trim_end().to_owned()
}

/// What a driver's refusal speaks of.
pub(in crate::probe) fn kind(error: &io::Error) -> ErrorKind {
    match Errno::from_io_error(error) {
        Some(Errno::BUSY) => ErrorKind::Busy,
        Some(Errno::ACCESS | Errno::PERM) => ErrorKind::Permission,
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => ErrorKind::Gone,
        Some(Errno::TIMEDOUT) => ErrorKind::Timeout,
        _ => ErrorKind::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_told_apart_from_what_is_not_there() {
        let gone = look("/nonexistent/video0".as_ref()).unwrap_err();
        assert_eq!(gone.kind, ErrorKind::Gone, "{gone}");
        let other = look("/dev/null".as_ref()).unwrap_err();
        assert_eq!(other.kind, ErrorKind::Protocol, "{other}");
    }

    #[test]
    fn codes_are_text() {
        assert_eq!(code(*b"MJPG"), "MJPG");
        assert_eq!(code(*b"Y10 "), "Y10");
        assert_eq!(code([b'R', b'G', b'B', b'P' | 0x80]), "RGBP");
    }
}
