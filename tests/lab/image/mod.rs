//! The guest's image: Debian's own kernel, a small system around it, and a snapshot of its memory once it is up.
//!
//! Made once and kept in the user's cache folder under a name that says what it is made of, so that a fresh clone finds it. It
//! is made aside and renamed: half an image is never used. One process makes it while others wait.

mod archive;
mod kernel;
mod parts;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

use crate::machine::{MACHINE, Machine};
use parts::Parts;

/// The modules that are in the image, beside what they need themselves.
const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_net",
    "virtio_console",
    "9pnet_virtio",
    "9p",
    "vivid",
    "uvcvideo",
    "vhci-hcd",
    "snd-aloop",
    "snd-dummy",
    "snd-usb-audio",
    "xhci-pci",
    "veth",
    "sch_netem",
    "sch_tbf",
];

const INIT: &str = include_str!("init");
const PREPARE: &str = include_str!("prepare");

/// How it is put together is part of what it is.
const MAKING: &[&str] = &[
    INIT,
    PREPARE,
    include_str!("mod.rs"),
    include_str!("archive.rs"),
    include_str!("kernel.rs"),
    include_str!("parts.rs"),
];

/// How many images are kept: this one, and the one that was used last before it, for whoever changes between branches.
const KEPT: usize = 2;

/// An image's files.
#[derive(Clone, Debug)]
pub(crate) struct Files(PathBuf);

impl Files {
    /// The kernel, as ELF: QEMU starts it directly (PVH), without the decompressor.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.0.join("vmlinux")
    }

    /// The system (initramfs).
    pub(crate) fn archive(&self) -> PathBuf {
        self.0.join("initramfs")
    }

    /// The memory of the machine, once it is up.
    pub(crate) fn snapshot(&self) -> PathBuf {
        self.0.join("snapshot")
    }
}

/// An image that is whole, and stays while this value lives.
pub(crate) struct Image {
    /// Its files.
    pub(crate) files: Files,
    /// Shared as long as it is used, so that nobody removes it.
    _used: File,
}

impl Image {
    /// The image of this test run, made now if it is not there.
    pub(crate) fn ensure() -> &'static Self {
        static IMAGE: OnceLock<Image> = OnceLock::new();
        IMAGE.get_or_init(|| Self::ensure_in(&cache()))
    }

    fn ensure_in(cache: &Path) -> Self {
        fs::create_dir_all(cache).unwrap();
        let lock = File::create(cache.join("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let parts = Parts::collect();
        let key = parts.key(&[MACHINE, MAKING]);
        let kernel = kernel::Package::newest();
        let folder = match &kernel {
            Some(kernel) => cache.join(format!("{key}-{}", kernel.version)),
            // No list of packages here: an image that differs in nothing else will do.
            None => made(cache).into_iter().find(|folder| name(folder).starts_with(&key)).expect(
                "apt knows no package linux-image-amd64, which the guest's kernel comes from: run `apt-get update`",
            ),
        };
        if !folder.exists() {
            make(cache, &folder, &parts, &kernel.expect("without a kernel the folder is one that exists"));
        }
        let used = File::create(folder.join("used")).unwrap();
        // The newest was used last.
        writeln!(&used, "used").unwrap();
        flock(&used, FlockOperation::LockShared).unwrap();
        remove_old(cache);
        Self { files: Files(folder), _used: used }
    }
}

/// Makes the image in a folder aside, and renames that.
fn make(cache: &Path, folder: &Path, parts: &Parts, kernel: &kernel::Package) {
    let aside = cache.join("half-made");
    _ = fs::remove_dir_all(&aside);
    fs::create_dir(&aside).unwrap();
    let files = Files(aside.clone());
    say(&format!("making the guest's image in {}, once", folder.display()));
    say(&format!("  fetching and unpacking {} {} (70 MB)", kernel.name, kernel.version));
    let unpacked = kernel.unpack(&aside);
    unpacked.write_elf(&files.kernel());
    say("  packing the system");
    let mut archive = parts.archive();
    unpacked.add_modules(&mut archive, MODULES);
    archive.file("init", INIT.as_bytes().to_vec(), 0o755);
    fs::write(files.archive(), archive.pack()).unwrap();
    unpacked.remove();
    say("  booting it and keeping its memory");
    let mut machine = Machine::boot(&files);
    machine.sh(PREPARE);
    machine.qmp.save(&files.snapshot());
    drop(machine);
    fs::rename(&aside, folder).unwrap();
    say("  the image is made");
}

/// Removes all images but the newest few, and those that a running test holds.
fn remove_old(cache: &Path) {
    for folder in made(cache).into_iter().skip(KEPT) {
        let Ok(used) = File::open(folder.join("used")) else { continue };
        if flock(&used, FlockOperation::NonBlockingLockExclusive).is_ok() {
            say(&format!("removing the old image {}", folder.display()));
            _ = fs::remove_dir_all(&folder);
        }
    }
}

/// The whole images, the one that was used last first.
fn made(cache: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let mut made: Vec<_> = folders
        .filter(|folder| folder.is_dir() && name(folder) != "half-made")
        .map(|folder| (fs::metadata(folder.join("used")).and_then(|used| used.modified()).ok(), folder))
        .collect();
    made.sort();
    made.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    caches.expect("neither XDG_CACHE_HOME nor HOME is set").join("siaga/lab")
}

/// Tells a person what takes long, whether or not the test's own output is shown.
fn say(line: &str) {
    _ = writeln!(std::io::stderr(), "lab: {line}");
}
