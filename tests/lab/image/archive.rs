//! An initramfs: a cpio archive of the "newc" kind (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// What goes into it, by path without the leading slash.
#[derive(Default)]
pub(super) struct Archive {
    entries: BTreeMap<String, (u32, Vec<u8>)>,
}

impl Archive {
    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, content: Vec<u8>, mode: u32) {
        self.add(path, FILE | mode, content);
    }

    /// Adds a file of this machine.
    pub(super) fn copy(&mut self, path: &str, from: &Path, mode: u32) {
        let content = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.file(path, content, mode);
    }

    /// Adds a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.add(path, LINK | 0o777, target.as_bytes().to_vec());
    }

    /// Adds an empty folder.
    pub(super) fn folder(&mut self, path: &str) {
        self.add(path, FOLDER | 0o755, Vec::new());
    }

    fn add(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        if let Some((parent, _)) = path.rsplit_once('/')
            && !self.entries.contains_key(parent)
        {
            self.folder(parent);
        }
        self.entries.insert(path.to_owned(), (mode, content));
    }

    /// Gives its bytes. Sorted by path, so that a folder comes before what is in it.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (path, (mode, content))) in (1_u32..).zip(&self.entries) {
            pack(&mut bytes, number, path, *mode, content);
        }
        pack(&mut bytes, 0, "TRAILER!!!", 0, &[]);
        bytes
    }
}

fn pack(bytes: &mut Vec<u8>, number: u32, path: &str, mode: u32, content: &[u8]) {
    bytes.extend(b"070701");
    let (length, named) = (u32::try_from(content.len()).unwrap(), u32::try_from(path.len() + 1).unwrap());
    // inode, mode, owner, group, links, time, length, device (2), its own device (2), the name's length with its zero, no sum
    for field in [number, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, named, 0] {
        bytes.extend(format!("{field:08x}").bytes());
    }
    bytes.extend(path.bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend(content);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[test]
fn cpio_reads_what_is_packed() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let mut archive = Archive::default();
    archive.file("a/b/odd", b"12345".to_vec(), 0o755);
    archive.link("a/link", "b/odd");
    archive.folder("a/empty");
    let mut busybox = Command::new("busybox")
        .args(["cpio", "-t"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("busybox cannot be started: install Debian's package busybox-static");
    busybox.stdin.take().unwrap().write_all(&archive.pack()).unwrap();
    let listed = busybox.wait_with_output().unwrap();
    assert!(listed.status.success());
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["a", "a/b", "a/b/odd", "a/empty", "a/link"]);
}
