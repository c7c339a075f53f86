//! How a text is quoted beside what is wrong in it: without what may be a secret. What is wrong with a config is told in the log and to
//! whoever asks for a reload, and they need not be those who may read the file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SECTIONS;
use super::shown::{is_hidden, without_key};

/// What stands for a value that is not quoted.
const HIDDEN: &str = "…";
/// The same for a string.
const HIDDEN_STRING: &str = "\"…\"";

/// What of a text may be quoted.
#[derive(Debug)]
pub(super) struct Quotable {
    /// The values in it, in its order; `None` if it is no TOML, so that nobody can say where a value begins and ends.
    values: Option<Vec<Value>>,
}

/// A value that has no others in it.
#[derive(Debug)]
struct Value {
    span: Range<usize>,
    /// What it says, if it is a string.
    text: Option<String>,
    /// What of that may be quoted, if not all.
    instead: Option<String>,
    /// It stands where secrets do.
    hidden: bool,
}

impl Quotable {
    /// Looks through a text.
    pub(super) fn of(text: &str) -> Self {
        let (tree, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Self { values: None };
        }
        let mut all = Vec::new();
        for (section, value) in tree.get_ref() {
            let section = &**section.get_ref();
            match value.get_ref() {
                DeValue::Table(table) => gather_all(section, table, &mut all),
                DeValue::Array(items) => {
                    for item in items {
                        match item.get_ref() {
                            DeValue::Table(table) => gather_all(section, table, &mut all),
                            _ => gather(item, hides(section, ""), &mut all),
                        }
                    }
                }
                _ => gather(value, hides(section, ""), &mut all),
            }
        }
        all.sort_by_key(|value| value.span.start);
        Self { values: Some(all) }
    }

    /// A line of `text` as it is quoted beside what is wrong at `wrong`: its characters, each with the byte for which it stands. A value
    /// that is not what is wrong says nothing to the reader, and is not quoted.
    pub(super) fn quoted(&self, text: &str, line: Range<usize>, wrong: &Range<usize>) -> Vec<(usize, char)> {
        let (mut quoted, mut from) = (Vec::new(), line.start);
        for (hidden, instead) in self.hidden(text, &line, wrong) {
            quoted.extend(characters(text, from..hidden.start));
            quoted.extend(instead.chars().map(|c| (hidden.start, c)));
            from = hidden.end.max(from);
        }
        quoted.extend(characters(text, from..line.end));
        quoted
    }

    /// What is said of what is wrong there, without what may not be quoted.
    pub(super) fn said(&self, message: &str, wrong: &Range<usize>) -> String {
        let all = self.values.iter().flatten().filter(|value| value.touches(wrong));
        all.fold(message.to_owned(), |message, value| match (&value.text, &value.instead) {
            (Some(text), Some(instead)) => message.replace(&format!("{text:?}"), instead),
            _ => message,
        })
    }

    /// The places on a line that are not quoted, in their order, each with what stands there instead.
    fn hidden(&self, text: &str, line: &Range<usize>, wrong: &Range<usize>) -> Vec<(Range<usize>, String)> {
        let Some(values) = &self.values else {
            let said = text.get(line.clone()).unwrap_or_default();
            let kept = kept_of_broken(said);
            let left = said.get(kept..).unwrap_or_default();
            let blank = left.len() - left.trim_start().len();
            let rest = line.start + kept + blank..line.end;
            return if rest.is_empty() { Vec::new() } else { vec![(rest, HIDDEN.to_owned())] };
        };
        let here: Vec<_> = values.iter().filter(|value| value.touches(line)).collect();
        let mut all = Vec::new();
        for value in &here {
            let instead = if value.touches(wrong) { value.instead.clone() } else { Some(value.unsaid().to_owned()) };
            all.extend(
                instead.map(|instead| (value.span.start.max(line.start)..value.span.end.min(line.end), instead)),
            );
        }
        // The value before, perhaps, which is a secret still.
        if let Some(last) = here.last().filter(|_| here.iter().any(|value| value.hidden)) {
            let after = last.span.end.min(line.end);
            let comment = text.get(after..line.end).and_then(|rest| rest.find('#'));
            all.extend(comment.map(|at| (after + at..line.end, format!("# {HIDDEN}"))));
        }
        all
    }
}

impl Value {
    fn touches(&self, span: &Range<usize>) -> bool {
        self.span.start < span.end.max(span.start + 1) && span.start < self.span.end
    }

    const fn unsaid(&self) -> &'static str {
        if self.text.is_some() { HIDDEN_STRING } else { HIDDEN }
    }
}

/// Whether secrets may stand there. What stands in a section that there is not was meant for one of those that there are.
fn hides(section: &str, key: &str) -> bool {
    !SECTIONS.contains(&section) || is_hidden(section, key)
}

fn gather_all(section: &str, table: &DeTable<'_>, all: &mut Vec<Value>) {
    for (key, value) in table {
        gather(value, hides(section, key.get_ref()), all);
    }
}

fn gather(value: &Spanned<DeValue<'_>>, hidden: bool, all: &mut Vec<Value>) {
    let text = match value.get_ref() {
        DeValue::Array(items) => return items.iter().for_each(|item| gather(item, hidden, all)),
        DeValue::Table(items) => return items.iter().for_each(|(_, item)| gather(item, hidden, all)),
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    };
    let mut value = Value { span: value.span(), text, instead: None, hidden };
    value.instead = match &value.text {
        _ if hidden => Some(value.unsaid().to_owned()),
        Some(text) => Some(without_key(text)).filter(|shown| shown != text).map(|shown| format!("{shown:?}")),
        None => None,
    };
    all.push(value);
}

