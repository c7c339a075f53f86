//! How a config speaks of a sound card, and which card that is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::cards::{Card, Direction, is_port};

/// A sound card, as a config names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By a PCM of it: its short name or its number, as ALSA takes them, and no other card that is called alike.
    Pcm(String),
    /// As that, of a PCM that is listened to alone: what the card plays is somebody else's.
    Input(String),
    /// As a check's `card` does.
    Word(String),
}

impl Named {
    /// The card that an ALSA PCM is of, where its name tells.
    pub fn of_pcm(pcm: &str) -> Option<Self> {
        card_of(pcm).map(Self::Pcm)
    }

    /// The same of one that is listened to alone.
    pub fn of_input(pcm: &str) -> Option<Self> {
        card_of(pcm).map(Self::Input)
    }

    /// The word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pcm(card) | Self::Input(card) | Self::Word(card) => card,
        }
    }

    /// Which of the cards it is.
    pub(in crate::probe) fn among(&self, cards: Vec<Card>, seen: &Seen) -> Vec<Card> {
        match self {
            Self::Pcm(name) | Self::Input(name) => cards.into_iter().filter(|card| is_pcms(card, name)).collect(),
            Self::Word(word) => wanted(cards, word, seen),
        }
    }

    /// Whether it is certainly this card: a number, a short name, a port or a USB id, and no part of a name, which another may have too.
    fn is_surely(&self, card: &Card) -> bool {
        match self {
            Self::Pcm(name) | Self::Input(name) => is_pcms(card, name),
            Self::Word(word) => {
                is_pcms(card, word)
                    || card.id.eq_ignore_ascii_case(word)
                    || card.usb.as_deref().is_some_and(|usb| usb.eq_ignore_ascii_case(word))
                    || is_port(word) && card.is(word)
            }
        }
    }
}

/// ALSA's PCMs whose first argument is a card (alsa-lib, `src/conf/alsa.conf` and `src/conf/pcm`).
const OF_A_CARD: [&str; 12] =
    ["hw", "plughw", "default", "sysdefault", "dmix", "dsnoop", "front", "rear", "side", "iec958", "hdmi", "usbstream"];

/// The card that an ALSA PCM is of, where its name tells (`"plughw:CARD=Device,DEV=0"`, `"hw:1,0"`).
pub fn card_of(pcm: &str) -> Option<String> {
    let (plugin, rest) = pcm.split_once(':')?;
    let rest = rest.trim();
    let named = rest.split(',').find_map(|part| part.trim().strip_prefix("CARD="));
    let plugin = plugin.trim();
    let is_of_card = OF_A_CARD.contains(&plugin) || plugin.starts_with("surround");
    let first = is_of_card.then(|| rest.split(',').next()).flatten();
    named.or(first).map(str::trim).filter(|card| !card.is_empty() && !card.contains('=')).map(ToOwned::to_owned)
}

/// Whether a PCM's name means this card by `name`.
pub(in crate::probe) fn is_pcms(card: &Card, name: &str) -> bool {
    card.id == name || card.number.to_string() == name
}

/// The words that were a card's short name once, in all probes of this process. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<BTreeSet<String>>>);

impl Seen {
    /// Whether `word` is a short name now, or was one before.
    fn is_exact(&self, word: &str, cards: &[Card]) -> bool {
        // Words only: whoever panicked while holding them left them whole.
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cards.iter().any(|card| card.id.eq_ignore_ascii_case(word)) {
            seen.insert(word.to_owned());
        }
        seen.contains(word)
    }
}

/// The cards that `word` means. An exact short name means that card alone: `Headset` is not also `Headset_1`, which is no
/// replacement either when it is gone.
pub(in crate::probe) fn wanted(cards: Vec<Card>, word: &str, seen: &Seen) -> Vec<Card> {
    let exact = seen.is_exact(word, &cards);
    let means = |card: &Card| if exact { card.id.eq_ignore_ascii_case(word) } else { card.is(word) };
    cards.into_iter().filter(means).collect()
}

