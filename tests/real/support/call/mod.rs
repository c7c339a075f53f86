//! A WebRTC call between two browsers, one at each end of a line. Nobody is between them but this program, which carries their
//! descriptions: no STUN, no server, host candidates alone.

mod figures;

use std::process::Command;
use std::time::Duration;

use serde::Serialize;
use tempfile::TempDir;

use super::browser::Browser;
use super::child::wait_until;
use super::line::Line;
use super::pulse::Pulse;
pub(crate) use figures::End;
use figures::Stats;

const PAGE: &str = include_str!("page.html");

/// The browser's own microphone, which beeps; and nobody hears what comes.
const FAKE: &[&str] = &["--use-fake-device-for-media-stream", "--mute-audio"];

/// What each end sends beside its sound.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// A second.
    pub(crate) frames: u32,
    /// The most that it may take, bit/s.
    pub(crate) bits: u32,
}

/// A call under way. Dropping it ends it.
pub(crate) struct Call {
    here: Browser,
    far: Browser,
}

impl Call {
    /// Begins it from a room without a sound server, and waits until both ends say that they are connected.
    pub(crate) fn begin(picture: Picture) -> Self {
        Self::between(Browser::start(Command::new("sh"), tempfile::tempdir().unwrap(), FAKE, PAGE), picture)
    }

    /// The same from a desktop session, whose microphone the browser records as any browser does.
    pub(crate) fn begin_in(session: &Pulse, picture: Picture) -> Self {
        Self::between(Browser::start(session.command("sh"), Pulse::new_folder(), &[], PAGE), picture)
    }

    fn between(mut here: Browser, picture: Picture) -> Self {
        let folder: TempDir = tempfile::tempdir().unwrap();
        let mut far = Browser::start(Line::far("sh"), folder, FAKE, PAGE);
        let sent = serde_json::to_string(&picture).unwrap();
        let offer = here.evaluate(&format!("offer({sent})"));
        let answer = far.evaluate(&format!("answer({sent}, {offer})"));
        here.evaluate(&format!("begin({sent}, {answer})"));
        for end in [&mut here, &mut far] {
            wait_until(|| end.evaluate("state()") == "connected");
        }
        Self { here, far }
    }

    /// Looks at both ends once a second for so long by their own clocks, and tells what they saw of it: here, far.
    pub(crate) fn watch(&mut self, span: Duration) -> [End; 2] {
        let mut seen = [&mut self.here, &mut self.far].map(|end| (vec![stats(end)], end));
        loop {
            for (series, end) in &mut seen {
                let newest = stats(end);
                if newest.since(&series[series.len() - 1]) >= 1.0 {
                    series.push(newest);
                }
            }
            if seen.iter().all(|(series, _)| series[series.len() - 1].since(&series[0]) >= span.as_secs_f64()) {
                return seen.map(|(series, _)| End::of(&series));
            }
            // The pace of asking; the browsers' own clocks say when it is over.
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

fn stats(end: &mut Browser) -> Stats {
    Stats::new(end.evaluate("stats()"))
}
