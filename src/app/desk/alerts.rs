//! What people order of those who are told: a test message, sent and seen to arrive.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Desk, No};
use crate::app::recorder::Ask;
use crate::control::Words;
use crate::control::order::{Behind, Word};
use crate::domain::doing::Task;
use crate::domain::{Actor, Lang, Outbox as _, Text};
use crate::notify::error::DeliveryError;
use crate::notify::stats::ReceiverCounts;

/// How long a test message is waited for beyond one attempt's own deadline: the one that it stands behind may take as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same where an older message stands in the way.
const SHORT: Duration = Duration::from_secs(5);

/// What became of an attempt.
type Ended = Result<(), DeliveryError>;

impl Desk {
    /// Sends a test message to each receiver at once, and says what becomes of the first attempt.
    pub(super) async fn test_alert(&self, who: &Actor, receivers: &[String], lang: Lang, words: &Words) {
        let known: Vec<_> = self
            .configs
            .borrow()
            .receivers
            .iter()
            .map(|receiver| (Arc::clone(&receiver.name), receiver.timeout.0))
            .collect();
        if known.is_empty() {
            let message = NOBODY.in_lang(lang).to_owned();
            return words.say(Word::Refused { check: None, message });
        }
        let all: Vec<String>;
        let named = if receivers.is_empty() {
            all = known.iter().map(|(name, _)| name.to_string()).collect();
            &all
        } else {
            receivers
        };
        words.say(Word::Telling { receivers: named.len() });
        let tests = named.iter().map(|name| async {
            let timeout = known.iter().find(|(known, _)| **known == *name.as_str()).map(|(_, timeout)| *timeout);
            let mut act = self.act(who, "test_alert", name);
            match self.send_test(name, timeout, &mut act, lang).await {
                Ok((failed, again, behind)) => {
                    act.outcome =
                        Some(if failed.is_none() { "delivered".to_owned() } else { "not delivered".to_owned() });
                    words.say(Word::Told { receiver: name.clone(), failed, again, behind });
                }
                Err(no) => {
                    act.outcome = Some(format!("refused: {}", no.audit));
                    words.say(Word::Refused { check: Some(name.clone()), message: no.told });
                }
            }
            self.write(&act).await;
        });
        futures_util::future::join_all(tests).await;
    }

    /// What became of the first attempt: why it failed, whether it is tried again, and what it waits behind where there was none.
    async fn send_test(
        &self,
        name: &str,
        timeout: Option<Duration>,
        act: &mut crate::domain::Act,
        lang: Lang,
    ) -> Result<(Option<String>, bool, Option<Behind>), No> {
        let unknown = || {
            let known: Vec<_> =
                self.configs.borrow().receivers.iter().map(|receiver| receiver.name.to_string()).collect();
            let args = [("receiver", name.to_owned().into()), ("known", known.join(", ").into())];
            No::new(&NO_RECEIVER, &args, lang, "no such receiver")
        };
        let timeout = timeout.ok_or_else(unknown)?;
        if !self.write(act).await {
            return Err(No::new(&super::NOT_WRITTEN, &[], lang, "not written down"));
        }
        // Cut off after so long, whatever becomes of it.
        let task = Task::Message(name.into());
        let _mark = self.board.begin(task, self.clock.now(), timeout + PATIENCE);
        let before = self.counts_of(name).failures_in_a_row;
        let (made, key) = oneshot::channel();
        _ = self.asks.send(Ask::Test { receiver: name.into(), made }).await;
        let key = key.await.ok().flatten().ok_or_else(unknown)?;
        // Where an older message fails again and again, this one is behind it: its cause is known now, and no wait tells more. Who is
        // spoken to is tried at once for the sake of what is new, and that takes as long as to say it.
        let fleeting = self.is_fleeting(name);
        let patience = if before > 0 && !fleeting { SHORT } else { timeout + PATIENCE };
        let attempt = self.first_attempt(name, &key, fleeting.then_some(before));
        match tokio::time::timeout(patience, attempt).await {
            Ok(Some(Err(error))) => return Ok((Some(error.to_string()), error.retryable(), None)),
            Ok(Some(Ok(()))) => return Ok((None, false, None)),
            Ok(None) | Err(_) => {}
        }
        let ReceiverCounts { failures_in_a_row, last, .. } = self.counts_of(name);
        let failed = last.filter(|_| failures_in_a_row > 0);
        let cause = failed.and_then(|last| last.ended.err()).map(|error| error.to_string());
        let why = cause.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        let is_behind = self.is_behind(name, &key).await;
        let said = if is_behind { &WAITS } else { &UNTRIED };
        Ok((Some(said.in_lang(lang).to_owned() + &why), true, is_behind.then_some(Behind { cause })))
    }

    /// How the first attempt at a message ended; `None` where a message that stands before it has failed more often than `before`, so
    /// that the wait for it is long.
    async fn first_attempt(&self, name: &str, key: &str, before: Option<u32>) -> Option<Ended> {
        let mut changes = self.stats.watch();
        loop {
            changes.mark_unchanged();
            let counts = self.counts_of(name);
            if let Some(last) = counts.last.filter(|last| *last.key == *key) {
                return Some(last.ended);
            }
            let failed = before.is_some_and(|before| counts.failures_in_a_row > before);
            if failed && self.is_behind(name, key).await {
                return None;
            }
            changes.changed().await.ok()?;
        }
    }

    /// Whether an older message waits for a receiver, before the one of this key.
    async fn is_behind(&self, name: &str, key: &str) -> bool {
        let waiting = self.store.waiting(name).await;
        waiting.iter().position(|word| *word.key == *key).is_some_and(|place| place > 0)
    }

    /// Whether a receiver is spoken to.
    fn is_fleeting(&self, name: &str) -> bool {
        let config = self.configs.borrow();
        config.receivers.iter().any(|receiver| *receiver.name == *name && receiver.way.is_fleeting())
    }

    fn counts_of(&self, name: &str) -> ReceiverCounts {
        self.stats.counts().receivers.get(name).cloned().unwrap_or_default()
    }
}

static NOBODY: Text = Text::new(
    "Konfigurasi tidak menyebut penerima ([[receiver]]), jadi tidak ada yang diberi tahu",
    "The config names no receiver ([[receiver]]), so nobody is told",
);
static NO_RECEIVER: Text = Text::new(
    "Tidak ada penerima bernama \"{receiver}\"; yang ada: {known}",
    "There is no receiver \"{receiver}\"; those that there are: {known}",
);
pub(super) static WAITS: Text = Text::new(
    "masih menunggu di belakang pesan lain yang belum sampai",
    "it still waits behind another message that has not arrived",
);
static UNTRIED: Text =
    Text::new("belum ada percobaan mengirimnya yang selesai", "no attempt to send it has come to its end yet");
