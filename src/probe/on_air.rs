//! What was said on the radio's channel: how much of the last hour, when last, and when the operators last heard each other.
//!
//! It is the process's, as [`super::budget`] is: a reload makes new stations, and must not make new airtime. Nor must a restart:
//! it is kept in a file of the state folder. A channel is known by its frequency. No word of what was said is in it, and no name.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::domain::{Mono, Now};

/// The file's name in the state folder.
pub const FILE: &str = "on_air.json";

/// What is older is of no interest to an hour's airtime.
const HOUR: Duration = Duration::from_hours(1);

/// Before this (2020) no clock that was set ever stood.
const UNSET: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// How long somebody who must know that it is kept waits for the disk.
const DISK: Duration = Duration::from_secs(5);

/// What waits to be kept; all of it is kept at once.
const WAITING: usize = 8;

/// A transmission: when it ended, and how long it was.
pub type Span = (Mono, Duration);

/// Whether a second receiver heard what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Echo {
    /// What it heard goes up and down as what was said.
    Heard,
    /// It heard something else, or it is not known what.
    Uncertain,
    /// It heard nothing.
    Missed,
}

/// The books; every copy is the same ones. Those without a file forget.
#[derive(Clone, Debug, Default)]
pub struct OnAir(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    /// To the thread that writes: a disk that hangs may hold up no alert, and no end of the process.
    writer: Option<SyncSender<Asked>>,
}

type Asked = Option<oneshot::Sender<Result<(), String>>>;

impl Default for Shared {
    fn default() -> Self {
        Self { state: Arc::default(), changed: watch::Sender::new(()), writer: None }
    }
}

#[derive(Debug, Default)]
struct State {
    channels: BTreeMap<String, Channel>,
    heard: Option<Timestamp>,
    /// By when they did at the latest, where `heard` lies in the future.
    heard_by: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Channel {
    sent: Option<Timestamp>,
    echo: Option<Echo>,
    /// The oldest first.
    airtime: VecDeque<Span>,
    /// Whether the newest is under way, and its end expected.
    open: bool,
}

impl OnAir {
    /// Those of a state folder, as an earlier process left them.
    pub fn open(folder: &Path, clock: Clock) -> Self {
        let place = Place { file: folder.join(FILE), clock, boot: boot() };
        let state = Arc::new(Mutex::new(place.read()));
        let (writer, asked) = sync_channel(WAITING);
        let of_thread = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("on-air".to_owned());
        let writer = thread
            .spawn(move || keep(&place, &of_thread, &asked))
            .inspect_err(|error| tracing::warn!(%error, "what is said on the radio is forgotten at the next start"))
            .ok()
            .map(|_| writer);
        Self(Arc::new(Shared { state, changed: watch::Sender::new(()), writer }))
    }

    /// Tells when anything of it changes.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// The transmissions of the last hour, the oldest first.
    pub fn airtime(&self, channel: &str, now: Mono) -> Vec<Span> {
        let mut state = self.state();
        let Some(channel) = state.channels.get_mut(channel) else { return Vec::new() };
        channel.forget(now);
        channel.airtime.iter().copied().collect()
    }

    /// A transmission begins that is to be so long: from now on it has been said, whatever becomes of this process.
    pub fn begins(&self, channel: &str, length: Duration, now: Now) {
        let mut state = self.state();
        let channel = state.channels.entry(channel.to_owned()).or_default();
        channel.forget(now.mono);
        channel.airtime.push_back((now.mono.after(length), length));
        channel.open = true;
        self.changed(state);
    }

    /// The transmission that began last has ended, and was so long.
    pub fn ends(&self, channel: &str, length: Duration, now: Now) {
        let mut state = self.state();
        let channel = state.channels.entry(channel.to_owned()).or_default();
        if std::mem::take(&mut channel.open) {
            channel.airtime.pop_back();
        }
        channel.airtime.push_back((now.mono, length));
        self.changed(state);
    }

    /// A message was said to its end.
    pub fn said(&self, channel: &str, now: Timestamp) {
        let mut state = self.state();
        state.channels.entry(channel.to_owned()).or_default().sent = Some(now);
        self.changed(state);
    }

    /// What a second receiver heard of the last transmission.
    pub fn echoed(&self, channel: &str, echo: Echo) {
        let mut state = self.state();
        state.channels.entry(channel.to_owned()).or_default().echo = Some(echo);
        self.changed(state);
    }

    /// What it heard of the last transmission to which it listened.
    pub fn last_echo(&self, channel: &str) -> Option<Echo> {
        self.state().channels.get(channel)?.echo
    }

    /// When a message was last said to its end.
    pub fn last_said(&self, channel: &str) -> Option<Timestamp> {
        self.state().channels.get(channel)?.sent
    }

    /// The operators have heard each other.
    ///
    /// # Errors
    /// Why it is not kept; it holds all the same until this process ends.
    pub async fn hear(&self, now: Timestamp) -> Result<(), String> {
        self.heard(now);
        self.kept().await
    }

