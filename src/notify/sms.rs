//! A receiver that is reached by text messages through gammu-smsd on this machine: it needs a modem and no internet.
//!
//! The message is put into the spool of gammu's `files` service (gammu-smsd(7), "Files backend"): a file
//! `OUTC<date>_<time>_<serial>_<number>_<anything>.txt` in its outbox folder. It has arrived, as far as can be known here,
//! when it lies there whole; a daemon that takes nothing away any more is told as a failure.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::document::{Document, shortened};
use super::error::{DeliveryError, Failure, SetupError};
use crate::domain::{Notification, SecretFile};
use crate::named_file;

/// What one message holds of the GSM 7-bit alphabet, characters (3GPP TS 23.038), and each of several that belong together.
const ALONE: usize = 160;
const TOGETHER: usize = 153;

/// A message of ours that has lain in the spool for so long is one that nobody takes away.
const STUCK: Duration = Duration::from_mins(10);

/// A half message that is so old is what a crash or a power cut has left.
const LEFT: Duration = Duration::from_hours(24);

/// By this our own files in the spool are known.
const OURS: &str = "_siaga";

/// What belongs to text messages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SmsReceiver")]
pub struct Config {
    /// The numbers, as `+628…`.
    #[serde(deserialize_with = "numbers")]
    pub to: Vec<String>,
    /// The outbox folder of gammu-smsd's `files` service. Siaga must be allowed to write there.
    #[serde(default = "outbox")]
    pub outbox: PathBuf,
    /// Of how many messages one notification may be made; what is longer is cut off.
    #[serde(default = "parts", deserialize_with = "few")]
    pub parts: u8,
}

fn outbox() -> PathBuf {
    "/var/spool/gammu/outbox".into()
}

const fn parts() -> u8 {
    2
}

fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        parts @ 1..=5 => Ok(parts),
        other => Err(D::Error::custom(format!("{other} is out of range; parts is 1 to 5"))),
    }
}

fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    let is_number = |number: &String| {
        let digits = number.strip_prefix('+').unwrap_or(number);
        (3..=15).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit())
    };
    match all.iter().find(|number| !is_number(number)) {
        Some(number) => Err(D::Error::custom(format!("{number:?} is no number; write one such as \"+62561700000\""))),
        None if all.is_empty() => Err(D::Error::custom("to names nobody")),
        None => Ok(all),
    }
}

impl Config {
    /// It names no secrets.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        std::iter::empty()
    }
}

/// A spool, ready to be written to.
#[derive(Clone, Debug)]
pub struct Ready {
    config: Config,
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// Never.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone() })
    }

    /// Makes one attempt. The names of the files follow from the notification's key, so that an attempt that is made again
    /// puts no second message beside one that still lies there.
    ///
    /// # Errors
    /// Why it is not in the spool, or that nobody takes away what is.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let document = Document::of(notification)?;
        let most = match self.config.parts {
            1 => ALONE,
            parts => TOGETHER * usize::from(parts),
        };
        let text = shortened(&gsm(&document.text), most, "...", size);
        let (to, made_at, key) = (self.config.to.clone(), notification.created_at, notification.key.clone());
        // Whoever waits has it: nobody does any more when the attempt's time is up.
        let waits = Arc::new(());
        let asked = Arc::downgrade(&waits);
        // A spool may lie on a dead mount: not on the runtime's own thread, and not on a thread for each attempt.
        let written = named_file::in_turn(&self.config.outbox, move |outbox| {
            let is_wanted = || asked.strong_count() > 0;
            to.iter().try_for_each(|number| put(outbox, number, &text, made_at, &key, &is_wanted))
        });
        written.await.map_err(|what| DeliveryError::new(Failure::Local, what))
    }
}

