//! Booked meetings with the real daemon, over HTTP as a scheduler does it.

mod booking;
mod calendars;
mod examples;
mod paged;
mod preflight;
mod rechecks;
mod report;
mod routing;
mod run_sheet;
mod together;
mod traced;
mod whole_path;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use siaga::clock::Clock;

use crate::support::daemon::{Answer, Daemon};
use crate::tokens;

/// A room that has nothing to look at, so that only the agenda speaks.
const BARE: &str = "[components]\ncomputer = { absent = true }\ninternet = { absent = true }\naudio = { absent = true }\n\
                    video = { absent = true }\npower = { absent = true }\nradio = { absent = true }\n";

/// A room of which the power alone is looked at.
const POWER_ALONE: &str = "[components]\ncomputer = { absent = true }\ninternet = { absent = true }\naudio = { absent = true }\n\
                           video = { absent = true }\nradio = { absent = true }\n";

/// The moment so long from now, in whole seconds.
pub(crate) fn ahead(by: Duration) -> Timestamp {
    let now = Clock::start().now().wall;
    Timestamp::from_second(now.as_second()).unwrap().checked_add(by).unwrap()
}

pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// A meeting from then, for so long.
pub(crate) fn meeting(title: &str, start: Timestamp, long: Duration) -> Value {
    json!({
        "title": title,
        "profile": "zoom_group_720",
        "start": start.to_string(),
        "end": start.checked_add(long).unwrap().to_string(),
    })
}

/// A program that books, by the token that it shows.
pub(crate) struct Scheduler(String);

impl Scheduler {
    /// One that a room knows whose state stands in `folder`; the daemon has begun there, or will.
    pub(crate) fn of(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join("state")).unwrap();
        Self(tokens::made(folder, "jadwal", "schedule", &[]))
    }

    /// What it sends before a body.
    fn headers(&self) -> String {
        format!("Content-Type: application/json\r\n{}", tokens::shows(&self.0))
    }

    /// One request.
    pub(crate) fn send(&self, daemon: &Daemon, method: &str, path: &str, body: &Value) -> Answer {
        daemon.send(method, path, &self.headers(), &body.to_string())
    }

    /// What it may read: names too.
    fn get(&self, daemon: &Daemon, path: &str) -> Value {
        daemon.request_with("GET", path, &self.headers()).json()
    }
}
