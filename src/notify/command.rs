//! A receiver that is a program on this machine: the way to whatever has no kind of its own.
//!
//! It gets the notification's JSON on its standard input. It has arrived when the program ends with 0; with 65 (`EX_DATAERR`
//! of sysexits.h) it finds fault with this very message, and with anything else the message is tried again.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::document::Document;
use super::error::{DeliveryError, Failure, SetupError};
use crate::domain::{Notification, SecretFile};

/// `EX_DATAERR` of sysexits.h.
const BAD_DATA: i32 = 65;

/// How long its complaint is waited for when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// So much of what it complains is read, bytes.
const LONGEST: u64 = 1024;

/// What belongs to a command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CommandReceiver")]
pub struct Config {
    /// The program and its arguments, as they are: no shell reads them. It gets the JSON on its standard input, and
    /// `SIAGA_TEXT`, `SIAGA_EVENT` and `SIAGA_KEY` in its environment. 0 as its end: told. 65: it will never take this
    /// message. Else it is tried again.
    #[serde(deserialize_with = "command")]
    pub command: Vec<String>,
}

fn command<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let command = Vec::<String>::deserialize(deserializer)?;
    match command.first() {
        Some(program) if program.starts_with('/') => Ok(command),
        _ => Err(serde::de::Error::custom(
            "command is a list that begins with a program's full path, such as [\"/usr/local/bin/tell\", \"desk\"]",
        )),
    }
}

impl Config {
    /// It names no secrets: the program has its own.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        std::iter::empty()
    }
}

/// A command, ready to be run.
#[derive(Clone, Debug)]
pub struct Ready {
    config: Config,
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// Never.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone() })
    }

    /// Makes one attempt. Dropped in its middle (the deadline), it kills the program, by its own handle.
    ///
    /// # Errors
    /// Why it has not arrived, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let document = Document::of(notification)?;
        let failed = |what: std::io::Error| DeliveryError::new(Failure::Local, what.to_string());
        let Some((program, arguments)) = self.config.command.split_first() else {
            return Err(DeliveryError::new(Failure::Local, "there is no command"));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env("SIAGA_TEXT", &document.text)
            .env("SIAGA_EVENT", document.event.as_str())
            .env("SIAGA_KEY", &document.id)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        // Both end with this attempt. One that does not read is no failure by that alone.
        let (mut writing, mut reading) = (JoinSet::new(), JoinSet::new());
        if let Some(mut stdin) = child.stdin.take() {
            let payload = Arc::clone(&notification.payload);
            writing.spawn(async move { stdin.write_all(payload.as_bytes()).await });
        }
        if let Some(mut stderr) = child.stderr.take() {
            reading.spawn(async move {
                let mut said = Vec::new();
                _ = (&mut stderr).take(LONGEST).read_to_end(&mut said).await;
                // The rest is read and forgotten: who finds its pipe full would wait for ever.
                _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
                said
            });
        }
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        let failure = if status.code() == Some(BAD_DATA) { Failure::Refused } else { Failure::Local };
        // What it started itself may hold its standard error open for ever.
        let said = tokio::time::timeout(LAST_WORDS, reading.join_next()).await;
        let said = said.ok().flatten().and_then(Result::ok).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let said = said.lines().next().unwrap_or_default();
        let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(DeliveryError::new(failure, if said.is_empty() { status.to_string() } else { format!("{status}: {said}") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_list_that_begins_with_a_path() {
        let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.message().to_owned());
        assert_eq!(read("command = ['/bin/tell', '--to', 'desk']").unwrap().command.len(), 3);
        for text in ["command = []", "command = ['tell']"] {
            assert!(read(text).unwrap_err().contains("begins with a program's full path"), "{text}");
        }
    }
}
