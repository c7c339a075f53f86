//! A camera's queue of buffers, taken, mapped, read and given back.
//!
//! The only unsafe code of ours. What it relies on, beside each block: the layouts in [`super::v4l2`], and that a buffer belongs to
//! one side at a time (V4L2 documentation, "Streaming I/O").
#![allow(unsafe_code, reason = "a mapping of the driver's buffers has no safe interface; each block argues itself")]

use std::ffi::c_void;
use std::fmt;
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
    Argument, Buffer, CAPTURE, DQBUF, Format, FormatOf, G_FMT, G_PARM, QBUF, QUERYBUF, REQBUFS, RateOf, STREAMOFF,
    STREAMON, Wanted, fits,
};

/// As many as programs of calls take: fewer lose frames when a processor is busy for a moment.
const BUFFERS: u32 = 4;

/// Makes one request, whose argument the kernel reads and writes.
fn ask<const OPCODE: Opcode, T: Argument>(file: &File, argument: &mut T) -> io::Result<()> {
    const { assert!(fits::<T>(OPCODE)) };
    // SAFETY: the opcode is one of V4L2's and says that its argument is as long as `T`, so the kernel touches nothing beyond; and
    // `T` is whole numbers, of which every pattern of bits is one (`Argument`).
    let request = unsafe { Updater::<OPCODE, T>::new(argument) };
    // SAFETY: the kernel takes nothing in it for an address of ours (`Argument`). Nor does it take memory away that is mapped: a
    // mapping holds what it maps, through REQBUFS and STREAMOFF too.
    Ok(unsafe { ioctl::ioctl(file, request) }?)
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

    /// What is in it.
    ///
    /// # Safety
    /// The driver must not have it for as long as this is borrowed: after DQBUF and before QBUF, or after STREAMOFF.
    unsafe fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped for that length, readable and writable, until `self` is dropped; nobody else in this process has a
        // reference, since this takes the only one; and the driver writes into queued buffers alone, as whoever calls knows that
        // this one is none. Another program that may open the camera could map the same memory and write (the kernel asks only
        // who streams), as into any file that is mapped; it would have to mean to.
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
pub struct Frame<'a> {
    /// As the driver wrote it, in the stream's [`Format`]. Empty, or short, for some that are damaged.
    pub bytes: &'a [u8],
    /// When, by the driver's own clock, whatever that counts from: only the time between two frames means something.
    pub at: Duration,
    /// The driver says that it is not whole (`V4L2_BUF_FLAG_ERROR`).
    pub damaged: bool,
}

/// A camera, opened.
#[derive(Debug)]
pub struct Camera(File);

impl Camera {
    /// Opens it, which changes nothing.
    ///
    /// # Errors
    /// The kernel's: no such node, no right to read and write it, a device that is gone.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).unwrap_or_default();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).map(Self)
    }

    /// Takes the queue and starts the stream. What was taken is given back where that fails half way.
    ///
    /// # Errors
    /// The driver's: `ResourceBusy` where another has the queue, ENOTTY for what is no camera, ENODEV for one that is gone.
    pub fn start(self) -> io::Result<Stream> {
        let mut wanted = Wanted::of(BUFFERS);
        ask::<REQBUFS, _>(&self.0, &mut wanted)?;
        // From here on the queue is ours: only now may it be given back.
        let mut stream = Stream { file: self.0, buffers: Vec::new() };
        for index in 0..wanted.count() {
            let mut buffer = Buffer::of(index);
            ask::<QUERYBUF, _>(&stream.file, &mut buffer)?;
            stream.buffers.push(Mapped::new(&stream.file, buffer.length(), buffer.offset())?);
            ask::<QBUF, _>(&stream.file, &mut buffer)?;
        }
        ask::<STREAMON, _>(&stream.file, &mut CAPTURE.clone())?;
        Ok(stream)
    }
}

/// A camera that streams to us, until this is dropped.
pub struct Stream {
    file: File,
    buffers: Vec<Mapped>,
}

impl Stream {
    /// The format in which its frames are. As long as the queue is ours nobody can set another.
    ///
    /// # Errors
    /// The driver's.
    pub fn format(&self) -> io::Result<Format> {
        let mut told = FormatOf::asked();
        ask::<G_FMT, _>(&self.file, &mut told)?;
        Ok(told.format)
    }

    /// Frames a second, as it is set to now; `None` where the driver does not say.
    pub fn rate(&self) -> Option<f64> {
        let mut told = RateOf::asked();
        ask::<G_PARM, _>(&self.file, &mut told).ok()?;
        told.rate()
    }

    /// Waits for a frame and shows it to `look`; `None` when none came in `patience`. Its buffer is zeroed and given back.
    ///
    /// # Errors
    /// The driver's: EIO for a stream that broke off, ENODEV for a camera that is gone.
    pub fn frame<T>(&mut self, patience: Duration, look: impl FnOnce(Frame) -> T) -> io::Result<Option<T>> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&patience))? == 0 {
            return Ok(None);
        }
        let mut buffer = Buffer::of(0);
        match ask::<DQBUF, _>(&self.file, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            done => done?,
        }
        let mapped = self.buffers.get_mut(buffer.index());
        let mapped = mapped.ok_or_else(|| io::Error::other("a buffer that was not asked for"))?;
        // SAFETY: DQBUF has just given this one over, and QBUF, below, comes after the last look at it.
        let bytes = unsafe { mapped.bytes() };
        let used = bytes.len().min(buffer.used());
        let seen = look(Frame { bytes: &bytes[..used], at: buffer.at(), damaged: buffer.is_damaged() });
        bytes[..used].fill(0);
        ask::<QBUF, _>(&self.file, &mut buffer)?;
        Ok(Some(seen))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.debug_struct("Stream").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Gives all back, in every path. What fails here is a device that is gone.
impl Drop for Stream {
    fn drop(&mut self) {
        let ours = ask::<STREAMOFF, _>(&self.file, &mut CAPTURE.clone()).is_ok();
        for mut mapped in self.buffers.drain(..) {
            // Where it failed, the driver may write into them still.
            if ours {
                // SAFETY: STREAMOFF has taken every buffer from the driver, and none is queued after it.
                unsafe { mapped.bytes() }.fill(0);
            }
        }
        let _ = ask::<REQBUFS, _>(&self.file, &mut Wanted::of(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_says_so() {
        const ENOTTY: i32 = 25;
        let missing = Camera::open(Path::new("/dev/null/video0")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotADirectory);
        let silent = Camera::open(Path::new("/dev/null")).unwrap().start().unwrap_err();
        assert_eq!(silent.raw_os_error(), Some(ENOTTY), "{silent}");
    }
}
