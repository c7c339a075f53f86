//! Which stream of which card is meant, and what the kernel says of it (`/proc/asound`): nothing is opened here.

use std::path::Path;

use crate::domain::{ErrorKind, ProbeError};
use crate::probe::audio::cards::{self, Card, Direction, Stream};
use crate::probe::audio::{self, Named, Seen, card_of, is_pcms, without};

/// A PCM to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Pcm {
    /// ALSA's name of it: `plughw:CARD=Headset,DEV=0`.
    pub(in crate::probe) name: String,
    /// The card's name, for people.
    pub(in crate::probe) card: String,
    /// The card's number; `None` where it is not seen who stands behind the PCM.
    pub(in crate::probe) number: Option<u32>,
}

/// What a config says of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::probe) struct Wanted<'a> {
    /// Which card.
    pub(in crate::probe) card: &'a str,
    /// Which PCM instead.
    pub(in crate::probe) pcm: Option<&'a str>,
    /// The radio's cards, of which none is meant, whatever the words.
    pub(in crate::probe) radio: &'a [Named],
    /// Which words were short names.
    pub(in crate::probe) seen: &'a Seen,
}

/// Finds what is wanted among the cards, and sees that nobody has it.
///
/// By ALSA's `plughw`, which converts rates and formats and, as `hw`, shares nothing: whoever comes second is told.
///
/// # Errors
/// `Gone` when there is no such card or it has no such stream, `Busy` with who has it.
pub(in crate::probe) fn choose(all: &[Card], wanted: &Wanted<'_>, direction: Direction) -> Result<Pcm, ProbeError> {
    let &Wanted { card, pcm, radio, seen } = wanted;
    let gone = || ProbeError::new(ErrorKind::Gone, pcm.unwrap_or(card));
    let rooms = without(all.to_vec(), radio);
    let is_radios = |pcm: &str| {
        let of = card_of(pcm);
        let is = |card: &&Card| of.as_deref().is_some_and(|of| is_pcms(card, of));
        let is_rooms = |card: &Card| rooms.iter().any(|room| room.number == card.number && room.has(direction));
        all.iter().find(is).is_some_and(|card| card.has(direction) && !is_rooms(card))
    };
    if pcm.is_some_and(is_radios) {
        return Err(gone());
    }
    let (found, device, name) = match pcm.map(|name| (name, parse(name))) {
        // A PCM of somebody's own, or a sound server's: who stands behind it is not seen.
        Some((name, None)) => return Ok(Pcm { name: name.to_owned(), card: name.to_owned(), number: None }),
        Some((name, Some((card, device)))) => {
            let found = rooms.into_iter().find(|each| is_pcms(each, card));
            (found.ok_or_else(gone)?, device, name.to_owned())
        }
        None => {
            let mut meant: Vec<Card> =
                audio::wanted(rooms, card, seen).into_iter().filter(|card| card.has(direction)).collect();
            // Of several, the one on USB: a room's microphone is one, and what is soldered in is often connected to nothing.
            meant.sort_by_key(|card| card.usb.is_none());
            let found = meant.into_iter().next().ok_or_else(gone)?;
            let device = stream(&found, direction, None).ok_or_else(gone)?.device;
            let name = format!("plughw:CARD={},DEV={device}", found.id);
            (found, device, name)
        }
    };
    let stream = stream(&found, direction, Some(device)).ok_or_else(gone)?;
    match &stream.running {
        Some(owner) => Err(ProbeError::new(ErrorKind::Busy, owner.name.clone().unwrap_or_else(|| "?".to_owned()))),
        None => Ok(Pcm { name, card: found.name, number: Some(found.number) }),
    }
}

fn stream(card: &Card, direction: Direction, device: Option<u32>) -> Option<&Stream> {
    let mut of = card.streams.iter().filter(|stream| stream.direction == direction);
    match device {
        Some(device) => of.find(|stream| stream.device == device),
        None => of.min_by_key(|stream| stream.device),
    }
}

/// Card and device of a name such as `plughw:CARD=Loop,DEV=1` or `hw:Loop,1`; `None` for what is no hardware's.
fn parse(name: &str) -> Option<(&str, u32)> {
    let (kind, rest) = name.split_once(':')?;
    if !matches!(kind, "hw" | "plughw") {
        return None;
    }
    let mut parts = rest.split(',');
    let card = parts.next()?;
    let device = parts.next().map_or(Some(0), |device| device.strip_prefix("DEV=").unwrap_or(device).parse().ok())?;
    Some((card.strip_prefix("CARD=").unwrap_or(card), device))
}

