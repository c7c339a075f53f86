//! The file of what waits to be pushed: `remote_write.db`, a database of its own in the state folder.
//!
//! Its own, because it comes and goes by megabytes while a line is down, which must neither fragment nor fill the file of history and
//! alerts; and because it may be deleted without loss of either. `SQLite`, because it is there, and whole after any crash.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior};

use super::buffer::{Pending, Row};

/// The file's name in the state folder.
pub(super) const FILE: &str = "remote_write.db";

/// "SIRW", so that a database of another program is never taken for ours.
const APPLICATION_ID: i32 = 0x5349_5257;
/// The version of the tables.
const VERSION: i64 = 1;

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It is not what it should be: set it aside.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The disk is full, read-only, away or broken: try again later.
    #[error("the disk cannot be used")]
    Disk(#[source] rusqlite::Error),
    /// The folder cannot be made, read or written.
    #[error("the state folder cannot be used")]
    Folder(#[source] io::Error),
    /// It was removed or replaced while it was open.
    #[error("the file was removed or replaced")]
    Removed,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Disk(error),
        }
    }
}

impl Fault {
    /// Whether the connection is as good as before. After anything else a new one is surer.
    pub(super) fn leaves_it_usable(&self) -> bool {
        matches!(self, Self::Disk(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ))
    }
}

/// Which file or folder it is, whatever its name: device and inode.
pub(super) type Identity = (u64, u64);

