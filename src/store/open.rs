//! Opening the file: what it must be, how it is brought to this version, and when it is called damaged.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::rows::micros;

/// The file's name in the state folder.
pub(super) const FILE: &str = "siaga.db";

/// "SIAG", so that a database of another program is never taken for ours (`file(1)` shows it).
const APPLICATION_ID: i32 = 0x5349_4147;

/// One file a version, in their order; a number may be left out for good, and none is given later than a greater one is
/// released. The database's `user_version` is the number of the newest applied. Never edited once released.
pub(super) const MIGRATIONS: &[(usize, &str)] = &[
    (1, include_str!("migrations/0001.sql")),
    (2, include_str!("migrations/0002.sql")),
    (3, include_str!("migrations/0003.sql")),
    (4, include_str!("migrations/0004.sql")),
    (5, include_str!("migrations/0005.sql")),
    (6, include_str!("migrations/0006.sql")),
    (7, include_str!("migrations/0007.sql")),
    (10, include_str!("migrations/0010.sql")),
    (12, include_str!("migrations/0012.sql")),
    (13, include_str!("migrations/0013.sql")),
    (14, include_str!("migrations/0014.sql")),
    (15, include_str!("migrations/0015.sql")),
    (16, include_str!("migrations/0016.sql")),
];

/// What a file must have, and since which version.
const TABLES: [(&str, usize); 19] = [
    ("meta", 1),
    ("transitions", 1),
    ("incidents", 1),
    ("outbox", 1),
    ("evidence", 1),
    ("last_observations", 1),
    ("minutes", 1),
    ("observations", 2),
    ("audit", 3),
    ("standing", 4),
    ("hours", 5),
    ("runs", 5),
    ("told", 6),
    ("silences", 6),
    ("sessions", 10),
    ("session_notices", 10),
    ("reports", 12),
    ("sheet_entries", 13),
    ("sheet_told", 13),
];

/// Up to this size the whole file is checked at a start (a tenth of a second); beyond it only the tables that alerts live
/// by, because a room must not wait for years of minutes. Damage elsewhere shows when it is met, and is treated the same.
const CHECK_WHOLE: u64 = 64 << 20;

/// Why a database operation failed, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The file is not what it should be: set it aside.
    #[error("the database file is damaged: {0}")]
    Damaged(String),
    /// A newer siaga has brought the file to a version that is not known here: set it aside, whole.
    #[error("the database file is of a newer siaga: its version is {0}, and this one knows those up to {known}", known = newest_version())]
    Newer(usize),
    /// The disk is full, read-only, away or broken: try again later.
    #[error("the disk cannot be written")]
    Disk(#[source] rusqlite::Error),
    /// The folder cannot be made or read, or is another's.
    #[error("the state folder cannot be used")]
    Folder(#[source] io::Error),
    /// A statement is wrong: our own fault, and trying again does not mend it.
    #[error("a statement failed")]
    Ours(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport
                | ErrorCode::OperationInterrupted,
            ) => Self::Disk(error),
            _ => Self::Ours(error),
        }
    }
}

/// When a file was set aside, in its name: names of one reason are in the order of time.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// How many files of each reason are kept beside the database, and the largest besides: one may hold half a gigabyte, and a disk that
/// wears out damages them again and again.
const KEPT_ASIDE: usize = 2;

/// The reasons of which older files go. One of a newer siaga is sound and comes of what people do: it stays until they take it.
const THINNED: [&str; 2] = ["damaged", "removed"];

