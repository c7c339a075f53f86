//! What goes over to V4L2 and comes back, laid out as the kernel has it (`linux/videodev2.h`) on systems with 64-bit words.
//!
//! Arguments can be made for the camera's own side and for the driver's own memory alone, and what says so is private to this file:
//! in others the same fields are addresses, at which the kernel would read and write.
#![forbid(unsafe_code)]

use std::time::Duration;

use rustix::ioctl::{Opcode, opcode};

/// A request's argument: whole numbers, of which every pattern of bits is one, and none that the kernel takes for an address.
pub(super) trait Argument {}

impl Argument for FormatOf {}
impl Argument for RateOf {}
impl Argument for Wanted {}
impl Argument for Buffer {}
/// What STREAMON and STREAMOFF take: a kind of buffers.
impl Argument for u32 {}

pub(super) const G_FMT: Opcode = opcode::read_write::<FormatOf>(b'V', 4);
pub(super) const REQBUFS: Opcode = opcode::read_write::<Wanted>(b'V', 8);
pub(super) const QUERYBUF: Opcode = opcode::read_write::<Buffer>(b'V', 9);
pub(super) const QBUF: Opcode = opcode::read_write::<Buffer>(b'V', 15);
pub(super) const DQBUF: Opcode = opcode::read_write::<Buffer>(b'V', 17);
pub(super) const STREAMON: Opcode = opcode::write::<u32>(b'V', 18);
pub(super) const STREAMOFF: Opcode = opcode::write::<u32>(b'V', 19);
pub(super) const G_PARM: Opcode = opcode::read_write::<RateOf>(b'V', 21);

