//! A client's talk with a TURN server (RFC 8656): an allocation, a channel to one's own relayed address, and the end of both.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::credentials::Credentials;
use super::wire::{MESSAGE, Wire};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};
use crate::probe::budget::Ledger;
use crate::probe::dial::kind_of;
use crate::probe::stun::codec::{self, Class, Message, Method, Transaction, attribute};
use crate::probe::stun::integrity::Key;

/// RFC 8656 §12: the first of the numbers that a channel may have.
pub(super) const CHANNEL: u16 = 0x4000;
/// RFC 8656 §14.7 (RFC 5766 §14.7): relay UDP.
const UDP: [u8; 4] = [17, 0, 0, 0];
/// RFC 8656 §18.8: an address of IPv6.
const V6: [u8; 4] = [2, 0, 0, 0];
/// RFC 8489 §9.2: without credentials, with them, with the other family, and again for a nonce that has become stale on the way.
const ROUNDS: usize = 5;

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How soon a question is sent again; RFC 8489 §6.2.1 would double it each time, and wait for 39.5 s.
    again: Duration,
    all: Duration,
}

/// A line that loses half of everything, there or back, leaves one in a hundred unanswered.
const ASKING: Patience = Patience { again: Duration::from_millis(400), all: Duration::from_secs(4) };
/// An allocation that is not given back ends by itself in ten minutes.
pub(super) const LEAVING: Patience = Patience { again: Duration::from_millis(300), all: Duration::from_millis(1500) };
/// The room is in use: over before 100 ms are.
pub(super) const LEAVING_AT_ONCE: Patience =
    Patience { again: Duration::from_millis(25), all: Duration::from_millis(70) };

/// Why a question got no answer that helps.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing of a TURN server has ever come by this wire.
    Silent(String),
    /// The server says no, or has fallen silent.
    Failed(ProbeError),
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
enum Question {
    /// RFC 8656 §7.1: an address at which the server hears for us; of IPv4, as browsers ask (the server's default).
    Allocate,
    /// The same of IPv6, where the server has no other.
    AllocateV6,
    /// RFC 8656 §12.1: a channel to a peer, which is allowed to send to us by that too.
    Bind(SocketAddr),
    /// RFC 8656 §8.1, with a lifetime of nothing: the end of the allocation.
    Release,
}

impl Question {
    const fn allocates(self) -> bool {
        matches!(self, Self::Allocate | Self::AllocateV6)
    }

    const fn method(self) -> Method {
        match self {
            Self::Allocate | Self::AllocateV6 => Method::Allocate,
            Self::Bind(_) => Method::ChannelBind,
            Self::Release => Method::Refresh,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allocate | Self::AllocateV6 => "allocate",
            Self::Bind(_) => "bind a channel",
            Self::Release => "refresh",
        })
    }
}

/// What a server has said that each request must repeat.
struct Login {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: Key,
}

/// A talk with one server. Dropping it gives the allocation back without waiting for an answer: a last request by UDP, the
/// connection's end by TCP.
pub(super) struct Session {
    pub(super) wire: Wire,
    credentials: Credentials,
    login: Option<Login>,
    /// Whether a TURN server was ever heard.
    heard: bool,
    /// Whether it may hold an allocation for us.
    held: bool,
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
}

impl Session {
    /// A talk that has not begun.
    pub(super) const fn new(wire: Wire, credentials: Credentials, ledger: Ledger, clock: Clock) -> Self {
        Self { wire, credentials, login: None, heard: false, held: false, ledger, clock }
    }

    /// An allocation, and a channel from it to itself: what is sent into the channel comes back by it.
    pub(super) async fn open(&mut self) -> Result<(), Trouble> {
        let answer = self.ask(Question::Allocate, ASKING).await?;
        self.held = true;
        let no_address = || failed(ErrorKind::Protocol, "an allocation without an address");
        let relayed = answer.relayed.ok_or_else(no_address)?;
        self.ask(Question::Bind(relayed), ASKING).await.map(drop)
    }

    /// Gives the allocation back, and waits until the server has said so. A connection that must end at once is dropped instead,
    /// which says the same and leaves nothing to be sent.
    pub(super) async fn release(&mut self, patience: Patience) {
        if self.held && !(self.wire.is_stream() && patience.all <= LEAVING_AT_ONCE.all) {
            // A server that has none (437) is as good as one that gives it up; who is silent will forget it.
            _ = self.ask(Question::Release, patience).await;
            self.held = false;
        }
    }

