//! What of this machine goes into the image: programs with their libraries, and the files that those read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::archive::Archive;
use crate::machine::built;

/// The programs, and Debian's package of each.
const PROGRAMS: &[(&str, &str)] = &[
    ("busybox", "busybox-static"),
    ("dash", "dash"),
    ("modprobe", "kmod"),
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("ping", "iputils-ping"),
    ("aplay", "alsa-utils"),
    ("arecord", "alsa-utils"),
    ("amixer", "alsa-utils"),
    ("v4l2-ctl", "v4l-utils"),
];

/// What is not a program: the sound library's config, and the room's time zone.
const FILES: &[(&str, &str)] = &[
    ("/usr/share/alsa/alsa.conf", "libasound2-data"),
    ("/usr/share/alsa/ctl", "libasound2-data"),
    ("/usr/share/alsa/pcm", "libasound2-data"),
    ("/usr/share/alsa/cards", "libasound2-data"),
    ("/usr/share/zoneinfo/Asia/Pontianak", "tzdata"),
    ("/usr/share/zoneinfo/Etc/UTC", "tzdata"),
    // For `netem ... distribution normal`: tc without it fails and keeps what was there.
    ("/usr/lib/x86_64-linux-gnu/tc/normal.dist", "iproute2"),
];

/// Files by their path in the guest, without the leading slash.
pub(super) struct Parts {
    qemu: String,
    files: BTreeMap<String, (Vec<u8>, u32)>,
}

impl Parts {
    /// Reads all of them.
    pub(super) fn collect() -> Self {
        let qemu =
            printed(program("qemu-system-x86_64", "qemu-system-x86").arg("--version")).expect("QEMU tells its version");
        let mut parts = Self { qemu, files: BTreeMap::new() };
        let mut linked = vec![built().join("siaga"), std::env::current_exe().unwrap()];
        for (name, package) in PROGRAMS {
            let path = found(name, package);
            parts.add(&format!("usr/bin/{name}"), &path, 0o755);
            linked.push(path);
        }
        for library in libraries(&linked) {
            parts.add(library.to_str().unwrap().trim_start_matches('/'), &library, 0o755);
        }
        for (path, package) in FILES {
            assert!(Path::new(path).exists(), "{path} is not there: install Debian's package {package}");
            parts.add_all(Path::new(path));
        }
        parts
    }

    fn add(&mut self, path: &str, from: &Path, mode: u32) {
        let content = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.files.insert(path.to_owned(), (content, mode));
    }

    fn add_all(&mut self, path: &Path) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.add_all(&entry.unwrap().path());
            }
        } else {
            self.add(path.to_str().unwrap().trim_start_matches('/'), path, 0o644);
        }
    }

    /// A name for all of it, and for the texts beside it.
    pub(super) fn key(&self, texts: &[&[&str]]) -> String {
        let texts = texts.iter().copied().flatten().map(|text| text.as_bytes());
        let modes: Vec<_> = self.files.values().map(|(_, mode)| mode.to_le_bytes()).collect();
        let files = self.files.iter().zip(&modes);
        let files = files.flat_map(|((path, (content, _)), mode)| [path.as_bytes(), mode, content]);
        sum(iter::once(self.qemu.as_bytes()).chain(texts).chain(files))
    }

    /// Begins an archive with all of it.
    pub(super) fn archive(&self) -> Archive {
        let mut archive = Archive::default();
        for folder in ["bin", "sbin", "bb", "proc", "sys", "dev", "run", "tmp", "etc", "root"] {
            archive.folder(folder);
        }
        for (path, (content, mode)) in &self.files {
            archive.file(path, content.clone(), *mode);
        }
        archive.link("bin/busybox", "../usr/bin/busybox");
        archive.link("bin/sh", "../usr/bin/dash");
        // The kernel calls it by this name to load what somebody asks for.
        archive.link("sbin/modprobe", "../usr/bin/modprobe");
        archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n".to_vec(), 0o644);
        archive.file("etc/group", b"root:x:0:\naudio:x:29:\nvideo:x:44:\n".to_vec(), 0o644);
        archive
    }
}

/// A short name for these pieces, in this order.
pub(super) fn sum<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut sum = ring::digest::Context::new(&ring::digest::SHA256);
    for piece in pieces {
        sum.update(&piece.len().to_le_bytes());
        sum.update(piece);
    }
    let sum = sum.finish();
    format!("{:016x}", u64::from_be_bytes(sum.as_ref()[..8].try_into().unwrap()))
}

/// A program of this machine. Says which package to install where it is missing.
pub(super) fn program(name: &str, package: &str) -> Command {
    let mut command = Command::new(found(name, package));
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// What a program prints; `None` if it fails.
pub(super) fn printed(command: &mut Command) -> Option<String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where a program is. A user's PATH need not have the folders for the system's own.
pub(crate) fn found(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "the lab needs {name}, which is not here: install Debian's package {package} \
             (all that the tests need: scripts/install-debian.sh test)"
        )
    })
}

/// The shared libraries of these programs, and of their libraries.
pub(crate) fn libraries(programs: &[PathBuf]) -> BTreeSet<PathBuf> {
    let told = program("ldd", "libc-bin").args(programs).output().unwrap().stdout;
    // `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`; a heading ends in a colon.
    let told = String::from_utf8(told).unwrap();
    let words = told.lines().filter(|line| !line.ends_with(':')).flat_map(str::split_whitespace);
    words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}
