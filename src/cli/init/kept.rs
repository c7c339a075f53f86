//! Where the config that was made is kept, and who may read it.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::super::paint::note;
use super::super::written;
use super::{Made, says_nothing_yet};
use crate::peer::users;

/// The daemon's group, which the package brings along.
const GROUP: &str = "siaga";

impl Made {
    /// Writes it, over what may be there. By a webhook's address whoever knows it may write there: a new config with one is for root and
    /// the daemon's group alone. Where there is no such group nobody knows yet by which user the daemon will be, and it is said that
    /// everybody can read it.
    ///
    /// # Errors
    /// As the system says; what was there stays then.
    pub fn keep(&self, file: &Path) -> io::Result<()> {
        let is_new = !file.exists() || says_nothing_yet(file);
        let may_lend = self.holds_address && is_new && rustix::process::geteuid().is_root();
        match users::group(GROUP).filter(|_| may_lend) {
            Some(group) => written::for_group(file, self.text.as_bytes(), group)?,
            None => written::over(file, self.text.as_bytes())?,
        }
        let everybody = |about: std::fs::Metadata| about.is_file() && about.mode() & 0o004 != 0;
        if self.holds_address && std::fs::metadata(file).is_ok_and(everybody) {
            let file = file.display();
            note(&format!("siaga: everybody on this machine can read {file}, and the webhook's address in it"));
        }
        Ok(())
    }
}
