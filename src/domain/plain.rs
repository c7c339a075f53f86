//! Text that stays where it is shown: on its line, in its order, and without orders to a terminal.

/// Whether a character shows nothing and does something: a control character, or one that turns the direction of what follows
/// (Unicode UAX #9 §2, and the separators of lines and paragraphs).
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same text with a blank for each such character.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_somebodys_word_is_no_order_to_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nroot: c\u{202e}d\u{9b}e"), "a [2Jb root: c d e");
        for fine in ["Rapat – Dinas Kesehatan", "é 漢字 🎥", "a\u{a0}b", "ن\u{200d}"] {
            assert_eq!(plain(fine), fine);
        }
    }
}
