//! Files that are replaced in one step: written aside, brought to the disk and renamed. Whoever reads finds the old one or the new one,
//! whole, also where the disk is full or the power goes.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// How many files of processes that died in the middle are stepped over.
const ASIDE: u32 = 16;

/// Puts a file where one may be, with these permissions whatever the umask is. Its user and group are those of `owner` where whoever writes
/// may give it away; without its group, that one's permissions are nobody's. A link is replaced itself, and not what it leads to. Its folder must
/// be there. Blocks.
///
/// # Errors
/// As the system says; what was there stays then, and nothing is left beside it. Of a folder that may not be written, and of a file that
/// is a mount of its own, it is said that no other can take its place.
pub fn replace(file: &Path, content: &[u8], owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
    let (begun, aside) = begin_aside(file)?;
    let written = fill(begun, content, owner, mode).and_then(|()| std::fs::rename(&aside, file).map_err(in_the_way));
    written.inspect_err(|_| _ = std::fs::remove_file(&aside))
}

/// What the system says of a folder or a mount, whoever named the file would not understand.
fn in_the_way(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => io::Error::new(
            error.kind(),
            format!("its folder cannot be written, so no new file can take its place: {error}"),
        ),
        io::ErrorKind::ResourceBusy => {
            io::Error::new(error.kind(), format!("it is a mount of its own, whose place no new file can take: {error}"))
        }
        _ => error,
    }
}

/// A new file beside it, under a name that nobody has, for its owner alone.
fn begin_aside(file: &Path) -> io::Result<(File, PathBuf)> {
    let mut tried = 0;
    loop {
        let mut aside = file.to_owned().into_os_string();
        aside.push(format!(".{}-{tried}.new", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside) {
            Ok(begun) => return Ok((begun, aside.into())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < ASIDE => tried += 1,
            Err(error) => return Err(in_the_way(error)),
        }
    }
}

fn fill(mut begun: File, content: &[u8], owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
    let mut mode = mode;
    if let Some((user, group)) = owner {
        if rustix::process::geteuid().is_root() {
            fchown(&begun, Some(user), Some(group))?;
        } else if begun.metadata()?.gid() != group && fchown(&begun, None, Some(group)).is_err() {
            // Not of that group oneself: what it was let read, another may not.
            mode &= !0o070;
        }
    }
    // Before there is anything to read in it.
    begun.set_permissions(Permissions::from_mode(mode))?;
    begun.write_all(content)?;
    begun.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_that_died_left_under_its_name_is_stepped_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("room.toml");
        let left = folder.path().join(format!("room.toml.{}-0.new", std::process::id()));
        std::fs::write(&left, "half").unwrap();
        replace(&file, b"one", None, 0o644).unwrap();
        replace(&file, b"two", None, 0o640).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read(&left).unwrap(), b"half");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
