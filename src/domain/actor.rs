//! Who acts, and what they may do. Names of people stand in the audit, in sessions with their run sheets, in reports and beside tokens: in no log, label or metric.

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

impl Actor {
    /// Whether they order by a command on this machine, so that another command is of use to them.
    pub const fn has_commands(&self) -> bool {
        matches!(self.via, Via::Local)
    }
}

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the kernel's word for a user of this machine.
    Local,
    /// By a token.
    Token,
    /// By nothing but that they come by loopback.
    Loopback,
}

impl Via {
    /// As the audit has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Token => "token",
            Self::Loopback => "loopback",
        }
    }
}

/// Before each token, so that one that has leaked into a file or a chat is found by looking for it.
pub const TOKEN_PREFIX: &str = "siaga_";

/// The random part of a token, bytes.
pub const TOKEN_BYTES: usize = 32;

/// Whether that can be a token at all.
pub fn is_like_a_token(shown: &str) -> bool {
    let random = shown.strip_prefix(TOKEN_PREFIX);
    random.is_some_and(|random| random.is_ascii() && random.len() == (TOKEN_BYTES * 8).div_ceil(6))
}

/// What a token is good for. Each that is about the room is good for reading too: who may act may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reading the room, where that is not open to everybody.
    Read,
    /// Changing the agenda: for the scheduler's program.
    Schedule,
    /// Acting for the room's people: acknowledgements, silences, test messages.
    Operate,
    /// Being answered by a reflector, at the far end of a line. Good for nothing else: that is another machine than the room's, and
    /// such a token lies in a file at each room that sends to it.
    Reflect,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Schedule, Self::Operate, Self::Reflect];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Schedule => "schedule",
            Self::Operate => "operate",
            Self::Reflect => "reflect",
        }
    }

    /// The scope of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Whether somebody who has `these` may do what asks for this one.
    pub fn is_in(self, these: &[Self]) -> bool {
        these.contains(&self) || (self == Self::Read && these.iter().any(|has| *has != Self::Reflect))
    }
}

/// Who may read without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenTo {
    /// Whoever reaches the address.
    Everyone,
    /// Whoever asks from this machine, by loopback. An address in the network is no word on who may read.
    #[default]
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
    fn each_scope_is_good_for_itself_and_for_reading_alone_and_a_reflectors_for_itself() {
        for has in Scope::ALL {
            for asked in Scope::ALL {
                let reads = asked == Scope::Read && has != Scope::Reflect;
                assert_eq!(asked.is_in(&[has]), asked == has || reads, "{asked} by {has}");
            }
            assert!(!has.is_in(&[]));
            assert_eq!(Scope::parse(has.as_str()), Some(has));
        }
        assert!(Scope::Read.is_in(&[Scope::Operate, Scope::Reflect]));
    }
}
