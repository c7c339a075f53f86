//! What is said on the air of all that waits to be said: what is heard is gone, and nobody can be told ten things one after another.
//! Pure.
//!
//! Of each component only the newest word is said, and nothing of what began and ended meanwhile; what waits of several components is
//! said in one message. A storm is so few messages; each of its facts is in the other receivers' messages and on the page.

use std::time::Duration;

use jiff::Timestamp;

use super::document::{Document, Event};
use crate::domain::{Component, Notification};

/// What was decided so long ago is not said any more: who hears it thinks that it is so now.
const NEWS: Duration = Duration::from_mins(15);

/// What to do with what waits, each in the order in which it waited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// To be said in one message.
    pub say: Vec<Notification>,
    /// Not to be said, because newer word of the component waits.
    pub overtaken: Vec<Notification>,
    /// Not to be said any more.
    pub too_old: Vec<Notification>,
}

/// Chooses among all that waits, oldest first, at `now`.
pub fn choose(waiting: Vec<Notification>, now: Timestamp) -> Choice {
    let mut choice = Choice::default();
    let age = |word: &Notification| Duration::try_from(now.duration_since(word.created_at)).unwrap_or_default();
    let (too_old, news): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|word| age(word) > NEWS);
    choice.too_old = too_old;
    let about: Vec<Option<(Component, Event)>> = news.iter().map(of).collect();
    // A test, and what cannot be read, is a message of its own.
    if about.first() == Some(&None) {
        choice.say = news.into_iter().take(1).collect();
        return choice;
    }
    for (at, word) in news.into_iter().enumerate() {
        let Some((component, event)) = about[at] else { continue };
        let of_it = |other: &&Option<(Component, Event)>| other.is_some_and(|(of, _)| of == component);
        let newest = !about[at + 1..].iter().any(|other| of_it(&other));
        let first = about.iter().find(of_it).copied().flatten();
        // Who has heard of no beginning needs to hear of no end.
        let came_and_went = event == Event::Closed && first.is_some_and(|(_, first)| first == Event::Opened);
        if newest && !came_and_went { choice.say.push(word) } else { choice.overtaken.push(word) }
    }
    choice
}

fn of(word: &Notification) -> Option<(Component, Event)> {
    let document = Document::of(word).ok()?;
    Some((document.incident?.component, document.event))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(component: &str, event: &str, second: i64) -> Notification {
        let incident = if component.is_empty() {
            "null".to_owned()
        } else {
            format!(
                r#"{{"id":"{component}-1","component":"{component}","component_title":"","verdict":"degraded","verdict_title":"",
                "worst":"degraded","since":"","closed_at":null,"reasons":[]}}"#
            )
        };
        let payload = format!(
            r#"{{"version":1,"id":"x","event":"{event}","room":"","room_title":"","at":"","lang":"id","text":"","incident":{incident}}}"#
        );
        let at = Timestamp::from_second(second).unwrap();
        Notification {
            key: format!("{component} {event} {second}").into(),
            receiver: "radio".into(),
            incident: None,
            payload: payload.into(),
            created_at: at,
            attempts: 0,
            next_attempt_at: at,
        }
    }

    fn said(waiting: &[(&str, &str)], now: i64) -> (Vec<String>, usize, usize) {
        let words = waiting.iter().zip(0..).map(|((component, event), at)| word(component, event, at));
        let choice = choose(words.collect(), Timestamp::from_second(now).unwrap());
        let keys = choice.say.iter().map(|word| word.key.rsplit_once(' ').unwrap().0.to_owned());
        (keys.collect(), choice.overtaken.len(), choice.too_old.len())
    }

    #[test]
    fn of_each_component_the_newest_word_is_said_and_all_in_one_message() {
        let (opened, closed) = ("incident_opened", "incident_closed");
        assert_eq!(said(&[], 0), (vec![], 0, 0));
        assert_eq!(said(&[("power", opened)], 0), (vec!["power incident_opened".into()], 0, 0));
        let storm = [("power", opened), ("audio", opened), ("power", "incident_changed"), ("video", closed)];
        let all = ["audio incident_opened", "power incident_changed", "video incident_closed"].map(str::to_owned);
        assert_eq!(said(&storm, 9), (all.to_vec(), 1, 0));
    }

    #[test]
    fn what_came_and_went_is_not_said_and_an_end_that_is_waited_for_is() {
        let (opened, closed) = ("incident_opened", "incident_closed");
        assert_eq!(said(&[("power", opened), ("power", closed)], 9), (vec![], 2, 0));
        // Of the one before it they have heard.
        let waited_for = [("power", closed), ("power", opened), ("power", closed)];
        assert_eq!(said(&waited_for, 9), (vec!["power incident_closed".into()], 2, 0));
    }

    #[test]
    fn what_is_old_is_no_news_and_a_test_is_said_alone() {
        assert_eq!(said(&[("power", "incident_opened"), ("", "test"), ("audio", "incident_opened")], 901).2, 1);
        let tested = [("", "test"), ("audio", "incident_opened")];
        assert_eq!(said(&tested, 9), (vec![" test".into()], 0, 0));
        assert_eq!(said(&[("audio", "incident_opened"), ("", "test")], 9).0, ["audio incident_opened"]);
    }
}
