//! Files that the config names, read while others go on: one may lie on a disk that does not answer. Whoever wants it waits for so long at
//! most, and what hangs over it holds one thread, however often it is wanted. And files that somebody names to a command, who waits for
//! it: those hang over no pipe.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How long anybody waits for a file, those before them at the same one included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A turn at a file or a folder.
type Turn = tokio::sync::Mutex<()>;

/// Those of the places at which somebody works, or waits to.
static TURNS: Mutex<BTreeMap<PathBuf, Weak<Turn>>> = Mutex::new(BTreeMap::new());

/// What `read` makes of a file, on a thread for what blocks: of each file by one at a time.
///
/// # Errors
/// Those of `read`, and with the file's place that its disk does not answer within [`PATIENCE`].
pub async fn read<T, R>(file: &Path, read: R) -> Result<T, String>
where
    T: Send + 'static,
    R: FnOnce(&Path) -> Result<T, String> + Send + 'static,
{
    let late = |_| Err(format!("{}: its disk does not answer within {} s", file.display(), PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, in_turn(file, read)).await.unwrap_or_else(late)
}

/// What `work` makes of a file or a folder, on a thread for what blocks: of each place by one at a time. How long that is waited for is
/// the caller's to say.
///
/// # Errors
/// Those of `work`.
pub async fn in_turn<T, W>(place: &Path, work: W) -> Result<T, String>
where
    T: Send + 'static,
    W: FnOnce(&Path) -> Result<T, String> + Send + 'static,
{
    let turn = turn(place).lock_owned().await;
    let at = place.to_owned();
    // Work that hangs keeps the turn, also where nobody waits for it any more: no second one hangs beside it.
    let made = tokio::task::spawn_blocking(move || {
        let made = work(&at);
        drop(turn);
        made
    });
    made.await.unwrap_or_else(|error| Err(format!("{}: {error}", place.display())))
}

/// The bytes of a file, for [`read`].
///
/// # Errors
/// The file's place, and what the system says.
pub fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Opens a file to read it here and now. A pipe that has a name would wait for its writer for ever, and is refused; one without (a shell's
/// `<(…)`, the one before it in a pipeline) is of somebody who writes to it, and is read to its end, as a terminal is. Blocks.
///
/// # Errors
/// As the system says, and that it is no file.
pub fn open(file: &Path) -> io::Result<File> {
    // Looked at before: who opens without waiting is sent away from a file that somebody has a lease on (fcntl(2), F_SETLEASE).
    if std::fs::metadata(file)?.file_type().is_fifo() && !is_nameless(file)? {
        return Err(io::Error::other("it is no file"));
    }
    File::open(file)
}

/// The text of a file that [`open`] opens.
///
/// # Errors
/// As the system says; that it is no file, or no text in UTF-8.
pub fn text(file: &Path) -> io::Result<String> {
    io::read_to_string(open(file)?)
}

/// Whether a pipe stands in no folder: it lies in the kernel's own file system of pipes (`PIPEFS_MAGIC` of linux/magic.h).
fn is_nameless(pipe: &Path) -> io::Result<bool> {
    Ok(u64::try_from(rustix::fs::statfs(pipe)?.f_type) == Ok(0x5049_5045))
}

fn turn(file: &Path) -> Arc<Turn> {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(turn) = turns.get(file).and_then(Weak::upgrade) {
        return turn;
    }
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = Arc::new(Turn::default());
    turns.insert(file.to_owned(), Arc::downgrade(&turn));
    turn
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::sync::mpsc::sync_channel;

    use futures_util::FutureExt as _;

    use super::*;

    /// A pipe to which nobody writes: whoever opens it waits, as on a disk that does not answer.
    fn pipe(folder: &Path) -> PathBuf {
        let pipe = folder.join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        pipe
    }

    /// Lets go of whoever opened it, once somebody has.
    fn answer(pipe: &Path) -> File {
        File::options().write(true).open(pipe).unwrap()
    }

    /// Whether `reading` of a file leaves the runtime's thread to others while the file's disk does not answer.
    pub(crate) fn leaves_the_thread<F: Future>(reading: impl FnOnce(PathBuf) -> F) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        let (tell, told) = sync_channel(1);
        let writer = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                // The end of a thread that was not left to others.
                _ = told.recv_timeout(Duration::from_secs(10));
                drop(answer(&pipe));
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let left = runtime.block_on(async {
            let mut reading = std::pin::pin!(reading(pipe));
            let left = reading.as_mut().now_or_never().is_none();
            _ = tell.send(());
            if left {
                reading.await;
            }
            left
        });
        writer.join().unwrap();
        left
    }

    /// What three get who want a file one after the other, each as long as anybody waits, while its disk does not answer; and whether
    /// one of two threads is left for others.
    pub(crate) fn while_it_hangs<T, F: Future<Output = T>>(wanted: impl Fn(PathBuf) -> F) -> (Vec<Option<T>>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build().unwrap();
        let found = runtime.block_on(async {
            tokio::time::pause();
            let mut late = Vec::new();
            for _ in 0..3 {
                let mut reading = std::pin::pin!(wanted(pipe.clone()));
                let begun = reading.as_mut().now_or_never();
                tokio::time::advance(PATIENCE + Duration::from_millis(1)).await;
                late.push(begun.or_else(|| reading.now_or_never()));
            }
            tokio::time::resume();
            let other = tokio::time::timeout(Duration::from_secs(10), tokio::task::spawn_blocking(|| ())).await;
            (late, other.is_ok())
        });
        let writer = answer(&pipe);
        // Whoever still stands in line for a thread finds nothing to wait at.
        std::fs::remove_file(&pipe).unwrap();
        drop(writer);
        found
    }

    /// What `read` says of a pipe to which nobody writes; `None` where it waits for a writer.
    pub(crate) fn told_of_a_pipe<T: Send + 'static>(read: impl FnOnce(&Path) -> T + Send + 'static) -> Option<T> {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        let (tell, told) = sync_channel(1);
        std::thread::spawn(move || _ = tell.send(read(&pipe)));
        told.recv_timeout(Duration::from_secs(10)).ok()
    }

    #[test]
    fn a_file_whose_disk_does_not_answer_is_waited_for_so_long_and_holds_one_thread() {
        let (late, others) = while_it_hangs(|file| async move { read(&file, bytes).await });
        for late in late {
            let told = late.unwrap().unwrap_err();
            assert!(told.ends_with("pipe: its disk does not answer within 5 s"), "{told}");
        }
        assert!(others, "no thread is left for others");
    }

    #[tokio::test]
    async fn a_file_whose_disk_answers_again_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, other) = (pipe(folder.path()), folder.path().join("other"));
        std::fs::write(&other, "other").unwrap();
        assert!(read(&pipe, bytes).now_or_never().is_none());
        let writer = answer(&pipe);
        std::fs::rename(&other, &pipe).unwrap();
        drop(writer);
        assert_eq!(read(&pipe, bytes).await.as_deref(), Ok(&b"other"[..]));
        assert!(read(&other, bytes).await.unwrap_err().contains("other: No such file"));
    }

    #[test]
    fn a_pipe_with_a_name_is_no_file_and_one_that_is_written_to_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(told_of_a_pipe(|pipe| text(pipe).unwrap_err().to_string()).as_deref(), Some("it is no file"));
        // As a shell hands over what another command says.
        let (reader, mut writer) = io::pipe().unwrap();
        let named = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
        // More than a pipe holds: whoever did not wait for the writer would not have it all.
        let all = "one".repeat(1 << 20);
        let written = all.clone();
        let writing = std::thread::spawn(move || writer.write_all(written.as_bytes()).unwrap());
        assert!(text(&named).unwrap() == all);
        writing.join().unwrap();
        let (plain, none) = (folder.path().join("plain"), folder.path().join("none"));
        std::fs::write(&plain, "two").unwrap();
        assert_eq!(text(&plain).unwrap(), "two");
        assert_eq!(text(Path::new("/dev/null")).unwrap(), "");
        assert_eq!(text(&none).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_turn_is_kept_as_long_as_somebody_has_it() {
        let (one, two) = (Path::new("/one/of/a/test"), Path::new("/two/of/a/test"));
        let first = turn(one);
        assert!(Arc::ptr_eq(&first, &turn(one)) && !Arc::ptr_eq(&first, &turn(two)));
        drop(first);
        _ = turn(two);
        assert!(!TURNS.lock().unwrap().contains_key(one));
    }

    #[test]
    fn what_is_read_beside_the_thread_is_told_apart_from_what_is_not() {
        assert!(leaves_the_thread(|file| async move { read(&file, bytes).await }));
        assert!(!leaves_the_thread(|file| async move { bytes(&file) }));
    }
}
