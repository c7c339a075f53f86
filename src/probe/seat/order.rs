//! What the daemon asks of the seat's agent: one line of JSON an order, down the socket by which the agent reports.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::probe::{loopback, microphone};

/// The longest line that an agent reads, bytes.
pub const LONGEST: usize = 1024;

/// An order. What a newer daemon says beside it is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Make a sound test at the session's own microphone and loudspeaker, and say what it came to.
    Test {
        /// By which number the answer is known.
        id: u64,
        /// Which.
        what: SoundTest,
    },
    /// End that test at once, and say so: the room comes into use, or nobody wants to know any more.
    Stop {
        /// Its number.
        id: u64,
    },
}

/// A test of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundTest {
    /// What comes out of the microphone.
    Microphone,
    /// What of the loudspeakers' sound is heard by it.
    Loopback,
}

impl SoundTest {
    /// The device child's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Microphone => microphone::CHILD,
            Self::Loopback => loopback::CHILD,
        }
    }

    /// How long it may take.
    pub const fn deadline(self) -> Duration {
        match self {
            Self::Microphone => microphone::DEADLINE,
            Self::Loopback => loopback::DEADLINE,
        }
    }
}

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// What is no such order.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// As a line, with its end.
    pub fn line(self) -> Vec<u8> {
        // Numbers and words: nothing in it can fail to be written.
        let mut line = serde_json::to_vec(&self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_survives_its_line_and_what_is_none_is_refused() {
        for order in [
            Order::Test { id: 7, what: SoundTest::Microphone },
            Order::Test { id: u64::MAX, what: SoundTest::Loopback },
            Order::Stop { id: 7 },
        ] {
            let line = order.line();
            assert!(line.len() <= LONGEST && line.ends_with(b"\n"));
            assert_eq!(Order::parse(&line).unwrap(), order);
        }
        let newer = r#"{"order":"stop","id":7,"why":"x"}"#;
        assert_eq!(Order::parse(newer.as_bytes()).unwrap(), Order::Stop { id: 7 });
        for line in ["", "{}", r#"{"order":"test","id":1,"what":"camera"}"#, r#"{"order":"louder","id":1}"#] {
            assert!(Order::parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