/// The cards without those that the radio hangs on: what is played into one goes on the air, and what comes out of one is the
/// channel's noise.
pub(in crate::probe) fn without(mut cards: Vec<Card>, radio: &[Named]) -> Vec<Card> {
    let (inputs, whole): (Vec<_>, Vec<_>) = radio.iter().partition(|named| matches!(named, Named::Input(_)));
    cards.retain(|card| !whole.iter().any(|named| named.is_surely(card)));
    cards.retain_mut(|card| {
        if card.streams.is_empty() || !inputs.iter().any(|named| named.is_surely(card)) {
            return true;
        }
        card.streams.retain(|stream| stream.direction != Direction::Capture);
        !card.streams.is_empty()
    });
    cards
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::audio::cards::parse;

    /// Two of one make beside another, whose places begin alike.
    const CARDS: &str = " 0 [Device         ]: USB-Audio - PnP\n                      PnP at usb-0000:00:14.0-1, full speed\n \
                         1 [Device_1       ]: USB-Audio - PnP\n                      PnP at usb-0000:00:14.0-10, full speed\n \
                         2 [Conference     ]: USB-Audio - Room\n                      Room at usb-0000:00:14.0-1.2, high speed\n";

    fn meant(named: &Named, cards: &str, seen: &Seen) -> Vec<u32> {
        named.among(parse(cards), seen).iter().map(|card| card.number).collect()
    }

    fn without_first() -> String {
        CARDS.split_inclusive('\n').skip(2).collect()
    }

    #[test]
    fn a_card_that_is_gone_is_not_replaced_by_one_that_is_called_alike() {
        let seen = Seen::default();
        let (pcm, word) = (Named::Pcm("Device".to_owned()), Named::Word("Device".to_owned()));
        assert_eq!(meant(&pcm, &without_first(), &seen), [] as [u32; 0]);
        assert_eq!(meant(&word, &without_first(), &seen), [1], "a part of a name, as far as anybody knows");
        for named in [&pcm, &word] {
            assert_eq!(meant(named, CARDS, &seen), [0]);
            assert_eq!(meant(named, &without_first(), &seen), [] as [u32; 0], "{named:?}");
        }
        assert_eq!(meant(&Named::Word("dev".to_owned()), &without_first(), &seen), [1], "no card was ever called that");
        assert_eq!(meant(&Named::Pcm("2".to_owned()), CARDS, &seen), [2]);
        assert_eq!(meant(&Named::Pcm("PnP".to_owned()), CARDS, &seen), [] as [u32; 0], "ALSA takes no such name");
    }

    #[test]
    fn a_port_is_meant_as_a_whole() {
        let of = |word: &str| meant(&Named::Word(word.to_owned()), CARDS, &Seen::default());
        assert_eq!(of("usb-0000:00:14.0-1"), [0]);
        assert_eq!(of("usb-0000:00:14.0-10"), [1]);
        assert_eq!(of("usb-0000:00:14.0-1.2"), [2]);
        assert_eq!(of("usb-0000:00:14.0"), [0, 1, 2], "a controller with all that hangs on it");
        assert_eq!(of("usb-"), [0, 1, 2]);
    }

    #[test]
    fn a_pcms_name_tells_its_card_where_it_has_one() {
        for (pcm, card) in [
            ("plughw:CARD=Device,DEV=0", Some("Device")),
            ("sysdefault:CARD=Device", Some("Device")),
            ("hw:1,0", Some("1")),
            ("plughw:Device", Some("Device")),
            ("sysdefault:Device", Some("Device")),
            ("dmix:1,0", Some("1")),
            ("surround51:Device,0", Some("Device")),
            ("hw:DEV=0", None),
            ("default", None),
            ("pulse:x", None),
            ("hw:", None),
        ] {
            assert_eq!(card_of(pcm).as_deref(), card, "{pcm}");
        }
    }

    #[test]
    fn what_is_left_out_as_the_radios_is_surely_its_own() {
        let left = |named: Named| {
            let left = without(parse(CARDS), &[named]);
            left.iter().map(|card| card.number).collect::<Vec<_>>()
        };
        let word = |word: &str| left(Named::Word(word.to_owned()));
        assert_eq!(word("Device_1"), [0, 2]);
        assert_eq!(word("1"), [0, 2], "a number");
        assert_eq!(word("usb-0000:00:14.0-10"), [0, 2]);
        for part_of_a_name in ["PnP", "usb", "USB", "auto", "Dev", "usb-0000:00:14.0-"] {
            assert_eq!(word(part_of_a_name), [0, 1, 2], "{part_of_a_name}");
        }
        assert_eq!(left(Named::Pcm("Device".to_owned())), [1, 2]);
    }
}
