//! Surveys that are kept where the daemon shows them: a folder in the state folder, and in it each survey's JSON by its own name.
//!
//! What lies there may come from other machines, and anybody's hands have been on it: a name is read by its shape before it becomes a
//! path, a file by its size and by what it is, and a page is made from the figures, never from somebody's markup.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::report::{Report, SCHEMA};

/// The folder, in the state folder.
pub const FOLDER: &str = "surveys";

/// The longest file that is read, bytes: a survey of thirty checks has some 60 kB.
const LONGEST: u64 = 1024 * 1024;

/// The longest name of a survey, bytes: a place's part of 40 and what stands behind it.
const LONGEST_ID: usize = 80;

/// What stands behind a place in a survey's name: `-20261126-133005-1f2e3d4c`.
const TAIL: usize = 25;

/// A file on its way, which nobody shows.
const ASIDE: &str = ".new-";

/// Why a survey cannot be shown, or is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It cannot be read or written.
    #[error("{}", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// There is none of that name.
    #[error("no survey of that name is kept")]
    None,
    /// It is there already.
    #[error("{0} is kept already")]
    Taken(String),
    /// It is no file: a folder, a pipe, a link that leads elsewhere.
    #[error("{}: it is no file", .0.display())]
    NoFile(PathBuf),
    /// It is longer than any survey.
    #[error("{}: it is longer than {LONGEST} bytes", .0.display())]
    TooLong(PathBuf),
    /// It is no survey's JSON.
    #[error("{}: it is no survey (the JSON that siaga survey writes): {what}", .file.display())]
    Damaged {
        /// Where it lies.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another version's, whose shape is another.
    #[error("{}: version {version} of a survey; this siaga reads version {}", .file.display(), SCHEMA.1)]
    Version {
        /// Where it lies.
        file: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// Whether that can be a survey's name. What is none becomes no path.
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= LONGEST_ID && text.bytes().all(plain) && day(text).is_some()
}

/// The day in a survey's name; nothing where that is none.
pub fn day(id: &str) -> Option<Date> {
    let (place, tail) = id.split_at_checked(id.len().checked_sub(TAIL)?)?;
    let mut parts = tail.strip_prefix('-')?.split('-');
    let (day, time, end) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !place.is_empty() && digits(day, 8) && digits(time, 6) && end.len() == 8 && parts.next().is_none();
    let all = |at: std::ops::Range<usize>| day[at].parse::<i16>().ok();
    let part = |at: std::ops::Range<usize>| day[at].parse::<i8>().ok();
    if fits { Date::new(all(0..4)?, part(4..6)?, part(6..8)?).ok() } else { None }
}

/// By what newer ones stand before older ones: day, time, and the random end.
fn order(id: &str) -> &str {
    &id[id.len().saturating_sub(TAIL)..]
}

/// All names, newest first. A folder that is not there holds none. What has no survey's name is passed by.
///
/// # Errors
/// If the folder cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>, KeptError> {
    let failed = |error| KeptError::Io(folder.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("survey-")?.strip_suffix(".json"));
        all.extend(id.filter(|id| is_id(id)).map(str::to_owned));
    }
    all.sort_unstable_by(|a, b| order(b).cmp(order(a)));
    Ok(all)
}

/// Where one lies.
///
/// # Errors
/// If that is no survey's name.
pub fn place(folder: &Path, id: &str) -> Result<PathBuf, KeptError> {
    if is_id(id) { Ok(folder.join(format!("survey-{id}.json"))) } else { Err(KeptError::None) }
}

/// One of the folder's. Blocks.
///
/// # Errors
/// See [`KeptError`].
pub fn read(folder: &Path, id: &str) -> Result<Report, KeptError> {
    let file = place(folder, id)?;
    let report = match read_file(&file) {
        Err(KeptError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => return Err(KeptError::None),
        read => read?,
    };
    if report.id == id {
        Ok(report)
    } else {
        Err(KeptError::Damaged { file, what: format!("it is the survey {}", report.id) })
    }
}

/// A survey from any file, one that came by mail or on a stick too. Blocks.
///
/// # Errors
/// See [`KeptError`].
pub fn read_file(file: &Path) -> Result<Report, KeptError> {
    let failed = |error| KeptError::Io(file.to_owned(), error);
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    // A pipe that stands there would else wait for its writer for ever, and a link lead out of the folder.
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(file);
    let opened = match opened {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(KeptError::NoFile(file.to_owned()));
        }
        opened => opened.map_err(failed)?,
    };
    if !opened.metadata().map_err(failed)?.is_file() {
        return Err(KeptError::NoFile(file.to_owned()));
    }
    let mut bytes = Vec::new();
    opened.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(KeptError::TooLong(file.to_owned()));
    }
    parse(file, &bytes)
}

