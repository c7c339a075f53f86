//! For how long a UPS is believed that says that it tests itself, or calibrates its battery. Pure.

use std::time::Duration;

use crate::domain::Mono;

/// What hangs at "testing" would hide each outage; a test that runs for longer empties the battery as one.
const AT_MOST: Duration = Duration::from_mins(15);

/// A calibration empties the battery as far as it may be: of the largest in a room within this.
const CALIBRATES: Duration = Duration::from_hours(4);

/// Since when it has said so, and when it did last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Testing {
    at_most: Duration,
    said: Option<(Mono, Mono)>,
}

impl Testing {
    /// That it tests itself.
    pub(super) const fn itself() -> Self {
        Self { at_most: AT_MOST, said: None }
    }

    /// That it calibrates its battery.
    pub(super) const fn its_battery() -> Self {
        Self { at_most: CALIBRATES, said: None }
    }

    /// Takes whether it says so `now`; whether it is believed.
    pub(super) fn is_believed(&mut self, says: bool, now: Mono) -> bool {
        // What was said before a long silence is another test.
        let before = self.said.filter(|(_, last)| now.since(*last) < AT_MOST);
        self.said = says.then(|| (before.map_or(now, |(since, _)| since), now));
        self.said.is_some_and(|(since, _)| now.since(since) < self.at_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_believed_for_a_quarter_of_an_hour_and_another_one_anew() {
        let mut testing = Testing::itself();
        let mut look = |says, minute| testing.is_believed(says, Mono::from_elapsed(Duration::from_mins(minute)));
        assert!(!look(false, 0));
        assert!(look(true, 1) && look(true, 10) && look(true, 15));
        assert!(!look(true, 16) && !look(true, 30) && !look(true, 44), "it hangs");
        assert!(!look(false, 45));
        assert!(look(true, 46), "another one");
        assert!(look(true, 61), "it was not heard meanwhile: which one it is nobody knows");
        assert!(look(true, 75) && !look(true, 76));
    }

    #[test]
    fn a_calibration_is_believed_for_hours_and_not_for_a_day() {
        let mut testing = Testing::its_battery();
        let believed =
            (0..1440).filter(|minute| testing.is_believed(true, Mono::from_elapsed(Duration::from_mins(*minute))));
        assert_eq!(believed.last(), Some(239));
    }
}
