//! Where samples would be pushed slower than they are taken, by what a config says.

use super::pushing::SHARE;
use crate::config::Config;
use crate::domain::Size;

const MB: u64 = 1_000_000;

/// In words, for whoever checks the config.
pub(super) fn behind(config: &Config) -> Vec<String> {
    let Some(push) = &config.remote_write else { return Vec::new() };
    let up = |bytes: u64| Size(bytes.div_ceil(MB) * MB);
    let (daily, interval) = (push.daily(), push.interval);
    let budgets = config.uplinks.iter().filter_map(|uplink| Some((&uplink.name, uplink.daily_budget?)));
    let short = budgets.filter(|(_, budget)| budget.0 / SHARE < daily.0);
    short
        .map(|(name, budget)| {
            format!(
                "by uplink \"{name}\" [remote_write] may take {} a day, a quarter of its daily_budget, and a usual room pushes {} a day at one \
                 push each {interval}: while the room stands by it nothing arrives in the last hours of a day (UTC), and as the next \
                 begins what is older than an hour is dropped; daily_budget = \"{}\" suffices, beside what tests take",
                Size(budget.0 / SHARE),
                up(daily.0),
                up(daily.0 * SHARE),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    #[test]
    fn a_metered_line_that_carries_less_than_a_room_pushes_is_doubted() {
        let told = |uplink: &str, push: &str| {
            let uplink = format!("[[uplink]]\nname = \"backup\"\ninterface = \"wwan0\"\n{uplink}\n");
            behind(&Config::parse(&Source::new("test", format!("{uplink}{push}"))).unwrap())
        };
        let push = "[remote_write]\nurl = \"https://prometheus.example.org/api/v1/write\"\n";
        let doubt = told("metered = true", push);
        assert!(
            doubt.len() == 1 && doubt[0].starts_with("by uplink \"backup\" [remote_write] may take 25 MB a day"),
            "{doubt:?}"
        );
        assert!(
            doubt[0].contains("pushes 35 MB a day at one push each 30s")
                && doubt[0].ends_with("daily_budget = \"139 MB\" suffices, beside what tests take"),
            "{doubt:?}"
        );
        assert_eq!(told("daily_budget = \"139 MB\"", push), [""; 0]);
        assert_eq!(told("", push), [""; 0], "no budget, no limit");
        assert_eq!(told("metered = true", ""), [""; 0]);
    }
}
