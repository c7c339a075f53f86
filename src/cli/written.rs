//! Files that a command writes: whole or not at all.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::whole_file;

/// A file that was not there, with this mode. One that could not be written to its end is taken away again, or it would look like a
/// whole one and be in the way of the next try.
///
/// # Errors
/// As the system says; [`io::ErrorKind::AlreadyExists`] where something stands there already.
pub(super) fn new(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut begun = OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    let written = begun.write_all(content).and_then(|()| begun.sync_all());
    written.inspect_err(|_| _ = std::fs::remove_file(file))
}

/// A file that may be there, in one step: whoever reads it finds the old or the new one, and where the disk is full the old one stays.
/// Its mode and its group stay as they were, by root its owner too; a new one can be read by everybody, whatever the umask is: the daemon is another user.
///
/// # Errors
/// As the system says.
pub(super) fn over(file: &Path, content: &[u8]) -> io::Result<()> {
    let before = std::fs::metadata(file).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        // A pipe or a device takes what it is given, and is not replaced. A pipe's link (proc(5), fd) is no name of one.
        return OpenOptions::new().write(true).open(file)?.write_all(content);
    }
    let file = behind_links(file);
    let mode = before.as_ref().map_or(0o644, |before| before.mode() & 0o777);
    let owner = before.map(|before| (before.uid(), before.gid()));
    whole_file::replace(&file, content, owner, mode)
}

/// A file that may be there, in one step, for its owner alone: whose it was, else who writes it.
///
/// # Errors
/// As the system says.
pub(super) fn for_owner(file: &Path, content: &[u8]) -> io::Result<()> {
    let file = behind_links(file);
    let owner = std::fs::metadata(&file).ok().map(|before| (before.uid(), before.gid()));
    whole_file::replace(&file, content, owner, 0o600)
}

/// A file that may be there, in one step, for root and a group alone.
///
/// # Errors
/// As the system says.
pub(super) fn for_group(file: &Path, content: &[u8], group: u32) -> io::Result<()> {
    whole_file::replace(&behind_links(file), content, Some((0, group)), 0o640)
}

/// Of a link what it leads to is written, which need not be there.
fn behind_links(file: &Path) -> PathBuf {
    let target = || std::fs::read_link(file).map(|to| file.parent().unwrap_or(Path::new(".")).join(to));
    std::fs::canonicalize(file).or_else(|_| target()).unwrap_or_else(|_| file.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(file: &Path) -> u32 {
        std::fs::metadata(file).unwrap().mode() & 0o777
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_is_written_over_keeps_its_mode_and_what_is_new_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("siaga.toml"), folder.path().join("link"));
        over(&file, b"one").unwrap();
        assert_eq!(mode(&file), 0o644);
        std::fs::remove_file(&file).unwrap();
        // What a link leads to need not be there.
        symlink("siaga.toml", &link).unwrap();
        over(&link, b"one").unwrap();
        assert_eq!(mode(&file), 0o644);
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        over(&link, b"two").unwrap();
        assert_eq!((std::fs::read(&file).unwrap(), mode(&file)), (b"two".to_vec(), 0o640));
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(folder.path()), 2);
    }

    #[test]
    fn where_nothing_can_be_written_what_was_there_stays_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        // A name that leaves no room for the one beside it.
        let long = folder.path().join("x".repeat(255));
        std::fs::write(&long, "one").unwrap();
        over(&long, b"two").unwrap_err();
        assert_eq!(std::fs::read(&long).unwrap(), b"one");
        assert_eq!(new(&long, b"two", 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&long).unwrap(), b"one");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn what_is_for_its_owner_is_for_nobody_else_also_where_all_could_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("siaga.toml"), folder.path().join("link"));
        symlink("siaga.toml", &link).unwrap();
        for before in [None, Some(0o644)] {
            if let Some(before) = before {
                std::fs::set_permissions(&file, Permissions::from_mode(before)).unwrap();
            }
            for_owner(&link, b"one").unwrap();
            assert_eq!((std::fs::read(&file).unwrap(), mode(&file)), (b"one".to_vec(), 0o600));
        }
        assert_eq!(names(folder.path()), 2);
    }

    #[test]
    fn what_is_for_a_group_is_for_root_and_it_alone() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("siaga.toml");
        over(&file, b"one").unwrap();
        for_group(&file, b"two", 4242).unwrap();
        let about = std::fs::metadata(&file).unwrap();
        assert_eq!((about.uid(), about.gid(), mode(&file)), (0, 4242, 0o640));
        // And stays so.
        over(&file, b"three").unwrap();
        assert_eq!((std::fs::metadata(&file).unwrap().gid(), mode(&file)), (4242, 0o640));
    }

    #[test]
    fn a_device_takes_it_and_stays_one() {
        over(Path::new("/dev/null"), b"one").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(over(Path::new("/dev/full"), b"one").unwrap_err().kind(), io::ErrorKind::StorageFull);
        let (mut reader, writer) = io::pipe().unwrap();
        over(Path::new(&format!("/dev/fd/{}", writer.as_raw_fd())), b"one").unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one");
    }
}
