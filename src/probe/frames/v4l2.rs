//! What goes over to V4L2 and comes back, laid out as the kernel has it (`linux/videodev2.h`) on systems with 64-bit words.

use rustix::ioctl::{Opcode, opcode};
use siaga_signal::luma::Form;

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`
pub(super) const CAPTURE: u32 = 1;
/// `V4L2_MEMORY_MMAP`
pub(super) const MMAP: u32 = 1;
/// `V4L2_BUF_FLAG_ERROR`: what is in the buffer is damaged.
pub(super) const DAMAGED: u32 = 0x40;
/// `struct v4l2_pix_format`
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Format {
    pub(super) width: u32,
    pub(super) height: u32,
    /// A four-character code.
    pub(super) code: [u8; 4],
    pub(super) field: u32,
    /// From one line to the next, in the first plane; 0 for what is compressed.
    pub(super) line: u32,
    pub(super) size: u32,
    /// `enum v4l2_colorspace`
    pub(super) colorspace: u32,
    pub(super) private: u32,
    pub(super) flags: u32,
    pub(super) encoding: u32,
    /// `enum v4l2_quantization`
    pub(super) quantization: u32,
    pub(super) transfer: u32,
}

impl Format {
    /// What is to be known of it for reading the brightness of a frame.
    pub(super) const fn form(&self) -> Form {
        let Self { width, height, code, line, colorspace, quantization, .. } = *self;
        Form { width, height, code, line, colorspace, quantization }
    }
}

/// `struct v4l2_format`
#[repr(C)]
pub(super) struct FormatOf {
    pub(super) kind: u32,
    /// The union it stands for has a pointer among its members.
    pub(super) aligned: [usize; 0],
    pub(super) format: Format,
    pub(super) rest: [u8; 152],
}

/// `struct v4l2_streamparm`, its `capture` member
#[repr(C)]
pub(super) struct RateOf {
    pub(super) kind: u32,
    /// Capability, mode, the interval's numerator and denominator.
    pub(super) words: [u32; 50],
}

/// `struct v4l2_requestbuffers`
#[derive(Default)]
#[repr(C)]
pub(super) struct Wanted {
    pub(super) count: u32,
    pub(super) kind: u32,
    pub(super) memory: u32,
    pub(super) rest: [u32; 2],
}

/// `struct v4l2_buffer`
#[derive(Default)]
#[repr(C)]
pub(super) struct Buffer {
    pub(super) index: u32,
    pub(super) kind: u32,
    pub(super) used: u32,
    pub(super) flags: u32,
    pub(super) field: u32,
    pub(super) seconds: i64,
    pub(super) micros: i64,
    pub(super) timecode: [u32; 4],
    pub(super) sequence: u32,
    pub(super) memory: u32,
    /// A union; for mapped buffers its first four bytes are the offset to map.
    pub(super) place: [u32; 2],
    pub(super) length: u32,
    pub(super) rest: [u32; 2],
}

pub(super) const G_FMT: Opcode = opcode::read_write::<FormatOf>(b'V', 4);
pub(super) const REQBUFS: Opcode = opcode::read_write::<Wanted>(b'V', 8);
pub(super) const QUERYBUF: Opcode = opcode::read_write::<Buffer>(b'V', 9);
pub(super) const QBUF: Opcode = opcode::read_write::<Buffer>(b'V', 15);
pub(super) const DQBUF: Opcode = opcode::read_write::<Buffer>(b'V', 17);
pub(super) const STREAMON: Opcode = opcode::write::<u32>(b'V', 18);
pub(super) const STREAMOFF: Opcode = opcode::write::<u32>(b'V', 19);
pub(super) const G_PARM: Opcode = opcode::read_write::<RateOf>(b'V', 21);
const _: () = assert!(size_of::<FormatOf>() == 208 && size_of::<RateOf>() == 204 && size_of::<Buffer>() == 88);
