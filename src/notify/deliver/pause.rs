//! The pause between an attempt that failed and the next one. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Mono, Notification};

/// What is to be said within so long is not unsaid yet.
const SOON: Duration = Duration::from_mins(1);

/// A pause in which what is new may be tried at once: what is spoken is not kept back by an older word that could not be said. By default
/// there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Pause {
    until: Mono,
    /// Nothing is tried before, however new it is: the receiver has said so.
    barred: Mono,
    /// What comes meanwhile is not said soon.
    is_long: bool,
    /// What has been seen waiting, by key.
    seen: BTreeSet<Arc<str>>,
}

impl Pause {
    /// The one after a failure at `now`; `retry_after` is when another attempt makes sense at the earliest, where that is known.
    pub(super) fn after(now: Mono, retry_after: Option<Duration>) -> Self {
        let barred = now.after(retry_after.unwrap_or_default());
        Self { until: barred, barred, is_long: retry_after.is_none_or(|wait| wait > SOON), seen: BTreeSet::new() }
    }

    /// The same, until then.
    pub(super) fn lasts(self, until: Mono) -> Self {
        Self { until, ..self }
    }

    /// When the next attempt may be made.
    pub(super) const fn until(&self) -> Mono {
        self.until
    }

    /// Looks at all that waits. What was not seen before need not wait for the end of the pause, but where the receiver has barred us. Gives
    /// what of it is not said soon: others are to be told.
    pub(super) fn look<'a>(&mut self, waiting: &'a [Notification]) -> Vec<&'a Notification> {
        let new: Vec<_> = waiting.iter().filter(|word| self.seen.insert(Arc::clone(&word.key))).collect();
        if !new.is_empty() {
            self.until = self.until.min(self.barred);
        }
        if self.is_long { new } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn words(keys: &[&str]) -> Vec<Notification> {
        let word = |key: &&str| Notification::new(*key, &"channel".into(), None, "{}", Timestamp::UNIX_EPOCH);
        keys.iter().map(word).collect()
    }

    /// The keys of what others are to be told.
    fn keys(words: Vec<&Notification>) -> Vec<&str> {
        words.into_iter().map(|word| &*word.key).collect()
    }

    #[test]
    fn what_is_new_is_tried_at_once_and_told_to_others() {
        let now = Mono::ZERO.after(MINUTE);
        let mut pause = Pause::after(now, None);
        assert_eq!(keys(pause.look(&words(&["a", "b"]))), ["a", "b"], "what could not be said");
        let mut pause = pause.lasts(now.after(5 * MINUTE));
        assert!(pause.look(&words(&["a", "b"])).is_empty());
        assert_eq!(pause.until(), now.after(5 * MINUTE), "nothing is new");
        let waiting = words(&["b", "c"]);
        assert_eq!(keys(pause.look(&waiting)), ["c"]);
        assert_eq!(pause.until(), now);
        assert!(pause.look(&waiting).is_empty(), "once");
    }

    #[test]
    fn what_is_new_waits_where_the_receiver_has_said_for_how_long() {
        let now = Mono::ZERO.after(MINUTE);
        // A gap between messages is soon over, an hour's airtime is not.
        for (wait, told) in [(MINUTE / 6, vec![]), (10 * MINUTE, vec!["b"])] {
            let mut pause = Pause::after(now, Some(wait));
            pause.look(&words(&["a"]));
            let mut pause = pause.lasts(now.after(wait.max(5 * MINUTE)));
            assert_eq!(keys(pause.look(&words(&["a", "b"]))), told, "{wait:?}");
            assert_eq!(pause.until(), now.after(wait));
        }
    }
}