/// The rate at which the hardware behind a capturing PCM runs now, in Hz (`hw_params`: `rate: 48000 (48000/1)`).
pub(super) fn rate(proc: &Path, name: &str) -> Option<u32> {
    let (card, device) = parse(name)?;
    let folder = proc.join(format!("asound/{card}/pcm{device}c"));
    let me = std::process::id().to_string();
    cards::names(&folder).filter(|name| name.starts_with("sub")).find_map(|sub| {
        let status = std::fs::read_to_string(folder.join(&sub).join("status")).ok()?;
        let params = std::fs::read_to_string(folder.join(&sub).join("hw_params")).ok()?;
        let rate = cards::field(&params, "rate")?.split_whitespace().next()?.parse().ok()?;
        (cards::field(&status, "owner_pid") == Some(me.as_str())).then_some(rate)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fixture::Machine;

    const CARDS: &str = " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      at 0\n \
                         1 [Headset        ]: USB-Audio - Room Headset\n                      at usb\n \
                         2 [Loop           ]: Loopback - Loopback\n                      at loop\n";

    fn machine() -> Machine {
        let machine = Machine::bare();
        machine.write("proc/asound/cards", CARDS);
        machine.write("proc/asound/card1/usbid", "0b0e:0300\n");
        for pcm in ["card0/pcm0c", "card0/pcm0p", "card1/pcm1c", "card1/pcm0p", "card2/pcm0c", "card2/pcm1c"] {
            machine.write(&format!("proc/asound/{pcm}/sub0/status"), "closed\n");
        }
        machine
    }

    fn chosen(machine: &Machine, card: &str, pcm: Option<&str>) -> Result<String, (ErrorKind, String)> {
        beside_radio(machine, card, pcm, &[])
    }

    fn beside_radio(
        machine: &Machine,
        card: &str,
        pcm: Option<&str>,
        radio: &[Named],
    ) -> Result<String, (ErrorKind, String)> {
        let wanted = Wanted { card, pcm, radio, seen: &Seen::default() };
        let chosen = choose(&cards::list(&machine.path("proc")).unwrap(), &wanted, Direction::Capture);
        chosen.map(|pcm| pcm.name).map_err(|error| (error.kind, error.detail))
    }

    #[test]
    fn the_one_card_that_is_meant_is_chosen() {
        let machine = machine();
        let of = |card: &str| chosen(&machine, card, None);
        assert_eq!(of("auto").unwrap(), "plughw:CARD=Headset,DEV=1", "the one on USB");
        assert_eq!(of("PCH").unwrap(), "plughw:CARD=PCH,DEV=0");
        assert_eq!(of("loop").unwrap(), "plughw:CARD=Loop,DEV=0");
        assert_eq!(of("Camera").unwrap_err(), (ErrorKind::Gone, "Camera".to_owned()));
        let named = |pcm: &str| chosen(&machine, "auto", Some(pcm));
        assert_eq!(named("plughw:CARD=Loop,DEV=1").unwrap(), "plughw:CARD=Loop,DEV=1");
        assert_eq!(named("hw:2,1").unwrap(), "hw:2,1");
        assert_eq!(named("pulse").unwrap(), "pulse");
        assert_eq!(named("plughw:CARD=Loop,DEV=7").unwrap_err().0, ErrorKind::Gone);
        assert_eq!(named("plughw:CARD=Away").unwrap_err().0, ErrorKind::Gone);
    }

    #[test]
    fn the_radios_card_is_never_chosen() {
        let machine = machine();
        let radio = [Named::of_pcm("plughw:CARD=Headset,DEV=0").unwrap()];
        let of = |card: &str, pcm| beside_radio(&machine, card, pcm, &radio).map_err(|(kind, _)| kind);
        assert_eq!(of("auto", None).unwrap(), "plughw:CARD=PCH,DEV=0", "although the other is on USB");
        assert_eq!(of("Room", None), Err(ErrorKind::Gone));
        // By its number too, whatever plugin stands before it.
        for pcm in ["hw:1,1", "plughw:CARD=Headset,DEV=1", "dsnoop:CARD=1"] {
            assert_eq!(of("auto", Some(pcm)), Err(ErrorKind::Gone), "{pcm}");
        }
        assert_eq!(of("auto", Some("hw:0,0")).unwrap(), "hw:0,0");
        assert_eq!(of("auto", Some("pulse")).unwrap(), "pulse");
    }

    #[test]
    fn one_that_somebody_has_is_busy_and_one_that_our_own_child_has_is_not() {
        let machine = machine();
        machine.write("proc/asound/card1/pcm1c/sub0/status", "state: RUNNING\nowner_pid   : 149\n");
        machine.write("proc/149/comm", "conference\n");
        machine.write("proc/149/status", "Tgid:\t149\nPPid:\t1\n");
        assert_eq!(chosen(&machine, "auto", None).unwrap_err(), (ErrorKind::Busy, "conference".to_owned()));
        machine.write("proc/149/status", format!("Tgid:\t149\nPPid:\t{}\n", std::process::id()));
        assert!(chosen(&machine, "auto", None).is_ok());
    }

    #[test]
    fn the_hardwares_own_rate_is_that_of_our_own_stream() {
        let machine = machine();
        let write = |sub: u32, owner: u32, rate: u32| {
            let folder = format!("proc/asound/Loop/pcm1c/sub{sub}");
            machine.write(&format!("{folder}/status"), format!("state: RUNNING\nowner_pid   : {owner}\n"));
            machine.write(&format!("{folder}/hw_params"), format!("format: S16_LE\nrate: {rate} ({rate}/1)\n"));
        };
        write(0, 1, 8000);
        write(1, std::process::id(), 44100);
        machine.write("proc/asound/Loop/pcm1c/sub2/status", "closed\n");
        machine.write("proc/asound/Loop/pcm1c/sub2/hw_params", "closed\n");
        assert_eq!(rate(&machine.path("proc"), "plughw:CARD=Loop,DEV=1"), Some(44100));
        assert_eq!(rate(&machine.path("proc"), "plughw:CARD=Loop,DEV=0"), None);
        assert_eq!(rate(&machine.path("proc"), "pulse"), None);
    }
}
