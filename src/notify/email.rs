//! A receiver that is reached by electronic letters: SMTP (RFC 5321) with TLS, through `lettre`.

mod hand_over;
mod letter;
mod put_off;
#[cfg(test)]
mod served;
#[cfg(test)]
mod silent;

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::{Mailbox, Mailboxes, header};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Severity;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, de::Error as _};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::document::Document;
use super::error::{DeliveryError, Failure, SetupError};
use super::secret;
use crate::clock::Clock;
use crate::domain::{Mono, Notification, Period, SecretFile, hex};
use letter::{Disliked, Halfway};
use put_off::PutOff;

/// How long one attempt may take, with a letter that is sent: a server may look through one for longer than a minute before it says that
/// it has it (RFC 5321 §4.5.3.2.6 waits for ten), and who is cut off meanwhile sends it again.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);

/// How long the way to one of a server's addresses may take: where the first leads nowhere, as one of IPv6 where only IPv4 does, the next is
/// tried within ten seconds too.
const WAY: Duration = Duration::from_secs(4);

/// How long a server may take for each step before it has the letter, the way there and its greeting being the first: where nobody
/// answers, or a line dies in the middle, the next attempt may go by another line. One that asks its resolver for us (which is away when
/// the line is), or another server for the mailbox, takes half of it.
const ANSWER: Duration = Duration::from_mins(1);

/// How long a server is waited for that has the letter and is told that this is all.
const FAREWELL: Duration = Duration::from_secs(1);

/// What belongs to letters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmailReceiver")]
pub struct Config {
    /// The server that takes letters: its name or address.
    pub server: String,
    /// Its port: 587 with `starttls`, 465 with `tls`, 25 with `none`, if left out.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the way there is kept secret.
    #[serde(default)]
    pub security: Security,
    /// From whom: `siaga@example.org`, or `Siaga <siaga@example.org>`.
    #[serde(deserialize_with = "mailbox")]
    #[schemars(with = "String")]
    pub from: Mailbox,
    /// To whom, one letter for all.
    #[serde(deserialize_with = "mailboxes")]
    #[schemars(with = "Vec<String>")]
    pub to: Mailboxes,
    /// Who we are for the server, where it asks; with `password_file`.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the password; read at each delivery. `credential:NAME` as elsewhere.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_file: Option<SecretFile>,
}

/// How the way to the server is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EmailSecurity")]
pub enum Security {
    /// TLS after a greeting in the clear, and nothing without it (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None: for a server on this machine or in this room. No password is sent so.
    None,
}

fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    read_mailbox(&String::deserialize(deserializer)?)
}

fn mailboxes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailboxes, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    if all.is_empty() {
        return Err(D::Error::custom("to names nobody"));
    }
    all.iter().map(|one| read_mailbox(one)).collect()
}

fn read_mailbox<E: serde::de::Error>(text: &str) -> Result<Mailbox, E> {
    text.parse().map_err(|error| E::custom(format!("{text:?} is no address of electronic mail ({error})")))
}

impl Config {
    /// The secrets that it names, by key.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        self.password_file.iter_mut().map(|file| ("password_file", file))
    }

    /// What does not fit together: the key, and why.
    pub const fn misfit(&self) -> Option<(&'static str, &'static str)> {
        match (&self.user, &self.password_file, self.security) {
            (Some(_), None, _) => Some(("user", "a user without password_file")),
            (None, Some(_), _) => Some(("password_file", "a password without a user")),
            (_, Some(_), Security::None) => {
                Some(("security", "no password is sent in the clear; take starttls or tls"))
            }
            _ => None,
        }
    }
}

/// What was learned of the other end, for the next attempt.
#[derive(Debug, Default)]
struct Learned {
    put_off: PutOff,
    halfway: Halfway,
    disliked: Disliked,
}

