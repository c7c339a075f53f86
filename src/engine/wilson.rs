//! Packet loss decided by confidence: Wilson's score interval (E. B. Wilson, 1927) over a window of packets.

use std::collections::VecDeque;

use crate::domain::check::LossRule;
use crate::domain::snapshot::LossView;
use crate::domain::{Arg, Finding, Sample, Unit, Verdict};

/// The 97.5 % quantile of the normal distribution: a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// The 99.95 % quantile: what a few packets must show before they may say that it got worse. The newest third is looked
/// at hundreds of times a day; at 95 % it would cry wolf.
const Z_STRICT: f64 = 3.290_526_731_491_926;

/// Wilson's 95 % interval of a share, `lost` of `sent`. `None` of nothing: no packet says nothing.
pub fn interval(lost: u32, sent: u32) -> Option<(f64, f64)> {
    interval_at(lost, sent, Z)
}

fn interval_at(lost: u32, sent: u32, z: f64) -> Option<(f64, f64)> {
    if sent == 0 {
        return None;
    }
    let n = f64::from(sent);
    let p = f64::from(lost) / n;
    let z2 = z * z;
    let centre = p + z2 / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // Where nothing was lost it begins at nothing, and not at what rounding leaves: a limit may be 0.
    let low = if lost == 0 { 0.0 } else { ((centre - spread) / scale).max(0.0) };
    Some((low, ((centre + spread) / scale).min(1.0)))
}

/// The newest packets' fates, `size` of them at most.
#[derive(Clone, Debug)]
pub struct Window {
    size: u32,
    samples: VecDeque<(u32, u32)>,
    /// How many samples it has let go, so that each has a number that it keeps.
    gone: u64,
    sent: u32,
    lost: u32,
}

impl Window {
    /// An empty window of `size` packets.
    pub const fn new(size: u32) -> Self {
        Self { size, samples: VecDeque::new(), gone: 0, sent: 0, lost: 0 }
    }

    /// Lets go of all, and is one of `size` packets from now on.
    pub fn begin_anew(&mut self, size: u32) {
        *self = Self { gone: self.gone + self.samples.len() as u64, ..Self::new(size) };
    }

    /// Adds a sample. An outage is another thing than loss: the window starts anew.
    pub fn push(&mut self, sample: Sample) {
        if sample.outage {
            self.begin_anew(self.size);
            return;
        }
        if sample.sent == 0 {
            return;
        }
        let lost = sample.lost.min(sample.sent);
        self.samples.push_back((sample.sent, lost));
        self.sent += sample.sent;
        self.lost += lost;
        while let Some((sent, lost)) = self.samples.front().copied().filter(|(sent, _)| self.sent - sent >= self.size) {
            self.samples.pop_front();
            self.gone += 1;
            self.sent -= sent;
            self.lost -= lost;
        }
    }

    /// The newest third of a full window: the number of its first sample and what it says, so that a line that got better (or much
    /// worse) is not judged by what was ten minutes ago; `None` while what counts, from the sample of that number on, is no more than
    /// that third.
    fn newest(&self, since: u64) -> Option<(u64, LossView)> {
        let enough = self.size / 3;
        let (mut sent, mut lost) = (0, 0);
        for (place, (more, of_them)) in self.samples.iter().enumerate().skip(self.forgotten(since)).rev() {
            if sent >= enough {
                let high = interval(lost, sent)?.1;
                let low = interval_at(lost, sent, Z_STRICT)?.0;
                let ratio = f64::from(lost) / f64::from(sent);
                return Some((self.gone + place as u64 + 1, LossView { sent, lost, ratio, low, high }));
            }
            sent += more;
            lost += of_them;
        }
        None
    }

    /// How many of its samples are older than the one of that number.
    fn forgotten(&self, since: u64) -> usize {
        usize::try_from(since.saturating_sub(self.gone)).unwrap_or(usize::MAX)
    }

