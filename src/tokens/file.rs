//! The file of tokens: read with care, since whoever can write it acts under any name, and replaced in one step.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Hash, Token, TokenError, Tokens};
use crate::domain::Scope;
use crate::whole_file;

/// The file's name in the state folder.
pub const FILE: &str = "tokens.toml";

/// The longest file, bytes: more than so many tokens take.
const LONGEST: u64 = 256 * 1024;

const HEAD: &str = "# Who may act over HTTP, or send to a reflector. Of each token there is its SHA-256 alone. Written by \"siaga token add\" and \"siaga token revoke\".\n";

/// By what a file is known to be the same, unchanged: device, number, length, and when it was last written and last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    file: (u64, u64, u64),
    written: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(found: &Metadata) -> Self {
        Self {
            file: (found.dev(), found.ino(), found.len()),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// Why the file cannot be read. Names no token: what is displayed ends in a log.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system's word.
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// Others than its owner may write it.
    #[error("{} can be written by others than its owner, who could make tokens for themselves: chmod 600", .0.display())]
    Open(PathBuf),
    /// It is somebody else's, neither root's nor of whoever would believe it.
    #[error(
        "{} belongs to user {owner}, who could make tokens for themselves, and neither to root nor to user {reader}, by whom it is read: chown it",
        file.display()
    )]
    Foreign {
        /// Which file.
        file: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who would believe it.
        reader: u32,
    },
    /// It is not what it should be.
    #[error("{} is damaged: {}; put back a good one, or move it away and make the tokens anew", .0.display(), .1)]
    Damaged(PathBuf, String),
}

/// Why the file is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// What is there cannot be read, and is not written over.
    #[error(transparent)]
    File(#[from] FileError),
    /// The change itself is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It cannot be written.
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// Which file stands there; none, if there is none.
///
/// # Errors
/// The file system's.
pub fn version(file: &Path) -> io::Result<Option<Version>> {
    match std::fs::metadata(file) {
        Ok(found) => Ok(Some(Version::of(&found))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The tokens in a file, and which file that was; none where there is no file. For who goes by them: it is root's file or their own; to
/// root also that of whose folder it is in, to whom [`change`] gives it. Blocks.
///
/// # Errors
/// See [`FileError`].
pub fn read(file: &Path) -> Result<(Tokens, Option<Version>), FileError> {
    let reader = rustix::process::geteuid().as_raw();
    let is_the_folders = |owner| folder_of(file).metadata().is_ok_and(|folder| folder.uid() == owner);
    let is_believed = |owner| owner == 0 || owner == reader || (reader == 0 && is_the_folders(owner));
    read_of(file, |owner| if is_believed(owner) { Ok(()) } else { Err(reader) })
}

/// The same for who shows or changes them: root tends the file of a daemon of another user's, and leaves it to that one.
///
/// # Errors
/// See [`FileError`].
pub fn read_to_tend(file: &Path) -> Result<(Tokens, Option<Version>), FileError> {
    if rustix::process::geteuid().is_root() { read_of(file, |_| Ok(())) } else { read(file) }
}

/// `is_for`: who would have none of it, by its owner.
fn read_of(file: &Path, is_for: impl FnOnce(u32) -> Result<(), u32>) -> Result<(Tokens, Option<Version>), FileError> {
    let failed = |error| FileError::Read(file.to_owned(), error);
    let opened = match OpenOptions::new().read(true).custom_flags(NONBLOCK).open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Tokens::default(), None)),
        Err(error) => return Err(failed(error)),
    };
    let found = opened.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(failed(io::Error::other("it is no file")));
    }
    if found.mode() & 0o022 != 0 {
        return Err(FileError::Open(file.to_owned()));
    }
    let owner = found.uid();
    is_for(owner).map_err(|reader| FileError::Foreign { file: file.to_owned(), owner, reader })?;
    let mut text = String::new();
    opened.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => FileError::Damaged(file.to_owned(), "it is no text".to_owned()),
        _ => failed(error),
    })?;
    let tokens = if text.len() as u64 > LONGEST { Err("it is too long".to_owned()) } else { parse(&text) };
    let tokens = tokens.map_err(|what| FileError::Damaged(file.to_owned(), what))?;
    Ok((tokens, Some(Version::of(&found))))
}

