//! How often something is done that costs the disk and that anybody may ask for: so many times at once, and then once in its time.

use std::time::Duration;

use crate::domain::Mono;

/// What is left of it, and since when that is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    most: u32,
    refill: Duration,
    left: u32,
    since: Mono,
}

impl Allowance {
    /// A whole one: `most` at once, and one more each `refill`, of a second at least.
    pub(super) const fn whole(most: u32, refill: Duration, now: Mono) -> Self {
        Self { most, refill, left: most, since: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Mono) -> bool {
        let gained = now.since(self.since).as_secs() / self.refill.as_secs().max(1);
        let gained = u32::try_from(gained).unwrap_or(self.most);
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(self.most);
            self.since = self.since.after(self.refill.saturating_mul(gained));
        }
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }

    /// How long it is until there is one more.
    pub(super) fn next(&self, now: Mono) -> Duration {
        self.refill.saturating_sub(now.since(self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_in_its_time() {
        let (most, refill) = (120, Duration::from_secs(10));
        let begun = Mono::from_elapsed(Duration::from_hours(1));
        let mut allowance = Allowance::whole(most, refill, begun);
        let granted = (0..1000).filter(|_| allowance.take(begun)).count();
        assert_eq!(granted, most as usize);
        let later = begun.after(Duration::from_secs(9));
        assert!(!allowance.take(later));
        assert_eq!(allowance.next(later), Duration::from_secs(1));
        assert!(allowance.take(begun.after(refill)));
        assert!(!allowance.take(begun.after(refill)));
        // A day asked each second: what is kept, and no more after a long rest than at the start.
        let day = 86_400;
        let kept = (11..day).filter(|second| allowance.take(begun.after(Duration::from_secs(*second)))).count();
        assert!((8_600..8_700).contains(&kept), "{kept}");
        let later = begun.after(Duration::from_hours(1000));
        assert_eq!((0..1000).filter(|_| allowance.take(later)).count(), most as usize);
    }
}
