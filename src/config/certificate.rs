//! `[web] tls`: where the certificate and its key lie; and, for whoever tries a config, that they belong together. A daemon looks itself
//! when it begins to show them.

use std::path::PathBuf;

use super::beside::{Beside, Files};
use super::problem::Problems;
use super::reader::Table;
use super::shape::Web;
use crate::domain::SecretFile;
use crate::web::tls::Pair;

/// Makes the files of `[web] tls` ones from the config's folder, and says what is wrong with them.
pub(super) fn look_beside(root: Table<'_>, web: &mut Web, beside: &Beside<'_>, problems: &mut Problems) {
    let Some(tls) = &mut web.tls else { return };
    let Some(table) = root.get("web").and_then(Table::of).and_then(|web| web.get("tls")).and_then(Table::of) else {
        return;
    };
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let mut there = true;
    for (_, file) in tls.files() {
        match file {
            SecretFile::Path(path) => *path = beside.at(path),
            // There only while the service runs, which says itself what is wrong with it.
            SecretFile::Credential(_) => there &= credentials.is_some(),
        }
    }
    if beside.asks() != Files::Tried || !there {
        return;
    }
    if let Err(wrong) = Pair::read(tls, credentials.as_deref()) {
        problems.say(table.at(wrong.key), wrong.why);
    }
}
