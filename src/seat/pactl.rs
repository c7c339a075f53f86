//! What `pactl` tells of the session's sound server, as a report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::{ErrorKind, ProbeError};
use crate::probe::child::{Program, Slot};
use crate::probe::seat::report::{Device, Report};

/// A server that lives answers in 10 ms; one that starts, in a second.
const DEADLINE: Duration = Duration::from_secs(3);

/// 100 % on the server's scale (`PA_VOLUME_NORM`, pulse/volume.h).
const NORMAL: f64 = 65536.0;

/// The program, run as often as it is needed, one at a time.
pub(super) struct Pactl {
    program: Program,
    /// The same, without JSON, which an old one does not know.
    plain: Program,
    slot: Slot,
    /// The process that makes a sound test of ours, which uses nothing.
    own: Arc<AtomicU32>,
}

/// What is chosen in the sound settings, by the names that people see there.
pub(super) struct Chosen {
    /// The microphone.
    pub(super) source: Option<String>,
    /// The loudspeakers.
    pub(super) sink: Option<String>,
    /// Whether an echo canceller of the server's is one of them.
    pub(super) canceller: bool,
}

/// Of the server itself.
#[derive(Default, Deserialize)]
pub(super) struct Info {
    default_source_name: Option<String>,
    default_sink_name: Option<String>,
}

/// A source or a sink. What else it has is not ours.
#[derive(Deserialize)]
pub(super) struct Listed {
    index: u32,
    name: String,
    #[serde(default)]
    description: Option<String>,
    mute: bool,
    #[serde(default)]
    volume: BTreeMap<String, Channel>,
    /// Of a source: the sink that it hears.
    #[serde(default)]
    monitor_source: Option<String>,
    /// What made it: `module-alsa-card.c`, `PipeWire`.
    #[serde(default)]
    driver: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Channel {
    value: f64,
}

/// A program at a source or a sink.
#[derive(Deserialize)]
pub(super) struct Stream {
    /// Of a recording: the source.
    #[serde(default)]
    source: Option<u32>,
    /// The program that is connected; none of a stream that is the server's own, from one of its parts to another.
    #[serde(default)]
    client: Option<serde_json::Value>,
    /// It is paused, or not begun.
    #[serde(default)]
    corked: bool,
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

impl Pactl {
    /// One that has asked nothing yet; what the process of that number does is ours.
    pub(super) fn new(own: Arc<AtomicU32>) -> Self {
        Self::by("pactl", &[], own)
    }

    /// One for root, who asks the server of another user's session: as that user, with nothing else of ours.
    pub(super) fn of(user: u32) -> Self {
        let (user, session) = (format!("--reuid={user}"), format!("XDG_RUNTIME_DIR=/run/user/{user}"));
        let first = ["--regid=nogroup", "--clear-groups", "--", "env", "-i", "LC_ALL=C", &session, "pactl"];
        Self::by("setpriv", &[&[user.as_str()], &first[..]].concat(), Arc::default())
    }

    fn by(path: &str, first: &[&str], own: Arc<AtomicU32>) -> Self {
        let program = Program::other(path, &[first, &["--format=json"]].concat());
        Self { program, plain: Program::other(path, first), slot: Slot::default(), own }
    }

    /// What is chosen now. What stands for no equipment is nothing.
    ///
    /// # Errors
    /// What asking came to.
    pub(super) async fn chosen(&mut self) -> Result<Chosen, ProbeError> {
        let info: Info = self.ask(&["info"]).await?;
        let sources: Vec<Listed> = self.ask(&["list", "sources"]).await?;
        let sinks: Vec<Listed> = self.ask(&["list", "sinks"]).await?;
        let source = default(info.default_source_name.as_deref(), &sources).filter(|listed| !listed.is_virtual());
        let sink = default(info.default_sink_name.as_deref(), &sinks).filter(|listed| !listed.is_virtual());
        let canceller = source.into_iter().chain(sink).any(Listed::is_canceller);
        let named = |listed: &Listed| listed.device().description;
        Ok(Chosen { source: source.map(named), sink: sink.map(named), canceller })
    }

