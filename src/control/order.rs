//! What is said over the control socket: one order, then words; one line of JSON each.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::domain::sheet::SheetWish;
use crate::domain::{Component, Lang, Period, Verdict, acknowledgement};

/// The longest line that is read, bytes.
pub const LONGEST: usize = 64 * 1024;

/// The longest name of a check or a receiver that is listened to, bytes: as the config has them.
const LONGEST_NAME: usize = 64;

/// How many names one order may have: each is a row of the audit.
const MOST_NAMES: usize = 64;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// To make these active checks' tests now, one after another.
    Test {
        /// Their names in the config.
        #[serde(deserialize_with = "names")]
        checks: Vec<String>,
        /// The language of the words.
        lang: Lang,
    },
    /// To send a test message.
    TestAlert {
        /// To these receivers, by their names in the config; to all, if it names none.
        #[serde(deserialize_with = "names")]
        receivers: Vec<String>,
        /// The language of the words.
        lang: Lang,
    },
    /// To note that somebody sees to an incident.
    Acknowledge {
        /// Its id; without one the only one that is open.
        incident: Option<String>,
        /// Whether that was said by radio.
        radio: bool,
        /// Who said so, where another writes it down.
        by: Option<String>,
        /// The language of the words.
        lang: Lang,
    },
    /// To tell nobody of something for a while.
    Silence {
        /// Of which component; of all, if it names none.
        component: Option<Component>,
        /// For how long, seconds.
        seconds: u64,
        /// Why.
        reason: String,
        /// The language of the words.
        lang: Lang,
    },
    /// To end a silence before its time.
    EndSilence {
        /// Which.
        id: String,
        /// The language of the words.
        lang: Lang,
    },
    /// To practise a fault.
    Drill {
        /// Which.
        scene: String,
        /// For how long, seconds.
        seconds: u64,
        /// The language of the words.
        lang: Lang,
    },
    /// To end the drill that is under way.
    EndDrill {
        /// The language of the words.
        lang: Lang,
    },
    /// To tell the silences that hold.
    Silences {
        /// The language of the words.
        lang: Lang,
    },
    /// To write into a session's run sheet.
    RunSheet {
        /// What.
        wish: SheetWish,
        /// The language of the words.
        lang: Lang,
    },
    /// To put what somebody writes of a meeting beside its report.
    Evaluate {
        /// Of which session.
        session: String,
        /// What they write.
        text: String,
        /// Who, where another hands it in.
        by: Option<String>,
        /// The language of the words.
        lang: Lang,
    },
    /// To read the config anew.
    Reload {
        /// Which file they take it for, where they name one: the daemon reads its own, and no other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<String>,
        /// The language of the words.
        lang: Lang,
    },
    /// To note that the operators have heard each other by radio.
    RadioCheck {
        /// Who heard it.
        heard_by: String,
        /// The language of the words.
        lang: Lang,
    },
}

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// What is no order.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// As a line, with its end.
    pub fn line(&self) -> Vec<u8> {
        as_line(self)
    }

    /// The language of whoever gives it.
    pub const fn lang(&self) -> Lang {
        match self {
            Self::Test { lang, .. }
            | Self::TestAlert { lang, .. }
            | Self::Acknowledge { lang, .. }
            | Self::Silence { lang, .. }
            | Self::EndSilence { lang, .. }
            | Self::Drill { lang, .. }
            | Self::EndDrill { lang }
            | Self::Silences { lang }
            | Self::Reload { lang, .. }
            | Self::RunSheet { lang, .. }
            | Self::Evaluate { lang, .. }
            | Self::RadioCheck { lang, .. } => *lang,
        }
    }

    /// As the audit calls it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Test { .. } => "test",
            Self::TestAlert { .. } => "test_alert",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Silence { .. } => "silence",
            Self::EndSilence { .. } => "end_silence",
            Self::Drill { .. } => "drill",
            Self::EndDrill { .. } => "end_drill",
            Self::Silences { .. } => "silences",
            Self::Reload { .. } => "reload",
            Self::RunSheet { wish, .. } => wish.act.action(),
            Self::Evaluate { .. } => "evaluate",
            Self::RadioCheck { .. } => "radio_check",
        }
    }

    /// What it is about, as the audit names it.
    pub fn subject(&self) -> String {
        match self {
            Self::Test { checks: names, .. } | Self::TestAlert { receivers: names, .. } => names.join(" "),
            Self::Acknowledge { incident, radio, by, .. } => {
                acknowledgement::subject(incident.as_deref(), *radio, by.as_deref())
            }
            Self::Silence { component, seconds, reason, .. } => {
                let what = component.map_or("all", Component::as_str);
                format!("{what} for {}: {reason}", Period(Duration::from_secs(*seconds)))
            }
            Self::EndSilence { id, .. } => id.clone(),
            // What was written is in the chain, and not here.
            Self::Evaluate { session, .. } => session.clone(),
            Self::Drill { scene, seconds, .. } => format!("{scene} for {}", Period(Duration::from_secs(*seconds))),
            Self::EndDrill { .. } | Self::Silences { .. } | Self::Reload { .. } => String::new(),
            Self::RunSheet { wish, .. } => wish.subject(),
            Self::RadioCheck { heard_by, .. } => format!("heard by {heard_by}"),
        }
    }
}

