//! From what was seen to a reading. No input, no output.

use std::collections::BTreeMap;

use super::cards::{Card, Direction, Owner};
use super::mixer::Mixer;
use super::{
    CARDS, Config, IN_USE, IN_USE_BY, IN_USE_UNSEEN, Known, MISSING, MIXER_UNSEEN, MUTED, NO_CAPTURE, NO_CARD,
    NO_PLAYBACK, STREAMS, SWITCHED_ON, UNANSWERING, VOLUME_LOWEST,
};
use crate::domain::{ErrorKind, Finding, ProbeError, Reading, Verdict};

pub(super) fn reading(config: &Config, cards: &[Card], known: &BTreeMap<u32, Known>) -> Reading {
    let mut reading = Reading::default();
    #[allow(clippy::cast_precision_loss, reason = "a handful")]
    reading.measure(&CARDS, cards.len() as f64);
    for (direction, word) in [(Direction::Capture, "capture"), (Direction::Playback, "playback")] {
        let streams = cards.iter().flat_map(|card| &card.streams).filter(|stream| stream.direction == direction);
        let running = streams.clone().any(|stream| stream.running.is_some());
        #[allow(clippy::cast_precision_loss, reason = "a handful")]
        reading.measure_part(&STREAMS, word, streams.count() as f64);
        reading.measure_part(&IN_USE, word, f64::from(u8::from(running)));
    }
    reading.in_use = Some(cards.iter().any(|card| recorder(card).is_some()));
    if cards.is_empty() {
        reading.find(match config.card.as_str() {
            "auto" => Finding::new(&NO_CARD, Verdict::NotReady),
            wanted => Finding::new(&MISSING, Verdict::NotReady).with("card", wanted),
        });
        return reading;
    }
    for (wanted, direction, reason) in
        [(config.capture, Direction::Capture, &NO_CAPTURE), (config.playback, Direction::Playback, &NO_PLAYBACK)]
    {
        if wanted && !cards.iter().any(|card| card.has(direction)) {
            reading.find(Finding::new(reason, Verdict::NotReady).with("card", names(cards)));
        }
    }
    for card in cards {
        if let Some(Owner { name: holder, .. }) = recorder(card) {
            let note = match holder {
                Some(holder) => Finding::new(&IN_USE_BY, Verdict::Ready).with("holder", holder.as_str()),
                None => Finding::new(&IN_USE_UNSEEN, Verdict::Ready),
            };
            reading.find(note.with("card", card.name.as_str()));
        }
    }
    let asked: Vec<_> = cards
        .iter()
        .filter_map(|card| Some((card, known.get(&card.number)?.answer.as_ref()?)))
        .filter(|(card, _)| card.has(Direction::Capture))
        .collect();
    mixers(&asked, &mut reading);
    reading
}

/// Who records from this card.
fn recorder(card: &Card) -> Option<&Owner> {
    card.streams
        .iter()
        .filter(|stream| stream.direction == Direction::Capture)
        .find_map(|stream| stream.running.as_ref())
}

/// Several cards may have microphones: one through which sound comes is enough.
fn mixers(asked: &[(&Card, &Result<Mixer, ProbeError>)], reading: &mut Reading) {
    let mut best: Option<Finding> = None;
    let mut heard = false;
    for (card, answer) in asked {
        if let Ok(Mixer { switched_on: Some(on), .. }) = answer {
            reading.measure_part(&SWITCHED_ON, &card.id, f64::from(u8::from(*on)));
        }
        match mixer(card, answer) {
            None => heard = true,
            Some(finding) if best.as_ref().is_none_or(|best| finding.verdict < best.verdict) => best = Some(finding),
            Some(_) => {}
        }
    }
    if !heard {
        reading.findings.extend(best);
    }
}

/// What the mixer says against this card's microphone.
fn mixer(card: &Card, answer: &Result<Mixer, ProbeError>) -> Option<Finding> {
    // While somebody records, a mute is a person's choice: shown, and no reason to call the meeting off.
    let off = if recorder(card).is_some() { Verdict::Degraded } else { Verdict::NotReady };
    let finding = match answer {
        Ok(Mixer { switched_on: Some(false), .. }) => Finding::new(&MUTED, off),
        // Not every card's lowest step is silence, so a person should look and the meeting may be held.
        Ok(Mixer { turned_up: Some(false), .. }) => Finding::new(&VOLUME_LOWEST, Verdict::Degraded),
        Ok(_) => return None,
        Err(error) if error.kind == ErrorKind::Timeout => Finding::new(&UNANSWERING, Verdict::Degraded),
        Err(error) => Finding::new(&MIXER_UNSEEN, Verdict::Unknown).with("detail", error.detail.as_str()),
    };
    Some(finding.with("card", card.name.as_str()))
}

fn names(cards: &[Card]) -> String {
    cards.iter().map(|card| card.name.as_str()).collect::<Vec<_>>().join(", ")
}
