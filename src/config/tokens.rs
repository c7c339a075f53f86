//! `[web] tokens`: where they are kept; and, for whoever tries a config, that they can be read.

use super::beside::{Beside, Files, Later};
use super::problem::Problems;
use super::reader::Table;
use super::shape::Web;

/// Makes the file one from the config's folder, and doubts one that cannot be read: a daemon that cannot lets nobody in by it. Where none
/// is there yet, nobody has a token.
pub(super) fn look_beside(root: Table<'_>, web: &mut Web, beside: &Beside<'_>, problems: &mut Problems) {
    let Some(file) = &mut web.tokens else { return };
    *file = beside.at(file);
    let Some(table) = root.get("web").and_then(Table::of) else { return };
    if beside.asks() == Files::Tried
        && !file.try_exists().is_ok_and(|there| !there)
        && let Some(why) = beside.doubt(file, Later::File)
    {
        problems.doubt(table.at("tokens"), format!("{why}; where the daemon finds the same no token is good"));
    }
}