/// Whether a request is one of V4L2's, with an argument as long as `T` (`asm-generic/ioctl.h`: two bits of direction, fourteen of
/// length, eight of group, eight of number).
pub(super) const fn fits<T>(opcode: Opcode) -> bool {
    (opcode >> 16) as usize & 0x3fff == size_of::<T>() && opcode.to_le_bytes()[1] == b'V'
}

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`
pub(super) const CAPTURE: u32 = 1;
/// `V4L2_MEMORY_MMAP`
const MMAP: u32 = 1;
/// `V4L2_BUF_FLAG_ERROR`: what is in the buffer is damaged.
const DAMAGED: u32 = 0x40;

/// How a camera's frames are written (`struct v4l2_pix_format`).
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Format {
    /// In points.
    pub width: u32,
    /// In points.
    pub height: u32,
    /// A four-character code (`V4L2_PIX_FMT_…`), in ASCII.
    pub code: [u8; 4],
    field: u32,
    /// From one line to the next, in the first plane, in bytes; 0 for what is compressed.
    pub line: u32,
    size: u32,
    /// `enum v4l2_colorspace`
    pub colorspace: u32,
    private: u32,
    flags: u32,
    encoding: u32,
    /// `enum v4l2_quantization`
    pub quantization: u32,
    transfer: u32,
}

/// `struct v4l2_format`
#[repr(C)]
pub(super) struct FormatOf {
    kind: u32,
    /// The union it stands for has a pointer among its members.
    aligned: [usize; 0],
    pub(super) format: Format,
    rest: [u8; 152],
}

impl FormatOf {
    pub(super) fn asked() -> Self {
        Self { kind: CAPTURE, aligned: [], format: Format::default(), rest: [0; 152] }
    }
}

/// `struct v4l2_streamparm`, its `capture` member
#[repr(C)]
pub(super) struct RateOf {
    kind: u32,
    /// Capability, mode, the interval's numerator and denominator.
    words: [u32; 50],
}

impl RateOf {
    pub(super) const fn asked() -> Self {
        Self { kind: CAPTURE, words: [0; 50] }
    }

    /// Frames a second; `None` where the driver does not say.
    pub(super) fn rate(&self) -> Option<f64> {
        let [_, _, seconds, frames, ..] = self.words;
        (seconds > 0 && frames > 0).then(|| f64::from(frames) / f64::from(seconds))
    }
}

/// `struct v4l2_requestbuffers`
#[repr(C)]
pub(super) struct Wanted {
    count: u32,
    kind: u32,
    memory: u32,
    rest: [u32; 2],
}

impl Wanted {
    /// So many; none gives back what there is.
    pub(super) const fn of(count: u32) -> Self {
        Self { count, kind: CAPTURE, memory: MMAP, rest: [0; 2] }
    }

    /// As many as the driver gave.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }
}

/// `struct v4l2_buffer`
#[derive(Default)]
#[repr(C)]
pub(super) struct Buffer {
    index: u32,
    kind: u32,
    used: u32,
    flags: u32,
    field: u32,
    seconds: i64,
    micros: i64,
    timecode: [u32; 4],
    sequence: u32,
    memory: u32,
    /// A union; for mapped buffers its first four bytes are the offset to map.
    place: [u32; 2],
    length: u32,
    rest: [u32; 2],
}

impl Buffer {
    /// The one with this number. DQBUF asks for any, and writes the number itself.
    pub(super) fn of(index: u32) -> Self {
        Self { index, kind: CAPTURE, memory: MMAP, ..Self::default() }
    }

    pub(super) const fn index(&self) -> usize {
        self.index as usize
    }

    /// In bytes, as all of these.
    pub(super) const fn length(&self) -> usize {
        self.length as usize
    }

    /// Where to map it.
    pub(super) const fn offset(&self) -> u32 {
        self.place[0]
    }

    /// How much of it the frame fills, by the driver's word.
    pub(super) const fn used(&self) -> usize {
        self.used as usize
    }

    /// When the frame came, by the driver's own clock. A moment before its beginning is its beginning.
    pub(super) fn at(&self) -> Duration {
        let seconds = Duration::from_secs(self.seconds.try_into().unwrap_or_default());
        seconds + Duration::from_micros(self.micros.try_into().unwrap_or_default())
    }

    pub(super) const fn is_damaged(&self) -> bool {
        self.flags & DAMAGED != 0
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// As a C compiler prints them of the kernel's own header (`linux/videodev2.h` of Linux 6.1, x86-64).
    #[test]
    fn requests_and_layouts_are_those_of_the_kernels_header() {
        assert_eq!([G_FMT, REQBUFS, QUERYBUF, QBUF], [0xc0d0_5604, 0xc014_5608, 0xc058_5609, 0xc058_560f]);
        assert_eq!([DQBUF, STREAMON, STREAMOFF, G_PARM], [0xc058_5611, 0x4004_5612, 0x4004_5613, 0xc0cc_5615]);
        let pixels = offset_of!(FormatOf, format);
        assert_eq!((pixels, pixels + offset_of!(Format, code), pixels + offset_of!(Format, line)), (8, 16, 24));
        assert_eq!(pixels + offset_of!(Format, colorspace), 32);
        assert_eq!(pixels + offset_of!(Format, quantization), 48);
        assert_eq!(offset_of!(RateOf, words) + 2 * size_of::<u32>(), 12);
        assert_eq!(offset_of!(Wanted, memory), 8);
        assert_eq!((offset_of!(Buffer, used), offset_of!(Buffer, flags), offset_of!(Buffer, seconds)), (8, 12, 24));
        assert_eq!((offset_of!(Buffer, timecode), offset_of!(Buffer, sequence)), (40, 56));
        let end = (offset_of!(Buffer, memory), offset_of!(Buffer, place), offset_of!(Buffer, length));
        assert_eq!(end, (60, 64, 72));
    }

    #[test]
    fn a_request_fits_its_own_argument_alone() {
        assert!(fits::<Buffer>(QBUF) && fits::<FormatOf>(G_FMT) && fits::<RateOf>(G_PARM) && fits::<u32>(STREAMON));
        assert!(!fits::<FormatOf>(QBUF) && !fits::<u32>(REQBUFS));
        // As long, of another group: `VIDIOC_STREAMON` is 'V', this is 'T'.
        assert!(!fits::<u32>(opcode::write::<u32>(b'T', 18)));
    }

    #[test]
    fn arguments_name_the_drivers_own_memory() {
        let (wanted, buffer) = (Wanted::of(4), Buffer::of(3));
        assert_eq!((wanted.count(), wanted.kind, wanted.memory), (4, CAPTURE, MMAP));
        assert_eq!((buffer.index(), buffer.kind, buffer.memory, buffer.place), (3, CAPTURE, MMAP, [0; 2]));
        assert_eq!((FormatOf::asked().kind, RateOf::asked().kind), (CAPTURE, CAPTURE));
    }

    #[test]
    fn rates_are_frames_a_second_and_none_where_one_side_is_missing() {
        let told = |seconds, frames| {
            let mut told = RateOf::asked();
            (told.words[2], told.words[3]) = (seconds, frames);
            told.rate()
        };
        assert_eq!(told(1, 30), Some(30.0));
        assert_eq!(told(1001, 30_000), Some(30_000.0 / 1001.0));
        assert_eq!((told(0, 30), told(1, 0)), (None, None));
    }

    #[test]
    fn a_frame_is_of_its_moment_and_damaged_by_one_bit() {
        let told = |seconds, micros, flags| Buffer { flags, seconds, micros, ..Buffer::of(0) };
        assert_eq!(told(7, 250_000, 0).at(), Duration::from_millis(7250));
        assert_eq!(told(-1, -5, 0).at(), Duration::ZERO);
        assert_eq!(told(i64::MAX, 999_999, 0).at().subsec_micros(), 999_999);
        assert!(told(0, 0, DAMAGED | 1).is_damaged());
        assert!(!told(0, 0, !DAMAGED).is_damaged());
    }
}
