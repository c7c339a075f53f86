//! The state folder, and the lock by which one process alone keeps state in it.
//!
//! The lock is a file in the folder. A folder that is removed or replaced takes it along, and another process could then
//! lock the new one: so whoever holds it asks now and then whether it still stands at its path.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The lock's name in the state folder.
const LOCK: &str = "lock";

/// The state folder, claimed for this process until this is dropped.
#[derive(Debug)]
pub struct Claim {
    folder: PathBuf,
    /// The open file, which holds the lock, and what it is. `None` while the folder cannot be made or written.
    lock: Option<(File, Identity)>,
}

/// Which file it is, whatever its name: device and inode. Neither is used again while the file is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// Why the folder is not this process's.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another process has it.
    #[error("another siaga keeps its state in {}; give --state-dir another folder", .0.display())]
    Taken(PathBuf),
    /// It cannot be made or written.
    #[error("the state folder cannot be used")]
    Folder(#[source] io::Error),
}

impl Claim {
    /// Makes the folder, for this user alone (what it keeps tells when the room is in use), and locks it. A folder that
    /// cannot be made or written is no error here: the store says so, tries again, and the daemon goes on without memory.
    ///
    /// # Errors
    /// If another process has it.
    pub fn take(folder: &Path) -> Result<Self, ClaimError> {
        let mut claim = Self { folder: folder.to_owned(), lock: None };
        match claim.renew() {
            Err(taken @ ClaimError::Taken(_)) => Err(taken),
            Err(ClaimError::Folder(error)) => {
                tracing::error!(folder = %folder.display(), %error, "state cannot be kept there");
                Ok(claim)
            }
            Ok(()) => Ok(claim),
        }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes and locks the folder that is at the path now, unless that is the one which is held.
    pub(super) fn renew(&mut self) -> Result<(), ClaimError> {
        if self.stands() {
            return Ok(());
        }
        self.lock = None;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(ClaimError::Folder)?;
        let file = File::create(self.folder.join(LOCK)).map_err(ClaimError::Folder)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ClaimError::Taken(self.folder.clone())),
            Err(TryLockError::Error(error)) => {
                // A file system without locks keeps state all the same.
                tracing::warn!(folder = %self.folder.display(), %error, "the state folder cannot be locked");
            }
        }
        let identity = file.metadata().map(|meta| Identity::of(&meta)).map_err(ClaimError::Folder)?;
        self.lock = Some((file, identity));
        Ok(())
    }

    /// Whether the folder at the path is the one that is held.
    pub(super) fn stands(&self) -> bool {
        self.lock.as_ref().is_some_and(|(_, held)| held.is_at(&self.folder.join(LOCK)))
    }

    /// Gives the folder back.
    pub(super) fn release(&mut self) {
        self.lock = None;
    }
}

impl Identity {
    fn of(meta: &fs::Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino() }
    }

    /// What is at `path`; `None` if nothing can be seen there.
    pub(super) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }

    /// Whether it is still the file at `path`. A path that cannot be looked at says nothing, and is believed.
    pub(super) fn is_at(self, path: &Path) -> bool {
        match fs::metadata(path) {
            Ok(meta) => Self::of(&meta) == self,
            Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        }
    }
}