/// A message that has not arrived, behind which others wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Behind {
    /// Why not, if it is known.
    pub cause: Option<String>,
}

/// What the daemon says to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case", deny_unknown_fields)]
pub enum Word {
    /// A check's test has begun, or waits for its turn.
    Begun {
        /// Which check.
        check: String,
    },
    /// A test was made.
    Tested(Tested),
    /// A test message goes to so many receivers; of each there is a word to come.
    Telling {
        /// How many.
        receivers: usize,
    },
    /// An attempt to tell a receiver has ended.
    Told {
        /// Which receiver.
        receiver: String,
        /// Why it has not arrived; nothing where it has.
        failed: Option<String>,
        /// Whether it is tried again.
        again: bool,
        /// Where it still waits behind another message, which `failed` tells in words: what is known of that one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<Behind>,
    },
    /// What was ordered is done, or known.
    Done {
        /// What, in the language asked for.
        message: String,
        /// What to fear for it, where it holds and the disk has not taken it: it is lost if the daemon ends before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unkept: Option<String>,
    },
    /// It was not.
    Refused {
        /// Which check; none, where the whole order is refused.
        check: Option<String>,
        /// Why, in the language asked for.
        message: String,
    },
}

impl Word {
    /// That it is done, and will be known after a restart.
    pub const fn done(message: String) -> Self {
        Self::Done { message, unkept: None }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is no word.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// As a line, with its end.
    pub fn line(&self) -> Vec<u8> {
        as_line(self)
    }
}

/// What a test found. The fields have the names that the API gives them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tested {
    /// The check.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What this test by itself makes of it.
    pub verdict: Verdict,
    /// What the room believes of it now: a fault may have to be seen twice.
    pub decided: Verdict,
    /// Why.
    pub reasons: Vec<Why>,
    /// What was measured, a line each, in people's units.
    pub measured: Vec<String>,
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// What it makes of the check.
    pub verdict: Verdict,
    /// Its code in the catalogue.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What a program or the kernel said.
    pub detail: Option<String>,
    /// What somebody must go and do.
    pub remedy: String,
}

/// What is said is written down, and said again: not more of it than names can be.
fn names<'de, D: Deserializer<'de>>(said: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(said)?;
    if names.len() > MOST_NAMES || names.iter().any(|name| name.len() > LONGEST_NAME) {
        let most = format!("{MOST_NAMES} names at most, of {LONGEST_NAME} characters at most");
        return Err(de::Error::custom(most));
    }
    Ok(names)
}

fn as_line(said: &impl Serialize) -> Vec<u8> {
    // Strings and words of closed lists: nothing in it can fail to be written.
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_survives_its_line() {
        let order = Order::Test { checks: vec!["a\nb".into()], lang: Lang::Id };
        assert_eq!(Order::parse(&order.line()).unwrap(), order);
        let why = Why {
            verdict: Verdict::NotReady,
            code: "audio.microphone_silent".into(),
            message: "sunyi".into(),
            detail: None,
            remedy: "tekan mute".into(),
        };
        let tested = Tested {
            name: "mic".into(),
            kind: "microphone".into(),
            verdict: Verdict::NotReady,
            decided: Verdict::Ready,
            reasons: vec![why],
            measured: vec!["-45 dB".into()],
        };
        let refused = Word::Refused { check: Some("mic".into()), message: "dipakai".into() };
        for word in [Word::Begun { check: "mic".into() }, Word::Tested(tested), Word::Telling { receivers: 2 }, refused]
        {
            let line = word.line();
            assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line and nothing after it");
            assert_eq!(Word::parse(&line).unwrap(), word);
        }
        assert!(Order::parse(br#"{"order":"ack"}"#).is_err());
    }

    #[test]
    fn an_order_is_not_longer_than_names_of_checks_can_be() {
        let order = |count, length| Order::Test { checks: vec!["x".repeat(length); count], lang: Lang::En }.line();
        assert!(Order::parse(&order(64, 64)).is_ok());
        for line in [order(1, 65), order(65, 1), order(1, 60_000)] {
            let said = Order::parse(&line).unwrap_err().to_string();
            assert!(said.contains("at most") && !said.contains("xx"), "{said}");
        }
    }
}
