//! Tokens: by what those are known who act over HTTP, or who send to a reflector. Each is named after who holds it, and only its hash is kept.
//!
//! A token is 256 random bits, so one round of SHA-256 keeps it: there is nothing to guess that a slow hash would protect, as
//! there is with a password that people think up.

mod file;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;

use crate::domain::{Scope, TOKEN_BYTES, TOKEN_PREFIX, is_like_a_token};

pub use file::{ChangeError, FILE, FileError, Version, change, change_lent, read, read_to_tend, version};

/// The longest name, characters.
const LONGEST_NAME: usize = 64;

/// A room has a handful of people and programs.
const MOST: usize = 200;

/// So many for a reflector, which tries one after the other on each packet: that many signatures are 20 µs.
const MOST_TO_REFLECT: usize = 32;

/// One that ends is good for ten years at most: what outlives its holder's work is a slip of the pen.
const LONGEST_GOOD: std::time::Duration = std::time::Duration::from_hours(3650 * 24);

/// What is kept of a token, and by what it is known again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of what somebody shows, if that can be a token at all.
    pub fn of(shown: &str) -> Option<Self> {
        // What is no token is not worth a look at the file.
        is_like_a_token(shown).then(|| Self::made(shown))
    }

    /// As bytes, for whoever keeps in memory who has come in.
    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// From [`Hash::bytes`].
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn made(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

/// A token as it is kept. Its `Debug` leaves out whose it is: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Who holds it.
    pub name: Arc<str>,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub made_at: Timestamp,
    /// From when on it is good for nothing; never, if there is none.
    pub expires_at: Option<Timestamp>,
    hash: Hash,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl Token {
    /// By what it is known.
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Whether a reflector answers its holder.
    pub fn reflects(&self) -> bool {
        Scope::Reflect.is_in(&self.scopes)
    }

    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// All tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

/// Why a token is not made, or not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The name is none.
    #[error(
        "a token's name is who holds it: 1 to {LONGEST_NAME} letters, digits, spaces and signs, no space at its ends"
    )]
    Name,
    /// It is good for nothing.
    #[error("a token needs a scope: read, schedule, operate or reflect")]
    NoScope,
    /// There is one of that name.
    #[error("there is a token of that name; revoke it first (siaga token revoke)")]
    Taken,
    /// There is none of that name.
    #[error("there is no token of that name (siaga token list shows all)")]
    Unknown,
    /// There are too many.
    #[error("there are {MOST} tokens already; revoke those that nobody uses")]
    TooMany,
    /// There are too many that a reflector would try.
    #[error("there are {MOST_TO_REFLECT} tokens for reflect already; revoke those that nobody uses")]
    TooManyToReflect,
    /// It would be good for longer than anybody remembers it.
    #[error(
        "a token that expires is good for at most ten years (3650d); one without --expires is good until it is revoked"
    )]
    TooFar,
    /// The kernel gave no random numbers.
    #[error("the kernel gives no random numbers")]
    NotRandom,
}

impl Tokens {
    /// The one of which `hash` is. Looks at all of them, each in the same time, whatever they have in common with it.
    pub fn find(&self, hash: Hash) -> Option<&Token> {
        self.0.iter().fold(None, |found, token| if token.hash.0.ct_eq(&hash.0).into() { Some(token) } else { found })
    }

    /// All of them, oldest first.
    pub fn all(&self) -> &[Token] {
        &self.0
    }

