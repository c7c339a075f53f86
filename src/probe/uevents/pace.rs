//! When to look after the kernel has said something. Pure: every call takes `now`.

use std::time::Duration;

use crate::domain::Mono;

/// One plug is several uevents, a millisecond or so apart: a look waits until there was none for this long …
const QUIET: Duration = Duration::from_millis(10);

/// … and no longer than this, so that nothing waits for a device that never stops.
const LONGEST: Duration = Duration::from_millis(30);

/// In a storm there is at most one look in this time.
const STORM: Duration = Duration::from_secs(1);

/// How much sooner than that looks may come where the kernel did fall quiet before each: three in a row, for a plug that is
/// pulled and put back.
const AHEAD: Duration = Duration::from_secs(2);

/// What was heard since the last look, and how soon the next one may come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The first and the last news since the last look.
    heard: Option<(Mono, Mono)>,
    /// No look for news before this.
    not_before: Mono,
}

impl Pace {
    /// Nothing heard.
    pub(super) const fn new() -> Self {
        Self { heard: None, not_before: Mono::ZERO }
    }

    /// There is news.
    pub(super) fn hears(&mut self, now: Mono) {
        let first = self.heard.map_or(now, |(first, _)| first);
        self.heard = Some((first, now));
    }

    /// When to look; never, without news.
    pub(super) fn due(&self) -> Mono {
        let Some((first, last)) = self.heard else { return Mono::NEVER };
        last.after(QUIET).min(first.after(LONGEST)).max(self.not_before)
    }

    /// A look begins now.
    pub(super) fn looks(&mut self, now: Mono) {
        let Some((first, last)) = self.heard.take() else { return };
        let fell_quiet = now.since(last) >= QUIET && now.since(first) <= LONGEST;
        let earliest = if fell_quiet { now.before(AHEAD) } else { now };
        self.not_before = self.not_before.max(earliest).after(STORM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays news at these moments (ms) and gives when it was looked.
    fn looks(news: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let ms = |at: u64| Mono::from_elapsed(Duration::from_hours(1) + Duration::from_millis(at));
        let mut news: Vec<_> = news.into_iter().collect();
        news.sort_unstable();
        let (mut pace, mut looks) = (Pace::new(), Vec::new());
        let mut news = news.into_iter().peekable();
        for now in 0..20_000 {
            if pace.due() <= ms(now) {
                looks.push(now);
                pace.looks(ms(now));
            }
            while news.next_if(|at| *at == now).is_some() {
                pace.hears(ms(now));
            }
        }
        assert_eq!(pace.due(), Mono::NEVER, "all news was looked at");
        looks
    }

    #[test]
    fn a_look_follows_ten_quiet_milliseconds_and_thirty_at_most() {
        assert!(looks([]).is_empty());
        assert_eq!(looks([5]), [15]);
        assert_eq!(looks([5, 8, 14]), [24]);
        assert_eq!(looks((0..40).step_by(5)), [30, 1030]);
    }

    #[test]
    fn a_plug_that_is_pulled_and_put_back_is_seen_each_time() {
        assert_eq!(looks([0, 100, 200]), [10, 110, 210]);
    }

    #[test]
    fn a_thousand_at_once_cost_one_look() {
        assert_eq!(looks([7; 1000]), [17]);
        assert_eq!(looks((0..1000).map(|n| n / 200)), [14]);
    }

    #[test]
    fn a_storm_costs_a_look_a_second_and_its_end_is_seen() {
        let storm = looks((0..10_000).step_by(3));
        assert_eq!(storm[0], 30, "the first of it is not put off");
        assert!(storm.windows(2).all(|pair| pair[1] - pair[0] >= 1000), "{storm:?}");
        assert!(storm.len() == 11 && storm[10] > 10_000, "{storm:?}");
        // Slow enough to fall quiet between, often enough to be a nuisance: a loose plug.
        let loose = looks((0..10_000).step_by(50));
        assert!((10..=13).contains(&loose.len()), "{loose:?}");
        assert!(loose[3..].windows(2).all(|pair| pair[1] - pair[0] >= 1000), "{loose:?}");
    }
}
