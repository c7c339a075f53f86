//! For how long a UPS is believed that says that it tests itself. Pure.

use std::time::Duration;

use crate::domain::Mono;

/// What hangs at "testing" would hide each outage; a test that runs for longer empties the battery as one.
const AT_MOST: Duration = Duration::from_mins(15);

/// Since when it has said so, and when it did last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Testing(Option<(Mono, Mono)>);

impl Testing {
    /// Takes what it says `now`; whether it is believed that it tests itself.
    pub(super) fn is_believed(&mut self, says: bool, now: Mono) -> bool {
        // What was said before a long silence is another test.
        let before = self.0.filter(|(_, last)| now.since(*last) < AT_MOST);
        self.0 = says.then(|| (before.map_or(now, |(since, _)| since), now));
        self.0.is_some_and(|(since, _)| now.since(since) < AT_MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_believed_for_a_quarter_of_an_hour_and_another_one_anew() {
        let mut testing = Testing::default();
        let mut look = |says, minute| testing.is_believed(says, Mono::from_elapsed(Duration::from_mins(minute)));
        assert!(!look(false, 0));
        assert!(look(true, 1) && look(true, 10) && look(true, 15));
        assert!(!look(true, 16) && !look(true, 30) && !look(true, 44), "it hangs");
        assert!(!look(false, 45));
        assert!(look(true, 46), "another one");
        assert!(look(true, 61), "it was not heard meanwhile: which one it is nobody knows");
        assert!(look(true, 75) && !look(true, 76));
    }
}
