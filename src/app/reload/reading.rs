//! A config is read without holding up anything else: it may be on a disk that does not answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::clock::Clock;
use crate::config::{Config, Files, LoadError, Origin};
use crate::domain::Mono;
use crate::web::tls::Tls;

/// How long reading a config may take.
const IN_TIME: Duration = Duration::from_secs(5);

/// So many readings may hang at once; each keeps a thread.
const HANGING: usize = 3;

/// What was read, with the certificate that it names; or everything that is wrong.
pub type Read = Result<(Config, Option<Arc<Tls>>), String>;

/// Reads configs, one at a time, each in a thread of its own. One that hangs is left behind, and counted.
#[derive(Debug, Default)]
pub struct Reader {
    reading: Option<Reading>,
    left_behind: Vec<oneshot::Receiver<Read>>,
}

#[derive(Debug)]
struct Reading {
    shown: String,
    done: oneshot::Receiver<Read>,
    until: Mono,
}

impl Reader {
    /// Whether one is being read.
    pub const fn is_at_it(&self) -> bool {
        self.reading.is_some()
    }

    /// Begins to read the one that stands there; [`Reader::next`] says how it ends.
    pub fn begin(&mut self, origin: &Origin, clock: Clock) {
        self.left_behind.retain_mut(|hangs| matches!(hangs.try_recv(), Err(TryRecvError::Empty)));
        let (tell, done) = oneshot::channel();
        let (shown, origin) = (origin.to_string(), origin.clone());
        if self.left_behind.len() < HANGING {
            // Of its own, which hinders no end of the daemon's while it hangs.
            let thread = std::thread::Builder::new().name("config".to_owned());
            if let Err(error) = thread.spawn(move || _ = tell.send(read(&origin, clock))) {
                tracing::error!(%error, "no thread can be had to read the config");
            }
        } else {
            _ = tell.send(Err(format!("{HANGING} attempts to read {shown} hang already; restart siaga")));
        }
        self.reading = Some(Reading { shown, done, until: clock.mono().after(IN_TIME) });
    }

    /// Waits for the end of what is being read; for ever, if nothing is. What is dropped before its end loses nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that it could not be read in time.
    pub async fn next(&mut self, clock: Clock) -> Read {
        let Some(reading) = &mut self.reading else { return std::future::pending().await };
        let read = tokio::select! {
            biased;
            done = &mut reading.done => Some(done.unwrap_or_else(|_| Err(format!("cannot read {}", reading.shown)))),
            () = clock.sleep_until(reading.until) => None,
        };
        let Some(reading) = self.reading.take() else { return std::future::pending().await };
        read.unwrap_or_else(|| {
            self.left_behind.push(reading.done);
            let (seconds, hang) = (IN_TIME.as_secs(), self.left_behind.len());
            Err(format!(
                "cannot read {} within {seconds} s: its disk does not answer, or that of a file which it names ({hang} attempts hang)",
                reading.shown
            ))
        })
    }
}

fn read(origin: &Origin, clock: Clock) -> Read {
    // Whoever opens a pipe waits for somebody who writes to it, and no longer for that one once another stands in its place.
    if let Origin::File(path) = origin
        && std::fs::metadata(path).is_ok_and(|what| !what.is_file())
    {
        return Err(format!("{origin}: that is no file"));
    }
    let config = Config::load(origin, Files::Needed).map_err(|error| match error {
        LoadError::Wrong(errors) => errors.render(false),
        LoadError::Read { ref source, .. } => format!("{error}: {source}"),
    })?;
    let tls = super::certificate(&config, clock)?;
    Ok((config, tls))
}
