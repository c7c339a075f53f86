//! Those who may not, and knock all the same: how often that is written down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::allowance::Allowance;
use crate::domain::Mono;

/// So many rows of the audit at once for each, and then one each so long: nobody who may not pushes out within years what others did,
/// and none of them hides another.
const ROWS: (u32, Duration) = (10, Duration::from_mins(10));

/// So many have rows of their own; all others share one's.
const KNOWN: usize = 64;

/// What is left of each, by name.
#[derive(Default)]
pub(super) struct Strangers(Mutex<HashMap<Option<Arc<str>>, Allowance>>);

impl Strangers {
    /// Whether a row is made of it that this one knocks.
    pub(super) fn are_noted(&self, name: &Arc<str>, now: Mono) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = Some(Arc::clone(name));
        let key = if all.contains_key(&own) || all.len() < KNOWN { own } else { None };
        all.entry(key).or_insert_with(|| Allowance::whole(ROWS.0, ROWS.1, now)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knocks_all_the_time_makes_few_rows_and_hides_nobody() {
        let (strangers, begun) = (Strangers::default(), Mono::from_elapsed(Duration::from_hours(1)));
        let rows = |name: &str, seconds: std::ops::Range<u64>| {
            let name = Arc::from(name);
            seconds.filter(|second| strangers.are_noted(&name, begun.after(Duration::from_secs(*second)))).count()
        };
        assert_eq!(rows("loop", 0..86_400), 10 + 143);
        assert_eq!(rows("another", 86_400..86_403), 3);
        // Whoever has many names has few rows by them.
        let many = (0..1000).map(|number| rows(&number.to_string(), 86_500..86_501)).sum::<usize>();
        assert_eq!(many, KNOWN - 2 + 10);
    }
}
