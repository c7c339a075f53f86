//! What people order of those who are told: a test message, sent and seen to arrive.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Desk, No};
use crate::app::recorder::Ask;
use crate::control::Words;
use crate::control::order::{Behind, Word};
use crate::domain::doing::Task;
use crate::domain::{Actor, Lang, Text};

/// How long a test message is waited for beyond one attempt's own deadline: the one that it stands behind may take as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same where an older message stands in the way.
const SHORT: Duration = Duration::from_secs(5);

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
        let mut attempts = self.stats.watch();
        let (made, key) = oneshot::channel();
        _ = self.asks.send(Ask::Test { receiver: name.into(), made }).await;
        let key = key.await.ok().flatten().ok_or_else(unknown)?;
        let tried = |counts: &crate::notify::stats::Counts| {
            let last = counts.receivers.get(name)?.last.as_ref()?;
            (last.key == key).then(|| last.ended.clone())
        };
        let ended = attempts.wait_for(|counts| tried(counts).is_some());
        // Where an older message fails again and again, this one is behind it: its cause is known now, and no wait tells more.
        let failing = self.stats.counts().receivers.get(name).filter(|counts| counts.failures_in_a_row > 0).cloned();
        let patience = if failing.is_some() { SHORT } else { timeout + PATIENCE };
        if let Ok(Ok(counts)) = tokio::time::timeout(patience, ended).await {
            return Ok(match tried(&counts) {
                Some(Err(error)) => (Some(error.to_string()), error.retryable(), None),
                _ => (None, false, None),
            });
        }
        let cause = failing.and_then(|counts| counts.last?.ended.err()).map(|error| error.to_string());
        let why = cause.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        Ok((Some(WAITS.in_lang(lang).to_owned() + &why), true, Some(Behind { cause })))
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
