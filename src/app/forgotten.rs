//! What of the past nobody will be able to tell, by what a config says.

use std::time::Duration;

use crate::config::Config;
use crate::domain::Period;
use crate::domain::past::UNWATCHED;

/// A month, and as long again to ask for it.
const TWO_MONTHS: Duration = Duration::from_hours(62 * 24);

/// In words, for whoever checks the config.
pub(super) fn forgotten(config: &Config) -> Vec<String> {
    let (kept, checks) = (config.store.retention_transitions, &config.plan.checks);
    let seldom = !checks.is_empty() && checks.iter().all(|check| check.interval > UNWATCHED);
    let seldom = seldom.then(|| {
        let often = Period(UNWATCHED);
        format!("no check looks each {often} or more often: by ledger, month and reports nobody watched at any time")
    });
    let short = (kept.0 < TWO_MONTHS).then(|| {
        format!("[store] retention_transitions = \"{kept}\" is less than 62 days: a month is told by what is left of it then")
    });
    seldom.into_iter().chain(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn told(text: &str) -> Vec<String> {
        forgotten(&Config::parse(&Source::new("test", text.to_owned())).unwrap())
    }

    #[test]
    fn a_room_that_is_looked_at_too_seldom_and_a_memory_that_is_too_short_are_doubted() {
        assert_eq!(told(""), [""; 0]);
        let slow = "[[check]]\nname = \"page\"\nkind = \"http\"\nurl = \"https://meet.example.org/\"\ninterval = \"10m\"\nfresh_for = \"25m\"\n";
        assert!(told(slow)[0].starts_with("no check looks each 150s or more often"), "{:?}", told(slow));
        let beside = format!("{slow}[[check]]\nname = \"pc\"\nkind = \"computer\"\n");
        assert_eq!(told(&beside), [""; 0]);
        let short = told("[store]\nretention_transitions = \"30d\"\n");
        assert!(short.len() == 1 && short[0].contains("\"30d\" is less than 62 days"), "{short:?}");
    }
}
