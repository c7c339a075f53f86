//! The sound cards that the radio hangs on: what is played into one goes on the air, so no test of the room's sound may use one.

use super::problem::Problems;
use super::reader::Table;
use super::sections::list;
use crate::domain::CheckName;
use crate::notify::{self, Way};
use crate::probe::ProbeConfig;
use crate::probe::audio::Named;

/// One of them, and where the config says so.
pub(super) struct RadioCard {
    card: Named,
    said: String,
}

/// Those that receivers speak by, listen to, or hear themselves at.
pub(super) fn of_receivers(root: Table<'_>, receivers: &[notify::Config], problems: &mut Problems) -> Vec<RadioCard> {
    let tables = list(root, "receiver", problems);
    let mut all = Vec::new();
    for receiver in receivers {
        let Way::Radio(radio) = &receiver.way else { continue };
        let is_its =
            |table: &&Table<'_>| table.get("name").is_some_and(|name| name.get_ref().as_str() == Some(&*receiver.name));
        let table = tables.iter().find(is_its);
        for (key, pcm) in radio.pcms() {
            let card = if key == "play" { Named::of_pcm(pcm) } else { Named::of_input(pcm) };
            let Some(card) = card else { continue };
            let line = table.map_or(0, |table| problems.line(table.at(key).start));
            all.push(RadioCard { card, said: format!("{key} of receiver {:?} on line {line}", &*receiver.name) });
        }
    }
    all
}

/// Sees to it that no check tests the sound of a radio's card: those that would find one by themselves are told which to leave out.
pub(super) fn keep_off(
    checks: &mut [(&CheckName, &mut ProbeConfig, Table<'_>)],
    mut radio: Vec<RadioCard>,
    problems: &mut Problems,
) {
    for (name, probe, table) in &*checks {
        if let ProbeConfig::Radio(config) = &**probe
            && let Some(card) = &config.card
        {
            let line = problems.line(table.at("card").start);
            let said = format!("card of check {:?} on line {line}", name.as_str());
            radio.push(RadioCard { card: Named::Word(card.clone()), said });
        }
    }
    let cards: Vec<Named> = radio.iter().map(|radio| radio.card.clone()).collect();
    for (_, probe, table) in checks {
        for (key, named) in probe.tests_sound_of() {
            let same = |radio: &&RadioCard| {
                // What a card plays whose input alone is the radio's is the room's.
                let is_free = key == "play" && matches!(radio.card, Named::Input(_));
                !is_free && radio.card.as_str().eq_ignore_ascii_case(named.as_str())
            };
            if let Some(RadioCard { said, .. }) = radio.iter().find(same) {
                let why = format!(
                    "sound card {:?} is the radio's ({said}), on which no test of the room's sound may be made",
                    named.as_str()
                );
                problems.say(table.at(key), why);
            }
        }
        probe.leave_out(&cards);
    }
}
