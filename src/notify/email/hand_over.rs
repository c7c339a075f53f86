//! An attempt's dialogue with the server, once that has let us in, until it has the letter (RFC 5321 §3.3).

use std::mem;

use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::{Address, Message};

use super::{DeliveryError, Failure, Learned, failed, judged, within};
use crate::domain::Mono;

/// What the log says of a letter that not all have.
const ALONE: &str = "a letter went to the others alone, without";

/// What a server answers that hangs up at once (RFC 5321 §3.8): it says little of the mailbox that it was asked for.
const HANGS_UP: u16 = 421;

/// Hands a letter over to those that it is `left` for and whose mailboxes the server takes: one that it refuses for good, as of somebody
/// who has left, keeps the letter from none of the others, and one that it puts off for minutes, since it is full, does so no longer.
///
/// One of which it said nothing in time, perhaps since it asks another server that is away, ends an attempt, of which nothing more can be
/// asked: it is asked for after that when the others have the letter, and alone, so that it takes no other with it. Not left out, since
/// the line may have died there. Whoever was not asked, or is put off and waited for, is asked for by the next attempt.
pub(super) async fn hand_over(
    server: &mut AsyncSmtpConnection,
    letter: &Message,
    key: &str,
    left: &[Address],
    learned: &mut Learned,
    now: Mono,
) -> Result<(), DeliveryError> {
    let bytes = letter.formatted();
    let from = opening(server, letter.envelope(), &bytes)?;
    let (first, last) = learned.put_off.split(left);
    let together = if learned.halfway.is_of(key) { 1 } else { first.len().max(1) };
    let mut dialogue =
        Dialogue { server, from, key, bytes, learned, now, is_begun: false, refused: Vec::new(), waited_for: None };
    for turn in first.chunks(together).chain(last.chunks(1)) {
        match dialogue.hand_to(turn).await {
            // All are tried again: who is not taken now may be then, and nobody is to have it twice.
            Ok(()) if dialogue.waited_for.is_some() && !dialogue.learned.halfway.is_of(key) => break,
            Ok(()) => {}
            Err(error) => {
                let is_left_out = leave_out_asked(key, dialogue.learned, &error.detail);
                // Where the letter is refused for what it is, the session goes on.
                if !is_left_out || error.retryable() && !dialogue.learned.halfway.left(key, left).is_empty() {
                    return Err(error);
                }
            }
        }
    }
    let refused = dialogue.refused.into_iter().map(|(_, why)| why).next();
    dialogue.waited_for.or(refused).map_or(Ok(()), Err)
}

/// Leaves out who was asked for once more, if the others have the letter and nothing came of it. Whether there is such a one.
pub(super) fn leave_out_asked(key: &str, learned: &mut Learned, why: &str) -> bool {
    let is_left_out = learned.halfway.leave_out_asked(key);
    if is_left_out {
        tracing::warn!(why, "{ALONE} a mailbox in `to` that was asked for once more, in vain");
    }
    is_left_out
}

/// How a letter begins, if the server can do what it needs.
fn opening(server: &AsyncSmtpConnection, envelope: &Envelope, bytes: &[u8]) -> Result<Mail, DeliveryError> {
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let is_plain = envelope.from().into_iter().chain(envelope.to()).all(is_ascii);
    let needs = [
        // RFC 6531, and RFC 6152.
        (!is_plain, Extension::SmtpUtfEight, MailParameter::SmtpUtfEight),
        (!bytes.is_ascii(), Extension::EightBitMime, MailParameter::Body(MailBodyParameter::EightBitMime)),
    ];
    let mut parameters = Vec::new();
    for (_, extension, parameter) in needs.into_iter().filter(|(is_needed, ..)| *is_needed) {
        if !server.server_info().supports_feature(extension) {
            return Err(DeliveryError::new(Failure::Protocol, format!("the server has no {extension}")));
        }
        parameters.push(parameter);
    }
    Ok(Mail::new(envelope.from().cloned(), parameters))
}