/// How much of a line of a text that is no TOML is quoted: a header, or a key up to its `=`, as those of ours are.
fn kept_of_broken(line: &str) -> usize {
    let are = |text: &str, others: &str| {
        text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c) || others.contains(c))
    };
    let is_key = |text: &str| are(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text), "");
    match line.find('=') {
        Some(at) if is_key(line[..at].trim()) => at + 1,
        None if line.trim_start().starts_with('[') && are(line, "[] \t") => line.len(),
        _ => 0,
    }
}

fn characters(text: &str, span: Range<usize>) -> impl Iterator<Item = (usize, char)> {
    let start = span.start;
    text.get(span).unwrap_or_default().char_indices().map(move |(at, c)| (start + at, c))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Source};

    /// All that is told of a text in which something is wrong.
    fn told(text: &str) -> String {
        Config::parse(&Source::new("a.toml", text)).map(drop).unwrap_err().render(false)
    }

    #[test]
    fn a_secret_is_told_by_no_error_wherever_it_stands() {
        let receiver = "[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\n";
        for text in [
            // No TOML: a quote is missing, both are, or something else is wrong with the line.
            format!("{receiver}url = \"https://hooks.example/geheim\n"),
            format!("{receiver}url = https://hooks.example/geheim\n"),
            format!("{receiver}url = \"https://hooks.example/geheim\" x\n"),
            format!("{receiver}url : \"https://hooks.example/geheim\"\n"),
            format!("{receiver}url = \"https://hooks.example/\\geheim\"\n"),
            "[[receiver]]\nargs = [\"--token=geheim\", \"-v\" \"-x\"]\n".to_owned(),
            "[[receiver]]\nargs = [\n  \"--token=geheim\", \"-v\" \"-x\"]\n".to_owned(),
            "[[receiver]]\nargs = [\n  \"geheim\" \"-x\"]\n".to_owned(),
            "[[receiver]]\nargs = [\n  geheim\n]\n".to_owned(),
            "[[receiver]]\nargs = [\n  \"geheim=1\" \"-x\"]\n".to_owned(),
            "[[receiver]\nname = \"desk\" # geheim\n".to_owned(),
            // What is wrong is the value, its kind, its key, another value beside it, or its section.
            format!("{receiver}url = \"hooks.example/geheim\"\n"),
            format!("{receiver}url = \"ftp://hooks.example/geheim\"\n"),
            format!("{receiver}url = [\"https://hooks.example/geheim\"]\n"),
            format!("{receiver}url = 7 # before: https://hooks.example/geheim\n"),
            format!("{receiver}url = \"https://u:geheim@hooks.example/\" # geheim\n"),
            format!("{receiver}secret = \"geheim\"\n"),
            "[[receiver]]\nname = \"run\"\nkind = \"command\"\nargs = \"curl -H geheim\"\n".to_owned(),
            "[[receiver]]\nname = \"mail\"\nkind = \"email\"\nto = [\"geheim\"]\n".to_owned(),
            "receiver = [{ name = \"desk\", kind = \"webhook\", url = \"https://hooks.example/geheim\", colour = 1 }]\n".to_owned(),
            "receiver = [\"https://hooks.example/geheim\"]\n".to_owned(),
            "remote_write = \"https://hooks.example/geheim\"\n".to_owned(),
            "recever = { url = \"https://hooks.example/geheim\" }\n".to_owned(),
            "[room]\npassword = \"geheim\"\n".to_owned(),
            "[room]\npassword = [1, \"\"\"\ngeheim\"\"\"]\n".to_owned(),
            "[[check]]\nname = \"web\"\nkind = \"http\"\nurl = \"https://u:geheim@web.example:99999/geheim?key=geheim\"\n".to_owned(),
        ] {
            let told = told(&text);
            assert!(!told.contains("geheim"), "{text}\n{told}");
            assert!(told.starts_with("a.toml:") && told.contains(" |"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_and_no_secret_is_quoted_with_its_caret() {
        assert_eq!(
            told("[room]\ntitle = \"Aula\"\nlanguage = \"ms\" # Malay\n"),
            "a.toml:3:12: unknown word \"ms\"; allowed are id, en\n    3 | language = \"ms\" # Malay\n      |            ^^^^\n1 error"
        );
        assert_eq!(
            told("[web]\nlisten = [\"127.0.0.1:1\", \"[::1]\"]\n").lines().skip(1).collect::<Vec<_>>(),
            ["    2 | listen = [\"…\", \"[::1]\"]", "      |                ^^^^^^^", "1 error"]
        );
        let broken = told("[room]\n\tname = \"aula\n");
        let lines: Vec<_> = broken.lines().skip(1).collect();
        assert_eq!(lines, ["    2 | \tname = …", "      | \t        ^", "1 error"], "{broken}");
        let url = told("[[check]]\nname = \"web\"\nkind = \"http\"\nurl = \"https://web.example:99999/geheim\"\n");
        assert!(url.contains("\"https://web.example:99999/…\" is no web address"), "{url}");
        assert!(url.contains("4 | url = \"https://web.example:99999/…\"\n"), "{url}");
    }
}