/// A server of letters, ready to be asked. It was not contacted yet.
pub struct Ready {
    config: Config,
    tls: Option<TlsParameters>,
    clock: OnceLock<Clock>,
    learned: Mutex<Learned>,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ready").field(&self.config.server).finish()
    }
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded, or the server's name cannot stand in a certificate.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        _ = rustls::crypto::ring::default_provider().install_default();
        let tls = match config.security {
            Security::None => None,
            _ => Some(
                TlsParameters::new(config.server.clone())
                    .map_err(|error| SetupError::new("TLS cannot be set up", error))?,
            ),
        };
        Ok(Self { config: config.clone(), tls, clock: OnceLock::new(), learned: Mutex::default() })
    }

    /// Begins, before the first attempt: by this clock it is told for how long a mailbox is put off.
    pub fn begin(&self, clock: Clock) {
        _ = self.clock.set(clock);
    }

    /// Goes on from the one before: which mailboxes that one has waited for, since when, and who has its letter.
    pub async fn follow(&self, before: &Self) {
        *self.learned.lock().await = std::mem::take(&mut *before.learned.lock().await);
    }

    /// Makes one attempt. It has arrived when the server has taken the letter (RFC 5321 §4.2.5): what it does with it then
    /// is its to say, by a letter to the sender. Every attempt has the same `Message-ID`, by which mail programs know a
    /// second copy.
    ///
    /// # Errors
    /// Why it has not arrived, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let letter = self.letter(notification)?;
        let mut learned = self.learned.lock().await;
        let key = &*notification.key;
        hand_over::leave_out_asked(key, &mut learned, "the attempt was cut off");
        let left = learned.halfway.left(key, letter.envelope().to());
        if left.is_empty() {
            // The attempt before was cut off when all was done; the server may be away by now.
            return Ok(());
        }
        let mut server = self.connect().await?;
        let now = self.clock.get().map_or(Mono::ZERO, Clock::mono);
        let handed_over = hand_over::hand_over(&mut server, &letter, key, &left, &mut learned, now).await;
        // Whatever it says to that, it has the letter or has not.
        _ = timeout(FAREWELL, server.abort()).await;
        handed_over
    }

    /// A connection to the server, encrypted and let in as the config has it.
    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let config = &self.config;
        let (usual, wrapped, starts) = match config.security {
            Security::Starttls => (587, None, self.tls.clone()),
            Security::Tls => (465, self.tls.clone(), None),
            Security::None => (25, None, None),
        };
        let (place, hello) = ((config.server.as_str(), config.port.unwrap_or(usual)), ClientId::default());
        let server = AsyncSmtpConnection::connect_tokio1(place, Some(WAY), &hello, wrapped, None);
        let mut server = within(server).await?.map_err(|error| failed(&error))?;
        if let Some(tls) = starts {
            within(server.starttls(tls, &hello)).await?.map_err(|error| failed(&error))?;
        }
        if let (Some(user), Some(file)) = (&config.user, &config.password_file) {
            let credentials = Credentials::new(user.clone(), secret::read_text(file).await?);
            let let_in = within(server.auth(DEFAULT_MECHANISMS, &credentials)).await?;
            let_in.map_err(|error| failed(&error))?;
        }
        Ok(server)
    }

    fn letter(&self, notification: &Notification) -> Result<Message, DeliveryError> {
        let document = Document::of(notification)?;
        let refused = |what: &dyn std::fmt::Display| DeliveryError::new(Failure::Refused, what.to_string());
        let seconds = u64::try_from(notification.created_at.as_second()).unwrap_or_default();
        let mut letter = Message::builder()
            .from(self.config.from.clone())
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(message_id(&document.id, self.config.from.email.domain())))
            .subject(document.subject())
            .header(header::ContentType::TEXT_PLAIN);
        for to in self.config.to.iter() {
            letter = letter.to(to.clone());
        }
        letter.body(document.body()).map_err(|error| refused(&error))
    }
}

/// What a server answers in time.
async fn within<T>(asked: impl Future<Output = T>) -> Result<T, DeliveryError> {
    let late = |_| DeliveryError::new(Failure::Timeout, format!("no answer within {}", Period(ANSWER)));
    timeout(ANSWER, asked).await.map_err(late)
}

/// A letter's own id, the same at each attempt, and of this room alone. A key may hold what others have chosen (a session's id), and what may stand here is
/// little (RFC 5322 §3.6.4): it is the key's SHA-256, in hex.
fn message_id(key: &str, domain: &str) -> String {
    format!("<{}@{domain}>", hex(digest(&SHA256, key.as_bytes()).as_ref()))
}

/// What a failure means before the server knows the letter (RFC 5321 §4.2.1: 4yz may be taken later, 5yz not as it is): whatever it is,
/// somebody can mend it while the letter waits.
fn failed(error: &smtp::Error) -> DeliveryError {
    judged(error, None)
}

/// The same; where the letter was sent, with whether such an answer has been given to it for long.
fn judged(error: &smtp::Error, sent: Option<&mut dyn FnMut() -> bool>) -> DeliveryError {
    let mut said = error.to_string();
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        said = cause.to_string();
    }
    let failure = match error.status() {
        Some(code) if code.severity == Severity::TransientNegativeCompletion => Failure::Unavailable,
        Some(_) if sent.is_some_and(|for_long| is_of_the_letter(&said, for_long)) => Failure::Refused,
        // Of us or the place.
        Some(_) => Failure::Denied,
        None if error.is_timeout() => Failure::Timeout,
        None if error.is_response() || error.is_client() => Failure::Protocol,
        // The name, the way there, the far end's certificate.
        None => Failure::Connect,
    };
    let said = told(&said);
    match error.status() {
        Some(code) => DeliveryError::new(failure, format!("the server answered {code}: {said}")),
        None => DeliveryError::new(failure, said),
    }
}