/// What is at `path`; `None` if nothing can be seen there.
pub(super) fn identity_of(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Whether there is a file with anything in it, open or not, or nobody can say.
pub(super) fn is_begun(folder: &Path) -> bool {
    match fs::metadata(folder.join(FILE)) {
        Ok(file) => file.len() > 0,
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

/// The open file.
pub(super) struct File {
    db: Connection,
    path: PathBuf,
    /// `SQLite` itself goes on writing to a file that nobody finds any more.
    identity: Identity,
}

/// Which rows may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// What the file may take, bytes; its log aside.
    pub(super) size: i64,
    /// Samples of before this may go, ms since 1970.
    pub(super) horizon: i64,
    /// Neither of which this one is: it is under way.
    pub(super) busy: Option<i64>,
}

/// Rows that went for a limit, and their samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) too_old: Pending,
    pub(super) no_room: Pending,
}

impl File {
    /// Opens it, or begins it.
    pub(super) fn open(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        own(&path).map_err(Fault::Folder)?;
        let mut db = Connection::open(&path)?;
        db.busy_timeout(Duration::from_secs(1))?;
        let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let begins = objects == 0 && version == 0;
        if !begins && (application != APPLICATION_ID || version != VERSION) {
            let what = format!("it is another program's or another version's ({application:#x}, {version})");
            return Err(Fault::Damaged(what));
        }
        if begins {
            // Before the first table: what an outage took is given back afterwards, in steps.
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "journal_size_limit", 1 << 20)?;
        db.pragma_update(None, "cache_size", -256)?;
        if begins {
            let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            step.execute_batch(include_str!("schema.sql"))?;
            step.pragma_update(None, "application_id", APPLICATION_ID)?;
            step.pragma_update(None, "user_version", VERSION)?;
            step.commit()?;
        }
        let meta = fs::metadata(&path).map_err(Fault::Folder)?;
        Ok(Self { db, path, identity: (meta.dev(), meta.ino()) })
    }

    /// Whether it is still at its place. A place that cannot be looked at says nothing, and is believed.
    pub(super) fn stands(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(meta) => (meta.dev(), meta.ino()) == self.identity,
            Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        }
    }

    /// Which file it is.
    pub(super) const fn identity(&self) -> Identity {
        self.identity
    }

    /// Up to which row all was sent.
    pub(super) fn sent(&self) -> Result<i64, Fault> {
        Ok(self.db.query_row("SELECT sent FROM progress", [], |row| row.get(0))?)
    }

    /// What there is behind row `after`, up to row `last`.
    pub(super) fn count(&self, after: i64, last: i64) -> Result<Pending, Fault> {
        const ALL: &str = "SELECT count(*), coalesce(sum(samples), 0) FROM pushes WHERE id > ?1 AND id <= ?2";
        let read = |row: &rusqlite::Row| Ok(Pending { rows: row.get(0)?, samples: row.get(1)? });
        Ok(self.db.prepare_cached(ALL)?.query_row([after, last], read)?)
    }

    /// The newest row, sent or not.
    pub(super) fn newest(&self) -> Result<Option<Row>, Fault> {
        let newest = "SELECT id, at, samples, body FROM pushes ORDER BY id DESC LIMIT 1";
        Ok(self.db.query_row(newest, [], read).optional()?.map(|(_, row)| row))
    }

    /// The oldest row behind `sent`.
    pub(super) fn oldest(&self, sent: i64) -> Result<Option<(i64, Row)>, Fault> {
        let oldest = "SELECT id, at, samples, body FROM pushes WHERE id > ?1 ORDER BY id LIMIT 1";
        Ok(self.db.prepare_cached(oldest)?.query_row([sent], read).optional()?)
    }

    /// Adds rows, notes what was sent, and drops what the limits want gone: all of it, or nothing.
    ///
    /// New rows are on the disk when this returns (one fsync). What was sent is in the kernel's hands: it survives the process and not a
    /// power cut, after which some of it comes to the receiver again, who refuses it as old.
    pub(super) fn write(&mut self, keep: &[Row], sent: i64, limits: Limits) -> Result<Gone, Fault> {
        self.db.pragma_update(None, "synchronous", if keep.is_empty() { "NORMAL" } else { "FULL" })?;
        let step = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = step.prepare_cached("INSERT INTO pushes (at, samples, body) VALUES (?1, ?2, ?3)")?;
            for row in keep {
                insert.execute((row.at, row.samples, &row.body[..]))?;
            }
            step.prepare_cached("UPDATE progress SET sent = ?1 WHERE sent <> ?1")?.execute([sent])?;
            step.prepare_cached("DELETE FROM pushes WHERE id <= ?1 AND id < (SELECT max(id) FROM pushes)")?
                .execute([sent])?;
        }
        let mut gone = Gone::default();
        let waits =
            "SELECT id, samples FROM pushes WHERE id > ?1 AND id IS NOT ?2 AND id < (SELECT max(id) FROM pushes)";
        let drop_oldest = |which: &str, horizon: i64| -> Result<Option<i64>, Fault> {
            let find = format!("{waits} AND {which} ORDER BY id LIMIT 1");
            let read = |row: &rusqlite::Row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            let found = step.prepare_cached(&find)?.query_row((sent, limits.busy, horizon), read).optional()?;
            let Some((id, samples)) = found else { return Ok(None) };
            step.prepare_cached("DELETE FROM pushes WHERE id = ?1")?.execute([id])?;
            Ok(Some(samples))
        };
        // The oldest first: the first that is young enough ends it, for the price of one look. (A clock that was set back may leave a
        // younger one before an older one, which then goes with it.)
        loop {
            let first_is_old = "at < ?3 AND id = (SELECT min(id) FROM pushes WHERE id > ?1 AND id IS NOT ?2)";
            let Some(samples) = drop_oldest(first_is_old, limits.horizon)? else { break };
            gone.too_old.add(samples);
        }
        loop {
            let pages: i64 = step.pragma_query_value(None, "page_count", |row| row.get(0))?;
            let free: i64 = step.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
            let page: i64 = step.pragma_query_value(None, "page_size", |row| row.get(0))?;
            if (pages - free) * page <= limits.size {
                break;
            }
            let Some(samples) = drop_oldest("?3 = ?3", 0)? else { break };
            gone.no_room.add(samples);
        }
        step.commit()?;
        Ok(gone)
    }

    /// Folds the log into the file, which gives its room back to a disk that is full.
    pub(super) fn fold(&self) -> Result<(), Fault> {
        Ok(self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    /// Gives a little of the free room back to the file system.
    pub(super) fn shrink(&mut self) -> Result<(), Fault> {
        /// Pages that are kept for the next rows (1 MiB), and how many go at once.
        const KEPT: i64 = 256;
        let free: i64 = self.db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free > KEPT {
            // It gives a row for each page, and stops where nobody asks for the next.
            self.db.pragma(None, "incremental_vacuum", 64, |_| Ok(()))?;
        }
        Ok(())
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Row)> {
    let body: Vec<u8> = row.get(3)?;
    Ok((row.get(0)?, Row { at: row.get(1)?, samples: row.get(2)?, body: body.into() }))
}

/// Makes the file its owner's alone, whoever made the folder.
fn own(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} is no folder", folder.display())));
    }
    let Ok(file) = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path) else { return Ok(()) };
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    Ok(())
}

/// Moves a damaged file and its log out of the way, and says where it is now. Nothing is deleted.
pub(super) fn set_aside(folder: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let aside = format!("{FILE}.damaged-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    // The log first: if it ends between the two, the next start finds the damaged file again.
    for suffix in ["-wal", ""] {
        match fs::rename(folder.join(format!("{FILE}{suffix}")), folder.join(format!("{aside}{suffix}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    _ = fs::remove_file(folder.join(format!("{FILE}-shm")));
    Ok(folder.join(aside))
}