/// Opens the database for writing, brought to this version and proven writable.
pub(super) fn open(path: &Path, now: Timestamp) -> Result<Connection, Fault> {
    let size = fs::metadata(path).map_or(0, |meta| meta.len());
    // SQLite deletes the log of an empty database without a word. Never a state that a crash leaves: the first page is
    // in the file before the log begins.
    if size == 0 && fs::metadata(beside(path, "-wal")).is_ok_and(|meta| meta.len() > 0) {
        return Err(Fault::Damaged("the file is empty and its write-ahead log is not".to_owned()));
    }
    own(path).map_err(Fault::Folder)?;
    let mut db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Somebody with sqlite3 at the file may make us wait, but not for long: alerts stand behind.
    db.busy_timeout(Duration::from_secs(1))?;
    let version = examine(&db)?;
    if version == 0 {
        // Must stand before the first table. Freed pages are given back in small steps, not in one VACUUM.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    db.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: each commit is on the disk when it returns. In WAL mode NORMAL would lose the newest commits with the power,
    // and the failing power is just what this daemon must remember. The price is one fsync a commit, of which there are
    // six a minute and one a change.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "journal_size_limit", 4 << 20)?;
    db.pragma_update(None, "cache_size", -1024)?;
    if version > 0 {
        check(&db, version, size)?;
    }
    migrate(&mut db, version)?;
    // A file or folder that may only be read still opens; the first write tells.
    touch(&db, now)?;
    Ok(db)
}

/// Makes the file its owner's alone, whoever made the folder: people's names are in it. The log beside it is given the same mode. A
/// disk that cannot be written says so later.
fn own(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let opened = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let Ok(file) = opened else { return Ok(()) };
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        for beside in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
            _ = fs::set_permissions(beside, fs::Permissions::from_mode(0o600));
        }
    }
    Ok(())
}

/// Notes that the file was written at `now`.
pub(super) fn touch(db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('touched_at', ?1) ON CONFLICT DO UPDATE SET value = excluded.value",
        [micros(now)],
    )
    .map(drop)
}

/// Opens the database for reading alone.
pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(1))?;
    db.pragma_update(None, "cache_size", -512)?;
    Ok(db)
}

/// The newest version that is known here.
pub(super) const fn newest_version() -> usize {
    MIGRATIONS[MIGRATIONS.len() - 1].0
}

/// Whether a file is siaga's, and its version.
pub(super) fn marks(db: &Connection) -> rusqlite::Result<(bool, i64)> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((application == APPLICATION_ID, version))
}

/// The version of a file that is ours; 0 of a new one.
fn examine(db: &Connection) -> Result<usize, Fault> {
    let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if objects == 0 && version == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(Fault::Damaged(format!("it belongs to another program (application id {application:#x})")));
    }
    let known = newest_version();
    match usize::try_from(version) {
        Ok(version) if (1..=known).contains(&version) => Ok(version),
        Ok(version) if version > known => Err(Fault::Newer(version)),
        _ => Err(Fault::Damaged(format!("its version {version} is not one of those known here (1 to {known})"))),
    }
}

fn check(db: &Connection, version: usize, size: u64) -> Result<(), Fault> {
    for (table, _) in TABLES.into_iter().filter(|(_, since)| *since <= version) {
        let there: bool =
            db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0))?;
        if !there {
            return Err(Fault::Damaged(format!("its table {table} is missing")));
        }
    }
    if size <= CHECK_WHOLE {
        return quick_check(db, "1");
    }
    let versions = TABLES.into_iter().filter(|(_, since)| *since <= version).map(|(table, _)| table);
    let alerts = ["meta", "transitions", "incidents", "outbox", "last_observations", "sessions"];
    versions.filter(|table| alerts.contains(table)).try_for_each(|table| quick_check(db, table))
}

/// Checks the whole file (`"1"`: up to the first error), or one table.
pub(super) fn quick_check(db: &Connection, what: &str) -> Result<(), Fault> {
    let answer: String = db.query_row(&format!("PRAGMA quick_check({what})"), [], |row| row.get(0))?;
    if answer == "ok" { Ok(()) } else { Err(Fault::Damaged(answer)) }
}

fn migrate(db: &mut Connection, version: usize) -> Result<(), Fault> {
    for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| *number > version) {
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", i64::try_from(*number).unwrap_or(i64::MAX))?;
        step.commit()?;
    }
    Ok(())
}

/// Moves the log that a removed file left behind out of the way of a new one; whether there was one.
pub(super) fn set_left_log_aside(path: &Path, now: Timestamp) -> io::Result<bool> {
    let left = !path.try_exists()? && beside(path, "-wal").try_exists()?;
    if left {
        set_aside(path, "removed", now)?;
    }
    Ok(left)
}

