//! The one writing connection: opened when it can be, kept, given up and opened again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::claim::{Claim, ClaimError, Identity};
use super::health::{Board, Damaged};
use super::open::{self, Fault, LeftAside};
use crate::clock::Clock;
use crate::domain::{Mono, in_full};

/// Files are not set aside more often than this: a disk that spoils each new file at once would else be filled by them.
const SET_ASIDE_GAP: Duration = Duration::from_mins(1);

/// The writing side of the file.
pub(super) struct Disk {
    claim: Claim,
    path: PathBuf,
    clock: Clock,
    connection: Option<Connection>,
    /// The file that `connection` has open. `SQLite` itself goes on writing to one that nobody finds any more.
    file: Option<Identity>,
    board: Board,
    /// Counts the openings; readers of an earlier one are stale.
    generation: Arc<AtomicU64>,
    set_aside: Option<Mono>,
    /// The file was lost, and there is no new one yet.
    removed: bool,
}

impl Disk {
    pub(super) fn new(claim: Claim, clock: Clock, board: Board, generation: Arc<AtomicU64>) -> Self {
        let path = claim.folder().join(open::FILE);
        Self { claim, path, clock, connection: None, file: None, board, generation, set_aside: None, removed: false }
    }

    /// Whether the folder or the file was removed or replaced under us. Two looks at the file system, some microseconds.
    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_some() && (!self.claim.stands() || self.file.is_some_and(|file| !file.is_at(&self.path)))
    }

    /// Which opening this is; 0 before the first.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Runs `work` in one transaction: all of it is on the disk, or nothing.
    ///
    /// A COMMIT that fails leaves nothing either: its frames are beyond the log's last valid commit, where the next
    /// transaction overwrites them. So what failed can be tried again without leaving two rows.
    pub(super) fn write<T>(&mut self, work: impl FnOnce(&mut Transaction) -> Result<T, Fault>) -> Result<T, Fault> {
        let result = self.opened().and_then(|db| {
            let before = db.total_changes();
            let mut transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&mut transaction)?;
            transaction.commit()?;
            Ok((value, db.total_changes() > before))
        });
        if let Ok((_, true)) = &result {
            self.board.heal();
        }
        self.after(result.map(|(value, _)| value))
    }

    /// Opens the file, if it is not open.
    pub(super) fn open(&mut self) -> Result<(), Fault> {
        let result = self.opened().map(drop);
        self.after(result)
    }

    /// Writes a row for no other reason than to see whether it can be done. (A full disk still takes transactions that
    /// change nothing.)
    pub(super) fn probe(&mut self) -> Result<(), Fault> {
        let now = self.clock.now().wall;
        self.write(|db| Ok(open::touch(db, now)?))
    }

    /// Runs `work` on the writing connection outside any transaction.
    pub(super) fn read<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let result = self.opened().and_then(|db| work(db));
        self.after(result)
    }

    fn after<T>(&mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        match &result {
            Ok(_) | Err(Fault::Ours(_)) => {}
            Err(fault @ (Fault::Damaged(_) | Fault::Newer(_))) => {
                self.connection = None;
                // On success the fault is over with the file: the next use begins a new one.
                if let Err(fault) = self.put_aside(fault) {
                    self.board.fail(in_full(&fault));
                }
            }
            Err(fault) => {
                // A full or busy disk leaves the connection usable. After anything else a new one is surer, also when
                // the old one still points at a file that was moved.
                let usable = matches!(fault, Fault::Disk(error) if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                ));
                if !usable {
                    self.connection = None;
                }
                self.board.fail(in_full(&fault));
            }
        }
        result
    }

    fn opened(&mut self) -> Result<&mut Connection, Fault> {
        if self.is_lost() {
            self.connection = None;
            self.removed = true;
            tracing::error!(
                folder = %self.claim.folder().display(),
                "the state folder or its database was removed or replaced under siaga; a new one is begun, and the history \
                 before now is gone, the room's record too if it was there"
            );
        }
        if self.connection.is_none() {
            self.claim.renew().map_err(|error| match error {
                ClaimError::Folder(error) => Fault::Folder(error),
                taken @ ClaimError::Taken(_) => Fault::Folder(std::io::Error::other(taken)),
            })?;
            let now = self.clock.now().wall;
            if self.removed && open::set_left_log_aside(&self.path, now).map_err(Fault::Folder)? {
                tracing::info!("the removed database's log was left; it is kept beside the new one");
                self.thin_out(None);
            }
            let opened = match open::open(&self.path, now) {
                Err(fault @ (Fault::Damaged(_) | Fault::Newer(_))) => {
                    self.put_aside(&fault)?;
                    open::open(&self.path, now)
                }
                other => other,
            };
            // A statement of ours that fails here leaves us without a file, which must be seen.
            self.connection = Some(opened.map_err(|fault| match fault {
                Fault::Ours(error) => Fault::Folder(std::io::Error::other(error)),
                other => other,
            })?);
            self.file = Identity::at(&self.path);
            if self.generation.fetch_add(1, Ordering::AcqRel) == 0 {
                let left = self.thin_out(None);
                if left.files > 0 {
                    tracing::warn!(
                        files = left.files, bytes = left.bytes, folder = %self.claim.folder().display(),
                        "databases that were set aside at earlier times lie in the state folder"
                    );
                }
            }
            if std::mem::take(&mut self.removed) {
                self.board.begun_anew();
            }
        }
        // Just filled; the error is for the compiler.
        self.connection.as_mut().ok_or_else(|| Fault::Ours(rusqlite::Error::InvalidQuery))
    }

    /// Sets the file aside, because of `fault`.
    fn put_aside(&mut self, fault: &Fault) -> Result<(), Fault> {
        let now = self.clock.now();
        let newer = matches!(fault, Fault::Newer(_));
        let what = match fault {
            Fault::Damaged(what) => what.clone(),
            other => in_full(other),
        };
        if let Some(last) = self.set_aside
            && now.mono.since(last) < SET_ASIDE_GAP
        {
            return Err(Fault::Folder(std::io::Error::other(format!("damaged again within a minute: {what}"))));
        }
        let file =
            open::set_aside(&self.path, if newer { "newer" } else { "damaged" }, now.wall).map_err(Fault::Folder)?;
        self.set_aside = Some(now.mono);
        if newer {
            tracing::error!(
                file = %file.display(), %what,
                "the database is of a newer siaga and is set aside, unchanged; a new one is begun, so what was booked, told and kept \
                 before now is missing until that siaga is back: end this one, move siaga.db, siaga.db-wal and siaga.db-shm away, and give \
                 the file its old name"
            );
        } else {
            tracing::error!(
                file = %file.display(), %what,
                "the database was damaged and is set aside; a new one is begun, so history before now is missing"
            );
        }
        self.thin_out(Some(&file));
        self.board.damaged(Damaged { at: now.wall, newer, what, file });
        Ok(())
    }

    /// Removes older files that were set aside, and says what is left of them.
    fn thin_out(&self, newest: Option<&Path>) -> LeftAside {
        open::thin_out(&self.path, newest).unwrap_or_else(|error| {
            tracing::warn!(folder = %self.claim.folder().display(), %error, "what was set aside cannot be looked through");
            LeftAside::default()
        })
    }

    /// Closes the file in good order, its log folded in, and gives the folder back.
    pub(super) fn close(&mut self) {
        if let Some(db) = self.connection.take() {
            // Also where somebody else still has the file open, who keeps the log from being put away.
            let folded = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = folded.and_then(|()| db.close().map_err(|(_, error)| error)) {
                tracing::warn!(%error, "the database did not close in good order");
            }
        }
        self.claim.release();
    }
}
