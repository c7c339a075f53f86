//! What the seat's agent tells the daemon: one line of JSON a message, over a unix socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{Equipment, enrolled};

/// The longest line that is read, bytes. A seat with a dozen programs needs 2 kB.
pub const LONGEST: usize = 64 * 1024;

/// The longest name that is believed, characters: what a person can read on a page.
const LONGEST_NAME: usize = 120;

/// One message. What an agent of another version says beside it is passed over, and a field that is added later has a default: one that
/// was logged in before an upgrade stays the older.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum Report {
    /// How the seat's sound server stands.
    Sound {
        /// Its default source; none where it has none.
        source: Option<Device>,
        /// Its default sink; none where it has none.
        sink: Option<Device>,
        /// The programs that record from any source that hears a room.
        recorders: Vec<String>,
        /// The programs that play.
        players: Vec<String>,
    },
    /// The sound server is asked and does not answer.
    Unanswering,
    /// There is no sound server in the session.
    Absent,
    /// It cannot be asked.
    Blind {
        /// Why, in English.
        detail: String,
    },
    /// What a test came to that was ordered.
    Tested(Told),
}

/// What a sound test in the session came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The order's number.
    pub id: u64,
    /// What was tested, as people see it in the sound settings.
    pub card: String,
    /// Whether an echo canceller of the sound server's stands between.
    pub canceller: bool,
    /// The device child's answer, as it gave it: numbers, or why there are none.
    pub answer: String,
}

/// A source or a sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// The server's name for it, which lasts: `alsa_input.usb-Jabra_…`.
    pub name: String,
    /// What people see in the sound settings.
    pub description: String,
    /// Whether it stands for no equipment: a source that hears what is played, a sink that swallows it.
    pub virtual_only: bool,
    /// Whether it is muted.
    pub muted: bool,
    /// How loud it is set, ratio of the server's 100 %; the louder of its channels.
    pub volume: f64,
}

impl Device {
    /// As it is recorded in the room's record: by the name that people see and the one that lasts, at the place that the server
    /// calls its default.
    pub fn enrolled(&self, kind: Equipment) -> enrolled::Device {
        let place = if kind == Equipment::Source { "@DEFAULT_SOURCE@" } else { "@DEFAULT_SINK@" };
        enrolled::Device {
            kind,
            name: format!("{} ({})", self.description, self.name),
            usb: None,
            serial: None,
            place: Some(place.to_owned()),
            also: Vec::new(),
            absent: false,
        }
    }
}

impl Report {
    /// Reads a line.
    ///
    /// # Errors
    /// What is no such message.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line).map(Self::readable)
    }

    /// As a line, with its end.
    pub fn line(&self) -> Vec<u8> {
        // Strings, flags and finite numbers: nothing in it can fail to be written.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Names are anybody's: a program calls itself what it likes. What would break a line or fill a page is cut.
    fn readable(mut self) -> Self {
        if let Self::Sound { source, sink, recorders, players } = &mut self {
            for device in source.iter_mut().chain(sink) {
                cut(&mut device.name);
                cut(&mut device.description);
            }
            recorders.iter_mut().chain(players).for_each(cut);
        }
        match &mut self {
            Self::Blind { detail } => cut(detail),
            Self::Tested(told) => cut(&mut told.card),
            _ => {}
        }
        self
    }
}

/// Cuts what somebody else has named to what can be shown: no line's end, and no page full.
pub(in crate::probe) fn cut(name: &mut String) {
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        *name = name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect();
    }
}

/// Where daemon and agent meet unless told otherwise: the folder that systemd makes for the service
/// (`RuntimeDirectory=siaga`).
pub fn meeting_place() -> PathBuf {
    "/run/siaga/seat.sock".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_its_line() {
        let device = |name: &str| Device {
            name: name.into(),
            description: "Mikrofon".into(),
            virtual_only: false,
            muted: true,
            volume: 0.5,
        };
        for report in [
            Report::Sound {
                source: Some(device("in")),
                sink: None,
                recorders: vec!["zoom".into()],
                players: Vec::new(),
            },
            Report::Unanswering,
            Report::Absent,
            Report::Blind { detail: "no program pactl".into() },
            Report::Tested(Told { id: 7, card: "Mic".into(), canceller: true, answer: r#"{"found":[]}"#.into() }),
        ] {
            let line = report.line();
            assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line and nothing after it");
            assert_eq!(Report::parse(&line).unwrap(), report);
        }
    }

    #[test]
    fn what_another_version_says_beside_it_is_passed_over() {
        for (line, report) in [
            (r#"{"said":"absent","since":3}"#, Report::Absent),
            (r#"{"said":"blind","detail":"x","hint":{"a":[1]}}"#, Report::Blind { detail: "x".into() }),
        ] {
            assert_eq!(Report::parse(line.as_bytes()).unwrap(), report, "{line}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_and_what_breaks_lines_is_cut() {
        for line in ["", "{}", "[]", r#"{"said":"sound"}"#, r#"{"said":"blind"}"#, r#"{"said":"louder"}"#, "\u{0}"] {
            assert!(Report::parse(line.as_bytes()).is_err(), "{line}");
        }
        let name = format!("two\nlines{}", "x".repeat(500));
        let said = Report::Sound { source: None, sink: None, recorders: vec![name], players: Vec::new() };
        let Ok(Report::Sound { recorders, .. }) = Report::parse(&said.line()) else { panic!("no sound") };
        assert!(recorders[0].starts_with("twolinesx"), "{recorders:?}");
        assert_eq!(recorders[0].chars().count(), LONGEST_NAME);
    }
}