/// One session with one letter.
struct Dialogue<'a> {
    server: &'a mut AsyncSmtpConnection,
    from: Mail,
    key: &'a str,
    bytes: Vec<u8>,
    learned: &'a mut Learned,
    now: Mono,
    is_begun: bool,
    /// Whom the server does not take, and why, while nobody has the letter.
    refused: Vec<(Address, DeliveryError)>,
    /// Why another attempt is made, for whoever is put off.
    waited_for: Option<DeliveryError>,
}

/// What a server says of a mailbox, and goes on.
enum Answer {
    Taken,
    /// It may be taken soon.
    WaitedFor(DeliveryError),
    /// It is refused, or put off for long.
    Refused(DeliveryError),
}

impl Dialogue<'_> {
    /// Hands it to those of these that the server takes, together; to none while one of them is waited for.
    async fn hand_to(&mut self, mailboxes: &[Address]) -> Result<(), DeliveryError> {
        let told = |error: smtp::Error| failed(&error);
        if mem::replace(&mut self.is_begun, true) {
            within(self.server.command(Rset)).await?.map_err(told)?;
        }
        within(self.server.command(self.from.clone())).await?.map_err(told)?;
        let (mut taken, mut is_waited_for) = (Vec::new(), false);
        for to in mailboxes {
            match self.ask(to).await? {
                Answer::Taken => taken.push(to.clone()),
                Answer::WaitedFor(why) => {
                    is_waited_for = true;
                    self.waited_for.get_or_insert(why);
                }
                Answer::Refused(why) => self.refused.push((to.clone(), why)),
            }
        }
        if is_waited_for {
            return Ok(());
        }
        if !taken.is_empty()
            && let Err(error) = self.send().await
        {
            if error.retryable() && error.failure != Failure::Denied {
                self.learned.halfway.asks_again_for_now(self.key, self.now);
            }
            return Err(error);
        }
        self.settle(taken);
        Ok(())
    }

    /// These have it by now; if any has, whoever is refused goes without.
    fn settle(&mut self, taken: Vec<Address>) {
        let halfway = &mut self.learned.halfway;
        for to in taken {
            halfway.settle(self.key, to);
        }
        if halfway.is_of(self.key) {
            for (to, error) in self.refused.drain(..) {
                tracing::warn!(%error, "{ALONE} one of the mailboxes in `to`: refused, or long put off");
                halfway.settle(self.key, to);
            }
        }
    }

    /// Asks for one.
    async fn ask(&mut self, to: &Address) -> Result<Answer, DeliveryError> {
        let Learned { put_off, halfway, .. } = &mut *self.learned;
        if put_off.is_unanswered(to) {
            halfway.asks_last(self.key, to);
        }
        put_off.asked(to, self.now);
        let Err(error) = within(self.server.command(Rcpt::new(to.clone(), Vec::new()))).await? else {
            put_off.taken(to);
            // If the letter is not taken then, it is not sent time and again for this one alone, while others wait behind it, but for
            // minutes.
            halfway.asks_last(self.key, to);
            return Ok(Answer::Taken);
        };
        let why = failed(&error);
        let Some(code) = error.status() else { return Err(why) };
        let waits = error.is_transient() && put_off.is_waited_for(to, self.now);
        if waits {
            halfway.asks_again();
        } else {
            halfway.asks_last(self.key, to);
        }
        if u16::from(code) == HANGS_UP {
            return Err(why);
        }
        put_off.answered(to);
        Ok(if waits { Answer::WaitedFor(why) } else { Answer::Refused(why) })
    }

    /// Sends it to those that were taken.
    async fn send(&mut self) -> Result<(), DeliveryError> {
        within(self.server.command(Data)).await?.map_err(|error| failed(&error))?;
        // From here on it has the letter, and the attempt's own time to look through it.
        let sent = self.server.message(&self.bytes).await;
        let mut for_long = || self.learned.disliked.is_for_long(self.key, self.now);
        sent.map_err(|error| judged(&error, Some(&mut for_long)))?;
        Ok(())
    }
}
