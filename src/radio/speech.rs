//! A voice as who lets it speak sees it: a child ([`super::voice`]) that has its words ready, opens the card, and plays.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::config::LONGEST;
use super::voice::{self, Plan, Prepared};

/// How long the words may take to become sound, and a card to open.
const PREPARE: Duration = Duration::from_secs(30);

/// A voice that has its words ready.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    pub(super) prepared: Prepared,
}

impl Voice {
    /// Has the words of a plan made to sound.
    pub(super) async fn prepare(plan: &Plan) -> Result<Self, String> {
        let plan = serde_json::to_string(plan).map_err(|error| error.to_string())?;
        let mut child = Command::new("/proc/self/exe")
            .args([voice::COMMAND, &plan])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the voice cannot be started: {error}"))?;
        let (Some(orders), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the voice has no pipes".to_owned());
        };
        let mut voice = Self { child, orders, said: BufReader::new(said).lines(), prepared: Prepared::default() };
        match voice.answer().await? {
            voice::Said::Prepared(prepared) => voice.prepared = prepared,
            other => return Err(odd(other)),
        }
        Ok(voice)
    }

    /// How long its words are; more than is allowed, if it says nonsense.
    pub(super) fn length(&self) -> Duration {
        Duration::try_from_secs_f64(self.prepared.seconds).unwrap_or(LONGEST * 2)
    }

    /// Opens the card, in silence.
    pub(super) async fn open(&mut self) -> Result<(), String> {
        self.tell(voice::Order::Open).await?;
        match self.answer().await? {
            voice::Said::Open => Ok(()),
            other => Err(odd(other)),
        }
    }

    /// Tells it what to do.
    pub(super) async fn tell(&mut self, order: voice::Order) -> Result<(), String> {
        let mut line = serde_json::to_vec(&order).map_err(|error| error.to_string())?;
        line.push(b'\n');
        self.orders.write_all(&line).await.map_err(|error| format!("the voice has gone: {error}"))
    }

    async fn answer(&mut self) -> Result<voice::Said, String> {
        timeout(PREPARE, self.hear()).await.map_err(|_| "the voice does not answer".to_owned())?
    }

    /// What it says next.
    pub(super) async fn hear(&mut self) -> Result<voice::Said, String> {
        let line = self.said.next_line().await.map_err(|error| format!("the voice is not heard: {error}"))?;
        let line = line.ok_or("the voice has gone")?;
        serde_json::from_str(&line).map_err(|_| "the voice speaks nonsense".to_owned())
    }
}

/// What a voice should not have said here, in words.
pub(super) fn odd(said: voice::Said) -> String {
    match said {
        voice::Said::Failed { kind, detail } => format!("{kind}: {detail}"),
        other => format!("the voice said {other:?}"),
    }
}
