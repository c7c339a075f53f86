//! Unix sockets of this machine: bound with care, read by lines, and who is at their other end by the kernel's own word.

pub mod users;

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::net::{UnixListener, UnixStream};

/// Who is at the other end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its user's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
}

impl Peer {
    /// Whose socket it is: the credentials at the time of connect(2), which cannot be made up (`SO_PEERCRED`, unix(7)).
    ///
    /// # Errors
    /// The kernel's.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let told = stream.peer_cred()?;
        Ok(Self { uid: told.uid(), gid: told.gid() })
    }

    /// Whether it is this process's own user.
    pub fn is_own_user(self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }
}

/// The file of a socket that was bound. It is taken away when this is dropped, unless another stands there by then.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    file: Option<File>,
}

/// By what a file is known again: device, number, and when it was made, because a number is given anew. A socket's time of
/// modification is that of its making.
type File = (u64, u64, i64, i64);

impl Place {
    /// Whether the socket still stands there.
    pub fn is_there(&self) -> bool {
        self.file.is_some() && file_at(&self.path) == self.file
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_there() {
            _ = std::fs::remove_file(&self.path);
        }
    }
}

fn file_at(path: &Path) -> Option<File> {
    let is = std::fs::symlink_metadata(path).ok()?;
    Some((is.dev(), is.ino(), is.mtime(), is.mtime_nsec()))
}

/// Binds a socket at `path` at which anybody may knock: who comes in is decided by who the kernel says it is. A file that an
/// ended process left is taken away; one at which somebody listens is not.
///
/// # Errors
/// `AddrInUse` where somebody listens, or where the file is no socket; else the file system's.
pub fn bind(path: &Path) -> io::Result<(UnixListener, Place)> {
    let listener = match UnixListener::bind(path) {
        // Nothing but a socket is ever taken away: a path that is mistyped may be somebody's file.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_socket(path) => {
            match std::os::unix::net::UnixStream::connect(path) {
                Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                _ => Err(error),
            }
        }
        bound => bound,
    }?;
    let place = Place { path: path.to_owned(), file: file_at(path) };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    Ok((listener, place))
}

/// Reads on to the end of a line of `longest` bytes at most; `false` at the end of all. What was read stays in `line` when the
/// wait is given up.
///
/// # Errors
/// `InvalidData` for a longer line; else the socket's.
pub async fn line<R: AsyncBufRead + Unpin>(reader: &mut R, line: &mut Vec<u8>, longest: usize) -> io::Result<bool> {
    let room = (longest + 1).saturating_sub(line.len());
    // `read_until` keeps what it has read where it is dropped in the middle (tokio's documentation, "Cancel safety").
    reader.take(room as u64).read_until(b'\n', line).await?;
    match line.last() {
        Some(b'\n') => Ok(true),
        _ if line.len() > longest => Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end")),
        _ => Ok(false),
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_ended_process_left_is_taken_over_and_a_living_ones_or_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (living, place) = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let here = UnixStream::connect(&path).await.unwrap();
        let (there, _) = living.accept().await.unwrap();
        assert!(Peer::of(&there).unwrap().is_own_user());
        assert_eq!(Peer::of(&there).unwrap(), Peer::of(&here).unwrap());
        let file = folder.path().join("file");
        std::fs::write(&file, "somebody's").unwrap();
        assert_eq!(bind(&file).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's");
        assert!(place.is_there());
        drop(place);
        assert!(!path.exists(), "taken away at the end");
    }

    #[tokio::test]
    async fn what_another_has_put_in_its_place_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let (_first, place) = bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (_second, of_second) = bind(&path).unwrap();
        assert!(!place.is_there());
        drop(place);
        assert!(path.exists() && of_second.is_there());
    }

    #[tokio::test]
    async fn a_line_is_read_whole_and_not_without_end() {
        let mut said: &[u8] = b"one\ntwo\n";
        let mut read = Vec::new();
        assert!(line(&mut said, &mut read, 8).await.unwrap());
        assert_eq!(read, b"one\n");
        read.clear();
        assert!(line(&mut said, &mut read, 8).await.unwrap());
        read.clear();
        assert!(!line(&mut said, &mut read, 8).await.unwrap());
        let mut endless: &[u8] = &[b'x'; 20];
        assert_eq!(line(&mut endless, &mut read, 8).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