    fn heard(&self, now: Timestamp) {
        let mut state = self.state();
        (state.heard, state.heard_by) = (Some(now), None);
        self.changed(state);
    }

    /// They did by then at the latest. What was noted stays: it may be this clock that is wrong.
    pub fn heard_by(&self, now: Timestamp) {
        let mut state = self.state();
        if state.heard.is_some_and(|at| at > now) {
            state.heard_by = Some(now);
            self.changed(state);
        }
    }

    /// When they last did, as the clock of `now` has it.
    pub fn last_heard(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        let by = state.heard_by.filter(|by| *by <= now);
        state.heard.map(|at| by.filter(|_| at > now).unwrap_or(at))
    }

    /// Waits until all of it is kept.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn kept(&self) -> Result<(), String> {
        let Some(writer) = &self.0.writer else { return Ok(()) };
        let (done, is_done) = oneshot::channel();
        writer.try_send(Some(done)).map_err(|_| "the disk is slow".to_owned())?;
        match tokio::time::timeout(DISK, is_done).await {
            Ok(Ok(kept)) => kept,
            _ => Err("the disk is slow".to_owned()),
        }
    }

    /// Numbers only: whoever panicked while holding them left them whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all of it again: the folder was made anew.
    pub fn write_again(&self) {
        if let Some(writer) = &self.0.writer {
            // Where it is full, what waits takes this along.
            _ = writer.try_send(None);
        }
    }

    fn changed(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.write_again();
        self.0.changed.send_replace(());
    }
}

impl Channel {
    fn forget(&mut self, now: Mono) {
        while self.airtime.front().is_some_and(|(end, _)| now.since(*end) >= HOUR) {
            self.airtime.pop_front();
        }
    }
}

/// The thread that writes, until nobody has these books any more.
fn keep(place: &Place, state: &Mutex<State>, asked: &Receiver<Asked>) {
    let mut failed = false;
    while let Ok(first) = asked.recv() {
        let mut waiting = vec![first];
        waiting.extend(asked.try_iter());
        let kept = place.write(state).map_err(|error| format!("{}: {error}", place.file.display()));
        if let Err(why) = &kept
            && !std::mem::replace(&mut failed, kept.is_err())
        {
            tracing::warn!(%why, "what is said on the radio is forgotten at the next start");
        }
        failed = kept.is_err();
        for waits in waiting.into_iter().flatten() {
            _ = waits.send(kept.clone());
        }
    }
}

/// Where it is kept, and by what clocks.
struct Place {
    file: PathBuf,
    clock: Clock,
    /// Which boot of the machine this is.
    boot: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    boot: Option<String>,
    channels: BTreeMap<String, KeptChannel>,
    heard: Option<Timestamp>,
    heard_by: Option<Timestamp>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct KeptChannel {
    sent: Option<Timestamp>,
    echo: Option<Echo>,
    airtime: Vec<KeptSpan>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct KeptSpan {
    end: Timestamp,
    /// Of that boot, seconds; no clock that is set moves it.
    since_boot: Option<f64>,
    seconds: f64,
}

impl Place {
    fn read(&self) -> State {
        let kept: Kept = match std::fs::read(&self.file) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(file = %self.file.display(), %error, "what was said on the radio is not known");
                Kept::default()
            }),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(file = %self.file.display(), %error, "what was said on the radio is not known");
                }
                Kept::default()
            }
        };
        let (now, up) = (self.clock.now(), self.clock.since_boot());
        let up = up.filter(|_| self.boot.is_some() && kept.boot == self.boot);
        let channel = |kept: KeptChannel| {
            let span = |span: &KeptSpan| Some((now.mono.before(span.age(now, up)), seconds(span.seconds)?));
            let mut airtime: Vec<Span> = kept.airtime.iter().filter_map(span).collect();
            airtime.sort();
            Channel { sent: kept.sent, echo: kept.echo, airtime: airtime.into(), open: false }
        };
        let channels = kept.channels.into_iter().map(|(name, kept)| (name, channel(kept)));
        State { channels: channels.collect(), heard: kept.heard, heard_by: kept.heard_by }
    }

    fn write(&self, state: &Mutex<State>) -> io::Result<()> {
        let (now, up) = (self.clock.now(), self.clock.since_boot());
        let span = |(end, length): &Span| KeptSpan {
            end: now.wall_at(*end),
            since_boot: up.map(|up| (up + end.since(now.mono)).saturating_sub(now.mono.since(*end)).as_secs_f64()),
            seconds: length.as_secs_f64(),
        };
        let kept = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let channel = |channel: &Channel| KeptChannel {
                sent: channel.sent,
                echo: channel.echo,
                airtime: channel.airtime.iter().map(span).collect(),
            };
            let channels = state.channels.iter().map(|(name, of)| (name.clone(), channel(of)));
            Kept { boot: self.boot.clone(), channels: channels.collect(), heard: state.heard, heard_by: state.heard_by }
        };
        let new = self.file.with_extension("json.new");
        // One that a process left which died. Root writes here too, and follows no link that the daemon's user has put in its place.
        _ = std::fs::remove_file(&new);
        let mut file = std::fs::File::create_new(&new)?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.file)
    }
}

