//! `[[receiver]]` in the config: what all have in common. What belongs to a kind stands beside the kind ([`super::kinds`]).

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::kinds::{Kind, Way};
use crate::domain::{Lang, Period};

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its name, unique among receivers.
    pub name: Arc<str>,
    /// The language of the messages; the room's, if there is none.
    pub language: Option<Lang>,
    /// How long one attempt may take.
    pub timeout: Period,
    /// How it is reached.
    pub way: Way,
}

/// The keys that every receiver may have. Each is optional here: what is missing is told with the others that are.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Receiver")]
pub struct Shared {
    /// A name of your choice, unique among receivers; it stands in metrics and in the log.
    #[serde(default, deserialize_with = "name")]
    pub name: Option<Arc<str>>,
    /// How it is reached.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// The language of the messages; the room's, if left out.
    #[serde(default)]
    pub language: Option<Lang>,
    /// How long one attempt may take, from the name's resolution to the answer: 10 s, if left out; of letters three
    /// minutes, since a server may look through one for long, but one for each step before it has it; of a radio
    /// twice its `wait` and two minutes, which is the least too.
    #[serde(default)]
    pub timeout: Option<Period>,
}

impl Shared {
    /// Together with the kind's own part; `None` if it has no name.
    pub fn with(self, way: Way) -> Option<Config> {
        let timeout = self.timeout.unwrap_or(Period(way.patience()));
        Some(Config { name: self.name?, language: self.language, timeout, way })
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(D::Error::custom(format!(
            "a receiver's name has 1 to 64 of the characters a-z A-Z 0-9 - _ . and {name:?} does not"
        )));
    }
    Ok(Some(name.into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_is_a_word_that_can_stand_in_a_label() {
        let read = |text: &str| toml::from_str::<Shared>(text).map_err(|error| error.message().to_owned());
        assert_eq!(read("name = 'desk'").unwrap().name.as_deref(), Some("desk"));
        for text in ["name = ''", "name = 'two\\nlines'", "name = 'a b'"] {
            assert!(read(text).unwrap_err().contains("1 to 64"), "{text}");
        }
        assert!(read("kind = 'pigeon'").unwrap_err().contains("unknown variant `pigeon`, expected one of `radio`"));
        assert!(read("timeout = 10").unwrap_err().contains("a length of time as a string"));
    }

    #[test]
    fn a_server_has_the_time_to_look_through_a_letter_unless_the_config_says_otherwise() {
        let letters = |timeout: &str| {
            let shared: Shared = toml::from_str(&format!("name = 'letters'\n{timeout}")).unwrap();
            let way = "server = 'mail.example.org'\nfrom = 'siaga@example.org'\nto = ['desk@example.org']";
            shared.with(Way::Email(toml::from_str(way).unwrap())).unwrap().timeout
        };
        assert!(letters("").0 >= Duration::from_mins(2));
        assert_eq!(letters("timeout = '10s'"), Period(Duration::from_secs(10)));
    }

    #[test]
    fn a_radio_has_the_time_to_wait_for_a_busy_channel_and_to_speak_twice() {
        let radio = |wait: &str| {
            let text = format!(
                "frequency = '162.475 MHz'\nlicence = '1'\nstation = 'Media Center'\nplay = 'x'\nptt = {{ method = 'vox' }}\n{wait}"
            );
            let shared: Shared = toml::from_str("name = 'channel'").unwrap();
            shared.with(Way::Radio(toml::from_str(&text).unwrap())).unwrap().timeout
        };
        assert_eq!(radio("wait = '5m'"), Period(Duration::from_mins(12)));
        assert_eq!(radio(""), Period(Duration::from_mins(4)));
    }
}
