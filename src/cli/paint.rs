//! Words for a terminal: colour only where it is wanted, and never colour alone.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;

use crate::domain::{Lang, Verdict};

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether standard output is to be coloured.
    pub fn on_stdout(self) -> bool {
        self.on(|| std::io::stdout().is_terminal())
    }

    /// Whether standard error is to be coloured.
    pub fn on_stderr(self) -> bool {
        self.on(|| std::io::stderr().is_terminal())
    }

    fn on(self, is_terminal: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // <https://no-color.org>: set and not empty.
            Self::Auto => is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
        }
    }
}

/// A verdict's word for people, in its colour.
pub fn verdict(verdict: Verdict, lang: Lang, color: bool) -> String {
    let code = match verdict {
        Verdict::Ready => "32",
        Verdict::Degraded => "33",
        Verdict::Unknown => "35",
        Verdict::NotReady => "31",
    };
    let word = verdict.title(lang);
    if color { format!("\x1b[1;{code}m{word}\x1b[0m") } else { word.to_owned() }
}

static LOST: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. A reader that went away (`| head`) is no error of ours; a full disk is one, said at once and
/// told by [`was_lost`].
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    heed(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Tells of what could not be written to standard output, once, and by [`was_lost`] too.
pub fn heed(written: std::io::Result<()>) {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) => {
            note(&format!("siaga: standard output cannot be written: {error}"));
        }
        _ => {}
    }
}

/// Whether something that was said could not be written.
pub fn was_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes a line to standard error: progress, and what went wrong.
pub fn note(text: &str) {
    _ = writeln!(std::io::stderr().lock(), "{text}");
}
