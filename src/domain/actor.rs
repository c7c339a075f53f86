//! Who acts, and what they may do. Names of people stand in the audit and in reports, and nowhere else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who acts. Has no `Debug`: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    /// Their name.
    pub name: Arc<str>,
    /// How they are known.
    pub via: Via,
}

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the kernel's word for a user of this machine.
    Local,
    /// By a token.
    Token,
}

impl Via {
    /// As the audit has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Token => "token",
        }
    }
}

/// What a token is good for. Each is good for reading too: who may act may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reading the room, where that is not open to everybody.
    Read,
    /// Changing the agenda: for the scheduler's program.
    Schedule,
    /// Acting for the room's people: acknowledgements, silences, test messages.
    Operate,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Schedule, Self::Operate];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Schedule => "schedule",
            Self::Operate => "operate",
        }
    }

    /// The scope of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Whether somebody who has `these` may do what asks for this one.
    pub fn is_in(self, these: &[Self]) -> bool {
        these.contains(&self) || (self == Self::Read && !these.is_empty())
    }
}

/// Who may read without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenTo {
    /// Whoever reaches the address.
    #[default]
    Everyone,
    /// Whoever asks from this machine, by loopback.
    ThisMachine,
    /// Nobody: each request shows a token, but for the page's login and the daemon's own health.
    Nobody,
}

impl OpenTo {
    /// Whether it is open to somebody without a token, who is on this machine or not.
    pub const fn is_open(self, on_this_machine: bool) -> bool {
        match self {
            Self::Everyone => true,
            Self::ThisMachine => on_this_machine,
            Self::Nobody => false,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_good_for_itself_and_for_reading_alone() {
        for has in Scope::ALL {
            for asked in Scope::ALL {
                assert_eq!(asked.is_in(&[has]), asked == has || asked == Scope::Read, "{asked} by {has}");
            }
            assert!(!has.is_in(&[]));
            assert_eq!(Scope::parse(has.as_str()), Some(has));
        }
    }
}