/// A pipe that stands there would else wait for its writer for ever.
#[allow(clippy::cast_possible_wrap, reason = "a flag's bit")]
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// Changes the file in one step, so that whoever reads finds the old or the new one, whole. One change at a time. A file that
/// cannot be read is not written over. Blocks.
///
/// # Errors
/// See [`ChangeError`].
pub fn change<T>(file: &Path, make: impl FnOnce(&mut Tokens) -> Result<T, TokenError>) -> Result<T, ChangeError> {
    change_lent(file, None, make)
}

/// The same; a file that is new, in a folder of root's, is lent to this group to read.
///
/// # Errors
/// See [`ChangeError`].
pub fn change_lent<T>(
    file: &Path,
    lent: Option<u32>,
    make: impl FnOnce(&mut Tokens) -> Result<T, TokenError>,
) -> Result<T, ChangeError> {
    let failed = |error| ChangeError::Write(file.to_owned(), error);
    let folder = File::open(folder_of(file)).map_err(failed)?;
    // Until it is closed.
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    let (mut tokens, _) = read_to_tend(file)?;
    let outcome = make(&mut tokens)?;
    let (owner, mode) = if let Ok(before) = std::fs::metadata(file) {
        // Whoever could read the one before: the daemon may be one of them.
        ((before.uid(), before.gid()), before.mode() & READ_BY_OTHERS | OWN)
    } else {
        // Root makes tokens for a daemon that is another user, and must be able to read them.
        let of = folder.metadata().map_err(failed)?;
        let lent = lent.filter(|_| of.uid() == 0);
        lent.map_or(((of.uid(), of.gid()), OWN), |group| ((0, group), OWN | READ_BY_GROUP))
    };
    whole_file::replace(file, text(&tokens).as_bytes(), Some(owner), mode)
        .and_then(|()| folder.sync_all())
        .map_err(failed)?;
    Ok(outcome)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// For its owner alone.
const OWN: u32 = 0o600;
const READ_BY_OTHERS: u32 = 0o044;
const READ_BY_GROUP: u32 = 0o040;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    #[serde(default, rename = "token")]
    tokens: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    scopes: Vec<Scope>,
    sha256: String,
    made_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

fn text(tokens: &Tokens) -> String {
    let rows = tokens.0.iter().map(|token| Row {
        name: token.name.to_string(),
        scopes: token.scopes.clone(),
        sha256: STANDARD.encode(token.hash.0),
        made_at: token.made_at,
        expires_at: token.expires_at,
    });
    // Strings and words of closed lists: nothing in it can fail to be written.
    format!("{HEAD}{}", toml::to_string(&Shape { tokens: rows.collect() }).unwrap_or_default())
}

/// What is wrong is told by its place: a name of a person, or what else stands there, is not repeated.
fn parse(text: &str) -> Result<Tokens, String> {
    let shape: Shape = toml::from_str(text).map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(0, |span| text.as_bytes()[..span.start.min(text.len())].split(|b| *b == b'\n').count());
        format!("line {line} is not understood")
    })?;
    let mut tokens = Tokens::default();
    for (place, row) in shape.tokens.into_iter().enumerate() {
        let wrong = |what: &str| format!("token {}: {what}", place + 1);
        let hash = STANDARD.decode(&row.sha256).ok().and_then(|bytes| bytes.try_into().ok());
        let hash = Hash(hash.ok_or_else(|| wrong("its hash is none"))?);
        let Row { name, scopes, made_at, expires_at, .. } = row;
        let token = Token { name: name.into(), scopes, made_at, expires_at, hash };
        tokens.take(token).map_err(|error| wrong(&error.to_string()))?;
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    fn add(file: &Path, name: &str) -> Result<String, ChangeError> {
        change(file, |tokens| tokens.add(name, &[Scope::Operate], Timestamp::UNIX_EPOCH, None))
    }

    #[test]
    fn what_is_made_is_kept_hashed_for_its_owner_alone_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!((read(&file).unwrap(), version(&file).unwrap()), ((Tokens::default(), None), None));
        let shown = add(&file, "Budi \"B\"").unwrap();
        let old = version(&file).unwrap();
        add(&file, "Siti").unwrap();
        assert_ne!(version(&file).unwrap(), old);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&file).unwrap().contains(&shown[6..]));
        // Where the daemon reads it as one of its group, or as anybody, it goes on doing so.
        for (given, kept) in [(0o640, 0o640), (0o600, 0o600), (0o644, 0o644), (0o555, 0o644)] {
            std::fs::set_permissions(&file, Permissions::from_mode(given)).unwrap();
            change(&file, |_| Ok(())).unwrap();
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, kept, "{given:o}");
        }
        let (tokens, seen) = read(&file).unwrap();
        assert_eq!(seen, version(&file).unwrap());
        assert_eq!(&*tokens.find(Hash::of(&shown).unwrap()).unwrap().name, "Budi \"B\"");
        assert!(matches!(add(&file, "Siti"), Err(ChangeError::Token(TokenError::Taken))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_damaged_file_is_told_by_its_place_and_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        add(&file, "Budi").unwrap();
        let whole = std::fs::read_to_string(&file).unwrap();
        let twice = format!("{whole}{}", whole.replace(HEAD, ""));
        for (damaged, said) in [
            (whole.replace("sha256 = \"", "sha256 = \"x"), "token 1: its hash is none"),
            (whole.replace("operate", "everything"), "line 4 is not understood"),
            (whole[..whole.len() - 20].to_owned(), "is not understood"),
            (whole.replace("[\"operate\"]", "[]"), "token 1: a token needs a scope"),
            (twice, "token 2: there is a token of that name"),
            (" ".repeat(300_000), "it is too long"),
        ] {
            std::fs::write(&file, &damaged).unwrap();
            let error = read(&file).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("Budi"), "{error}");
            assert!(matches!(add(&file, "Siti"), Err(ChangeError::File(_))));
            assert_eq!(std::fs::read_to_string(&file).unwrap(), damaged);
        }
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("it is no text"));
        std::fs::write(&file, &whole).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(read(&file), Err(FileError::Open(_))));
    }

    #[test]
    fn a_new_file_is_its_folders_owners_and_one_in_roots_folder_is_lent_to_a_group() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let made = |whose: u32, lent: Option<u32>| {
            chown(folder.path(), Some(whose), Some(whose)).unwrap();
            _ = std::fs::remove_file(&file);
            change_lent(&file, lent, |_| Ok(())).unwrap();
            let found = std::fs::metadata(&file).unwrap();
            (found.uid(), found.gid(), found.mode() & 0o777)
        };
        assert_eq!(made(0, Some(4242)), (0, 4242, 0o640));
        assert_eq!(made(0, None), (0, 0, 0o600));
        assert_eq!(made(4243, Some(4242)), (4243, 4243, 0o600), "the daemon's own folder");
    }

    #[test]
    fn a_file_of_somebody_elses_is_believed_by_nobody_and_tended_by_root() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        add(&file, "Budi").unwrap();
        chown(&file, Some(4242), None).unwrap();
        let error = read(&file).unwrap_err().to_string();
        assert!(error.contains("belongs to user 4242") && error.contains("to user 0"), "{error}");
        // It stays that one's: whose daemon it is believes it.
        assert_eq!(read_to_tend(&file).unwrap().0.all().len(), 1);
        add(&file, "Siti").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().uid(), 4242);
        assert!(matches!(read(&file), Err(FileError::Foreign { .. })));
        // Nor has root made it for another where the folder is that one's.
        chown(folder.path(), Some(4242), None).unwrap();
        assert_eq!(read(&file).unwrap().0.all().len(), 2);
        chown(folder.path(), Some(4243), None).unwrap();
        assert!(matches!(read(&file), Err(FileError::Foreign { .. })));
        chown(&file, Some(0), None).unwrap();
        assert_eq!(read(&file).unwrap().0.all().len(), 2);
    }

    #[test]
    fn a_pipe_or_a_folder_in_its_place_is_an_error_and_no_wait() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(FileError::Read(..))));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(matches!(read(&pipe), Err(FileError::Read(..))));
    }

    #[test]
    fn of_many_who_change_it_at_once_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::thread::scope(|scope| {
            for number in 0..16 {
                let file = &file;
                scope.spawn(move || add(file, &format!("number {number}")).unwrap());
            }
        });
        assert_eq!(read(&file).unwrap().0.all().len(), 16);
    }
}