/// Whether somebody takes away what we put there. What a crash has left of ours is removed.
fn look(outbox: &Path, now: SystemTime) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", outbox.display());
    let mut longest = Duration::ZERO;
    for entry in std::fs::read_dir(outbox).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_half = name.starts_with(".OUT");
        if !(is_half || name.starts_with("OUT")) || !name.contains(OURS) {
            continue;
        }
        let written = entry.metadata().and_then(|about| about.modified());
        let lies_for = written.ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        if !is_half {
            longest = longest.max(lies_for);
        } else if lies_for > LEFT {
            _ = std::fs::remove_file(entry.path());
        }
    }
    if longest > STUCK {
        let minutes = longest.as_secs() / 60;
        return Err(format!("{}: a message has lain there for {minutes} min; does gammu-smsd run?", outbox.display()));
    }
    Ok(())
}

/// The name of a message's file in the spool, the same at each attempt.
fn file_name(number: &str, made_at: Timestamp, key: &str) -> String {
    // FNV-1a: a few digits that the same key gives again are all that is asked of it.
    let digest = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let stamp = made_at.strftime("%Y%m%d_%H%M%S");
    // gammu-smsd takes the first by name: within a second too that is to be the older one.
    let micros = made_at.subsec_nanosecond().unsigned_abs() / 1000;
    format!("OUTC{stamp}_{:02}_{number}{OURS}{micros:06}{digest:016x}.txt", micros / 10_000)
}

/// Puts one message into the spool: whole, or not at all; not beside one that nobody takes away, and not once nobody wants it any more
/// of this attempt: the next one puts it there, and a spool that answers again is not flooded.
fn put(
    outbox: &Path,
    number: &str,
    text: &str,
    made_at: Timestamp,
    key: &str,
    is_wanted: &dyn Fn() -> bool,
) -> Result<(), String> {
    let name = file_name(number, made_at, key);
    // gammu-smsd looks at names that begin with OUT alone.
    let half = outbox.join(format!(".{name}"));
    // By the folder alone: the file's name has somebody's number in it, and this ends in the log.
    let failed = |error: std::io::Error| format!("{}: {error}", outbox.display());
    let wanted = || if is_wanted() { Ok(()) } else { Err(format!("{}: it answers too late", outbox.display())) };
    let lay = || {
        wanted()?;
        // By the clock of whoever keeps the spool, which may be another machine.
        let now = write(&half, text, outbox).map_err(failed)?;
        look(outbox, now)?;
        wanted()?;
        std::fs::rename(&half, outbox.join(name)).map_err(failed)
    };
    // No half is left behind, of however many attempts.
    lay().inspect_err(|_| {
        _ = std::fs::remove_file(&half);
    })?;
    // Not every file system does that for folders.
    _ = File::open(outbox).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Writes a message to the disk, and tells when that was. It counts as delivered from then on, so that a power cut may not leave an
/// empty file.
fn write(half: &Path, text: &str, outbox: &Path) -> std::io::Result<SystemTime> {
    let mut file = File::create(half)?;
    file.write_all(text.as_bytes())?;
    lend(&file, outbox);
    file.sync_all()?;
    file.metadata()?.modified()
}

/// Lets gammu-smsd read a message where it runs as a user of its own: the outbox folder's group, if we may give the message to it. If
/// not, it stays as it is.
fn lend(file: &File, outbox: &Path) {
    let (Ok(folder), Ok(about)) = (std::fs::metadata(outbox), file.metadata()) else { return };
    // In a folder with the set-group-ID bit it has the group from the beginning.
    if about.gid() == folder.gid() || fchown(file, None, Some(folder.gid())).is_ok() {
        _ = file.set_permissions(Permissions::from_mode((about.mode() & 0o777) | 0o640));
    }
}

/// What the GSM 7-bit alphabet and ASCII have in common, so that no letter doubles a message's price; others are written
/// as their nearest.
fn gsm(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '–' | '—' => out.push('-'),
            '“' | '”' => out.push('"'),
            '‘' | '’' | '`' => out.push('\''),
            '…' => out.push_str("..."),
            '\u{a0}' | '\u{202f}' => out.push(' '),
            c if c.is_ascii_graphic() || c == ' ' || c == '\n' => out.push(c),
            c if c.is_control() => {}
            _ => out.push('?'),
        }
    }
    out
}

/// How many places a character takes: those of the extension table take two.
const fn size(c: char) -> usize {
    if matches!(c, '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|') { 2 } else { 1 }
}

#[cfg(test)]
mod tests;
