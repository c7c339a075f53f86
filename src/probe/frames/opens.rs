//! That somebody opens a camera while a look has it: the kernel tells at once (inotify(7)), to whoever may read the node, also of
//! processes that cannot be looked into. It does not say who.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A watch on one node.
pub(super) struct Opens(AsyncFd<OwnedFd>);

impl Opens {
    /// Begins to listen. Opens nothing.
    ///
    /// # Errors
    /// The kernel's: no such node, no right to read it, too many watches.
    pub(super) fn of(node: &Path) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&watch, node, WatchFlags::OPEN)?;
        #[allow(
            deprecated,
            reason = "deprecated for what can be closed elsewhere, as an OwnedFd cannot; its heir is unsafe"
        )]
        Ok(Self(AsyncFd::with_interest(watch, Interest::READABLE)?))
    }

    /// Whether it was opened since this was last asked. Times are not counted: the kernel joins what is the same.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn come(&self) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 512];
        let mut reader = Reader::new(self.0.get_ref(), &mut buffer);
        let mut opened = false;
        loop {
            match reader.next() {
                // That the node went is the child's to tell.
                Ok(event) => opened |= event.events().intersects(ReadFlags::OPEN | ReadFlags::QUEUE_OVERFLOW),
                Err(Errno::AGAIN) => return Ok(opened),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until it is opened.
    ///
    /// # Errors
    /// As for [`Opens::come`].
    pub(super) async fn next(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            if self.come()? {
                return Ok(());
            }
            ready.clear_ready();
        }
    }
}
