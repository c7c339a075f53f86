//! One root cause: a fixed small tree over checks.
//!
//! power › computer › link › gateway › far end › platform, computer › USB bus › device, and computer › onboard. Levels at which
//! nothing is checked are passed over. A parent explains a child only while it is not ready itself and none of its other children is
//! good: a gateway that drops echoes while the internet works is no cause. What is degraded is explained only since its cause is on
//! its way back, and what has failed for longer than its cause failed by itself.

use std::time::Duration;

use crate::domain::bus::is_behind;
use crate::domain::{Level, Mono, Verdict};

/// A cause is found out so long after what it explains at most: each is looked at at its own pace.
const LATER: Duration = Duration::from_mins(2);

/// A check, as the tree sees it.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Where it stands.
    pub level: Level,
    /// What is said of it.
    pub verdict: Verdict,
    /// Whether a change to the worse is pending, so that it no longer proves that anything works.
    pub worsening: bool,
    /// Since when a change to the better is pending.
    pub better: Option<Mono>,
    /// Since when it has its verdict.
    pub began: Mono,
    /// When it was last observed.
    pub seen: Option<Mono>,
    /// By which line out of the house it measures, of what stands beyond the computer: `None` by the main one.
    pub line: Option<&'a str>,
    /// Where its devices are attached, or were; empty where that is not known.
    pub places: &'a [String],
    /// The buses that it says are missing; empty where that is not known.
    pub gone: &'a [String],
}

impl Node<'_> {
    /// Whether the failure of this one can concern `other` at all: a bus takes along what is attached to it, and a camera on
    /// another bus that goes on working does not speak for it.
    fn concerns(&self, other: &Node<'_>) -> bool {
        let on_it = |place: &String| self.gone.iter().any(|bus| is_behind(place, bus));
        self.gone.is_empty() || other.places.is_empty() || other.places.iter().any(on_it)
    }

    /// Whether `other` can be as bad as it is because of the failure of this one. What works half way is not failing with it,
    /// unless it came so far together with it: a camera whose bus is back, and that does not answer yet, is still on its way. Nor is
    /// what failed long before: a camera that was pulled out yesterday is missing still when its bus is back.
    fn is_enough_for(&self, other: &Node<'_>) -> bool {
        if other.verdict == Verdict::NotReady && self.began.since(other.began) > LATER {
            return false;
        }
        other.verdict != Verdict::Degraded || self.better.is_some_and(|better| other.began >= better)
    }

    /// Whether both are of one line out of the house, or not both of any: a backup that works does not speak for the main line, nor
    /// does the main line's router explain what is silent by the backup.
    fn shares_line(&self, other: &Node<'_>) -> bool {
        !is_on_line(self.level) || !is_on_line(other.level) || self.line == other.line
    }

    /// Whether it shows that what is above it works, in spite of the failure of `cause`. A bandwidth test that went well an
    /// hour before the cable was pulled proves nothing; nor does a camera that is back together with its bus, which is not
    /// told as good yet: the next device on it may still be on its way.
    fn works_in_spite_of(&self, cause: &Node<'_>) -> bool {
        self.verdict.is_usable()
            && !self.worsening
            && self.seen.is_some_and(|seen| seen > cause.began)
            && cause.better.is_none_or(|better| self.began < better)
    }
}

/// For each node, the place of the one that explains it, if any.
pub fn blocked_by(nodes: &[Node<'_>]) -> Vec<Option<usize>> {
    let mut above = Above { nodes, causes: Vec::new() };
    (0..nodes.len()).map(|child| above.explain(child)).collect()
}

/// The place at the top of the chain of explanations that begins at `child`; `child` itself if nothing explains it. Where nothing
/// explains anything `blocked_by` may be empty.
pub fn root(blocked_by: &[Option<usize>], child: usize) -> usize {
    // The tree's levels only go up, so the chain ends.
    let mut at = child;
    while let Some(above) = blocked_by.get(at).copied().flatten() {
        at = above;
    }
    at
}

/// What stands above the nodes: found out once a level and line, and not for each of what may be a thousand dead far ends.
struct Above<'a> {
    nodes: &'a [Node<'a>],
    causes: Vec<(Level, Option<&'a str>, Option<Cause>)>,
}

/// What is not ready at a level.
#[derive(Clone, Copy)]
struct Cause {
    at: usize,
    /// What works in spite of it; of two the one may be what is to be explained itself.
    works: [Option<usize>; 2],
}

