//! The daemon's side of the guard: starts it, gives it orders, and hears what it does of its own.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::guard::{COMMAND, Order, Post, Said};

/// How long a guard may take to begin, and to carry an order out: twice what a radio's server is given, on a busy machine. One
/// that cannot release goes on trying after that.
const PATIENCE: Duration = Duration::from_secs(10);

/// That it took longer.
const SILENT: &str = "the guard does not answer";

/// A guard that stands. Dropping it ends its input, at which it releases and goes; it is never killed.
#[derive(Debug)]
pub struct Held {
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Held {
    /// Starts a guard, which releases the key, and waits until it has. `silent` is the last one that has not said so much as that: while
    /// it hangs, as in the driver of a device that does, it stays the only one.
    ///
    /// # Errors
    /// Why there is none; the key is then in nobody's hand.
    pub async fn start(post: &Post, silent: &mut Option<Child>) -> Result<Self, String> {
        if silent.as_mut().is_some_and(|last| matches!(last.try_wait(), Ok(None))) {
            return Err("the last guard hangs".to_owned());
        }
        let post = serde_json::to_string(post).map_err(|error| error.to_string())?;
        let mut child = Command::new("/proc/self/exe")
            .args([COMMAND, &post])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the guard cannot be started: {error}"))?;
        let (Some(orders), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the guard has no pipes".to_owned());
        };
        let mut held = Self { orders, said: BufReader::new(said).lines() };
        // Whoever gives the wait up leaves it silent.
        *silent = Some(child);
        let answer = timeout(PATIENCE, held.hear()).await.map_err(|_| SILENT.to_owned())?;
        // The runtime reaps it when it has gone.
        *silent = None;
        match answer? {
            Said::Ready => Ok(held),
            other => Err(unexpected(other)),
        }
    }

    /// Gives an order and waits until it is carried out.
    ///
    /// # Errors
    /// What the guard says, or that it has gone.
    pub async fn order(&mut self, order: Order) -> Result<Said, String> {
        self.tell(order).await?;
        self.answer().await
    }

    /// Asks for the key to be kept pressed. It is not answered.
    ///
    /// # Errors
    /// That the guard has gone.
    pub async fn beat(&mut self) -> Result<(), String> {
        self.tell(Order::Beat).await
    }

    /// Waits for what it says without an order. Giving the wait up loses nothing.
    ///
    /// # Errors
    /// That the guard has gone.
    pub async fn hear(&mut self) -> Result<Said, String> {
        let line = self.said.next_line().await.map_err(|error| format!("the guard is not heard: {error}"))?;
        let line = line.ok_or("the guard has gone")?;
        serde_json::from_str(&line).map_err(|_| format!("the guard speaks nonsense: {line:?}"))
    }

    async fn tell(&mut self, order: Order) -> Result<(), String> {
        let mut line = serde_json::to_vec(&order).map_err(|error| error.to_string())?;
        line.push(b'\n');
        self.orders.write_all(&line).await.map_err(|error| format!("the guard has gone: {error}"))
    }

    async fn answer(&mut self) -> Result<Said, String> {
        timeout(PATIENCE, self.hear()).await.map_err(|_| SILENT.to_owned())?
    }
}

/// An answer that none was asked for.
pub fn unexpected(said: Said) -> String {
    match said {
        Said::Failed(why) => why,
        other => format!("the guard said {other:?}"),
    }
}