/// Moves a file and its log out of the way, under a name with `why` in it, and says where it is now. It is not deleted:
/// somebody may save something from it (`sqlite3 FILE .recover`). How many are kept [`thin_out`] says.
pub(super) fn set_aside(path: &Path, why: &str, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = now.strftime(STAMP);
    let mut aside = beside(path, &format!(".{why}-{stamp}"));
    for again in 2.. {
        if !aside.try_exists()? {
            break;
        }
        aside = beside(path, &format!(".{why}-{stamp}-{again}"));
    }
    // The log first: if it ends between the two, the next start finds the damaged file again, and not a fresh one with
    // an old log.
    for (suffix, keep) in [("-wal", true), ("-shm", false)] {
        let from = beside(path, suffix);
        let moved = if keep { fs::rename(&from, beside(&aside, suffix)) } else { fs::remove_file(&from) };
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match fs::rename(path, &aside) {
        // Only its log was left.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(aside),
    }
}

/// What is left of the files that were set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftAside {
    /// How many, a file and its log being one.
    pub(super) files: usize,
    /// How large they are together.
    pub(super) bytes: u64,
}

/// Removes older files that were set aside and lie beside `path`, and says in the log which. `newest` was just set aside: a clock that
/// is wrong may have given it an older name.
///
/// # Errors
/// The folder cannot be read, or a file not be removed.
pub(super) fn thin_out(path: &Path, newest: Option<&Path>) -> io::Result<LeftAside> {
    let mut found: BTreeMap<Aside, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let file = entry?.path();
        if let Some(aside) = Aside::of(path, &file) {
            found.entry(aside).or_default().push(file);
        }
    }
    let size = |files: &[PathBuf]| files.iter().filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum::<u64>();
    // What follows a first damage holds hours; that one holds the years, and the reports of which nothing is ever deleted.
    let mut largest: BTreeMap<String, (u64, Aside)> = BTreeMap::new();
    for (aside, files) in &found {
        let own = (size(files), aside.clone());
        let most = largest.entry(aside.why.clone()).or_insert_with(|| own.clone());
        if own.0 > most.0 {
            *most = own;
        }
    }
    // The newest first, of each reason.
    let newest = newest.and_then(|newest| Aside::of(path, newest));
    let first = newest.and_then(|newest| found.remove_entry(&newest));
    let (mut left, mut counts) = (LeftAside::default(), BTreeMap::new());
    for (aside, files) in first.into_iter().chain(found.into_iter().rev()) {
        let count: &mut usize = counts.entry(aside.why.clone()).or_default();
        *count += 1;
        let is_largest = largest.get(&aside.why).is_some_and(|(_, most)| *most == aside);
        if *count <= KEPT_ASIDE || is_largest || !THINNED.contains(&&*aside.why) {
            left.files += 1;
            left.bytes += size(&files);
            continue;
        }
        for file in files {
            fs::remove_file(&file)?;
            tracing::warn!(file = %file.display(), "an old database that was set aside is removed: the {KEPT_ASIDE} newest and the largest are kept");
        }
    }
    Ok(left)
}

/// What the name of a file that was set aside says, its log's too. In the order of time, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Aside {
    why: String,
    /// As [`STAMP`] has it.
    stamp: String,
    /// Which of that second, from 1 on.
    number: u32,
}

impl Aside {
    /// Reads a name that [`set_aside`] has given to the file at `path`; `None` for any other, such as that of somebody's copy.
    fn of(path: &Path, file: &Path) -> Option<Self> {
        let rest = file.file_name()?.to_str()?.strip_prefix(path.file_name()?.to_str()?)?.strip_prefix('.')?;
        let rest = ["-wal", "-shm"].into_iter().find_map(|suffix| rest.strip_suffix(suffix)).unwrap_or(rest);
        let (why, when) = rest.split_once('-')?;
        let (stamp, number) = when.split_once('-').unwrap_or((when, "1"));
        let is_stamp = jiff::civil::DateTime::strptime(STAMP, stamp).is_ok();
        is_stamp.then_some(Self { why: why.to_owned(), stamp: stamp.to_owned(), number: number.parse().ok()? })
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
