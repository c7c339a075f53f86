//! Commands for the guest and their answers, over a virtio port that no fault of its network touches.
//!
//! To the guest: a length in decimal, a line's end, a script of that many bytes. Back: exit code and length, a line's end, what
//! it printed. The other end is `image/init`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::waiting::{PATIENCE, until};

/// What a command came to.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed, on both streams.
    pub(crate) bytes: Vec<u8>,
}

impl Output {
    /// What it printed, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim_end().to_owned()
    }
}

/// The host's end of the port.
pub(crate) struct Control {
    stream: BufReader<UnixStream>,
}

impl Control {
    /// Connects. The guest need not be there yet: what is written waits for it.
    pub(crate) fn connect(path: &Path) -> Self {
        // Bound, and a moment later listened at.
        let stream = until("QEMU listens", || UnixStream::connect(path).ok(), || path.display().to_string());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Runs a script and waits until it has ended.
    ///
    /// # Errors
    /// A guest that is gone, or that said nothing for [`PATIENCE`].
    pub(crate) fn run(&mut self, script: &str) -> std::io::Result<Output> {
        write!(self.stream.get_mut(), "{}\n{script}", script.len())?;
        let mut head = String::new();
        self.stream.read_line(&mut head)?;
        let numbers =
            head.trim().split_once(' ').and_then(|(code, length)| Some((code.parse().ok()?, length.parse().ok()?)));
        let (code, length): (i32, usize) =
            numbers.ok_or_else(|| std::io::Error::other(format!("the guest answered {head:?}")))?;
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(Output { code, bytes })
    }
}
