//! Debian's own kernel: fetched and unpacked, never installed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::archive::Archive;
use super::parts::{printed, program};

/// The package of the kernel. Its name moves with security updates, so it is asked for and never written down.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
}

impl Package {
    /// The one that `linux-image-amd64` stands for now; `None` where apt has no list of packages.
    pub(super) fn newest() -> Option<Self> {
        let depends = printed(program("apt-cache", "apt").args(["depends", "linux-image-amd64"]))?;
        let name = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: "))?.trim().to_owned();
        let shown = printed(program("apt-cache", "apt").args(["show", "--no-all-versions", &name]))?;
        let version = shown.lines().find_map(|line| line.strip_prefix("Version: "))?.trim().to_owned();
        Some(Self { name, version })
    }

    /// Fetches and unpacks it into a folder.
    pub(super) fn unpack(&self, folder: &Path) -> Unpacked {
        let fetched = program("apt-get", "apt")
            .args(["download", &format!("{}={}", self.name, self.version)])
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&fetched.stderr);
        assert!(fetched.status.success(), "apt-get download {}: run `apt-get update` first?\n{told}", self.name);
        let package = only(folder, |name| name.starts_with(&self.name));
        let root = folder.join("unpacked");
        printed(program("dpkg-deb", "dpkg").arg("--extract").arg(&package).arg(&root)).expect("dpkg-deb");
        fs::remove_file(package).unwrap();
        let release = only(&root.join("lib/modules"), |_| true).file_name().unwrap().to_str().unwrap().to_owned();
        printed(program("depmod", "kmod").arg("-b").arg(&root).arg(&release)).expect("depmod");
        Unpacked { root, release }
    }
}

/// An unpacked kernel package.
pub(super) struct Unpacked {
    root: PathBuf,
    release: String,
}

impl Unpacked {
    /// Writes the kernel itself, out of its self-extracting shell: an xz stream (its magic is in the format's §2.1.1.1).
    pub(super) fn write_elf(&self, to: &Path) {
        let shell = fs::read(self.root.join("boot").join(format!("vmlinuz-{}", self.release))).unwrap();
        let magic = [0xfd, b'7', b'z', b'X', b'Z', 0];
        let begin = shell.windows(magic.len()).position(|bytes| bytes == magic).expect("the kernel is packed by xz");
        let mut child = program("xz", "xz-utils")
            .args(["--decompress", "--stdout", "--single-stream"])
            .stdin(Stdio::piped())
            .stdout(fs::File::create(to).unwrap())
            .spawn()
            .expect("xz cannot be started: install Debian's package xz-utils");
        // What follows the stream is not its: xz closes the pipe before it.
        _ = child.stdin.take().unwrap().write_all(&shell[begin..]);
        child.wait().unwrap();
        assert!(fs::read(to).unwrap().starts_with(b"\x7fELF"), "no ELF came out of the kernel's shell");
    }

    /// Adds modules, what they need, and the index of all.
    pub(super) fn add_modules(&self, archive: &mut Archive, modules: &[&str]) {
        let folder = format!("lib/modules/{}", self.release);
        for module in modules {
            let mut asked = program("modprobe", "kmod");
            asked.arg("-d").arg(&self.root).args(["-S", &self.release, "--show-depends", module]);
            let needed = printed(&mut asked).unwrap_or_else(|| panic!("the kernel has no module {module}"));
            for path in needed.lines().filter_map(|line| line.strip_prefix("insmod ")) {
                let path = Path::new(path.trim());
                archive.copy(path.strip_prefix(&self.root).unwrap().to_str().unwrap(), path, 0o644);
            }
        }
        for entry in fs::read_dir(self.root.join(&folder)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with("modules.") {
                archive.copy(&format!("{folder}/{name}"), &entry.path(), 0o644);
            }
        }
    }

    pub(super) fn remove(self) {
        fs::remove_dir_all(self.root).unwrap();
    }
}

/// The one entry of a folder whose name is like that.
fn only(folder: &Path, like: impl Fn(&str) -> bool) -> PathBuf {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: Vec<_> = names.filter(|name| like(name)).collect();
    assert_eq!(found.len(), 1, "in {}: {found:?}", folder.display());
    folder.join(&found[0])
}
