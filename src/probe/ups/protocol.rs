//! NUT's network protocol, the part that reads (NUT's docs/net-protocol.txt): one line at a time, pure.
//!
//! A line is words between spaces; a word with spaces stands in `"` quotes; `\` takes the next character as it is.

use std::borrow::Cow;
use std::fmt;

/// The longest line that is read, in bytes. upsd's own lines stay under 1 KiB (its values under 256 bytes).
pub const MAX_LINE: usize = 4096;

/// The longest list that is read, in lines. A rack's power strip with 48 outlets has some 1000 variables.
pub const MAX_LIST: usize = 4096;

/// Why bytes are not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A quote that never closes, or a `\` with nothing behind it.
    #[error("a quote or an escape that does not end")]
    Unfinished,
    /// A line that stops before its last word.
    #[error("a line with too few words: {0:?}")]
    Short(String),
    /// A well-formed line that does not answer the question.
    #[error("an unexpected line: {0:?}")]
    Unexpected(String),
    /// More than [`MAX_LINE`] bytes without an end of line.
    #[error("a line longer than {MAX_LINE} bytes")]
    LongLine,
    /// More than [`MAX_LIST`] lines without an end of list.
    #[error("a list longer than {MAX_LIST} lines")]
    LongList,
}

impl ProtocolError {
    /// For a line that does not answer the question.
    pub fn unexpected(line: &str) -> Self {
        Self::Unexpected(excerpt(line))
    }
}

/// The beginning of a text from outside, fit for a log: short, and without control characters.
pub fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

macro_rules! err_words {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        /// The word behind `ERR` (docs/net-protocol.txt, "Error responses").
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum ErrWord {
            $($(#[$doc])* $variant,)*
            /// A word of a newer or another server.
            Unknown(String),
        }

        impl ErrWord {
            /// The variant of a word; total.
            pub fn of(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Unknown(excerpt(other)),
                }
            }

            /// The word itself.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(word) => word,
                }
            }
        }
    };
}

err_words! {
    /// This client may not do that.
    AccessDenied = "ACCESS-DENIED",
    /// No UPS of that name in `ups.conf`.
    UnknownUps = "UNKNOWN-UPS",
    /// This UPS has no such variable.
    VarNotSupported = "VAR-NOT-SUPPORTED",
    /// This UPS has no such command.
    CmdNotSupported = "CMD-NOT-SUPPORTED",
    /// A word in the question is wrong.
    InvalidArgument = "INVALID-ARGUMENT",
    /// A command did not reach the driver.
    InstcmdFailed = "INSTCMD-FAILED",
    /// A setting did not reach the driver.
    SetFailed = "SET-FAILED",
    /// The variable cannot be set.
    ReadOnly = "READONLY",
    /// The value is too long.
    TooLong = "TOO-LONG",
    /// This server was built without it.
    FeatureNotSupported = "FEATURE-NOT-SUPPORTED",
    /// This server is not configured for it.
    FeatureNotConfigured = "FEATURE-NOT-CONFIGURED",
    /// TLS is on already.
    AlreadySslMode = "ALREADY-SSL-MODE",
    /// No driver runs for this UPS, or it died.
    DriverNotConnected = "DRIVER-NOT-CONNECTED",
    /// The driver runs and has heard nothing from the UPS for longer than `MAXAGE`.
    DataStale = "DATA-STALE",
    /// `LOGIN` twice.
    AlreadyLoggedIn = "ALREADY-LOGGED-IN",
    /// The password was not taken.
    InvalidPassword = "INVALID-PASSWORD",
    /// `PASSWORD` twice.
    AlreadySetPassword = "ALREADY-SET-PASSWORD",
    /// The name was not taken.
    InvalidUsername = "INVALID-USERNAME",
    /// `USERNAME` twice.
    AlreadySetUsername = "ALREADY-SET-USERNAME",
    /// A name is needed.
    UsernameRequired = "USERNAME-REQUIRED",
    /// A password is needed.
    PasswordRequired = "PASSWORD-REQUIRED",
    /// The server does not know the question.
    UnknownCommand = "UNKNOWN-COMMAND",
    /// The value is not one of those allowed.
    InvalidValue = "INVALID-VALUE",
}

impl fmt::Display for ErrWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// `BEGIN LIST …`
    Begin,
    /// `END LIST …`
    End,
    /// `VAR <ups> <name> "<value>"`
    Var {
        /// Whose variable.
        ups: Cow<'a, str>,
        /// Its name.
        name: Cow<'a, str>,
        /// Its value.
        value: Cow<'a, str>,
    },
    /// `UPS <name> "<description>"`
    Ups {
        /// The name in `ups.conf`.
        name: Cow<'a, str>,
    },
    /// `ERR <word> …`
    Err(ErrWord),
}

/// Reads one line, given without its end.
///
/// # Errors
/// What is wrong with it; never a panic, whatever the bytes.
pub fn parse(line: &str) -> Result<Line<'_>, ProtocolError> {
    let mut words = Words { rest: line };
    let mut next = || words.next().unwrap_or_else(|| Err(ProtocolError::Short(excerpt(line))));
    Ok(match next()?.as_ref() {
        "VAR" => Line::Var { ups: next()?, name: next()?, value: next()? },
        "UPS" => Line::Ups { name: next()? },
        "ERR" => Line::Err(ErrWord::of(next()?.as_ref())),
        first @ ("BEGIN" | "END") if next()? == "LIST" => {
            if first == "BEGIN" {
                Line::Begin
            } else {
                Line::End
            }
        }
        _ => return Err(ProtocolError::unexpected(line)),
    })
}