    /// Makes one, and gives what its holder shows: it is kept nowhere.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn add(
        &mut self,
        name: &str,
        scopes: &[Scope],
        now: Timestamp,
        lasts: Option<std::time::Duration>,
    ) -> Result<String, TokenError> {
        if self.0.len() >= MOST {
            return Err(TokenError::TooMany);
        }
        if lasts.is_some_and(|lasts| lasts > LONGEST_GOOD) {
            return Err(TokenError::TooFar);
        }
        let expires_at = lasts.map(|lasts| now.checked_add(lasts)).transpose().map_err(|_| TokenError::TooFar)?;
        let mut random = [0; TOKEN_BYTES];
        SystemRandom::new().fill(&mut random).map_err(|_| TokenError::NotRandom)?;
        let shown = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        self.take(Token { name: name.into(), scopes, made_at: now, expires_at, hash: Hash::made(&shown) })?;
        Ok(shown)
    }

    /// Makes an end to one.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn revoke(&mut self, name: &str) -> Result<(), TokenError> {
        let before = self.0.len();
        self.0.retain(|token| *token.name != *name);
        if self.0.len() == before { Err(TokenError::Unknown) } else { Ok(()) }
    }

    fn take(&mut self, token: Token) -> Result<(), TokenError> {
        if !is_name(&token.name) {
            return Err(TokenError::Name);
        }
        if token.scopes.is_empty() {
            return Err(TokenError::NoScope);
        }
        if self.0.iter().any(|other| other.name == token.name) {
            return Err(TokenError::Taken);
        }
        if token.reflects() && self.0.iter().filter(|other| other.reflects()).count() >= MOST_TO_REFLECT {
            return Err(TokenError::TooManyToReflect);
        }
        self.0.push(token);
        Ok(())
    }
}

/// A name as people have them. No control characters, and nothing that turns the direction of writing: it stands in tables.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || c == ' ' || c.is_ascii_punctuation();
    (1..=LONGEST_NAME).contains(&name.chars().count()) && name.chars().all(fits) && name.trim() == name
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_found_by_what_its_holder_shows_and_by_nothing_else() {
        let mut tokens = Tokens::default();
        let first = tokens.add("Budi", &[Scope::Operate, Scope::Read, Scope::Read], at(0), None).unwrap();
        let second = tokens.add("Siti", &[Scope::Read], at(0), Some(Duration::from_mins(1))).unwrap();
        assert_ne!(first, second);
        let found = |shown: &str| Some(tokens.find(Hash::of(shown)?)?.name.to_string());
        assert_eq!((found(&first).as_deref(), found(&second).as_deref()), (Some("Budi"), Some("Siti")));
        for other in ["", "siaga_", &first[..20], &format!("{first}x"), &first.to_uppercase(), &first[1..]] {
            assert_eq!(found(other), None, "{other}");
        }
        let mut near = first.into_bytes();
        *near.last_mut().unwrap() ^= 1;
        assert_eq!(found(std::str::from_utf8(&near).unwrap()), None);
        assert_eq!(tokens.all()[0].scopes, [Scope::Read, Scope::Operate]);
        assert!(!tokens.all()[1].has_expired(at(59)) && tokens.all()[1].has_expired(at(60)));
        assert!(!format!("{tokens:?}").contains("Budi"));
    }

    #[test]
    fn a_token_has_a_name_that_is_one_and_is_the_only_one() {
        let mut tokens = Tokens::default();
        for name in ["Ibu Siti N. (IT)", "d'Arc", "王", "<b>"] {
            tokens.add(name, &[Scope::Read], at(0), None).unwrap();
        }
        for name in ["", " ", "a\nb", " a", "a ", "a\u{202e}b", "\u{1b}[31m", &"x".repeat(65)] {
            assert_eq!(tokens.add(name, &[Scope::Read], at(0), None), Err(TokenError::Name), "{name:?}");
        }
        assert_eq!(tokens.add("d'Arc", &[Scope::Read], at(0), None), Err(TokenError::Taken));
        assert_eq!(tokens.add("Budi", &[], at(0), None), Err(TokenError::NoScope));
        for long in [Duration::MAX, LONGEST_GOOD + Duration::from_secs(1)] {
            assert_eq!(tokens.add("Budi", &[Scope::Read], at(0), Some(long)), Err(TokenError::TooFar));
        }
        tokens.add("Budi", &[Scope::Read], at(0), Some(LONGEST_GOOD)).unwrap();
        tokens.revoke("Budi").unwrap();
        assert_eq!(tokens.revoke("Budi"), Err(TokenError::Unknown));
        for room in 0..MOST_TO_REFLECT {
            tokens.add(&format!("room {room}"), &[Scope::Reflect], at(0), None).unwrap();
        }
        let more = [Scope::Read, Scope::Reflect];
        assert_eq!(tokens.add("one more", &more, at(0), None), Err(TokenError::TooManyToReflect));
        tokens.revoke("room 7").unwrap();
        tokens.add("one more", &more, at(0), None).unwrap();
        tokens.revoke("d'Arc").unwrap();
        assert_eq!(tokens.all().len(), 3 + MOST_TO_REFLECT);
    }
}
