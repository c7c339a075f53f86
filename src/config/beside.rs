//! The files that a config names beside itself: where they are, and whether they can be read.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::problem::Source;

/// Whether the files that a config names must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// They must: whoever is to run with it could not do its work.
    Needed,
    /// They must, and what is in those without which a daemon would watch the room all the same must be good too.
    Tried,
    /// They are not looked at: whoever only asks the daemon may not be allowed to read its secrets.
    NotAsked,
}

/// What may come after a start.
#[derive(Clone, Copy, Debug)]
pub(super) enum Later {
    /// A file that another program writes.
    File,
    /// A program that is installed.
    Program,
    /// A folder of another service's.
    Folder,
}

/// What is beside a config.
pub(super) struct Beside<'s> {
    folder: &'s Path,
    files: Files,
}

impl<'s> Beside<'s> {
    pub(super) fn new(source: &'s Source, files: Files) -> Self {
        Self { folder: Path::new(&source.path).parent().unwrap_or(Path::new("")), files }
    }

    /// Whether they must be there.
    pub(super) const fn asks(&self) -> Files {
        self.files
    }

    /// `path` from the config's folder, wherever the process stands.
    pub(super) fn at(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Makes `path` one from the config's folder, wherever the process stands, and says why it cannot be read.
    pub(super) fn find(&self, path: &mut PathBuf) -> Result<(), String> {
        *path = self.at(path);
        if self.files == Files::NotAsked {
            return Ok(());
        }
        let readable = std::fs::metadata(&*path).and_then(|found| {
            // A pipe would wait for its writer for ever.
            let useless =
                if found.is_file() { (found.len() == 0).then_some("it is empty") } else { Some("it is no file") };
            useless.map_or_else(|| File::open(&*path).map(drop), |why| Err(std::io::Error::other(why)))
        });
        readable.map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    /// Why `path` is not yet what it should be, for whoever tries a config. Else it is not looked at: its disk may not answer, and a
    /// start does without it.
    pub(super) fn doubt(&self, path: &Path, what: Later) -> Option<String> {
        (self.files == Files::Tried).then(|| what.is_at(path).err())?.map(|why| format!("{}: {why}", path.display()))
    }
}

impl Later {
    /// Whether such a thing is there.
    fn is_at(self, path: &Path) -> io::Result<()> {
        let found = std::fs::metadata(path)?;
        let is_program = found.permissions().mode() & 0o111 != 0;
        match self {
            Self::Folder if !found.is_dir() => Err(io::Error::other("it is no folder")),
            Self::File | Self::Program if !found.is_file() => Err(io::Error::other("it is no file")),
            Self::Program if !is_program => Err(io::Error::other("nobody may execute it")),
            Self::File => File::open(path).map(drop),
            Self::Folder | Self::Program => Ok(()),
        }
    }
}
