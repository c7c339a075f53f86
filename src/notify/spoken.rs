//! What is said on the air of all that waits to be said: what is heard is gone, and nobody can be told ten things one after another.
//! Pure.
//!
//! Of each component only the newest word is said, and nothing of what began and ended meanwhile; what waits of several components is
//! said in one message, before anything else. A drill, another system's alert, a roll call that found all ready, and a test is each a
//! message of its own. A storm is so few messages; each of its facts is in the other receivers' messages and on the page.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::document::{Document, Event};
use crate::domain::{Component, Notification};

/// What was decided so long ago is not said any more: who hears it thinks that it is so now.
const NEWS: Duration = Duration::from_mins(15);

/// That all is ready is true for a shorter time.
const CALL: Duration = Duration::from_mins(5);

/// What to do with what waits, each in the order in which it waited. What is in none of them waits on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// To be said in one message.
    pub say: Vec<Notification>,
    /// Not to be said, because newer word of the same waits.
    pub overtaken: Vec<Notification>,
    /// Not to be said any more.
    pub too_old: Vec<Notification>,
}

/// What a word is about: newer word of the same overtakes it.
#[derive(Clone, Debug, PartialEq)]
enum About {
    Component(Component),
    Drill(Component),
    /// Another system's alert, by its id.
    Alert(String),
    /// A roll call that found nothing wrong.
    AllReady,
    /// A test, or what cannot be read.
    Itself,
}

impl About {
    fn of(document: &Document) -> Self {
        match (&document.alert, &document.incident, document.event) {
            (Some(alert), ..) => Self::Alert(alert.id.clone()),
            (None, Some(incident), _) if document.drill => Self::Drill(incident.component),
            (None, Some(incident), _) => Self::Component(incident.component),
            (None, None, Event::RollCall) => Self::AllReady,
            (None, None, _) => Self::Itself,
        }
    }
}

/// A word that waits: what it is about, what happened, and whether some of it was heard, in an attempt that came to no end.
type Waits = (About, Event, bool);

/// Chooses among all that waits, oldest first, at `now`; of those whose keys are in `heard` an attempt that failed was on the air.
pub fn choose(waiting: Vec<Notification>, heard: &BTreeSet<Arc<str>>, now: Timestamp) -> Choice {
    let (mut choice, mut news, mut about) = (Choice::default(), Vec::new(), Vec::new());
    for word in waiting {
        let document = Document::of(&word).ok();
        let of = document.as_ref().map_or((About::Itself, Event::Test), |known| (About::of(known), known.event));
        let of = (of.0, of.1, heard.contains(&word.key));
        let age = Duration::try_from(now.duration_since(word.created_at)).unwrap_or_default();
        if age > if of.0 == About::AllReady { CALL } else { NEWS } {
            choice.too_old.push(word);
        } else {
            news.push(word);
            about.push(of);
        }
    }
    let mut alone = None;
    for (at, word) in news.into_iter().enumerate() {
        if is_overtaken(&about, at) {
            choice.overtaken.push(word);
        } else if matches!(about[at].0, About::Component(_)) {
            choice.say.push(word);
        } else {
            alone.get_or_insert(word);
        }
    }
    if choice.say.is_empty() {
        choice.say.extend(alone);
    }
    choice
}

