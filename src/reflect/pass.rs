//! By what senders are known who are answered where not everybody is.

use jiff::Timestamp;

use crate::probe::stamp::codec::Key;

/// A key that both ends have, or what is kept of a sender's token.
#[derive(Clone, Debug)]
pub struct Pass {
    pub(super) key: Key,
    until: Option<Timestamp>,
}

impl Pass {
    /// A key, good until it is taken away.
    pub const fn key(key: Key) -> Self {
        Self { key, until: None }
    }

    /// A token, by its SHA-256, which is the key of its holder's signatures; good until `until`.
    pub fn token(hash: [u8; 32], until: Option<Timestamp>) -> Self {
        Self { key: Key::new(&hash), until }
    }

    /// Whether its time is over.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|end| now >= end)
    }
}
