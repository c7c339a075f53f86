//! `siaga survey --keep`, `--add`, `--remove`: which reports the daemon of this machine shows.

use std::path::{Path, PathBuf};

use crate::app::service;
use crate::cli::paint::say;
use crate::domain::{Lang, in_full};
use crate::survey::words::pick;
use crate::survey::{Report, kept};

/// Where they are kept, made if it is not there.
///
/// # Errors
/// If no daemon keeps its state there, or nothing can be written to it.
pub(super) fn folder(state_dir: Option<PathBuf>) -> Result<PathBuf, String> {
    let state = state(state_dir)?;
    kept::make_folder(&state).map_err(|error| cannot(&error))
}

/// A laptop without a daemon gets no state folder by a survey.
fn state(state_dir: Option<PathBuf>) -> Result<PathBuf, String> {
    let state = service::state_dir(state_dir)?;
    if state.is_dir() {
        return Ok(state);
    }
    Err(format!(
        "no daemon keeps its state in {}: --state-dir names another folder (the service's: /var/lib/siaga). Without one, take the \
         report's JSON to the room's computer: siaga survey --add FILE",
        state.display()
    ))
}

fn cannot(error: &kept::KeptError) -> String {
    let denied = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
    let advice = if denied { " (the service's state is for root alone: sudo)" } else { "" };
    format!("{}{advice}", in_full(error))
}

/// Keeps a report that was made here.
///
/// # Errors
/// If it cannot be written.
pub(super) fn keep(folder: &Path, report: &Report) -> Result<(), String> {
    kept::keep(folder, report).map(drop).map_err(|error| cannot(&error))
}

/// Keeps reports that were made elsewhere. All are read before one is kept.
///
/// # Errors
/// If one cannot be read, or written, or another is kept under its name. That the same is kept already is said, and no error.
pub(super) fn add(state_dir: Option<PathBuf>, files: &[PathBuf], lang: Lang) -> Result<u8, String> {
    let folder = folder(state_dir)?;
    let reports: Result<Vec<Report>, String> =
        files.iter().map(|file| kept::read_file(file).map_err(|error| cannot(&error))).collect();
    let reports = reports?;
    for report in &reports {
        if kept::read(&folder, &report.id).is_ok_and(|known| known != *report) {
            return Err(format!(
                "{} is kept already and says something else; nothing was kept. siaga survey --remove {} removes that one",
                report.id, report.id
            ));
        }
    }
    for report in reports {
        let said = match kept::keep(&folder, &report) {
            Ok(_) => pick(lang, "disimpan, tampil di", "kept, shown at"),
            Err(kept::KeptError::Taken(_)) => pick(lang, "sudah ada di", "is there already, at"),
            Err(error) => return Err(cannot(&error)),
        };
        say(&format!("{said} /surveys/{}\n", report.id));
    }
    Ok(0)
}

/// Removes one.
///
/// # Errors
/// If there is none, or it cannot be removed.
pub(super) fn remove(state_dir: Option<PathBuf>, id: &str) -> Result<u8, String> {
    let folder = state(state_dir)?.join(kept::FOLDER);
    kept::remove(&folder, id).map(|()| 0).map_err(|error| cannot(&error))
}