/// Whether a permanent answer to a letter that was sent finds fault with it (RFC 3463): 5.6.z of its content, 5.3.4 and 5.2.3 too big.
/// 5.7.z, of policy, and none of these codes say so or of us; what is wrong with a mailbox or the server somebody can mend.
///
/// What may be of the letter is taken for it where it is said `for_long`.
fn is_of_the_letter(said: &str, for_long: impl FnOnce() -> bool) -> bool {
    let begins = |codes: &[&str]| codes.iter().any(|code| said.starts_with(code));
    begins(&["5.6.", "5.3.4", "5.2.3"]) || (begins(&["5.7."]) || !begins(&["5."])) && for_long()
}

/// One line, not too long, without anybody's address: it ends in the log.
fn told(said: &str) -> String {
    let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split(' ').map(|word| if word.contains('@') { "<…>" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a session whose id is the scheduler's.
    pub(super) fn notification(key: &str) -> Notification {
        in_room("ruang", key)
    }

    fn in_room(room: &str, key: &str) -> Notification {
        let id = format!("{room}.{key}");
        let payload = serde_json::json!({
            "version": 1, "id": id, "event": "test", "room": room, "room_title": "Ruang", "at": "", "lang": "id",
            "drill": false, "text": "", "incident": null, "alert": null,
        });
        Notification::new(key, &"desk".into(), None, &*payload.to_string(), jiff::Timestamp::UNIX_EPOCH)
    }

    /// A server on this machine.
    pub(super) fn config() -> Config {
        Config {
            server: "127.0.0.1".to_owned(),
            port: None,
            security: Security::None,
            from: "Siaga <siaga@example.org>".parse().unwrap(),
            to: "desk@example.org".parse().unwrap(),
            user: None,
            password_file: None,
        }
    }

    #[test]
    fn a_letters_id_is_one_whatever_stands_in_the_key() {
        let ready = Ready::new(&config()).unwrap();
        let id_in = |room: &str, key: &str| {
            let letter = String::from_utf8(ready.letter(&in_room(room, key)).unwrap().formatted()).unwrap();
            let ids: Vec<_> = letter.lines().filter_map(|line| line.strip_prefix("Message-ID: ")).collect();
            assert_eq!(ids.len(), 1, "{letter}");
            ids[0].to_owned()
        };
        let id_of = |key: &str| id_in("ruang", key);
        let key = "session.rapat<17>@dinas kesehatan/é.65.confirmed.desk";
        let id = id_of(key);
        let left = id.strip_prefix('<').and_then(|rest| rest.strip_suffix("@example.org>"));
        let left = left.unwrap_or_else(|| panic!("{id}"));
        assert!(left.len() == 64 && left.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(id_of(key), id, "a second copy is known by it");
        assert_ne!(id_of("session.rapat.65.confirmed.desk"), id);
        assert_ne!(id_in("aula", key), id, "another room follows the same calendar");
    }

    #[test]
    fn what_somebody_can_mend_is_not_held_against_the_letter() {
        // At once, and in the end.
        for (said, letter) in [
            ("5.3.4 Message size exceeds fixed limit", [true, true]),
            ("5.2.3 Message too long", [true, true]),
            ("5.6.0 Invalid header", [true, true]),
            ("5.7.1 Message rejected as spam", [false, true]),
            ("too much mail data", [false, true]),
            ("5.2.2 Mailbox full", [false, false]),
            ("5.3.0 Mail system full", [false, false]),
            ("5.1.1 <desk@example.org>: Recipient address rejected", [false, false]),
        ] {
            assert_eq!([false, true].map(|for_long| is_of_the_letter(said, || for_long)), letter, "{said}");
        }
    }

    #[test]
    fn where_the_first_address_leads_nowhere_the_second_is_tried_within_any_usual_timeout() {
        assert!(2 * WAY < Duration::from_secs(10) && PATIENCE >= Duration::from_mins(2));
    }

    #[test]
    fn nobodys_address_is_told() {
        assert_eq!(told("5.7.1 <desk@example.org>: Relay\r\naccess denied"), "5.7.1 <…> Relay  access denied");
        assert_eq!(told(&"x".repeat(300)).len(), 200);
    }
}
