//! The commands of a page's code blocks, as a shell would read them.

/// One command: as it is written, without its comment, and its words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) text: String,
    pub(crate) words: Vec<String>,
}

impl Command {
    /// Whether it only gives a variable its value, for the commands that follow.
    pub(crate) fn is_assignment(&self) -> bool {
        let name = self.words[0].split_once('=').map_or("", |(name, _)| name);
        self.words.len() == 1 && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase())
    }
}

/// The blocks of Markdown that are fenced as `kind`.
pub(crate) fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("\n```{kind}\n");
    let rest = text.split(fence.as_str()).skip(1);
    rest.map(|rest| rest.split_once("\n```").expect("a fence that is closed").0).collect()
}

/// The commands of a block: quotes, `\` at a line's end, comments, `;`, and `>`, whose file is no word. What else a shell
/// knows is not for such a page, and panics.
pub(crate) fn commands(block: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut reader = Reader::default();
    let mut chars = block.chars().peekable();
    while let Some(letter) = chars.next() {
        match letter {
            '#' if reader.word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            '\n' | ';' => found.extend(reader.end()),
            '\\' => assert!(
                chars.next_if_eq(&'\n').is_some() && reader.space(),
                "only a line's end is escaped here: {block}"
            ),
            ' ' => _ = reader.space(),
            '>' => reader.redirect(),
            '\'' | '"' => {
                let inside: String = std::iter::from_fn(|| chars.next_if(|next| *next != letter)).collect();
                assert_eq!(chars.next(), Some(letter), "a quote that is not closed: {block}");
                reader.quoted(letter, &inside);
            }
            // What a command says, as a part of a word.
            '$' if chars.next_if_eq(&'(').is_some() => {
                let inside: String = std::iter::from_fn(|| chars.next_if(|next| *next != ')')).collect();
                assert_eq!(chars.next(), Some(')'), "a parenthesis that is not closed: {block}");
                format!("$({inside})").chars().for_each(|letter| reader.push(letter));
            }
            '|' | '&' | '`' | '(' | '<' => panic!("{letter:?} is not read here: {block}"),
            other => reader.push(other),
        }
    }
    found.extend(reader.end());
    found
}

#[derive(Default)]
struct Reader {
    text: String,
    words: Vec<String>,
    word: Option<String>,
    /// The next word is a file's name.
    redirected: bool,
}

impl Reader {
    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
        self.text.push(letter);
    }

    fn quoted(&mut self, by: char, inside: &str) {
        self.word.get_or_insert_default().push_str(inside);
        self.text.extend([by]);
        self.text.push_str(inside);
        self.text.extend([by]);
    }

    fn redirect(&mut self) {
        self.space();
        self.redirected = true;
        self.text.push_str("> ");
    }

    /// The word's end. Always true.
    fn space(&mut self) -> bool {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.redirected)
        {
            self.words.push(word);
        }
        self.text.push(' ');
        true
    }

    fn end(&mut self) -> Option<Command> {
        self.space();
        let text = std::mem::take(&mut self.text).trim().to_owned();
        let words = std::mem::take(&mut self.words);
        (!words.is_empty()).then_some(Command { text, words })
    }
}

#[test]
fn a_block_is_read_as_a_shell_reads_it() {
    let read = commands("a \"b c\" --d='e \"f'   # g\n# h\ni \\\n  j; k > l.txt\n\ncurl x?y#z\n");
    let words: Vec<_> = read.iter().map(|one| one.words.join("|")).collect();
    assert_eq!(words, ["a|b c|--d=e \"f", "i|j", "k", "curl|x?y#z"]);
    assert_eq!((&*read[0].text, &*read[2].text), ("a \"b c\" --d='e \"f'", "k  >  l.txt"));
    let read = commands("A=$(b --c d)\ne $A\n");
    assert_eq!((&*read[0].words, read[0].is_assignment()), (&["A=$(b --c d)".to_owned()][..], true));
    assert!(!read[1].is_assignment());
}
