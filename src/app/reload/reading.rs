//! A config is read without holding up anything else: its file may be a pipe that nobody writes to, or on a disk that does not answer.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::config::{Config, Files, LoadError, Origin};
use crate::domain::Mono;

/// How long reading a config may take.
const IN_TIME: Duration = Duration::from_secs(5);

/// What was read, or everything that is wrong with it.
type Outcome = Result<Config, String>;

/// Reads configs, one at a time, each in a thread of its own. One that hangs is left behind, and no second one joins it.
#[derive(Debug, Default)]
pub struct Reader {
    reading: Option<Reading>,
    left_behind: Option<oneshot::Receiver<Outcome>>,
}

#[derive(Debug)]
struct Reading {
    origin: Origin,
    /// Nothing until the one that was left behind has ended.
    done: Option<oneshot::Receiver<Outcome>>,
    until: Mono,
}

impl Reader {
    /// Whether one is being read.
    pub const fn is_at_it(&self) -> bool {
        self.reading.is_some()
    }

    /// Begins to read the one that stands there; [`Reader::next`] says how it ends.
    pub fn begin(&mut self, origin: &Origin, clock: Clock) {
        self.reading = Some(Reading { origin: origin.clone(), done: None, until: clock.mono().after(IN_TIME) });
    }

    /// Waits for the end of what is being read; for ever, if nothing is. What is dropped before its end loses nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that it could not be read in time.
    pub async fn next(&mut self, clock: Clock) -> Outcome {
        let Some(reading) = &mut self.reading else { return std::future::pending().await };
        let until = reading.until;
        let outcome = tokio::select! {
            biased;
            outcome = reading.end(&mut self.left_behind) => outcome,
            () = clock.sleep_until(until) => Err(format!(
                "cannot read {} within {} s: it may be a pipe, or on a disk that does not answer",
                reading.origin,
                IN_TIME.as_secs()
            )),
        };
        if let Some(Reading { done: Some(hangs), .. }) = self.reading.take() {
            self.left_behind = Some(hangs);
        }
        outcome
    }
}

impl Reading {
    async fn end(&mut self, left_behind: &mut Option<oneshot::Receiver<Outcome>>) -> Outcome {
        if let Some(before) = left_behind {
            // What it read was of then.
            _ = before.await;
            *left_behind = None;
        }
        if self.done.is_none() {
            let (tell, done) = oneshot::channel();
            let origin = self.origin.clone();
            // Of its own, which hinders no end of the daemon's while it hangs.
            let thread = std::thread::Builder::new().name("config".to_owned());
            thread
                .spawn(move || _ = tell.send(read(&origin)))
                .map_err(|error| format!("cannot read {}: {error}", self.origin))?;
            self.done = Some(done);
        }
        let Some(done) = &mut self.done else { return std::future::pending().await };
        let outcome = done.await;
        // What has ended is not waited for again.
        self.done = None;
        outcome.unwrap_or_else(|_| Err(format!("cannot read {}", self.origin)))
    }
}

fn read(origin: &Origin) -> Outcome {
    Config::load(origin, Files::Needed).map_err(|error| match error {
        LoadError::Wrong(errors) => errors.render(false),
        LoadError::Read { ref source, .. } => format!("{error}: {source}"),
    })
}
