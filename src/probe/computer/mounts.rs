//! Mounted file systems, from `mountinfo` (`proc_pid_mountinfo(5)`), which answers whatever the disks do.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    point: PathBuf,
    /// Whether it cannot be written: this mount, or the file system itself, as ext4's `errors=remount-ro` leaves it.
    pub(super) read_only: bool,
    kind: String,
}

/// File systems whose answers come from another machine or another program, and may never come.
const REMOTE: [&str; 14] = [
    "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "fuse", "lustre", "nfs", "nfs4", "smb3", "smbfs",
    "virtiofs",
];

/// What says that nothing can be written: as it was mounted, or as ext4 has made it after an error, which from Linux 6.12 on says `rw` still
/// and has a word of its own (`emergency_ro`; `shutdown` where it has given up altogether).
const NO_WRITING: [&[u8]; 3] = [b"ro", b"emergency_ro", b"shutdown"];

impl Mount {
    fn is_remote(&self) -> bool {
        REMOTE.contains(&self.kind.as_str()) || self.kind.starts_with("fuse.")
    }
}

/// The mounts of a `mountinfo`.
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw,errors=remount-ro`
fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = unescape(fields.nth(4)?);
    let here = fields.next()?;
    let mut after = fields.skip_while(|field| *field != b"-").skip(1);
    let kind = String::from_utf8_lossy(after.next()?).into_owned();
    let whole = after.nth(1).unwrap_or_default();
    let read_only = [here, whole]
        .iter()
        .any(|options| options.split(|byte| *byte == b',').any(|option| NO_WRITING.contains(&option)));
    Some(Mount { point: PathBuf::from(OsString::from_vec(point)), read_only, kind })
}

/// Space, tab, line feed and backslash stand as `\040` and so on.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = || {
            let digits = tail.get(..3)?.iter().map(|digit| char::from(*digit).to_digit(8));
            u8::try_from(digits.collect::<Option<Vec<_>>>()?.into_iter().fold(0, |value, digit| value * 8 + digit)).ok()
        };
        match octal().filter(|_| *first == b'\\') {
            Some(byte) => (out.push(byte), rest = &tail[3..]).0,
            None => (out.push(*first), rest = tail).0,
        }
    }
    out
}

/// The file system mounted at `point`; the last one, where several are mounted over each other.
pub(super) fn at<'a>(mounts: &'a [Mount], point: &Path) -> Option<&'a Mount> {
    mounts.iter().rev().find(|mount| mount.point == point)
}

/// Whether asking about `point` may wait for another machine: it, or a mount on the way to it, is remote.
pub(super) fn is_remote(mounts: &[Mount], point: &Path) -> bool {
    point.ancestors().filter_map(|step| at(mounts, step)).any(Mount::is_remote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 8:2 / /my\\040disk rw,relatime - xfs /dev/sdb1 rw
24 22 8:3 / /broken rw,relatime shared:2 master:1 - ext4 /dev/sdc1 ro,errors=remount-ro
25 22 8:3 / /kept ro,relatime - ext4 /dev/sdc1 rw
26 22 0:40 / /far rw - nfs4 filer.example.org:/room rw,hard
27 26 8:4 / /far/near rw - ext4 /dev/sdd1 rw
28 22 0:41 / /phone rw - fuse.sshfs host.example.org: rw
29 22 0:42 / /broken rw - tmpfs tmpfs rw
30 22 8:5 / /failed rw,relatime - ext4 /dev/sde1 rw,emergency_ro,errors=remount-ro
31 22 8:6 / /ended rw,relatime - ext4 /dev/sdf1 rw,shutdown
";

    #[test]
    fn points_options_and_kinds_are_read() {
        let mounts = parse(TEXT);
        assert_eq!(mounts.len(), 10);
        let ro = |point: &str| at(&mounts, Path::new(point)).map(|mount| mount.read_only);
        assert_eq!(ro("/"), Some(false));
        assert_eq!(ro("/my disk"), Some(false));
        assert_eq!(ro("/kept"), Some(true));
        assert_eq!((ro("/failed"), ro("/ended")), (Some(true), Some(true)), "as Linux 6.12 says it");
        assert_eq!(ro("/broken"), Some(false), "the one mounted over it");
        assert_eq!(at(&mounts[..7], Path::new("/broken")).map(|mount| mount.read_only), Some(true));
        assert_eq!(ro("/absent"), None);
    }

    #[test]
    fn what_lies_behind_another_machine_is_remote() {
        let mounts = parse(TEXT);
        for (point, remote) in
            [("/", false), ("/far", true), ("/far/near", true), ("/phone", true), ("/my disk", false)]
        {
            assert_eq!(is_remote(&mounts, Path::new(point)), remote, "{point}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([0-9]{1,3} |/|\\\\[0-9]{0,4}| |- |rw,|\n|é){0,60}") {
            let _ = parse(text.as_bytes());
        }
    }
}
