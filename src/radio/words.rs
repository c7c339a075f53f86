//! What is said, in pieces: a phrase of the set, a word of a number, or a name. Pure.

use serde::{Deserialize, Serialize};

use super::numbers;

/// A piece that is spoken in one go: by its clip if there is one, else by synthesis.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The clip's name, without its ending: `internet_terputus`. Of `a` to `z`, `0` to `9` and `_` alone.
    pub clip: String,
    /// Its words.
    pub text: String,
    /// What comes after it.
    pub pause: Pause,
}

/// The silence after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// The next word follows.
    Word,
    /// A clause ends.
    Clause,
    /// A sentence ends.
    Sentence,
}

/// One transmission's words.
pub type Script = Vec<Part>;

/// A piece of any text: a name, a title.
pub fn text(text: &str, pause: Pause) -> Part {
    let words = spoken(text);
    Part { clip: slug(&words), text: words.join(" "), pause }
}

/// A number's or a clock's words, a piece each, as they are recorded.
pub fn number(words: &[&'static str], pause: Pause) -> Script {
    let mut parts: Script = words.iter().map(|word| text(word, Pause::Word)).collect();
    if let Some(last) = parts.last_mut() {
        last.pause = pause;
    }
    parts
}

/// The words of a text as they are spoken: numbers in words, everything that is not said left out.
pub fn spoken(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_digit = |c: char| c.is_ascii_digit();
        // A combining mark and an apostrophe belong to their word.
        let is_letter = |c: char| c.is_alphabetic() || c == '\'' || c == '’';
        let end = |inside: &dyn Fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let length = if is_digit(first) {
            let length = end(&is_digit);
            let run = &rest[..length];
            match run.parse() {
                // A number that is read as one; a zero before it, or more digits than a year has, makes it a code.
                Ok(number) if run.len() <= 4 && (run.len() == 1 || !run.starts_with('0')) => {
                    words.extend(numbers::cardinal(number).into_iter().map(str::to_owned));
                }
                _ => words.extend(numbers::digits(run).into_iter().map(str::to_owned)),
            }
            length
        } else if is_letter(first) {
            let length = end(&is_letter);
            words.push(rest[..length].to_owned());
            length
        } else {
            match first {
                '%' => words.push("persen".to_owned()),
                '&' | '+' => words.push("dan".to_owned()),
                _ => {}
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// A clip's name from words.
pub fn slug(words: &[String]) -> String {
    let mut slug = String::new();
    for word in words {
        if !slug.is_empty() {
            slug.push('_');
        }
        slug.extend(word.chars().flat_map(char::to_lowercase).filter(char::is_ascii_alphanumeric));
    }
    slug
}

/// How many words a transmission has.
pub fn count(script: &[Part]) -> usize {
    script.iter().map(|part| part.text.split_whitespace().count()).sum()
}

/// A transmission as it is read.
pub fn read(script: &[Part]) -> String {
    let mut out = String::new();
    for part in script {
        let begins = out.is_empty() || out.ends_with(". ");
        let mut letters = part.text.chars();
        if begins && let Some(first) = letters.next() {
            out.extend(first.to_uppercase());
        }
        out.push_str(letters.as_str());
        out.push_str(match part.pause {
            Pause::Word => " ",
            Pause::Clause => ", ",
            Pause::Sentence => ". ",
        });
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_what_is_said_of_it() {
        for (text, said) in [
            ("Dinas Kesehatan", "Dinas Kesehatan"),
            ("Rakor TPID (daring) – 09.30", "Rakor TPID daring nol sembilan tiga puluh"),
            ("Musrenbang 2027", "Musrenbang dua ribu dua puluh tujuh"),
            ("Ruang 007, lantai 2", "Ruang nol nol tujuh lantai dua"),
            ("90 % & Jum'at", "sembilan puluh persen dan Jum'at"),
            ("id 1234567", "id satu dua tiga empat lima enam tujuh"),
            ("--stdin; rm -rf / <speak>", "stdin rm rf speak"),
            ("!?", ""),
        ] {
            assert_eq!(spoken(text).join(" "), said, "{text}");
        }
    }

    #[test]
    fn a_clips_name_leads_nowhere_else() {
        assert_eq!(text("Media Center", Pause::Word).clip, "media_center");
        assert_eq!(text("../../etc/passwd", Pause::Word).clip, "etc_passwd");
        assert_eq!(text("Jum’at, 1", Pause::Word).clip, "jumat_satu");
    }

    #[test]
    fn a_script_reads_as_a_text() {
        let mut script = vec![text("sistem siap", Pause::Clause), text("pukul", Pause::Word)];
        script.extend(number(&numbers::clock(7, 45), Pause::Sentence));
        script.push(text("selesai", Pause::Sentence));
        assert_eq!(read(&script), "Sistem siap, pukul tujuh empat puluh lima. Selesai.");
        assert_eq!(count(&script), 8);
    }
}
