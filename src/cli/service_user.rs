//! The service's own user: to whom root lends what it writes for it, and what that one cannot read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::Origin;
use crate::domain::reason::fill;
use crate::domain::{Lang, Text};
use crate::peer::users;

/// The daemon's user and group, which the package brings along.
pub(super) const NAME: &str = "siaga";

/// Where the service keeps its state, as its unit file says.
pub(super) const STATE: &str = "/var/lib/siaga";

/// The group to which whoever writes may lend a file: root alone, where there is one of that name. The number that a dynamic user has at
/// the moment is given to another service's when this one rests (systemd.exec(5), `DynamicUser=`).
pub(super) fn group() -> Option<u32> {
    users::group(NAME).filter(|_| rustix::process::geteuid().is_root())
}

/// Whether a config is the service's to read, and not one of somebody's own daemon: by whose it is.
pub(super) fn reads(config: &Origin) -> bool {
    let Origin::File(config) = config else { return false };
    let is_its = |owner| owner == 0 || Service::here().is_some_and(|service| service.user == owner);
    std::fs::metadata(config).is_ok_and(|found| is_its(found.uid()))
}

/// Whom a file has to let read.
#[derive(Clone, Copy, Debug)]
struct Service {
    user: u32,
    group: u32,
}

impl Service {
    /// By what belongs to it, else by its name; `None` where this machine has no service, or its user reads everything.
    fn here() -> Option<Self> {
        let by_state = std::fs::metadata(STATE).ok().map(|found| Self { user: found.uid(), group: found.gid() });
        let by_name = || Some(Self { user: users::number(NAME).ok()?, group: users::group(NAME)? });
        by_state.or_else(by_name).filter(|service| service.user != 0)
    }

    /// Whether it is let through by who owns it, and by its mode: `asked` is 4 to read, 1 to pass.
    fn may(self, found: &Metadata, asked: u32) -> bool {
        let class = if found.uid() == self.user {
            6
        } else if found.gid() == self.group {
            3
        } else {
            0
        };
        (found.mode() >> class) & asked == asked
    }

    /// `state` is its own folder, to which it comes whatever is above (systemd.exec(5), `DynamicUser=`).
    fn may_read(self, file: &Path, state: &Path) -> bool {
        let may = |path: &Path, asked| std::fs::metadata(path).is_ok_and(|found| self.may(&found, asked));
        may(file, 4) && file.ancestors().skip(1).take_while(|folder| *folder != state).all(|folder| may(folder, 1))
    }
}

/// What to say of the daemon's file of tokens where root has it, and the service's user cannot read it or does not believe it: each of
/// them is then good for nothing, and one that is revoked for as much as before. Nothing of one that is not there: there are none in it.
pub(super) fn shut_out(file: &Path, lang: Lang) -> Option<String> {
    let service = Service::here().filter(|_| rustix::process::geteuid().is_root())?;
    shut_out_for(service, &file.canonicalize().ok()?, &state(), lang)
}

/// Whether a file is in the service's state folder.
pub(super) fn has(file: &Path) -> bool {
    file.canonicalize().is_ok_and(|file| file.starts_with(state()))
}

fn state() -> PathBuf {
    let state = Path::new(STATE);
    state.canonicalize().unwrap_or_else(|_| state.to_owned())
}

fn shut_out_for(service: Service, file: &Path, state: &Path, lang: Lang) -> Option<String> {
    let group = || service.group.to_string().into();
    let named = |text: &Text| {
        fill(text.in_lang(lang), &[("file", file.display().to_string().into()), ("group", group())], lang)
    };
    let owner = std::fs::metadata(file).ok()?.uid();
    if owner != 0 && owner != service.user {
        return Some(named(&FOREIGN));
    }
    (!service.may_read(file, state)).then(|| named(&SHUT_OUT))
}

static FOREIGN: Text = Text::new(
    "{file} bukan milik root atau pengguna layanan (systemd), jadi daemon tidak mempercayainya dan perubahan di dalamnya tidak berlaku: sudo chown root:{group} {file} && sudo chmod 640 {file}",
    "{file} is neither root's nor the service's user's (systemd), so that the daemon does not believe it and no change in it holds: sudo chown root:{group} {file} && sudo chmod 640 {file}",
);

static SHUT_OUT: Text = Text::new(
    "pengguna layanan (systemd) tidak dapat membaca {file}, jadi perubahan di dalamnya tidak berlaku: sudo chgrp {group} {file} && sudo chmod 640 {file}; foldernya juga harus dapat dilalui",
    "the service's user (systemd) cannot read {file}, so that no change in it holds: sudo chgrp {group} {file} && sudo chmod 640 {file}; its folder must let that user through too",
);

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn who_may_read_is_told_by_owner_group_mode_and_the_folders_above() {
        let service = Service { user: 4242, group: 4343 };
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
        let folder = place.path().join("etc");
        let file = folder.join("tokens.toml");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "").unwrap();
        let told = |(user, group, mode): (u32, u32, u32), above: u32| {
            chown(&file, Some(user), Some(group)).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            std::fs::set_permissions(&folder, Permissions::from_mode(above)).unwrap();
            shut_out_for(service, &file, place.path(), Lang::En)
        };
        // What is above its own folder is not looked at.
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
        for about in [(4242, 0, 0o600), (0, 4343, 0o640), (0, 0, 0o644)] {
            assert_eq!(told(about, 0o755), None, "{about:?}");
        }
        // An owner or a group that is let do less than others is let do no more (path_resolution(7)).
        for about in [(0, 0, 0o600), (0, 0, 0o640), (0, 4343, 0o600), (4242, 4343, 0o044), (0, 4343, 0o604)] {
            let told = told(about, 0o755).unwrap_or_else(|| panic!("{about:?}"));
            assert!(told.contains("chgrp 4343 /") && told.contains("chmod 640 /"), "{told}");
        }
        assert!(told((0, 4343, 0o640), 0o700).is_some(), "it cannot come there");
        let foreign = told((1000, 4343, 0o640), 0o755).unwrap();
        assert!(foreign.contains("neither root's") && foreign.contains("chown root:4343 /"), "{foreign}");
    }
}
