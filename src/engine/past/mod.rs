//! What the past says: the hours of the week, the outlook for a slot, the ledger of a month. Pure functions of what the store
//! remembers; none of them changes a verdict.

pub mod blame;
pub mod in_force;
pub mod ledger;
pub mod outlook;
pub mod spans;
pub mod week;

use std::collections::BTreeMap;

use crate::domain::{CheckName, Figure, Past};

/// The hours' measurements of a figure, by hour and check, of checks that speak for the line.
pub(crate) fn by_hour<'a>(
    past: &'a Past,
    far_ends: &'a [CheckName],
) -> BTreeMap<(i64, Figure), Vec<&'a crate::domain::Hour>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for hour in past.hours.iter().filter(|hour| far_ends.contains(&hour.check)) {
        all.entry((hour.hour, hour.figure)).or_default().push(hour);
    }
    all
}
