//! The sound cards of this machine, as `/proc/asound` tells: no device is opened, so a call is never disturbed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::plain::plain;
use crate::domain::{Device, Equipment};
use crate::probe::usb::buses::{place, plugged};

/// A sound card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Card {
    /// Its number, which follows the order of plugging in.
    pub(in crate::probe) number: u32,
    /// Its short name, unique: the second of two equal headsets is `Headset_1`.
    pub(in crate::probe) id: String,
    /// The kernel's driver: `USB-Audio`.
    pub(in crate::probe) driver: String,
    /// `Jabra EVOLVE 20`
    pub(in crate::probe) name: String,
    /// Where it is attached: `Jabra EVOLVE 20 at usb-0000:00:14.0-2, full speed`.
    pub(in crate::probe) place: String,
    /// USB vendor and product: `0b0e:0300`.
    pub(in crate::probe) usb: Option<String>,
    /// Its streams.
    pub(in crate::probe) streams: Vec<Stream>,
}

/// Which way sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Direction {
    /// From a microphone.
    Capture,
    /// To a loudspeaker.
    Playback,
}

/// A PCM of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Stream {
    /// Its number on the card.
    pub(in crate::probe) device: u32,
    /// Which way it goes.
    pub(in crate::probe) direction: Direction,
    /// Whether sound runs through it now, and by whose will.
    pub(in crate::probe) running: Option<Owner>,
}

/// Who runs a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Owner {
    /// The process's name, where it can be seen.
    pub(in crate::probe) name: Option<String>,
    /// Whose session's sound server it is, if it is one.
    pub(in crate::probe) serves: Option<u32>,
}

/// The programs that own the cards in a desktop session, and lend them to others.
const SERVERS: [&str; 2] = ["pulseaudio", "pipewire"];

impl Card {
    /// Whether it has a stream of that direction.
    pub(in crate::probe) fn has(&self, direction: Direction) -> bool {
        self.streams.iter().any(|stream| stream.direction == direction)
    }

    /// By what it is known again: its place is its USB port, else its device's name in sysfs.
    pub(in crate::probe) fn as_device(&self, sys: &Path) -> Device {
        let folder = folder(self.number, sys);
        let plugged = folder.as_deref().and_then(plugged);
        Device {
            kind: Equipment::Audio,
            name: self.name.clone(),
            usb: self.usb.clone(),
            serial: plugged.and_then(|plugged| plugged.serial()),
            place: folder.as_deref().and_then(place),
            also: vec![self.id.clone()],
            absent: false,
        }
    }

    /// Whether a program only, and no equipment, stands behind it (snd-aloop, snd-dummy).
    pub(in crate::probe) fn is_software(&self) -> bool {
        matches!(self.driver.as_str(), "Loopback" | "Dummy")
    }

    /// Whether `wanted` (a config's `card`) means this card.
    pub(super) fn is(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        let within = |text: &str| text.to_lowercase().contains(&wanted);
        match wanted.as_str() {
            "auto" => !self.is_software(),
            _ => {
                within(&self.id) || within(&self.name) || self.is_at(&wanted) || self.usb.as_deref().is_some_and(within)
            }
        }
    }

    /// Whether it is attached there. A port is meant as a whole: `usb-0000:00:14.0-1` is neither `…-10` nor `…-1.2`.
    fn is_at(&self, wanted: &str) -> bool {
        let (place, is_port) = (self.place.to_lowercase(), is_port(wanted));
        let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_numeric() || next == '.');
        place.match_indices(wanted).any(|(at, _)| !is_port || !goes_on(&place[at + wanted.len()..]))
    }
}

/// Whether a word is a port of a USB controller, and not the controller or a part of either.
pub(super) fn is_port(word: &str) -> bool {
    word.starts_with("usb-") && word.ends_with(char::is_numeric)
}

/// Where the card of that number is attached, as [`Card::as_device`] has it.
pub(in crate::probe) fn place_of(number: u32, sys: &Path) -> Option<String> {
    place(&folder(number, sys)?)
}

fn folder(number: u32, sys: &Path) -> Option<PathBuf> {
    sys.join(format!("class/sound/card{number}/device")).canonicalize().ok()
}

