//! Which of the meetings that were lost is which of those that are new, where all may be of one series.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::{SignedDuration, Timestamp};

/// When a meeting begins, and its place in its list.
pub(super) type Place = (Timestamp, usize);

/// Pairs what was lost with what is new, no two farther apart than `reach`: within one week (`week_of`) in their order, where it has as
/// many of both, so that a series which is moved from Mondays to Fridays stays in its weeks; and what is left by the nearest.
pub(super) fn pairs<W: Ord>(
    lost: &[Place],
    new: &[Place],
    reach: SignedDuration,
    week_of: impl Fn(Timestamp) -> W,
) -> Vec<(usize, usize)> {
    let mut weeks: BTreeMap<W, (Vec<Place>, Vec<Place>)> = BTreeMap::new();
    for one in lost {
        weeks.entry(week_of(one.0)).or_default().0.push(*one);
    }
    for one in new {
        weeks.entry(week_of(one.0)).or_default().1.push(*one);
    }
    let (mut pairs, mut line) = (Vec::new(), Vec::new());
    for (mut lost, mut new) in weeks.into_values() {
        lost.sort_unstable();
        new.sort_unstable();
        let are_near = |(lost, new): (&Place, &Place)| new.0.duration_since(lost.0).abs() <= reach;
        if lost.len() == new.len() && lost.iter().zip(&new).all(are_near) {
            pairs.extend(lost.iter().zip(&new).map(|(lost, new)| (lost.1, new.1)));
        } else {
            line.extend(lost.into_iter().map(|(start, place)| (start, false, place)));
            line.extend(new.into_iter().map(|(start, place)| (start, true, place)));
        }
    }
    line.sort_unstable();
    pairs.extend(nearest(&line, reach));
    pairs
}

/// The nearest two first. Of those that are left on the line the nearest that are one of each sort stand beside each other, so that
/// three thousand of both are a matter of some thousand steps.
fn nearest(line: &[(Timestamp, bool, usize)], reach: SignedDuration) -> Vec<(usize, usize)> {
    let mut meetings = BinaryHeap::new();
    let meet = |one: Option<usize>, other: Option<usize>, meetings: &mut BinaryHeap<_>| {
        let (Some(one), Some(other)) = (one, other) else { return };
        let apart = line[other].0.duration_since(line[one].0);
        if line[one].1 != line[other].1 && apart <= reach {
            meetings.push(Reverse((apart, one, other)));
        }
    };
    let mut before: Vec<Option<usize>> = (0..line.len()).map(|at| at.checked_sub(1)).collect();
    let mut after: Vec<Option<usize>> = (1..=line.len()).map(|at| (at < line.len()).then_some(at)).collect();
    for at in 1..line.len() {
        meet(Some(at - 1), Some(at), &mut meetings);
    }
    let (mut gone, mut pairs) = (vec![false; line.len()], Vec::new());
    while let Some(Reverse((_, one, other))) = meetings.pop() {
        if gone[one] || gone[other] {
            continue;
        }
        (gone[one], gone[other]) = (true, true);
        let (left, right) = (before[one], after[other]);
        if let Some(left) = left {
            after[left] = right;
        }
        if let Some(right) = right {
            before[right] = left;
        }
        let (lost, new) = if line[one].1 { (other, one) } else { (one, other) };
        pairs.push((line[lost].2, line[new].2));
        meet(left, right, &mut meetings);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// A Monday.
    fn day(day: i64) -> Timestamp {
        "2026-11-23T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day)
    }

    /// Of days, which of each are one.
    fn paired(lost: &[i64], new: &[i64]) -> Vec<(i64, i64)> {
        let places = |days: &[i64]| days.iter().enumerate().map(|(at, of)| (day(*of), at)).collect::<Vec<_>>();
        let week_of = |at: Timestamp| at.duration_since(day(0)).as_hours().div_euclid(7 * 24);
        let pairs = pairs(&places(lost), &places(new), WEEK, week_of);
        let mut pairs: Vec<_> = pairs.into_iter().map(|(one, other)| (lost[one], new[other])).collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn a_series_that_is_moved_from_mondays_to_fridays_stays_in_its_weeks() {
        assert_eq!(paired(&[7, 14, 21], &[11, 18, 25]), [(7, 11), (14, 18), (21, 25)]);
        // Also where this week's Monday is over, and the last one's Friday is not in sight.
        assert_eq!(paired(&[7, 14, 21], &[4, 11, 18]), [(7, 11), (14, 18)]);
        assert_eq!(paired(&[7, 8, 14, 15], &[10, 9, 16, 17]), [(7, 9), (8, 10), (14, 16), (15, 17)]);
    }

    #[test]
    fn what_has_no_such_order_is_paired_by_the_nearest_within_reach() {
        assert_eq!(paired(&[0, 1, 2], &[2, 1]), [(1, 1), (2, 2)]);
        assert_eq!(paired(&[1, 3], &[4, 30, 5, 6]), [(1, 5), (3, 4)]);
        assert_eq!(paired(&[1], &[]), []);
        assert_eq!(paired(&[0, 40], &[7, 48]), [(0, 7)], "no farther than a week");
        assert_eq!(paired(&[13], &[6, 14]), [(13, 14)]);
    }

    #[test]
    fn three_thousand_in_one_week_are_each_paired_with_the_nearest() {
        let minutes = |from: i64, all: usize| -> Vec<Place> {
            (0..all).map(|at| (day(0) + SignedDuration::from_mins(from + 3 * i64::try_from(at).unwrap()), at)).collect()
        };
        let pairs = pairs(&minutes(0, 3000), &minutes(1, 2999), WEEK, |_| ());
        assert_eq!(pairs.len(), 2999);
        assert!(pairs.iter().all(|(lost, new)| lost == new));
    }
}
