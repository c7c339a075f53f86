//! A camera's stream as the camera is found: the V4L2 requests that `linuxvideo` makes only after setting a format.
//!
//! Nothing is ever set here: no format, rate, input or control. Buffers are asked for, filled, read, zeroed and given back; the
//! kernel does the last two by itself for a child that is killed (a new owner's pages are zeroed, a closed queue is freed).
//!
//! The only unsafe code of this package. What it relies on, beside each block: the layouts in [`super::v4l2`], and that a buffer
//! belongs to one side at a time (V4L2 documentation, "Streaming I/O").
#![allow(unsafe_code, reason = "a mapping of the driver's buffers has no safe interface; each block argues itself")]

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::ioctl::{self, Opcode, Updater};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::v4l2::{
    Buffer, CAPTURE, DAMAGED, DQBUF, Format, FormatOf, G_FMT, G_PARM, MMAP, QBUF, QUERYBUF, REQBUFS, RateOf, STREAMOFF,
    STREAMON, Wanted,
};

/// As many as programs of calls take: fewer lose frames when a processor is busy for a moment.
const BUFFERS: u32 = 4;

/// Makes one request, whose argument the kernel reads and writes.
fn ask<const OPCODE: Opcode, T>(file: &File, argument: &mut T) -> io::Result<()> {
    // SAFETY: an opcode says how long its argument is, and the kernel touches no more than that; all arguments here are whole
    // numbers, of which every pattern of bits is one. REQBUFS and STREAMOFF take no memory away that is mapped.
    const { assert!((OPCODE >> 16) as usize & 0x3fff == size_of::<T>()) };
    Ok(unsafe { ioctl::ioctl(file, Updater::<OPCODE, T>::new(argument)) }?)
}

/// One of the driver's buffers, mapped.
struct Mapped {
    start: *mut c_void,
    length: usize,
}

impl Mapped {
    fn new(file: &File, length: usize, offset: u32) -> io::Result<Self> {
        let (rights, shared) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: the kernel chooses where, so that nothing that is there already is touched.
        let start = unsafe { mmap(std::ptr::null_mut(), length, rights, shared, file, offset.into()) }?;
        Ok(Self { start, length })
    }

    /// What is in it. Only while the driver does not have it: between DQBUF and QBUF, or after STREAMOFF.
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped for that length, readable and writable, until `self` is dropped; nobody else has a reference, since
        // this takes the only one; and the driver writes into queued buffers alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and every reference to it has ended with the borrow of `self`.
        let _ = unsafe { munmap(self.start, self.length) };
    }
}

/// A frame that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    /// By the driver's own clock.
    pub(super) at: Duration,
    /// The driver says that it is not whole.
    pub(super) damaged: bool,
}

/// A camera, opened.
pub(super) struct Camera {
    file: File,
    buffers: Vec<Mapped>,
    /// The queue is ours: only then may it be given back.
    taken: bool,
}

impl Camera {
    /// Opens it, which changes nothing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        Ok(Self { file, buffers: Vec::new(), taken: false })
    }

    /// The format in which its frames are now.
    pub(super) fn format(&self) -> io::Result<Format> {
        let mut told = FormatOf { kind: CAPTURE, aligned: [], format: Format::default(), rest: [0; 152] };
        ask::<G_FMT, _>(&self.file, &mut told)?;
        Ok(told.format)
    }

    /// Frames a second, as it is set to now; `None` where the driver does not say.
    pub(super) fn rate(&self) -> Option<f64> {
        let mut told = RateOf { kind: CAPTURE, words: [0; 50] };
        ask::<G_PARM, _>(&self.file, &mut told).ok()?;
        let [_, _, seconds, frames, ..] = told.words;
        (seconds > 0 && frames > 0).then(|| f64::from(frames) / f64::from(seconds))
    }

    /// Takes the queue and starts the stream.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let mut wanted = Wanted { count: BUFFERS, kind: CAPTURE, memory: MMAP, ..Wanted::default() };
        ask::<REQBUFS, _>(&self.file, &mut wanted)?;
        self.taken = true;
        for index in 0..wanted.count {
            let mut buffer = Buffer { index, ..Self::buffer() };
            ask::<QUERYBUF, _>(&self.file, &mut buffer)?;
            self.buffers.push(Mapped::new(&self.file, buffer.length as usize, buffer.place[0])?);
            ask::<QBUF, _>(&self.file, &mut buffer)?;
        }
        ask::<STREAMON, _>(&self.file, &mut CAPTURE.clone())
    }

    /// Waits for a frame and shows it to `look`; `None` when none came in `patience`. Its buffer is zeroed and given back.
    pub(super) fn frame<T>(&mut self, patience: Duration, look: impl FnOnce(Frame) -> T) -> io::Result<Option<T>> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&patience))? == 0 {
            return Ok(None);
        }
        let mut buffer = Self::buffer();
        match ask::<DQBUF, _>(&self.file, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            done => done?,
        }
        let mapped = self.buffers.get_mut(buffer.index as usize);
        let bytes = mapped.ok_or_else(|| io::Error::other("a buffer that was not asked for"))?.bytes();
        let seconds = Duration::from_secs(buffer.seconds.try_into().unwrap_or_default());
        let at = seconds + Duration::from_micros(buffer.micros.try_into().unwrap_or_default());
        let used = bytes.len().min(buffer.used as usize);
        let seen = look(Frame { bytes: &bytes[..used], at, damaged: buffer.flags & DAMAGED != 0 });
        bytes[..used].fill(0);
        ask::<QBUF, _>(&self.file, &mut buffer)?;
        Ok(Some(seen))
    }

    fn buffer() -> Buffer {
        Buffer { kind: CAPTURE, memory: MMAP, ..Buffer::default() }
    }
}

/// Gives all back, in every path. What fails here is a device that is gone.
impl Drop for Camera {
    fn drop(&mut self) {
        if !self.taken {
            return;
        }
        // Where it failed, the driver may write into them still.
        let ours = ask::<STREAMOFF, _>(&self.file, &mut CAPTURE.clone()).is_ok();
        for mut mapped in self.buffers.drain(..) {
            if ours {
                mapped.bytes().fill(0);
            }
        }
        let _ = ask::<REQBUFS, _>(&self.file, &mut Wanted { kind: CAPTURE, memory: MMAP, ..Wanted::default() });
    }
}
