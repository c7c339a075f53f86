//! Which checks of a line count for a meeting, and which of them make the verdict what it is.

use crate::domain::snapshot::{Judged, ProfileView};
use crate::domain::{CheckView, Requirement, Snapshot};
use crate::engine::rollup;

/// A check with what is said of it.
pub(super) type Counted<'a> = (&'a CheckView, &'a Judged);

/// The checks of the line that a meeting cannot do without, alone or as members of a group.
pub(super) fn counted<'a>(line: &[(usize, &'a CheckView)], view: &'a ProfileView) -> Vec<Counted<'a>> {
    let required = line.iter().filter(|(_, check)| check.spec.requirement == Requirement::Required);
    required.map(|(at, check)| (*check, &view.checks[*at])).collect()
}

/// Those of them by which the meeting is held, or is not: without the member of a group for which others stand in.
pub(super) fn standing<'a>(counted: &[Counted<'a>], snapshot: &Snapshot, view: &ProfileView) -> Vec<Counted<'a>> {
    let all = snapshot.checks.iter().zip(&*view.checks);
    let groups = rollup::groups(all.map(|(check, judged)| (&*check.spec, judged.verdict)));
    let is_stood_in = |(check, judged): &Counted<'_>| {
        let whole = check.spec.group.as_ref().and_then(|group| groups.get(&*group.name));
        whole.is_some_and(|whole| judged.verdict > *whole)
    };
    counted.iter().copied().filter(|one| !is_stood_in(one)).collect()
}
