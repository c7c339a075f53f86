//! The state folder, and the lock by which one process alone keeps state in it.
//!
//! The lock is a file in the folder. A folder that is removed or replaced takes it along, and another process could then
//! lock the new one: so whoever holds it asks now and then whether it still stands at its path.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

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
        let file = open_lock(&self.folder.join(LOCK)).map_err(ClaimError::Folder)?;
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

/// Opens the lock, or makes it. Root comes here too, in a folder where the daemon's user puts what it likes: no link is followed, no
/// pipe waited for, and nothing that is there is emptied.
fn open_lock(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags.bits().cast_signed()).open(path)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_a_link_is_not_followed_and_one_that_is_there_is_not_emptied() {
        let place = tempfile::tempdir().unwrap();
        let (folder, victim) = (place.path().join("state"), place.path().join("victim"));
        fs::create_dir(&folder).unwrap();
        fs::write(&victim, "what root alone may write").unwrap();
        let lock = folder.join(LOCK);
        for target in [victim.clone(), place.path().join("not there")] {
            std::os::unix::fs::symlink(&target, &lock).unwrap();
            let claim = Claim::take(&folder).unwrap();
            assert!(!claim.stands(), "nothing is locked");
            fs::remove_file(&lock).unwrap();
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "what root alone may write");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing was made where the link led");

        fs::write(&lock, "somebody's").unwrap();
        let claim = Claim::take(&folder).unwrap();
        assert!(claim.stands());
        assert!(matches!(Claim::take(&folder), Err(ClaimError::Taken(_))));
        assert_eq!(fs::read_to_string(&lock).unwrap(), "somebody's");
    }
}