    /// The programs that record from any source that hears a room, but for our own test.
    ///
    /// # Errors
    /// What asking came to.
    pub(super) async fn recorders(&mut self) -> Result<Vec<String>, ProbeError> {
        let mut recordings: Vec<Stream> = self.ask(&["list", "source-outputs"]).await?;
        recordings.retain(|stream| self.is_used_by_another(stream));
        if recordings.is_empty() {
            return Ok(Vec::new());
        }
        let sources: Vec<Listed> = self.ask(&["list", "sources"]).await?;
        Ok(recorders(&sources, &recordings))
    }

    /// Whether a program other than our own test uses this stream now.
    fn is_used_by_another(&self, stream: &Stream) -> bool {
        let own = self.own.load(Ordering::Relaxed).to_string();
        let is_own = stream.properties.get("application.process.id") == Some(&own);
        !stream.corked && stream.client.is_some() && !is_own
    }

    /// Looks once, and calls `step` before each question, which takes a second and a half longer than [`DEADLINE`] at the most. What fails
    /// is a report too.
    pub(super) async fn look(&mut self, step: &mut impl FnMut()) -> Report {
        let seen = self.try_look(step).await;
        step();
        match seen {
            Ok(report) => report,
            Err(error) => match error.kind {
                ErrorKind::Timeout => Report::Unanswering,
                ErrorKind::Internal if self.is_alone().await => Report::Absent,
                ErrorKind::Gone => Report::Blind { detail: "there is no program pactl".to_owned() },
                _ => Report::Blind { detail: error.detail },
            },
        }
    }

    /// Whether it cannot connect: then it ends with 1 by itself, also where nothing is asked of it that an old one does not
    /// know. One that could not be started, or was killed, tells nothing of the server.
    async fn is_alone(&mut self) -> bool {
        let said = self.slot.run(&self.plain, &["info".into()], DEADLINE).await;
        said.is_err_and(|error| error.kind == ErrorKind::Internal && error.detail.ends_with("exit status: 1"))
    }

    async fn try_look(&mut self, step: &mut impl FnMut()) -> Result<Report, ProbeError> {
        step();
        let info: Info = self.ask(&["info"]).await?;
        step();
        let sources: Vec<Listed> = self.ask(&["list", "sources"]).await?;
        step();
        let sinks: Vec<Listed> = self.ask(&["list", "sinks"]).await?;
        step();
        let mut recordings: Vec<Stream> = self.ask(&["list", "source-outputs"]).await?;
        step();
        let mut playings: Vec<Stream> = self.ask(&["list", "sink-inputs"]).await?;
        recordings.retain(|stream| self.is_used_by_another(stream));
        playings.retain(|stream| self.is_used_by_another(stream));
        Ok(report(&info, &sources, &sinks, &recordings, &playings))
    }

    async fn ask<T: DeserializeOwned>(&mut self, what: &[&str]) -> Result<T, ProbeError> {
        let args: Vec<_> = what.iter().map(Into::into).collect();
        let said = self.slot.run(&self.program, &args, DEADLINE).await?;
        serde_json::from_slice(&said)
            .map_err(|error| ProbeError::new(ErrorKind::Protocol, format!("pactl {}: {error}", what.join(" "))))
    }
}

/// What the server is and what the programs do that use it now.
pub(super) fn report(
    info: &Info,
    sources: &[Listed],
    sinks: &[Listed],
    recordings: &[Stream],
    playings: &[Stream],
) -> Report {
    Report::Sound {
        source: default(info.default_source_name.as_deref(), sources).map(Listed::device),
        sink: default(info.default_sink_name.as_deref(), sinks).map(Listed::device),
        recorders: recorders(sources, recordings),
        players: names(playings.iter()),
    }
}

fn default<'a>(name: Option<&str>, of: &'a [Listed]) -> Option<&'a Listed> {
    of.iter().find(|listed| name == Some(&listed.name))
}

/// Who of these hears a room.
fn recorders(sources: &[Listed], recordings: &[Stream]) -> Vec<String> {
    let hears_a_room = |stream: &&Stream| {
        let source = sources.iter().find(|source| stream.source == Some(source.index));
        source.is_none_or(|source| !source.is_virtual())
    };
    names(recordings.iter().filter(hears_a_room))
}

impl Listed {
    fn device(&self) -> Device {
        let loudest = self.volume.values().map(|channel| channel.value).fold(0.0, f64::max);
        Device {
            name: self.name.clone(),
            description: self.description.clone().unwrap_or_else(|| self.name.clone()),
            virtual_only: self.is_virtual(),
            muted: self.mute,
            volume: loudest / NORMAL,
        }
    }