    /// What the window says; `None` while it is empty.
    pub fn view(&self) -> Option<LossView> {
        self.view_since(0)
    }

    /// What it says from the sample of that number on.
    pub fn view_since(&self, since: u64) -> Option<LossView> {
        let (mut sent, mut lost) = (self.sent, self.lost);
        for (less, of_them) in self.samples.iter().take(self.forgotten(since)) {
            sent -= less;
            lost -= of_them;
        }
        let (low, high) = interval(lost, sent)?;
        Some(LossView { sent, lost, ratio: f64::from(lost) / f64::from(sent), low, high })
    }
}

/// The verdict of a whole window, from its sample `since` on, and of its newest third: the newest decides where it is certain, else the
/// whole. That it is certainly too much says not yet by how much: while it may be beyond `not_ready` too, the whole has its say on that.
///
/// What was before a line certainly got better is forgotten, or the next few packets that leave it open would be judged by that.
pub fn decide_by(
    old: Option<Verdict>,
    window: &Window,
    since: &mut u64,
    degraded: Option<f64>,
    not_ready: Option<f64>,
) -> Option<Verdict> {
    let by_the_whole = window.view_since(*since).and_then(|whole| decide(old, whole, degraded, not_ready)).or(old);
    let Some((first, newest)) = window.newest(*since) else { return by_the_whole };
    let may_be_worse = not_ready.is_some_and(|limit| newest.high > limit);
    match decide(None, newest, degraded, not_ready) {
        Some(Verdict::Degraded) if may_be_worse => by_the_whole.max(Some(Verdict::Degraded)),
        Some(certain) => {
            if by_the_whole > Some(certain) {
                *since = first;
            }
            Some(certain)
        }
        None => by_the_whole,
    }
}

/// The verdict on loss after one more look: worse only when the interval's near end is beyond a limit, better only when
/// its far end is inside; in between the old verdict stays. `None`: undecided, and nothing was decided before.
pub fn decide(old: Option<Verdict>, loss: LossView, degraded: Option<f64>, not_ready: Option<f64>) -> Option<Verdict> {
    let beyond = |limit: Option<f64>| limit.is_some_and(|limit| loss.low > limit);
    let inside = |limit: Option<f64>| limit.is_none_or(|limit| loss.high <= limit);
    if beyond(not_ready) {
        return Some(Verdict::NotReady);
    }
    if inside(degraded) && inside(not_ready) {
        return Some(Verdict::Ready);
    }
    match old {
        Some(Verdict::NotReady) if inside(not_ready) => Some(Verdict::Degraded),
        Some(Verdict::NotReady) => Some(Verdict::NotReady),
        _ if beyond(degraded) => Some(Verdict::Degraded),
        old => old,
    }
}

/// What one look's packets make of the loss by themselves, without those of before: the rule's reason, or its word for "undecided";
/// nothing where it is within the limits, or the look counted no packets.
pub fn of_one_look(
    sample: Sample,
    rule: LossRule,
    (degraded, not_ready): (Option<f64>, Option<f64>),
) -> Option<Finding> {
    if sample.outage {
        return None;
    }
    let mut window = Window::new(rule.window);
    window.push(sample);
    let view = window.view()?;
    let verdict = decide(None, view, degraded, not_ready);
    (verdict != Some(Verdict::Ready)).then(|| finding(verdict, Some(view.ratio), rule, (degraded, not_ready)))
}