/// How far a look has come, for whoever waits for it in vain: the cards, and at which of them it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Mutex<(Vec<Card>, usize)>>);

impl Progress {
    /// The card at which it is, and all of them.
    pub(super) fn at(&self) -> Option<(Card, Vec<Card>)> {
        let (cards, at) = self.lock().clone();
        Some((cards.get(at)?.clone(), cards))
    }

    /// Whole at each moment, whoever panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, (Vec<Card>, usize)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists the cards, by number, with their streams. A kernel without sound has none.
///
/// A stream's `status` waits while a driver opens or closes it, or frees its buffers (`snd_pcm_substream_proc_status_read` takes
/// `pcm->open_mutex`), and a card that is pulled out meanwhile keeps the whole folder until then: not for the daemon's own thread.
///
/// # Errors
/// What reading the list came to, except that it is not there.
pub(in crate::probe) fn list(proc: &Path) -> io::Result<Vec<Card>> {
    list_telling(proc, &Progress::default(), |heads| heads)
}

/// As [`list`], with the streams of those alone that are `meant`, and tells how far it has come.
///
/// # Errors
/// As there.
pub(super) fn list_telling(
    proc: &Path,
    progress: &Progress,
    meant: impl FnOnce(Vec<Card>) -> Vec<Card>,
) -> io::Result<Vec<Card>> {
    *progress.lock() = (Vec::new(), 0);
    let heads = heads(proc)?;
    progress.lock().0.clone_from(&heads);
    let meant: Vec<u32> = meant(heads.clone()).iter().map(|card| card.number).collect();
    let look = |card: Card| {
        let card = if meant.contains(&card.number) { look(card, proc) } else { card };
        progress.lock().1 += 1;
        card
    };
    Ok(heads.into_iter().map(look).collect())
}

/// Lists the cards, by number, without their streams.
///
/// # Errors
/// As [`list`].
pub(in crate::probe) fn heads(proc: &Path) -> io::Result<Vec<Card>> {
    // A long name ends where the kernel has no more room for it, in the middle of a character too: that is no reason to see no card.
    match std::fs::read(proc.join("asound/cards")) {
        Ok(text) => Ok(parse(&String::from_utf8_lossy(&text)).into_iter().map(|card| head_of(card, proc)).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Reads `/proc/asound/cards`: two lines a card, `NN [id]: driver - name` and its place.
pub(super) fn parse(text: &str) -> Vec<Card> {
    let mut lines = text.lines().peekable();
    let mut cards = Vec::new();
    while let Some(line) = lines.next() {
        let Some((number, id, driver, name)) = head(line) else { continue };
        let place = lines.next_if(|next| head(next).is_none()).map_or("", str::trim);
        cards.push(Card {
            number,
            id: id.to_owned(),
            driver: driver.to_owned(),
            name: plain(name),
            place: plain(place),
            usb: None,
            streams: Vec::new(),
        });
    }
    cards
}

fn head(line: &str) -> Option<(u32, &str, &str, &str)> {
    let (number, rest) = line.split_once('[')?;
    let (id, rest) = rest.split_once("]:")?;
    let (driver, name) = rest.split_once(" - ")?;
    Some((number.trim().parse().ok()?, id.trim(), driver.trim(), name.trim()))
}

fn head_of(card: Card, proc: &Path) -> Card {
    let usb = std::fs::read_to_string(proc.join(format!("asound/card{}/usbid", card.number)));
    Card { usb: usb.ok().map(|usb| usb.trim().to_owned()), ..card }
}

fn look(card: Card, proc: &Path) -> Card {
    let folder = proc.join(format!("asound/card{}", card.number));
    let mut streams: Vec<_> = names(&folder).filter_map(|name| stream(&folder.join(&name), &name, proc)).collect();
    streams.sort_by_key(|stream| stream.direction == Direction::Playback);
    Card { streams, ..card }
}

/// `pcm0c` and its substreams' `status`: `closed`, or `state: RUNNING` with `owner_pid   : 149`.
fn stream(folder: &Path, name: &str, proc: &Path) -> Option<Stream> {
    let device = name.strip_prefix("pcm")?.strip_suffix(['c', 'p'])?.parse().ok()?;
    let direction = if name.ends_with('c') { Direction::Capture } else { Direction::Playback };
    let running = names(folder)
        .filter(|name| name.starts_with("sub"))
        .filter_map(|name| running(&folder.join(name).join("status"), proc))
        // One whose owner is seen tells more than one whose owner is not, and a program more than a server.
        .max_by_key(|owner| (owner.serves.is_none(), owner.name.is_some()));
    Some(Stream { device, direction, running })
}

/// By whom a substream runs, if it does, and not by a child of ours: a test of our own is no use of the room.
fn running(status: &Path, proc: &Path) -> Option<Owner> {
    // One that has just lost samples (XRUN), plays out its last ones, is paused or slept with the computer is somebody's all the
    // same: it will run on. PREPARED is what a sound server keeps that serves nobody.
    let runs = |status: &String| {
        matches!(field(status, "state"), Some("RUNNING" | "XRUN" | "DRAINING" | "PAUSED" | "SUSPENDED"))
    };
    let read = || std::fs::read_to_string(status).ok().filter(runs);
    let owner = field(&read()?, "owner_pid").map(ToOwned::to_owned);
    match owner.and_then(|pid| process(proc, &pid)) {
        Some(Process { parent, .. }) if parent == std::process::id() => None,
        Some(Process { name, user, .. }) => {
            let serves = user.filter(|_| SERVERS.contains(&name.as_str()));
            Some(Owner { name: Some(name), serves })
        }
        // One that has just ended and one that may not be seen look the same, but the first has closed the stream.
        None => read().map(|_| Owner { name: None, serves: None }),
    }
}

pub(in crate::probe) fn names(folder: &Path) -> impl Iterator<Item = String> {
    std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

pub(in crate::probe) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// The process. `owner_pid` is the thread that opened the stream, and a sound server's threads have names of their own.
fn process(proc: &Path, thread: &str) -> Option<Process> {
    let thread: u32 = thread.parse().ok()?;
    let status = std::fs::read_to_string(proc.join(format!("{thread}/status"))).unwrap_or_default();
    let number = |name: &str| field(&status, name)?.split_whitespace().next()?.parse().ok();
    let process = number("Tgid").unwrap_or(thread);
    let name = std::fs::read_to_string(proc.join(format!("{process}/comm"))).ok()?;
    Some(Process { name: name.trim().to_owned(), parent: number("PPid").unwrap_or(0), user: number("Uid") })
}

struct Process {
    name: String,
    parent: u32,
    /// Its real user.
    user: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_kernels_list_is_read() {
        let text = " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7f10000 irq 30\n 1 [Headset        ]: USB-Audio - Head [set]: A - B\n                      Maker at usb-0000:00:14.0-2, full speed\n";
        let cards = parse(text);
        assert_eq!(cards.len(), 2);
        assert_eq!((cards[0].number, cards[0].id.as_str(), cards[0].driver.as_str()), (0, "PCH", "HDA-Intel"));
        assert_eq!((cards[1].name.as_str(), cards[1].number), ("Head [set]: A - B", 1));
        assert_eq!(cards[1].place, "Maker at usb-0000:00:14.0-2, full speed");
        assert_eq!(parse("--- no soundcards ---\n"), []);
    }

    #[test]
    fn a_name_that_is_cut_off_within_a_character_hides_no_card_and_none_orders_a_terminal() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir(proc.path().join("asound")).unwrap();
        let mut text = b" 0 [A ]: USB-Audio - A\x1b[31m\n                      \xe6\xb7".to_vec();
        text.extend(b"\n 1 [B ]: USB-Audio - B\n                      B at usb-1\n");
        std::fs::write(proc.path().join("asound/cards"), text).unwrap();
        let names: Vec<_> = heads(proc.path()).unwrap().into_iter().map(|card| card.name).collect();
        assert_eq!(names, ["A [31m", "B"]);
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(text in "[ -~\n]{0,200}") {
            let _ = parse(&text);
        }
    }
}
