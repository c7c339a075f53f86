//! What is wrong with a config: where, why, and how it is shown.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::quote::Quotable;

/// A text that is read, and what people call it.
pub struct Source {
    /// Its path, as it was given.
    pub path: String,
    /// What stands in it.
    pub text: String,
    /// What of it may be quoted, once that was asked for.
    quotable: OnceLock<Quotable>,
    /// Where its lines end, once that was asked for: it is asked of each check.
    ends: OnceLock<Vec<usize>>,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which text.
    pub source: Arc<Source>,
    /// From which byte to which.
    pub span: Range<usize>,
    /// A sentence without a full stop.
    pub message: String,
}

/// Everything that is wrong, in the order of the text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(Vec<Problem>);

/// So many are shown one by one: whoever has more has given another file than they meant, or has broken one place of it.
const SHOWN: usize = 50;

/// Collects what is wrong while a text is read.
#[derive(Debug)]
pub(super) struct Problems {
    source: Arc<Source>,
    found: Vec<Problem>,
    doubts: Vec<Problem>,
}

impl Source {
    /// The text of a file, or of something that stands for one.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into(), quotable: OnceLock::new(), ends: OnceLock::new() })
    }

    /// Line and column of a byte, both from 1; a column is a character.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let start = self.line_start(byte);
        let ends = self.ends.get_or_init(|| self.text.match_indices('\n').map(|(at, _)| at).collect());
        let line = 1 + ends.partition_point(|end| *end < start);
        (line, 1 + self.text[start..self.on_boundary(byte)].chars().count())
    }

    fn line_start(&self, byte: usize) -> usize {
        self.text[..self.on_boundary(byte)].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The nearest byte not after `byte` at which a character begins.
    fn on_boundary(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        (0..=byte).rev().find(|byte| self.text.is_char_boundary(*byte)).unwrap_or(0)
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, &self.text) == (&other.path, &other.text)
    }
}

impl Eq for Source {}

/// Its path alone: the text is long, and may be read by others than the one who wrote it.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Problem {
    /// `path:line:column: message`, the line itself and a caret under the place; with ANSI colours if `colour`. What may be a secret is
    /// in neither.
    pub fn render(&self, colour: bool) -> String {
        let (bold, red, dim, plain) =
            if colour { ("\x1b[1m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m") } else { ("", "", "", "") };
        let source = &self.source;
        let (line, column) = source.position(self.span.start);
        let quotable = source.quotable.get_or_init(|| Quotable::of(&source.text));
        let message = quotable.said(&self.message, &self.span);
        let head = format!("{bold}{}:{line}:{column}:{plain} {message}", source.path);
        let start = source.line_start(self.span.start);
        let text = source.text[start..].lines().next().unwrap_or_default();
        if text.trim().is_empty() {
            return head;
        }
        // Tabs keep their width under the caret; no other control character reaches a terminal.
        let quoted = quotable.quoted(&source.text, start..start + text.len(), &self.span);
        let shown: String =
            quoted.iter().map(|(_, c)| if c.is_control() && *c != '\t' { '\u{fffd}' } else { *c }).collect();
        let (from, end) = (source.on_boundary(self.span.start), source.on_boundary(self.span.end));
        let before = quoted.iter().take_while(|(at, _)| *at < from);
        let pad: String = before.map(|(_, c)| if *c == '\t' { '\t' } else { ' ' }).collect();
        let carets = "^".repeat(quoted.iter().filter(|(at, _)| (from..end).contains(at)).count().max(1));
        format!("{head}\n{dim}{line:>5} |{plain} {shown}\n{dim}      |{plain} {pad}{red}{carets}{plain}")
    }
}

impl Errors {
    /// What is wrong, in order.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }

    /// The first problems rendered, and how many there are.
    pub fn render(&self, colour: bool) -> String {
        use fmt::Write as _;
        let mut out = String::new();
        for problem in self.0.iter().take(SHOWN) {
            _ = writeln!(out, "{}", problem.render(colour));
        }
        let count = self.0.len();
        if count > SHOWN {
            _ = writeln!(out, "… and {} more", count - SHOWN);
        }
        _ = write!(out, "{count} {}", if count == 1 { "error" } else { "errors" });
        out
    }
}

impl From<Problem> for Errors {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Errors {}

impl Problems {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, found: Vec::new(), doubts: Vec::new() }
    }

    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Something is wrong at `span` of the text being read.
    pub(super) fn say(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.found.push(Problem { source: Arc::clone(&self.source), span, message: message.into() });
    }

    /// What stands at `span` may come right by itself, and keeps nothing from running.
    pub(super) fn doubt(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.doubts.push(Problem { source: Arc::clone(&self.source), span, message: message.into() });
    }

    /// The line of a byte of the text being read, from 1.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.source.position(byte).0
    }

    /// Takes over what was found in another text.
    pub(super) fn adopt(&mut self, other: Self) {
        self.found.extend(other.found);
        self.doubts.extend(other.doubts);
    }

    /// Takes over what a reading gave up on.
    pub(super) fn take(&mut self, errors: Errors) {
        self.found.extend(errors.0);
    }

    /// What is doubtful, in the order of the text, if nothing is wrong.
    pub(super) fn finish(self) -> Result<Vec<Problem>, Errors> {
        let Self { source, mut found, mut doubts } = self;
        if found.is_empty() {
            doubts.sort_by_key(|doubt| doubt.span.start);
            return Ok(doubts);
        }
        // This text's problems first, then those of the texts it names; each by place.
        found.sort_by(|a, b| {
            let key = |problem: &Problem| (!Arc::ptr_eq(&problem.source, &source), problem.span.start);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        found.dedup();
        Err(Errors(found))
    }
}

/// Names as a list for a sentence.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, span: Range<usize>) -> Problem {
        Problem { source: Source::new("a.toml", text), span, message: "wrong".to_owned() }
    }

    #[test]
    fn a_problem_shows_its_line_and_a_caret_under_the_place() {
        let shown = problem("[room]\nname = \"é\" # y\n", 14..18).render(false);
        assert_eq!(shown, "a.toml:2:8: wrong\n    2 | name = \"é\" # y\n      |        ^^^");
    }

    #[test]
    fn of_very_many_the_first_are_shown_and_the_others_counted() {
        let of = |count: usize| Errors(vec![problem("x\n", 0..1); count]).render(false);
        assert!(of(SHOWN).ends_with("\n50 errors") && !of(SHOWN).contains("more"));
        let many = of(SHOWN + 7);
        assert!(many.ends_with("… and 7 more\n57 errors"), "{many}");
        assert_eq!(many.matches("a.toml:1:1: wrong").count(), SHOWN);
    }

    #[test]
    fn places_outside_the_text_and_inside_a_character_do_no_harm() {
        for (start, end) in [(0, 0), (1, 2), (5, 3), (900, 1000), (2, 900)] {
            problem("é\té", start..end).render(true);
            problem("", start..end).render(false);
            problem("\n\n", start..end).render(false);
        }
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        assert!(!problem("a = \"\u{1b}[2J\"\n", 0..1).render(false).contains('\u{1b}'));
    }
}