/// A word as it must be written in a question, so that a strange name stays one word.
pub fn quoted(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 2);
    out.push('"');
    for c in word.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The words of a line, borrowed where nothing is escaped.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = Result<Cow<'a, str>, ProtocolError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_start_matches(is_space);
        if text.is_empty() {
            self.rest = text;
            return None;
        }
        let inside = text.strip_prefix('"');
        let (body, quote) = (inside.unwrap_or(text), inside.is_some());
        let ends = |c: char| if quote { c == '"' } else { is_space(c) };
        let Some(end) = body.find(|c| ends(c) || c == '\\') else {
            self.rest = "";
            return Some(if quote { Err(ProtocolError::Unfinished) } else { Ok(Cow::Borrowed(body)) });
        };
        if !body[end..].starts_with('\\') {
            self.rest = &body[end + 1..];
            return Some(Ok(Cow::Borrowed(&body[..end])));
        }
        let mut word = body[..end].to_owned();
        let mut chars = body[end..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    let Some((_, escaped)) = chars.next() else {
                        self.rest = "";
                        return Some(Err(ProtocolError::Unfinished));
                    };
                    word.push(escaped);
                }
                c if ends(c) => {
                    self.rest = &body[end + at + 1..];
                    return Some(Ok(Cow::Owned(word)));
                }
                c => word.push(c),
            }
        }
        self.rest = "";
        Some(if quote { Err(ProtocolError::Unfinished) } else { Ok(Cow::Owned(word)) })
    }
}

/// One byte wide, so that stepping over it never splits a character.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Result<Vec<String>, ProtocolError> {
        Words { rest: line }.map(|word| word.map(Cow::into_owned)).collect()
    }

    #[test]
    fn a_servers_word_is_told_as_it_said_it() {
        for word in ["UNKNOWN-UPS", "ACCESS-DENIED", "SOME-NEW-WORD"] {
            assert_eq!(ErrWord::of(word).to_string(), word);
        }
    }

    #[test]
    fn words_quotes_and_escapes() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("   ", &[]),
            ("OK Goodbye", &["OK", "Goodbye"]),
            (r#"VAR lab ups.status "OL CHRG""#, &["VAR", "lab", "ups.status", "OL CHRG"]),
            (r#"VAR lab ups.mfr """#, &["VAR", "lab", "ups.mfr", ""]),
            (r#"UPS lab "the \"big\" one, C:\\ups""#, &["UPS", "lab", r#"the "big" one, C:\ups"#]),
            (r"a\ b c", &["a b", "c"]),
            (r"VAR lab ups.id \#7", &["VAR", "lab", "ups.id", "#7"]),
            ("VAR lab ups.mfr \"Ångström – 株式\"", &["VAR", "lab", "ups.mfr", "Ångström – 株式"]),
            (r#""a"b"#, &["a", "b"]),
        ];
        for (line, expected) in table {
            assert_eq!(words(line).unwrap(), *expected, "{line}");
        }
        for line in [r#"VAR lab x "no end"#, r#"VAR lab x "no end\""#, r"dangling\"] {
            assert_eq!(words(line), Err(ProtocolError::Unfinished), "{line}");
        }
    }

    #[test]
    fn every_line_that_reading_needs() {
        let var = Line::Var { ups: "lab".into(), name: "ups.status".into(), value: "OL".into() };
        assert_eq!(parse(r#"VAR lab ups.status "OL""#), Ok(var));
        assert_eq!(parse(r#"UPS lab "Unavailable""#), Ok(Line::Ups { name: "lab".into() }));
        assert_eq!(parse("BEGIN LIST VAR lab"), Ok(Line::Begin));
        assert_eq!(parse("END LIST VAR lab"), Ok(Line::End));
        assert_eq!(parse("ERR DATA-STALE"), Ok(Line::Err(ErrWord::DataStale)));
        assert_eq!(parse("ERR DRIVER-NOT-CONNECTED and more"), Ok(Line::Err(ErrWord::DriverNotConnected)));
        assert_eq!(parse("ERR TOMORROWS-WORD"), Ok(Line::Err(ErrWord::Unknown("TOMORROWS-WORD".into()))));
        assert_eq!(parse("VAR lab"), Err(ProtocolError::Short("VAR lab".into())));
        assert_eq!(parse("END OF DAYS"), Err(ProtocolError::Unexpected("END OF DAYS".into())));
        assert_eq!(parse("SSH-2.0-x"), Err(ProtocolError::Unexpected("SSH-2.0-x".into())));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_line_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = parse(&text);
            let _ = words(&text);
        }

        #[test]
        fn what_looks_like_an_answer_gives_a_line_or_an_error(tail in "[ \"\\\\a-zé\t]{0,60}") {
            let line = format!("VAR lab {tail}");
            if let Ok(Line::Var { value, .. }) = parse(&line) {
                prop_assert!(value.len() <= tail.len());
            }
        }

        #[test]
        fn a_quoted_word_is_read_back_the_same(word in "[^\\p{Cc}]{0,60}", after in "[a-z]{1,8}") {
            let line = format!("{} {after}", quoted(&word));
            prop_assert_eq!(words(&line).unwrap(), vec![word, after]);
        }

        #[test]
        fn a_question_stays_one_line(word in any::<String>()) {
            prop_assert!(!quoted(&word).contains(['\n', '\r']));
        }
    }
}