/// Loss as a finding: too much of it by that verdict, or undecided without one.
pub fn finding(
    verdict: Option<Verdict>,
    ratio: Option<f64>,
    rule: LossRule,
    (degraded, not_ready): (Option<f64>, Option<f64>),
) -> Finding {
    let number = |value| Arg::Number(value, Unit::Ratio);
    let reason = if verdict.is_some() { rule.reason } else { rule.undecided };
    let limit = if verdict == Some(Verdict::NotReady) { not_ready } else { degraded };
    let finding = Finding::new(reason, verdict.unwrap_or(Verdict::Unknown));
    let finding = ratio.into_iter().fold(finding, |finding, ratio| finding.with("value", number(ratio)));
    limit.into_iter().fold(finding, |finding, limit| finding.with("limit", number(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Degraded, NotReady, Ready};

    #[test]
    fn one_look_is_judged_by_its_own_packets() {
        use crate::domain::check::Limit;
        use crate::engine::reasons::{NO_EVIDENCE, STALE};

        let rule = LossRule {
            degraded: Limit::Fixed(0.02),
            not_ready: Limit::Fixed(0.05),
            reason: &STALE,
            undecided: &NO_EVIDENCE,
            window: 3000,
        };
        let of = |sent, lost, outage| {
            let found = of_one_look(Sample { sent, lost, outage }, rule, (Some(0.02), Some(0.05)));
            found.map(|finding| (finding.reason.code, finding.verdict))
        };
        assert_eq!(of(1000, 2, false), None);
        assert_eq!(of(1000, 35, false), Some((STALE.code, Degraded)));
        assert_eq!(of(1000, 80, false), Some((STALE.code, NotReady)));
        assert_eq!(of(20, 1, false), Some((NO_EVIDENCE.code, Verdict::Unknown)));
        assert_eq!(of(0, 0, false), None);
        assert_eq!(of(1000, 1000, true), None, "an outage has a reason of its own");
        // Without limits no loss is too much.
        assert_eq!(of_one_look(Sample { sent: 10, lost: 9, outage: false }, rule, (None, None)), None);
    }

    #[test]
    fn the_interval_agrees_with_computed_vectors() {
        for (lost, sent, low, high) in [
            (0, 10, 0.0, 0.277_533),
            (0, 100, 0.0, 0.036_993),
            (0, 300, 0.0, 0.012_643),
            (0, 1000, 0.0, 0.003_827),
            (1, 10, 0.017_876, 0.404_150),
            (1, 100, 0.001_767, 0.054_486),
            (1, 300, 0.000_589, 0.018_637),
            (10, 1000, 0.005_441, 0.018_309),
            (50, 100, 0.403_832, 0.596_168),
            (20, 20, 0.838_875, 1.0),
        ] {
            let (l, h) = interval(lost, sent).unwrap();
            assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6, "{lost}/{sent}: {l} {h}");
        }
        assert_eq!(interval(0, 0), None);
    }

    fn loss(lost: u32, sent: u32) -> LossView {
        let mut window = Window::new(sent);
        window.push(Sample { sent, lost, outage: false });
        window.view().unwrap()
    }

    #[test]
    fn decided_by_confidence_and_else_as_before() {
        let (degraded, not_ready) = (Some(0.02), Some(0.08));
        for (old, lost, sent, new) in [
            (None, 0, 10, None),
            (None, 0, 189, Some(Ready)),
            (None, 1, 600, Some(Ready)),
            (None, 12, 600, None),
            (Some(Ready), 12, 600, Some(Ready)),
            (Some(Degraded), 12, 600, Some(Degraded)),
            (Some(Ready), 30, 600, Some(Degraded)),
            (Some(Ready), 48, 600, Some(Degraded)),
            (Some(NotReady), 48, 600, Some(NotReady)),
            (Some(NotReady), 24, 600, Some(Degraded)),
            (Some(NotReady), 0, 600, Some(Ready)),
            (Some(Ready), 90, 600, Some(NotReady)),
            (None, 90, 600, Some(NotReady)),
        ] {
            assert_eq!(decide(old, loss(lost, sent), degraded, not_ready), new, "{old:?} {lost}/{sent}");
        }
    }

    #[test]
    fn a_sample_keeps_its_number_over_a_new_beginning() {
        let mut window = Window::new(600);
        let push = |window: &mut Window| window.push(Sample { sent: 10, lost: 1, outage: false });
        (0..6).for_each(|_| push(&mut window));
        assert_eq!(window.view_since(5).unwrap().sent, 10);
        for _ in 0..2 {
            window.begin_anew(600);
            assert_eq!(window.view_since(5), None);
            (0..3).for_each(|_| push(&mut window));
            // The new ones have numbers from six on.
            assert_eq!(window.view_since(5).unwrap().sent, 30);
        }
        assert_eq!(window.view_since(10).unwrap().sent, 20);
    }

    #[test]
    fn a_line_that_stays_as_it_is_is_judged_by_all_of_it() {
        for (lost, verdict) in [(0, Ready), (5, NotReady)] {
            let mut window = Window::new(600);
            let (mut old, mut since) = (None, 0);
            for _ in 0..90 {
                window.push(Sample { sent: 10, lost, outage: false });
                old = decide_by(old, &window, &mut since, Some(0.02), Some(0.05));
            }
            assert_eq!((old, since, window.view_since(since).unwrap().sent), (Some(verdict), 0, 600));
        }
    }

    #[test]
    fn a_line_that_got_better_is_not_judged_by_what_was_long_ago() {
        let (degraded, not_ready) = (Some(0.02), Some(0.05));
        let mut window = Window::new(600);
        let (mut old, mut since) = (None, 0);
        let mut feed = |window: &mut Window, lost_of_ten: u32, packets: u32| {
            let mut changed_after = None;
            for sent in (10..=packets).step_by(10) {
                window.push(Sample { sent: 10, lost: lost_of_ten, outage: false });
                let new = decide_by(old, window, &mut since, degraded, not_ready);
                if new != old {
                    changed_after = Some(sent);
                }
                old = new;
            }
            (old, changed_after)
        };
        assert_eq!(feed(&mut window, 0, 600), (Some(Ready), Some(190)));
        let (verdict, after) = feed(&mut window, 3, 600);
        assert_eq!(verdict, Some(NotReady));
        assert!(after.unwrap() <= 100, "30 % is certain after {after:?} packets");
        let (verdict, after) = feed(&mut window, 0, 600);
        assert_eq!(verdict, Some(Ready));
        assert!(after.unwrap() <= 210, "clean again after {after:?} packets");
    }

    #[test]
    fn a_line_that_goes_on_losing_too_much_is_not_merely_degraded_by_its_newest_third() {
        let (degraded, not_ready) = (Some(0.02), Some(0.05));
        let (mut window, mut since, mut old) = (Window::new(1200), 0, None);
        let mut feed = |lost: u32| {
            for _ in 0..60 {
                window.push(Sample { sent: 40, lost, outage: false });
                old = decide_by(old, &window, &mut since, degraded, not_ready);
            }
            old
        };
        // 7.5 %: of 400 packets certain to be over 2 %, of 1200 over 5 %.
        assert_eq!(feed(3), Some(NotReady));
        // 2.5 %: certain to be less than 5 %, and not to be less than 2 %.
        assert_eq!(feed(1), Some(Degraded));
        assert_eq!(feed(0), Some(Ready));
    }

    #[test]
    fn the_window_keeps_the_newest_and_an_outage_empties_it() {
        let mut window = Window::new(100);
        for _ in 0..50 {
            window.push(Sample { sent: 10, lost: 1, outage: false });
        }
        let view = window.view().unwrap();
        assert_eq!((view.sent, view.lost), (100, 10));
        window.push(Sample { sent: 3, lost: 3, outage: true });
        assert_eq!(window.view(), None);
        // No more can be lost than was sent.
        window.push(Sample { sent: 10, lost: 12, outage: false });
        let view = window.view().unwrap();
        assert_eq!((view.sent, view.lost, view.ratio), (10, 10, 1.0));
    }

    #[test]
    fn what_is_forgotten_stays_so_and_what_comes_after_an_outage_counts() {
        let mut window = Window::new(30);
        let mut take = |sent, lost, outage| {
            window.push(Sample { sent, lost, outage });
            window.clone()
        };
        let counted = |window: &Window, since| window.view_since(since).map(|loss| (loss.sent, loss.lost));
        for lost in [10, 10] {
            take(10, lost, false);
        }
        let mut since = 0;
        let mended = take(10, 0, false);
        // The third that decides is sample 2.
        assert_eq!(decide_by(Some(NotReady), &mended, &mut since, Some(0.3), Some(0.4)), Some(Ready));
        assert_eq!((since, counted(&mended, since), counted(&mended, 0)), (2, Some((10, 0)), Some((30, 20))));
        let later = take(10, 1, false);
        assert_eq!((counted(&later, since), counted(&later, 0)), (Some((20, 1)), Some((30, 11))));
        take(5, 5, true);
        assert_eq!(counted(&take(10, 2, false), since), Some((10, 2)), "an outage begins anew");
    }

    #[test]
    fn the_newest_third_is_that_many_packets_and_has_the_share_that_was_lost_of_them() {
        let windows = |size: u32, samples: &[(u32, u32)]| {
            let mut window = Window::new(size);
            for (sent, lost) in samples.iter().copied() {
                window.push(Sample { sent, lost, outage: false });
            }
            [window.view(), window.newest(0).map(|(_, loss)| loss)]
                .map(|loss| loss.map(|loss| (loss.sent, loss.lost, loss.ratio)))
        };
        assert_eq!(windows(30, &[(10, 0), (10, 10)]), [Some((20, 10, 0.5)), Some((10, 10, 1.0))]);
        assert_eq!(windows(300, &[(100, 3), (100, 3)]), [Some((200, 6, 0.03)), Some((100, 3, 0.03))]);
        assert_eq!(windows(300, &[(100, 3)]), [Some((100, 3, 0.03)), None]);
    }

    #[test]
    fn what_the_newest_third_is_certain_of_is_not_asked_of_the_whole() {
        let mut window = Window::new(30_000);
        for lost in [1000, 1000, 300] {
            window.push(Sample { sent: 10_000, lost, outage: false });
        }
        // 3 % of the newest is certainly between the limits; of the whole it is 7.7 %.
        assert_eq!(decide_by(None, &window, &mut 0, Some(0.02), Some(0.05)), Some(Degraded));
        assert_eq!(decide(None, window.view().unwrap(), Some(0.02), Some(0.05)), Some(NotReady));
        for old in [None, Some(Ready), Some(NotReady)] {
            assert_eq!(
                decide_by(old, &Window::new(600), &mut 0, Some(0.02), Some(0.05)),
                old,
                "no packet decides nothing"
            );
        }
    }

    #[test]
    fn what_is_at_a_limit_is_inside_and_a_limit_that_there_is_none_of_is_kept() {
        for sent in 1..2000 {
            assert_eq!(decide(None, loss(0, sent), Some(0.0), Some(0.0)), None, "{sent}");
        }
        let at = loss(30, 600);
        let (low, high) = (Some(at.low), Some(at.high));
        for (old, degraded, not_ready, new) in [
            (None, low, Some(0.08), None),
            (None, high, high, Some(Ready)),
            (Some(Ready), Some(0.0), low, Some(Degraded)),
            (Some(NotReady), Some(0.0), high, Some(Degraded)),
            (Some(NotReady), Some(0.0), low, Some(NotReady)),
            (None, None, Some(0.08), Some(Ready)),
            (None, None, Some(0.02), Some(NotReady)),
            (None, Some(0.02), None, Some(Degraded)),
            (None, Some(0.08), None, Some(Ready)),
            (None, None, None, Some(Ready)),
        ] {
            assert_eq!(decide(old, at, degraded, not_ready), new, "{old:?} {degraded:?} {not_ready:?}");
        }
    }
}