impl<'a> Above<'a> {
    fn explain(&mut self, child: usize) -> Option<usize> {
        let nodes = self.nodes;
        if nodes[child].verdict == Verdict::Ready {
            return None;
        }
        let mut level = nodes[child].level.parent();
        while let Some(above) = level {
            level = above.parent();
            let Some(Cause { at: cause, works }) = self.cause(above, &nodes[child]) else { continue };
            if !nodes[cause].concerns(&nodes[child]) || !nodes[cause].is_enough_for(&nodes[child]) {
                continue;
            }
            let others = works.into_iter().flatten().any(|at| at != child);
            return if others { None } else { Some(cause) };
        }
        None
    }

    /// What is not ready at a level, on the line of `child`; nothing where another beside it still stands: the second of two links.
    fn cause(&mut self, level: Level, child: &Node<'a>) -> Option<Cause> {
        let line = child.line.filter(|_| is_on_line(level));
        if let Some((.., known)) = self.causes.iter().find(|(of, by, _)| (*of, *by) == (level, line)) {
            return *known;
        }
        let nodes = self.nodes;
        let mut parents = (0..nodes.len()).filter(|at| nodes[*at].level == level && nodes[*at].shares_line(child));
        let found = parents.clone().find(|at| nodes[*at].verdict == Verdict::NotReady);
        let found = found.filter(|_| !parents.any(|at| nodes[at].verdict.is_usable()));
        let cause = found.map(|at| {
            let cause = &nodes[at];
            let works = |node: &Node<'_>| {
                is_below(node.level, level)
                    && cause.shares_line(node)
                    && cause.concerns(node)
                    && node.works_in_spite_of(cause)
            };
            let mut works = (0..nodes.len()).filter(|at| works(&nodes[*at]));
            Cause { at, works: [works.next(), works.next()] }
        });
        self.causes.push((level, line, cause));
        cause
    }
}

/// Whether what stands at a level stands on one line out of the house.
const fn is_on_line(level: Level) -> bool {
    matches!(level, Level::Link | Level::Gateway | Level::FarEnd | Level::Platform)
}