/// Whether one of the words is better left unsaid, for what waits behind it, or because nobody has heard of its beginning.
fn is_overtaken(all: &[Waits], at: usize) -> bool {
    let (about, event, _) = &all[at];
    let (before, behind) = (&all[..at], &all[at + 1..]);
    // That somebody sees to it is no word on the air: it is passed over, and what it speaks of is said before.
    let of_it = |other: &&Waits| other.0 == *about && other.1 != Event::Acknowledged;
    match (about, event) {
        (About::Itself, _) | (_, Event::Acknowledged) => false,
        // What is wrong since then is not said after "all is ready".
        (About::AllReady, _) => behind.iter().enumerate().any(|(next, (other, event, _))| {
            *other == About::AllReady
                || (matches!(other, About::Component(_))
                    && *event != Event::Acknowledged
                    && !is_overtaken(all, at + 1 + next))
        }),
        _ => {
            // Who has heard of no beginning needs to hear of no end.
            let first = before.iter().find(of_it);
            let began = first.is_some_and(|(_, first, _)| matches!(first, Event::Opened | Event::AlertBegan));
            let began = began && !before.iter().filter(of_it).any(|(.., heard)| *heard);
            behind.iter().any(|other| of_it(&other)) || (matches!(event, Event::Closed | Event::AlertEnded) && began)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `about` is a component, a drill's component behind "drill ", an alert's id behind "alert ", or nothing.
    fn word(about: &str, event: &str, second: i64) -> Notification {
        let (drill, component) = (about.starts_with("drill "), about.trim_start_matches("drill "));
        let alert = about.strip_prefix("alert ").map_or_else(
            || "null".to_owned(),
            |id| format!(r#"{{"id":"{id}","name":"","severity":"","text":"","since":"","ended_at":null}}"#),
        );
        let incident = if component.is_empty() || alert != "null" {
            "null".to_owned()
        } else {
            format!(
                r#"{{"id":"{component}-1","component":"{component}","component_title":"","verdict":"degraded","verdict_title":"",
                "worst":"degraded","since":"","closed_at":null,"reasons":[]}}"#
            )
        };
        let payload = format!(
            r#"{{"version":1,"id":"x","event":"{event}","room":"","room_title":"","at":"","lang":"id","drill":{drill},"text":"","incident":{incident},"alert":{alert}}}"#
        );
        let at = Timestamp::from_second(second).unwrap();
        Notification::new(format!("{about} {event} {second}"), &"radio".into(), None, payload, at)
    }

    fn said(waiting: &[(&str, &str)], now: i64) -> (Vec<String>, usize, usize) {
        let words = waiting.iter().zip(0..).map(|((component, event), at)| word(component, event, at));
        let choice = choose(words.collect(), &BTreeSet::new(), Timestamp::from_second(now).unwrap());
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
    fn of_what_was_cut_off_on_the_air_the_end_is_said() {
        let waiting = [word("power", "incident_opened", 0), word("power", "incident_closed", 1)];
        let heard = BTreeSet::from([Arc::clone(&waiting[0].key)]);
        let choice = choose(waiting.to_vec(), &heard, Timestamp::from_second(9).unwrap());
        let [opened, closed] = waiting;
        assert_eq!(choice, Choice { say: vec![closed], overtaken: vec![opened], ..Choice::default() });
    }

    #[test]
    fn what_is_old_is_no_news_and_a_test_is_said_alone_and_last() {
        assert_eq!(said(&[("power", "incident_opened"), ("", "test"), ("audio", "incident_opened")], 901).2, 1);
        let tested = [("", "test"), ("audio", "incident_opened")];
        assert_eq!(said(&tested, 9), (vec!["audio incident_opened".into()], 0, 0));
        assert_eq!(said(&tested[..1], 9), (vec![" test".into()], 0, 0));
    }

    #[test]
    fn that_somebody_sees_to_it_keeps_nothing_from_being_said() {
        let waiting = [("power", "incident_opened"), ("power", "incident_acknowledged")];
        let both = waiting.map(|(about, event)| format!("{about} {event}"));
        assert_eq!(said(&waiting, 9), (both.to_vec(), 0, 0), "of which the first is heard");
        assert_eq!(said(&[waiting[0], waiting[1], ("power", "incident_closed")], 9).1, 2);
    }

    #[test]
    fn a_drill_and_what_other_systems_say_overtake_nothing_of_the_room() {
        let (opened, closed) = ("incident_opened", "incident_closed");
        let waiting =
            [("drill power", opened), ("alert a", "alert_began"), ("power", opened), ("alert b", "alert_began")];
        assert_eq!(said(&waiting, 9), (vec!["power incident_opened".into()], 0, 0));
        assert_eq!(said(&waiting[..2], 9), (vec!["drill power incident_opened".into()], 0, 0));
        assert_eq!(said(&[waiting[0], ("power", closed), ("drill power", closed)], 9).0, ["power incident_closed"]);
        let came_and_went = [waiting[1], waiting[3], ("alert a", "alert_ended")];
        assert_eq!(said(&came_and_went, 9), (vec!["alert b alert_began".into()], 2, 0));
        assert_eq!(said(&[("alert a", "alert_ended")], 9).0, ["alert a alert_ended"]);
    }

    #[test]
    fn that_all_was_ready_is_said_for_five_minutes_and_not_after_what_is_wrong_since() {
        let (call, opened) = (("", "roll_call"), "incident_opened");
        assert_eq!(said(&[call], 300), (vec![" roll_call".into()], 0, 0));
        assert_eq!(said(&[call], 301), (vec![], 0, 1));
        // A fault that was called is one, and has overtaken what was to be said of it.
        assert_eq!(said(&[("power", opened), ("power", "roll_call")], 301).0, ["power roll_call"]);
        assert_eq!(said(&[call, ("power", opened)], 9), (vec!["power incident_opened".into()], 1, 0));
        assert_eq!(
            said(&[call, ("power", opened), ("power", "incident_closed")], 9),
            (vec![" roll_call".into()], 2, 0)
        );
        assert_eq!(said(&[("power", "incident_closed"), call], 9), (vec!["power incident_closed".into()], 0, 0));
    }
}
