//! Where the config that was made is kept, and who may read it.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::super::paint::note;
use super::super::service_user::{self, NAME as GROUP};
use super::super::written;
use super::Made;

impl Made {
    /// Writes it, over what may be there. By a webhook's address whoever knows it may write there: a config with one that is new, or that
    /// everybody could read before, is for root and the daemon's group alone. Where there is no such group, or it is not root's, nobody
    /// knows yet by which user the daemon will be: it is for its owner alone, and it is said how the daemon's user comes to read it.
    ///
    /// # Errors
    /// As the system says; what was there stays then.
    pub fn keep(&self, file: &Path) -> io::Result<()> {
        self.keep_for(file, service_user::group())
    }

    fn keep_for(&self, file: &Path, group: Option<u32>) -> io::Result<()> {
        let before = std::fs::metadata(file).ok();
        // Neither a pipe or a device, nor what somebody has closed already.
        let is_open = before.as_ref().is_none_or(|before| before.is_file() && before.mode() & 0o004 != 0);
        let is_roots = before.is_none_or(|before| before.uid() == 0);
        match group.filter(|_| is_roots) {
            _ if !self.holds_address || !is_open => written::over(file, self.text.as_bytes())?,
            Some(group) => written::for_group(file, self.text.as_bytes(), group)?,
            None => {
                written::for_owner(file, self.text.as_bytes())?;
                note(&lent(file));
            }
        }
        Ok(())
    }
}

/// How somebody else than the owner comes to read it: the unit's user is there from its own start on alone, or by the package.
fn lent(file: &Path) -> String {
    let file = file.display();
    format!(
        "siaga: {file} is for its owner alone, as the webhook's address stands in it. For a daemon of another user: sudo chgrp {GROUP} {file} && \
         sudo chmod 640 {file}; where there is no group {GROUP} yet, before that: sudo adduser --system --group --no-create-home {GROUP}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhooks_address_is_for_its_owner_alone_where_there_is_no_group_to_lend_it_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("siaga.toml");
        let kept = |holds_address: bool, group: Option<u32>| {
            let made = Made { text: "[room]\nname = \"aula\"\n".to_owned(), holds_address };
            made.keep_for(&file, group).unwrap();
            std::fs::metadata(&file).unwrap().mode() & 0o777
        };
        assert_eq!(kept(true, None), 0o600);
        // What is there has its mode from whoever gave it that.
        assert_eq!(kept(false, None), 0o600);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(kept(false, None), 0o644, "the daemon is another user");
        assert_eq!(kept(true, None), 0o600, "open to all, because nothing in it was to be kept from them");
        assert_eq!(kept(false, None), 0o600, "and stays so");
        let told = lent(&file);
        assert!(told.contains("chgrp siaga /") && told.contains("chmod 640 /"), "{told}");
    }
}