fn is_below(level: Level, above: Level) -> bool {
    let mut at = level.parent();
    while let Some(parent) = at {
        if parent == above {
            return true;
        }
        at = parent.parent();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use Level::{Computer, Device, FarEnd, Gateway, Link, Onboard, Platform, Power, UsbBus};
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    fn node(level: Level, verdict: Verdict) -> Node<'static> {
        let began = Mono::from_elapsed(Duration::from_secs(10));
        let seen = Some(began.after(Duration::from_secs(1)));
        Node { level, verdict, worsening: false, better: None, began, seen, line: None, places: &[], gone: &[] }
    }

    fn causes(nodes: &[(Level, Verdict)]) -> Vec<Option<usize>> {
        let nodes: Vec<Node<'_>> = nodes.iter().map(|(level, verdict)| node(*level, *verdict)).collect();
        blocked_by(&nodes)
    }

    #[test]
    fn a_pulled_cable_explains_all_that_is_behind_it() {
        let seen =
            causes(&[(Link, NotReady), (Gateway, NotReady), (FarEnd, NotReady), (Platform, Unknown), (Power, Ready)]);
        assert_eq!(seen, [None, Some(0), Some(1), Some(2), None]);
        assert_eq!(root(&seen, 3), 0);
    }

    #[test]
    fn what_was_seen_at_the_very_moment_of_the_failure_disproves_nothing() {
        let cause = node(Link, NotReady);
        let seen =
            |after: u64| Node { seen: Some(cause.began.after(Duration::from_secs(after))), ..node(Gateway, Ready) };
        for (after, explained) in [(0, true), (1, false)] {
            let nodes = [node(Link, NotReady), seen(after), node(FarEnd, NotReady)];
            assert_eq!(blocked_by(&nodes)[2].is_some(), explained, "{after} s after it");
        }
        // Nor does what became good with what comes back, in the same moment.
        let back = |at: u64| Mono::from_elapsed(Duration::from_secs(at));
        for (better, explained) in [(10, true), (11, false)] {
            let nodes = [
                Node { better: Some(back(better)), ..node(Link, NotReady) },
                node(Gateway, Ready),
                node(FarEnd, NotReady),
            ];
            assert_eq!(blocked_by(&nodes)[2].is_some(), explained, "better since {better}");
        }
    }

    #[test]
    fn a_gateway_that_drops_echoes_is_no_cause() {
        assert_eq!(causes(&[(Gateway, NotReady), (FarEnd, NotReady), (FarEnd, Ready)]), [None, None, None]);
        assert_eq!(causes(&[(Gateway, NotReady), (FarEnd, NotReady), (Platform, Degraded)]), [None, None, None]);
    }

    #[test]
    fn what_works_half_way_clears_all_that_is_above_it() {
        assert_eq!(causes(&[(Link, NotReady), (Gateway, Ready), (FarEnd, NotReady)]), [None, None, None]);
        assert_eq!(causes(&[(Link, NotReady), (Link, Ready), (Gateway, NotReady)]), [None, None, None]);
    }

    #[test]
    fn what_was_seen_to_work_before_the_failure_proves_nothing() {
        let mut old = node(Platform, Ready);
        old.seen = Some(Mono::from_elapsed(Duration::from_secs(9)));
        let mut shaky = node(FarEnd, Ready);
        shaky.worsening = true;
        assert_eq!(blocked_by(&[node(Link, NotReady), node(Gateway, NotReady), old, shaky])[1], Some(0));
    }

    #[test]
    fn levels_without_checks_are_passed_over_and_unknown_ones_explain_nothing() {
        assert_eq!(causes(&[(Link, NotReady), (Platform, NotReady)]), [None, Some(0)]);
        assert_eq!(causes(&[(Gateway, Unknown), (FarEnd, NotReady)]), [None, None]);
        assert_eq!(causes(&[(Link, NotReady), (Gateway, Unknown), (FarEnd, NotReady)]), [None, Some(0), Some(0)]);
    }

    #[test]
    fn the_usb_bus_explains_devices_and_not_the_line() {
        let seen = causes(&[(UsbBus, NotReady), (Device, NotReady), (Device, Unknown), (Link, NotReady)]);
        assert_eq!(seen, [None, Some(0), Some(0), None]);
        assert_eq!(causes(&[(UsbBus, NotReady), (Device, NotReady), (Device, Ready)]), [None, None, None]);
        assert_eq!(causes(&[(UsbBus, NotReady), (Device, NotReady), (Onboard, Ready)]), [None, Some(0), None]);
        assert_eq!(causes(&[(UsbBus, NotReady), (Onboard, NotReady)]), [None, None]);
        assert_eq!(causes(&[(Computer, NotReady), (Device, NotReady), (Link, NotReady)]), [None, Some(0), Some(0)]);
    }

    #[test]
    fn what_comes_back_with_its_cause_leaves_the_others_explained() {
        let at = |seconds| Mono::from_elapsed(Duration::from_secs(seconds));
        let bus = Node { better: Some(at(20)), ..node(UsbBus, NotReady) };
        let back = |began| Node { began: at(began), seen: Some(at(30)), ..node(Device, Ready) };
        let missing = node(Device, NotReady);
        assert_eq!(
            blocked_by(&[bus, back(21), missing]),
            [None, None, Some(0)],
            "the bus is coming back, and so is this one"
        );
        assert_eq!(blocked_by(&[bus, back(19), missing]), [None, None, None], "it was good while the bus was not");
        let bus = Node { better: None, ..bus };
        assert_eq!(blocked_by(&[bus, back(21), missing]), [None, None, None], "good while the bus is still gone");
    }

    #[test]
    fn a_bus_explains_what_hangs_on_it_and_nothing_else() {
        let at = |place: &str| vec![place.to_owned()];
        let (gone, on_it, beside) = (at("usb-0000:00:14.0-2"), at("usb-0000:00:14.0-2.1"), at("usb-0000:00:14.0-3"));
        let bus = Node { gone: &gone, ..node(UsbBus, NotReady) };
        let device = |verdict, places| Node { places, ..node(Device, verdict) };
        // A microphone at the next port works, and says nothing of the hub.
        assert_eq!(blocked_by(&[bus, device(NotReady, &on_it), device(Ready, &beside)]), [None, Some(0), None]);
        assert_eq!(blocked_by(&[bus, device(NotReady, &beside), device(NotReady, &[])]), [None, None, Some(0)]);
        // What is not known to be elsewhere speaks for it, as before.
        assert_eq!(blocked_by(&[bus, device(NotReady, &on_it), device(Ready, &[])]), [None, None, None]);
    }

    #[test]
    fn a_line_explains_its_own_and_another_line_neither_clears_it_nor_is_explained_by_it() {
        let backup = |level, verdict| Node { line: Some("backup"), ..node(level, verdict) };
        let (link, far) = (node(Link, NotReady), node(FarEnd, NotReady));
        assert_eq!(blocked_by(&[link, far, backup(Link, Ready), backup(FarEnd, Ready)]), [None, Some(0), None, None]);
        assert_eq!(blocked_by(&[link, backup(FarEnd, NotReady), far]), [None, None, Some(0)]);
        assert_eq!(
            blocked_by(&[link, far, backup(Link, NotReady), backup(FarEnd, NotReady)]),
            [None, Some(0), None, Some(2)]
        );
        // The computer is everybody's, and any line that works shows that it does.
        let computer = node(Computer, NotReady);
        assert_eq!(blocked_by(&[computer, far, backup(FarEnd, NotReady)]), [None, Some(0), Some(0)]);
        assert_eq!(blocked_by(&[computer, far, backup(FarEnd, Ready)]), [None, None, None]);
    }

    #[test]
    fn what_failed_long_before_its_cause_failed_by_itself() {
        let at = |seconds| Mono::from_elapsed(Duration::from_secs(seconds));
        let bus = Node { began: at(1000), ..node(UsbBus, NotReady) };
        for (verdict, began, explained) in [
            (NotReady, 879, None),
            (NotReady, 880, Some(0)),
            (NotReady, 1100, Some(0)),
            // What is not known waits for no cause of its own.
            (Unknown, 10, Some(0)),
        ] {
            let device = Node { began: at(began), ..node(Device, verdict) };
            assert_eq!(blocked_by(&[bus, device]), [None, explained], "{verdict} since {began}");
        }
        // What stands above and failed with it explains it all the same.
        let computer = Node { began: at(890), ..node(Computer, NotReady) };
        let device = Node { began: at(800), ..node(Device, NotReady) };
        assert_eq!(blocked_by(&[bus, computer, device]), [Some(1), None, Some(1)]);
    }

    /// What explains `child`, asked of all nodes for it alone.
    fn by_itself(nodes: &[Node<'_>], child: usize) -> Option<usize> {
        let mut level = nodes[child].level.parent().filter(|_| nodes[child].verdict != Ready);
        while let Some(above) = level {
            level = above.parent();
            let parents =
                || (0..nodes.len()).filter(|at| nodes[*at].level == above && nodes[*at].shares_line(&nodes[child]));
            let Some(cause) = parents().find(|at| nodes[*at].verdict == NotReady) else { continue };
            if parents().any(|at| nodes[at].verdict.is_usable())
                || !nodes[cause].concerns(&nodes[child])
                || !nodes[cause].is_enough_for(&nodes[child])
            {
                continue;
            }
            let works = |at: usize| {
                at != child
                    && is_below(nodes[at].level, above)
                    && nodes[cause].shares_line(&nodes[at])
                    && nodes[cause].concerns(&nodes[at])
                    && nodes[at].works_in_spite_of(&nodes[cause])
            };
            return Some(cause).filter(|_| !(0..nodes.len()).any(works));
        }
        None
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_out_once_is_what_each_would_find_by_itself(
            drawn in proptest::collection::vec((0..9_usize, 0..4_usize, 0..3_usize, 0..4_u64, 0..6_u64), 0..14),
        ) {
            const LEVELS: [Level; 9] = [Power, Computer, Link, UsbBus, Onboard, Gateway, FarEnd, Platform, Device];
            let at = |tens: u64| Mono::from_elapsed(Duration::from_secs(100 * tens));
            let made = drawn.iter().map(|(level, verdict, line, began, seen)| Node {
                line: [None, Some("a"), Some("b")][*line],
                began: at(*began),
                seen: Some(at(*seen)),
                worsening: *seen == 5,
                better: (*seen == 4).then(|| at(began + 1)),
                ..node(LEVELS[*level], Verdict::ALL[*verdict])
            });
            let nodes: Vec<Node<'_>> = made.collect();
            let each: Vec<_> = (0..nodes.len()).map(|child| by_itself(&nodes, child)).collect();
            proptest::prop_assert_eq!(blocked_by(&nodes), each);
        }
    }

    #[test]
    fn degraded_children_are_not_explained_away() {
        assert_eq!(causes(&[(Link, NotReady), (FarEnd, Degraded)]), [None, None]);
        // What is half back since its cause is coming back is not failing by itself.
        let at = |seconds| Mono::from_elapsed(Duration::from_secs(seconds));
        let bus = Node { better: Some(at(20)), ..node(UsbBus, NotReady) };
        for (began, explained) in [(19, None), (20, Some(0))] {
            let half = Node { began: at(began), seen: Some(at(30)), ..node(Device, Degraded) };
            assert_eq!(blocked_by(&[bus, half]), [None, explained], "half way since {began}");
        }
    }
}