impl KeptSpan {
    /// How long ago it ended; `up` is how long the machine has been up, where it is the same boot. Of another boot the wall clocks
    /// of both tell, and where they contradict each other or were not set, it has ended just now: a clock brings no airtime.
    fn age(&self, now: Now, up: Option<Duration>) -> Duration {
        if let (Some(up), Some(then)) = (up, self.since_boot.and_then(seconds)) {
            return up.saturating_sub(then);
        }
        let age = Duration::try_from(now.wall.duration_since(self.end)).unwrap_or_default();
        if self.end < UNSET { Duration::ZERO } else { age }
    }
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_restart_forgets_neither_airtime_nor_when_it_was_last_heard() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let before = OnAir::open(folder.path(), clock);
        let now = clock.now();
        before.begins("one", SECOND * 20, now);
        before.ends("one", SECOND * 12, now);
        // This one is cut off by the end of the process: what it was to be counts.
        before.begins("one", SECOND * 30, now);
        before.said("one", now.wall);
        before.echoed("one", Echo::Missed);
        before.hear(now.wall).await.unwrap();
        drop(before);
        let clock = Clock::start();
        let after = OnAir::open(folder.path(), clock);
        let spans = after.airtime("one", clock.mono());
        assert_eq!(spans.iter().map(|(_, length)| length.as_secs()).collect::<Vec<_>>(), [12, 30]);
        assert!(spans.iter().all(|(end, _)| clock.mono().since(*end) < SECOND * 60), "{spans:?}");
        assert_eq!((after.last_said("one"), after.last_heard(now.wall)), (Some(now.wall), Some(now.wall)));
        assert_eq!((after.last_echo("one"), after.last_echo("other")), (Some(Echo::Missed), None));
        assert_eq!(after.airtime("other", clock.mono()), []);
        // An hour later none of it counts.
        assert_eq!(after.airtime("one", clock.mono().after(HOUR + SECOND * 30)), []);
    }

    #[tokio::test]
    async fn what_was_left_half_written_is_in_nobodys_way_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (new, victim) = (folder.path().join("on_air.json.new"), folder.path().join("victim"));
        let clock = Clock::start();
        let books = OnAir::open(folder.path(), clock);
        std::fs::write(&new, "{\"chan").unwrap();
        books.hear(clock.now().wall).await.unwrap();
        assert!(!new.exists());
        std::fs::write(&victim, "what root alone may write").unwrap();
        std::os::unix::fs::symlink(&victim, &new).unwrap();
        books.hear(clock.now().wall).await.unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "what root alone may write");
        assert!(OnAir::open(folder.path(), clock).last_heard(clock.now().wall).is_some());
    }

    #[test]
    fn a_clock_that_is_set_brings_no_airtime() {
        let wall = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = |text| Now { mono: Mono::from_elapsed(HOUR * 100), wall: wall(text) };
        let span = |end: &str| KeptSpan { end: wall(end), since_boot: Some(1000.0), seconds: 9.0 };
        let noon = span("2026-03-02T12:00:00Z");
        // The same boot: by how long the machine is up, whatever the wall clock says.
        for said in ["2026-03-02T12:10:00Z", "1970-01-01T00:00:10Z", "2031-01-01T00:00:00Z"] {
            assert_eq!(noon.age(now(said), Some(SECOND * 1600)), SECOND * 600, "{said}");
        }
        // Another boot.
        assert_eq!(noon.age(now("2026-03-02T12:10:00Z"), None), SECOND * 600);
        assert_eq!(noon.age(now("1970-01-01T00:00:10Z"), None), Duration::ZERO, "the clock has no battery");
        assert_eq!(noon.age(now("2026-03-02T11:00:00Z"), None), Duration::ZERO, "it was set back");
        let unset = span("1970-01-01T00:05:00Z");
        assert_eq!(unset.age(now("2026-03-02T12:00:00Z"), None), Duration::ZERO, "it was not set when that was said");
        assert_eq!(noon.age(now("2026-03-02T12:10:00Z"), Some(SECOND * 10)), Duration::ZERO, "its end lay ahead");
    }

    #[tokio::test]
    async fn what_is_no_book_is_begun_anew_and_a_folder_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{\"channels\": 7}").unwrap();
        let clock = Clock::start();
        let books = OnAir::open(folder.path(), clock);
        assert_eq!(books.last_heard(clock.now().wall), None);
        books.hear(clock.now().wall).await.unwrap();
        assert!(OnAir::open(folder.path(), clock).last_heard(clock.now().wall).is_some());
        std::fs::remove_dir_all(folder.path()).unwrap();
        let why = books.hear(clock.now().wall).await.unwrap_err();
        assert!(why.contains(FILE), "{why}");
        assert!(books.last_heard(clock.now().wall).is_some(), "it holds all the same");
    }
}
