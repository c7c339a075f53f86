//! Booked meetings with the real daemon, over HTTP as a scheduler does it.

mod booking;
mod calendars;
mod examples;
mod rechecks;
mod routing;
mod together;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use siaga::clock::Clock;

/// A room that has nothing to look at, so that only the agenda speaks.
const BARE: &str = "[components]\ncomputer = { absent = true }\ninternet = { absent = true }\naudio = { absent = true }\n\
                    video = { absent = true }\npower = { absent = true }\nradio = { absent = true }\n";

/// A room of which the power alone is looked at.
const POWER_ALONE: &str = "[components]\ncomputer = { absent = true }\ninternet = { absent = true }\naudio = { absent = true }\n\
                           video = { absent = true }\nradio = { absent = true }\n";

/// The moment so long from now, in whole seconds.
fn ahead(by: Duration) -> Timestamp {
    let now = Clock::start().now().wall;
    Timestamp::from_second(now.as_second()).unwrap().checked_add(by).unwrap()
}

const MINUTE: Duration = Duration::from_mins(1);

/// A meeting from then, for so long.
fn meeting(title: &str, start: Timestamp, long: Duration) -> Value {
    json!({
        "title": title,
        "profile": "zoom_group_720",
        "start": start.to_string(),
        "end": start.checked_add(long).unwrap().to_string(),
    })
}