    async fn ask(&mut self, mut question: Question, patience: Patience) -> Result<Message, Trouble> {
        let until = self.clock.mono().after(patience.all);
        for _ in 0..ROUNDS {
            let signed = self.login.is_some();
            let clock = self.clock;
            let exchange = self.exchange(question, patience.again);
            let answer = tokio::select! {
                biased;
                answer = exchange => answer?,
                () = clock.sleep_until(until) => {
                    let detail = format!("{question}: no answer within {} ms", patience.all.as_millis());
                    // It answered before, and not this: no packet of the test has been sent yet that could be missed.
                    return Err(self.trouble(ErrorKind::Protocol, detail));
                }
            };
            match (answer.class, answer.error) {
                (Class::Success, _) => return Ok(answer),
                (_, Some(401)) if signed => {
                    // An allocation was refused, so there is none.
                    self.held &= !question.allocates();
                    return Err(failed(
                        ErrorKind::Permission,
                        "the server does not accept user name and password (401)",
                    ));
                }
                (_, Some(401 | 438)) => self.learn(answer)?,
                // RFC 8656 §7.2: it has no address of that family.
                (_, Some(440)) if matches!(question, Question::Allocate) => question = Question::AllocateV6,
                (_, code) => {
                    self.held &= !question.allocates();
                    let code = code.map_or_else(|| "without a code".to_owned(), |code| code.to_string());
                    return Err(failed(ErrorKind::Refused, format!("{question}: error {code}")));
                }
            }
        }
        Err(failed(ErrorKind::Protocol, format!("{question}: a stale nonce each time")))
    }

    /// Asks until something is answered.
    async fn exchange(&mut self, question: Question, again: Duration) -> Result<Message, Trouble> {
        let transaction: Transaction = rand::random();
        let request = self.write(question, transaction);
        // From here on the server may have one, whether or not we ever hear of it.
        self.held |= question.allocates() && self.login.is_some();
        let mut buffer = [0; MESSAGE];
        let mut due = self.clock.mono();
        let clock = self.clock;
        loop {
            tokio::select! {
                biased;
                heard = self.wire.hear(&mut buffer) => {
                    let (length, _) = heard.map_err(|error| self.broken(&error))?;
                    self.ledger.spend(self.wire.cost(length));
                    if let Some(answer) = self.understood(&buffer[..length], question, transaction) {
                        self.heard = true;
                        return Ok(answer);
                    }
                }
                () = clock.sleep_until(due) => {
                    self.wire.send(&request).await.map_err(|error| self.broken(&error))?;
                    self.ledger.spend(self.wire.cost(request.len()));
                    due = if self.wire.is_stream() { Mono::NEVER } else { due.after(again) };
                }
            }
        }
    }

    fn write(&self, question: Question, transaction: Transaction) -> Vec<u8> {
        let mut bytes = codec::message(question.method(), Class::Request, transaction);
        match question {
            Question::Allocate => codec::append(&mut bytes, attribute::REQUESTED_TRANSPORT, &UDP),
            Question::AllocateV6 => {
                codec::append(&mut bytes, attribute::REQUESTED_TRANSPORT, &UDP);
                codec::append(&mut bytes, attribute::REQUESTED_ADDRESS_FAMILY, &V6);
            }
            Question::Bind(peer) => {
                let [high, low] = CHANNEL.to_be_bytes();
                codec::append(&mut bytes, attribute::CHANNEL_NUMBER, &[high, low, 0, 0]);
                codec::append(&mut bytes, attribute::XOR_PEER_ADDRESS, &codec::hidden(peer, transaction));
            }
            Question::Release => codec::append(&mut bytes, attribute::LIFETIME, &[0; 4]),
        }
        if let Some(login) = &self.login {
            codec::append(&mut bytes, attribute::USERNAME, self.credentials.user.as_bytes());
            codec::append(&mut bytes, attribute::REALM, &login.realm);
            codec::append(&mut bytes, attribute::NONCE, &login.nonce);
            login.key.sign(&mut bytes);
        }
        codec::seal(bytes)
    }

    /// The answer to that question; RFC 8489 §9.2.5: what should be signed and is not, or wrongly, has never come.
    fn understood(&self, bytes: &[u8], question: Question, transaction: Transaction) -> Option<Message> {
        let message = codec::parse_any(bytes).ok()?;
        let answers = matches!(message.class, Class::Success | Class::Error)
            && message.method == question.method()
            && message.transaction == transaction;
        // Those that say what to sign with cannot be signed; nor can one that has not understood the question.
        let free = matches!(message.error, Some(400 | 401 | 438));
        let signed = |login: &Login| free || login.key.has_signed(bytes, &message);
        (answers && self.login.as_ref().is_none_or(signed)).then_some(message)
    }

    /// Takes realm and nonce from an answer that asks for credentials.
    fn learn(&mut self, answer: Message) -> Result<(), Trouble> {
        let (Some(realm), Some(nonce)) = (answer.realm, answer.nonce) else {
            return Err(failed(ErrorKind::Protocol, "credentials are asked for without a realm or a nonce"));
        };
        let key = self.credentials.key(&realm);
        self.login = Some(Login { realm, nonce, key });
        Ok(())
    }

    fn broken(&self, error: &io::Error) -> Trouble {
        self.trouble(kind_of(error), error.to_string())
    }

    /// Before anything was heard, that is all that can be said of this wire.
    fn trouble(&self, kind: ErrorKind, detail: String) -> Trouble {
        if self.heard { failed(kind, detail) } else { Trouble::Silent(detail) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.held {
            let request = self.write(Question::Release, rand::random());
            self.wire.send_now(&request);
        }
    }
}

fn failed(kind: ErrorKind, detail: impl Into<String>) -> Trouble {
    Trouble::Failed(ProbeError::new(kind, detail))
}
