//! Text that stays where it is shown: on its line, in its order, and without orders to a terminal.

/// Whether a character shows nothing and does something: a control character, or one that turns the direction of what follows
/// (Unicode UAX #9 §2, and the separators of lines and paragraphs).
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a text shows nothing at all: blanks, and characters without a width (Unicode's `Default_Ignorable_Code_Point`, as far as
/// people come by it, and the blanks of Hangul and Braille).
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || is_unseen(c)
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}')
            || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}')
            || matches!(c, '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
    })
}

/// The same text with a blank for each such character.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_blank() {
        for blank in ["", " ", "\u{200b}\u{200b}", "\u{feff} \u{2060}", "\u{3164}", "\u{200d}\n"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for shown in ["-", "a\u{200b}", "ن\u{200d}", "❤\u{fe0f}", "漢"] {
            assert!(!is_blank(shown), "{shown:?}");
        }
    }

    #[test]
    fn what_is_somebodys_word_is_no_order_to_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nroot: c\u{202e}d\u{9b}e"), "a [2Jb root: c d e");
        for fine in ["Rapat – Dinas Kesehatan", "é 漢字 🎥", "a\u{a0}b", "ن\u{200d}"] {
            assert_eq!(plain(fine), fine);
        }
    }
}
