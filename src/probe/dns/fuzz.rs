//! What `make fuzz` holds the reader of a resolver's answers to. Compiled where assertions are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what is wrong by panicking")]

use hickory_proto::rr::{Name, RecordType};

use super::query::Question;

/// Whatever comes to our question: as it is, and behind a header that is that of an answer to it.
///
/// # Panics
/// Where the reader does, or where it takes more of an answer than there is in it.
pub fn answer(bytes: &[u8]) {
    let name = Name::from_ascii("example.org.").expect("a name");
    for wanted in [RecordType::A, RecordType::AAAA] {
        let question = Question::new(&name, wanted);
        look(&question, bytes);
        let Ok(asked) = question.bytes() else { return };
        let Some((counts, rest)) = bytes.split_at_checked(8) else { return };
        // RFC 1035 §4.1.1: its number, that it is an answer, and what the counts say; then what was asked.
        let [high, low, _, _, _, _, _, _, _, _, _, _, query @ ..] = asked.as_slice() else { return };
        let head = [&[*high, *low, 0x81, 0x80, 0, 1][..], &[0, counts[3], 0, counts[5], 0, counts[7]]].concat();
        look(&question, &[&head, query, rest].concat());
    }
}

fn look(question: &Question, bytes: &[u8]) {
    if let Some(reply) = question.reply(bytes) {
        assert!(reply.addresses.len() <= reply.answers as usize);
        // A record is eleven bytes at least (RFC 1035 §4.1.3).
        assert!(reply.answers as usize * 11 <= bytes.len(), "{reply:?}");
    }
}
