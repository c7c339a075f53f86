//! A bar on the terminal: what a survey does now, and how much of it is done. Nothing where nobody watches.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::domain::{Lang, Snapshot};
use crate::survey::words::pick;

/// How many parts the bar has.
const PARTS: usize = 24;
/// How long a test takes, roughly.
const TEST: Duration = Duration::from_secs(10);

pub(super) struct Bar {
    on: bool,
    lang: Lang,
    watch: Duration,
    shown: String,
}

impl Bar {
    pub(super) fn new(watch: Duration, quiet: bool, lang: Lang) -> Self {
        Self { on: !quiet && std::io::stderr().is_terminal(), lang, watch, shown: String::new() }
    }

    pub(super) fn show(&mut self, snapshot: &Snapshot, elapsed: Duration, testing: bool) {
        if !self.on {
            return;
        }
        let line = line(snapshot, self.watch, elapsed, testing, self.lang);
        if line != self.shown {
            print(&format!("\r\x1b[K{line}"));
            self.shown = line;
        }
    }

    pub(super) fn clear(&self) {
        if self.on {
            print("\r\x1b[K");
        }
    }
}

fn line(snapshot: &Snapshot, watch: Duration, elapsed: Duration, testing: bool, lang: Lang) -> String {
    let tests = snapshot.checks.iter().filter(|check| check.spec.active);
    let (done, left): (Vec<_>, Vec<_>) = tests.partition(|check| check.runs > 0);
    let share = |count: usize| TEST * u32::try_from(count).unwrap_or(u32::MAX);
    let whole = watch + share(done.len() + left.len());
    let now = elapsed.min(watch) + share(done.len());
    let ratio = (now.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 0 to 24"
    )]
    let full = (ratio * PARTS as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(PARTS - full));
    let what = if testing {
        let names: Vec<&str> = left.iter().map(|check| check.spec.name.as_str()).collect();
        format!("{} {}", pick(lang, "menguji:", "testing:"), names.join(", "))
    } else {
        pick(lang, "mengamati jalur", "watching the line").to_owned()
    };
    format!("[{bar}] {:3.0} % {what}", ratio * 100.0)
}

fn print(text: &str) {
    _ = std::io::stderr().lock().write_all(text.as_bytes());
}
