//! `siaga enroll`: record the room's equipment while it is good, or say how the room differs from what was recorded.

use std::fmt::Write as _;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::paint::{note, say};
use super::token::services;
use crate::app::service;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::enrolled::{differences, doubles};
use crate::domain::{Device, Difference, Enrolled, Equipment, Lang, Text, Verdict, in_full};
use crate::enroll::{self, Seen};
use crate::probe::enrolled::RecordError;
use crate::probe::{Roots, enrolled};

/// What `siaga enroll` can be told.
#[derive(Clone, Debug, Args)]
pub struct EnrollArgs {
    /// Record nothing: say how the room differs from what was recorded. Exits with 0 if it does not, 1 if something has moved
    /// or is new, 2 if something is missing or another stands in its place, 3 if that cannot be said.
    #[arg(long)]
    compare: bool,
    /// Something that was recorded is away on purpose: its name, serial number or place. It stays in the record and is not
    /// missed.
    #[arg(long, value_name = "DEVICE", conflicts_with = "compare")]
    absent: Vec<String>,
    /// The record's file; without it enrolled.toml in the state folder.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where state is kept. Without it $STATE_DIRECTORY, else $XDG_STATE_HOME/siaga, else ~/.local/state/siaga.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Records or compares, prints, and gives the exit code.
///
/// # Errors
/// If there is no record to compare with, or it cannot be read or written.
pub async fn run(config: &Config, args: &EnrollArgs, lang: Lang) -> Result<u8, String> {
    let file = match &args.output {
        Some(file) => file.clone(),
        None => service::state_dir(args.state_dir.clone())?.join(enrolled::FILE),
    };
    // Where nobody has said which: the daemon would compare with another, or with none.
    let said = args.output.is_some() || args.state_dir.is_some();
    if let Some(hint) = (!said).then(|| services(&file)).flatten() {
        note(&format!("siaga: {}: {}", file.display(), hint.in_lang(lang)));
    }
    let before = enrolled::read(&file).map_err(|error| match &error {
        RecordError::Read(_, why) if why.kind() == io::ErrorKind::PermissionDenied => shut(&in_full(&error), lang),
        _ => damaged(&in_full(&error), lang),
    })?;
    let seen = enroll::look(&Roots::default(), &config.probes).await;
    if args.compare {
        let before = before.ok_or_else(|| {
            let none = Text::new(
                "belum ada yang dicatat; \"siaga enroll\" mencatat, selagi ruangan dalam keadaan baik",
                "nothing has been recorded yet; \"siaga enroll\" does, while the room is good",
            );
            format!("{}: {}", file.display(), none.in_lang(lang))
        })?;
        let (told, verdict) = compared(&before, &seen, lang);
        say(&told);
        return Ok(verdict.exit_code());
    }
    if !seen.unseen.is_empty() {
        return Err(half_seen(&seen, lang));
    }
    if args.output.is_none()
        && let Some(folder) = file.parent()
    {
        // As the daemon makes it: what it keeps is nobody else's.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    let before = before.map(|before| before.devices).unwrap_or_default();
    record(&file, &before, &seen, &args.absent, lang)?;
    Ok(0)
}

/// What may not be read may well be whole.
fn shut(why: &str, lang: Lang) -> String {
    let remedy = Text::new(
        "jalankan sebagai pengguna yang menjalankan daemon, atau sebagai root",
        "run this as the user who runs the daemon, or as root",
    );
    format!("{}; {}", why.trim_end(), remedy.in_lang(lang))
}

/// A record that cannot be read is not written over: it says what is away on purpose.
fn damaged(why: &str, lang: Lang) -> String {
    let remedy = Text::new(
        "betulkan berkas itu, atau pindahkan lalu catat lagi dengan \"siaga enroll\"",
        "mend that file, or move it away and record anew with \"siaga enroll\"",
    );
    format!("{}\n{}", why.trim_end(), remedy.in_lang(lang))
}

fn record(file: &Path, before: &[Device], seen: &Seen, absent: &[String], lang: Lang) -> Result<(), String> {
    let devices = with_absent(before, seen, absent, lang)?;
    let comment = Text::new(
        "Perlengkapan ruangan ini, dicatat oleh \"siaga enroll\" ketika ruangan dinyatakan baik.\n\
         Yang sengaja tidak ada: tulis absent = true pada perangkatnya.",
        "This room's equipment, recorded by \"siaga enroll\" when the room was known to be good.\n\
         What is away on purpose: write absent = true on that device.",
    );
    let record = Enrolled { at: Clock::start().now().wall, devices };
    enroll::write(file, comment.in_lang(lang), &record).map_err(|error| in_full(&error))?;
    let mut told = String::new();
    for device in &record.devices {
        let away =
            if device.absent { Text::new(" (sengaja tidak ada)", " (away on purpose)").in_lang(lang) } else { "" };
        _ = writeln!(told, "{}{away}", described(device, lang));
    }
    if record.devices.is_empty() {
        _ = writeln!(told, "{}", Text::new("Tidak ada perlengkapan", "There is no equipment").in_lang(lang));
    }
    say(&told);
    for device in doubles(&record.devices) {
        let why = Text::new(
            "nomor serinya juga dipakai perangkat lain; hanya port-nya yang membedakan",
            "another tells the same serial number; only its port tells them apart",
        );
        note(&format!("siaga: {}: {}", described(device, lang), why.in_lang(lang)));
    }
    note(&format!("siaga: {} {}", Text::new("dicatat di", "recorded in").in_lang(lang), file.display()));
    Ok(())
}

/// Why nothing is recorded: of a room that is seen in part nobody would know later what the rest was.
fn half_seen(seen: &Seen, lang: Lang) -> String {
    let cannot = Text::new("tidak dapat dilihat", "cannot be seen").in_lang(lang);
    let each = seen.unseen.iter().map(|(what, why)| {
        // These are asked because the config says so; the rest is the machine's own.
        let more = match what {
            Equipment::Ups => Some(Text::new(
                "bila ruangan ini tidak punya, tulis konfigurasi tanpa pemeriksaan ups",
                "if this room has none, write a config without a check of kind ups",
            )),
            Equipment::Source | Equipment::Sink => Some(Text::new(
                "masuk (login) ke layar komputer ruangan dulu, atau tulis konfigurasi tanpa pemeriksaan seat",
                "log in to the room computer's desktop first, or write a config without a check of kind seat",
            )),
            _ => None,
        };
        let more = more.map(|more| format!("; {}", more.in_lang(lang))).unwrap_or_default();
        format!("{} {cannot} ({why}{more})", what.title().in_lang(lang))
    });
    let nothing = Text::new(
        "tidak ada yang dicatat; perbaiki dulu, lalu ulangi",
        "nothing is recorded; mend that first, then try again",
    );
    format!("{}; {}", each.collect::<Vec<_>>().join("; "), nothing.in_lang(lang))
}

/// What is there, and what of the record before is away on purpose: by its mark there, or by its name here.
fn with_absent(before: &[Device], seen: &Seen, absent: &[String], lang: Lang) -> Result<Vec<Device>, String> {
    let missing = differences(before, &seen.devices).into_iter().filter_map(|difference| match difference {
        Difference::Missing(device) | Difference::Other { enrolled: device, .. } => Some(device),
        Difference::Moved { .. } | Difference::New(_) => None,
    });
    let missing: Vec<Device> = missing.collect();
    let is_named = |device: &Device, name: &String| {
        device.name == *name || device.serial.as_ref() == Some(name) || device.place.as_ref() == Some(name)
    };
    if let Some(unknown) = absent.iter().find(|name| !missing.iter().any(|device| is_named(device, name))) {
        let none = Text::new(
            "tidak ada yang tercatat dan hilang dengan nama itu; --compare menyebut apa yang hilang",
            "nothing that was recorded and is not there is called so; --compare names what is missing",
        );
        return Err(format!("{unknown:?}: {}", none.in_lang(lang)));
    }
    let marked = before.iter().filter(|device| device.absent && !seen.devices.iter().any(|present| device.is(present)));
    let named = missing.iter().filter(|device| absent.iter().any(|name| is_named(device, name)));
    let away = marked.chain(named).map(|device| Device { absent: true, ..device.clone() });
    Ok(seen.devices.iter().cloned().chain(away).collect())
}

/// What is said of the room, and the verdict.
fn compared(before: &Enrolled, seen: &Seen, lang: Lang) -> (String, Verdict) {
    // Of what cannot be seen, nothing is missing that was recorded.
    let is_seen = |device: &&Device| !seen.unseen.iter().any(|(unseen, _)| *unseen == device.kind);
    let enrolled: Vec<Device> = before.devices.iter().filter(is_seen).cloned().collect();
    let present: Vec<Device> = seen.devices.iter().filter(is_seen).cloned().collect();
    let differences = differences(&enrolled, &present);
    let mut told = String::new();
    for difference in &differences {
        _ = writeln!(told, "{}", worded(difference, lang));
    }
    // Who recorded none does not mind that none can be seen.
    let blind = seen.unseen.iter().filter(|(unseen, _)| before.devices.iter().any(|device| device.kind == *unseen));
    let mut unseen = Verdict::Ready;
    for (equipment, why) in blind {
        unseen = Verdict::Unknown;
        let cannot = Text::new("tidak dapat dilihat", "cannot be seen").in_lang(lang);
        _ = writeln!(told, "{}: {cannot} ({why})", equipment.title().in_lang(lang));
    }
    if told.is_empty() {
        _ = writeln!(told, "{}", Text::new("Ruangan seperti yang terdaftar", "The room is as enrolled").in_lang(lang));
    }
    (told, differences.iter().map(Difference::verdict).fold(unseen, Verdict::max))
}

/// A difference in a sentence.
fn worded(difference: &Difference, lang: Lang) -> String {
    let place = |device: &Device| device.place.clone().unwrap_or_default();
    match difference {
        Difference::Missing(device) => {
            format!("{}: {}", described(device, lang), Text::new("tidak ada", "is missing").in_lang(lang))
        }
        Difference::Other { enrolled, present } => {
            let than = Text::new("lain dari yang terdaftar", "is another than the enrolled one").in_lang(lang);
            format!("{}: {than}, {}", described(present, lang), named(enrolled, lang))
        }
        Difference::Moved { enrolled, present } => {
            let from = Text::new("terdaftar di", "was enrolled at").in_lang(lang);
            format!("{}: {from} {}", described(present, lang), place(enrolled))
        }
        Difference::New(device) => {
            format!("{}: {}", described(device, lang), Text::new("tidak terdaftar", "is not enrolled").in_lang(lang))
        }
    }
}

/// `Kamera Webcam C270 (046d:0825, nomor seri 5A1B) di usb-0000:00:14.0-2`
fn described(device: &Device, lang: Lang) -> String {
    let mut text = format!("{} {}", device.kind.title().in_lang(lang), named(device, lang));
    if let Some(place) = &device.place {
        _ = write!(text, " {} {place}", Text::new("di", "at").in_lang(lang));
    }
    text
}

fn named(device: &Device, lang: Lang) -> String {
    let serial = |serial: &String| format!("{} {serial}", Text::new("nomor seri", "serial number").in_lang(lang));
    let more: Vec<String> = device.usb.clone().into_iter().chain(device.serial.as_ref().map(serial)).collect();
    if more.is_empty() { device.name.clone() } else { format!("{} ({})", device.name, more.join(", ")) }
}

#[cfg(test)]
mod tests;