/// What lies in a file.
///
/// # Errors
/// [`KeptError::Damaged`] and [`KeptError::Version`].
pub(super) fn parse(file: &Path, bytes: &[u8]) -> Result<Report, KeptError> {
    #[derive(serde::Deserialize)]
    struct Shape {
        schema: String,
        version: u32,
    }
    let damaged = |what: String| KeptError::Damaged { file: file.to_owned(), what };
    let shape: Shape = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if shape.schema != SCHEMA.0 {
        return Err(damaged(format!("its schema is {:?}", shape.schema.chars().take(40).collect::<String>())));
    }
    if shape.version != SCHEMA.1 {
        return Err(KeptError::Version { file: file.to_owned(), version: shape.version });
    }
    let report: Report = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if is_id(&report.id) { Ok(report) } else { Err(damaged("its id is none of a survey".to_owned())) }
}

/// Makes the folder where it is not there, for whoever owns the state folder. Says whether a file can be made in it.
///
/// # Errors
/// If not, and why.
pub fn make_folder(state: &Path) -> Result<PathBuf, KeptError> {
    let folder = state.join(FOLDER);
    let failed = |error| KeptError::Io(folder.clone(), error);
    match DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => open_folder(&folder).and_then(|made| own(&made, state)).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let trial = folder.join(format!("{ASIDE}{:08x}", rand::random::<u32>()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&trial);
    made.and_then(|_| fs::remove_file(&trial)).map_err(failed)?;
    Ok(folder)
}

/// The folder itself: whoever owns the state folder may have put a link in its place since, and what that leads to is not theirs.
fn open_folder(folder: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::NOFOLLOW;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(folder)
}

/// Root keeps surveys for a daemon that is another user, and must be able to read and to remove them.
fn own(file: &File, like: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(like)?;
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// Keeps one: whole or not at all, whatever happens meanwhile, and never over another. Blocks.
///
/// # Errors
/// If it is there already, or cannot be written.
pub fn keep(folder: &Path, report: &Report) -> Result<PathBuf, KeptError> {
    let file = place(folder, &report.id)?;
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| KeptError::Damaged { file: file.clone(), what: error.to_string() })?;
    let aside = folder.join(format!("{ASIDE}{:08x}", rand::random::<u32>()));
    let write = || -> io::Result<()> {
        let mut begun = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        own(&begun, folder)?;
        begun.write_all(text.as_bytes())?;
        begun.write_all(b"\n")?;
        begun.sync_all()?;
        // Unlike a rename it takes no other one's place.
        fs::hard_link(&aside, &file)
    };
    let written = write();
    _ = fs::remove_file(&aside);
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(KeptError::Taken(report.id.clone())),
        Err(error) => return Err(KeptError::Io(file, error)),
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| KeptError::Io(folder.to_owned(), error))?;
    Ok(file)
}

/// Removes one.
///
/// # Errors
/// If there is none, or it cannot be removed.
pub fn remove(folder: &Path, id: &str) -> Result<(), KeptError> {
    let file = place(folder, id)?;
    fs::remove_file(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeptError::None,
        _ => KeptError::Io(file, error),
    })
}

/// Removes what is of a day before `first`, and what writers that died have left. Says how many went; what cannot be removed stays.
///
/// # Errors
/// If the folder cannot be read.
pub fn prune(folder: &Path, first: Date, now: Timestamp) -> Result<usize, KeptError> {
    let old = names(folder)?.into_iter().filter(|id| day(id).is_some_and(|day| day < first));
    let removed = old.filter(|id| remove(folder, id).is_ok()).count();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(removed) };
    for entry in
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(ASIDE)))
    {
        let written =
            entry.metadata().and_then(|left| left.modified()).ok().and_then(|at| Timestamp::try_from(at).ok());
        // One that is younger may be on its way.
        if written.is_some_and(|at| now.duration_since(at) > SignedDuration::from_hours(1)) {
            _ = fs::remove_file(entry.path());
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_places_a_moment_and_a_random_end_and_nothing_else() {
        for id in ["aula-20261126-133005-1f2e3d4c", "a-b-20241126-133005-00000000", "20261126-20261126-133005-1f2e3d4c"]
        {
            assert!(is_id(id), "{id}");
        }
        let long = format!("{}-20261126-133005-1f2e3d4c", "x".repeat(LONGEST_ID));
        for id in [
            "",
            "aula",
            "-20261126-133005-1f2e3d4c",
            "../aula-20261126-133005-1f2e3d4c",
            "aula/x-20261126-133005-1f2e3d4c",
            "aula.-20261126-133005-1f2e3d4c",
            "aula%2f-20261126-133005-1f2e3d4c",
            "aul\u{e9}-20261126-133005-1f2e3d4c",
            "aula-20261326-133005-1f2e3d4c",
            "aula-20261126-133005-1f2e3d4c.json",
            "aula-20261126-133005-1f2e3d4c\0",
            "aula-2026112\u{e9}133005-1f2e3d4c",
            &long,
        ] {
            assert!(!is_id(id) && matches!(place(Path::new("x"), id), Err(KeptError::None)), "{id:?}");
        }
    }
}