    /// A monitor hears what is played and no room; `auto_null` is the sink that stands in where there is none.
    fn is_virtual(&self) -> bool {
        let is_monitor = self.properties.get("device.class").is_some_and(|class| class == "monitor");
        // A sink names its monitor, a source the sink that it is the monitor of.
        let hears_a_sink =
            self.name.ends_with(".monitor") && self.monitor_source.as_deref().is_some_and(|of| !of.is_empty());
        is_monitor || hears_a_sink || self.name.starts_with("auto_null")
    }

    /// Whether the server takes the loudspeakers' sound out of it: `module-echo-cancel` of either server.
    fn is_canceller(&self) -> bool {
        let told = [self.driver.as_ref(), self.properties.get("node.group")];
        told.into_iter().flatten().any(|text| text.contains("echo-cancel"))
    }
}

/// As many programs as a sentence can name.
const NAMED: usize = 5;

/// What programs call themselves, each once. Not what they call their streams: that may be a meeting's title.
fn names<'a>(streams: impl Iterator<Item = &'a Stream>) -> Vec<String> {
    let named = |stream: &Stream| {
        let known = ["application.name", "application.process.binary"];
        known.iter().find_map(|key| stream.properties.get(*key)).cloned().unwrap_or_else(|| "?".to_owned())
    };
    let mut all: Vec<_> = streams.map(named).collect();
    all.sort();
    all.dedup();
    all.truncate(NAMED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, more: &str) -> Listed {
        let json = format!(
            r#"{{"index":1,"name":{name:?},"description":"Mic","mute":false,"volume":{{"mono":{{"value":32768}}}}{more}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_microphone_is_told_from_a_monitor_and_from_the_sink_that_stands_in() {
        let mic = device("alsa_input.usb", r#","monitor_source":"","properties":{"device.class":"sound"}"#);
        assert!(!mic.device().virtual_only);
        assert!((mic.device().volume - 0.5).abs() < 1e-9);
        assert!(device("x", r#","properties":{"device.class":"monitor"}"#).is_virtual());
        assert!(device("lab.monitor", r#","monitor_source":"lab""#).is_virtual());
        assert!(device("auto_null", "").is_virtual());
    }

    #[test]
    fn an_echo_canceller_is_known_of_either_server() {
        for more in [
            r#","driver":"module-echo-cancel.c""#,
            r#","driver":"PipeWire","properties":{"node.group":"echo-cancel-812-14"}"#,
        ] {
            assert!(device("ec", more).is_canceller(), "{more}");
        }
        assert!(
            !device("mic", r#","driver":"module-alsa-card.c","properties":{"node.name":"alsa_input"}"#).is_canceller()
        );
    }

    #[test]
    fn who_records_a_monitor_or_is_paused_holds_nothing() {
        let sources = [device("mic", ""), Listed { index: 2, ..device("lab.monitor", r#","monitor_source":"lab""#) }];
        let stream = |source, corked, client: Option<u32>, process: &str, name: &str| Stream {
            source: Some(source),
            client: client.map(Into::into),
            corked,
            properties: [("application.name", name), ("application.process.id", process)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        let info = Info { default_source_name: Some("mic".into()), default_sink_name: None };
        let mut recordings = vec![
            stream(1, false, Some(7), "11", "zoom"),
            stream(1, false, Some(8), "11", "zoom"),
            stream(1, true, Some(9), "12", "paused"),
            stream(1, false, None, "13", "the server's own canceller"),
            stream(1, false, Some(10), "14", "our own test"),
            stream(2, false, Some(11), "15", "screen recorder"),
            stream(9, false, Some(12), "16", "of a source that has just gone"),
        ];
        let pactl = Pactl::new(Arc::new(AtomicU32::new(14)));
        recordings.retain(|stream| pactl.is_used_by_another(stream));
        let Report::Sound { source, sink, recorders, .. } = report(&info, &sources, &[], &recordings, &[]) else {
            panic!("no sound")
        };
        assert_eq!(source.unwrap().name, "mic");
        assert_eq!(sink, None);
        assert_eq!(recorders, ["of a source that has just gone", "zoom"]);
    }
}
