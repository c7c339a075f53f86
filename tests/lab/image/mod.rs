//! The guests' images: Debian's own kernel, a system around it, and a snapshot of its memory once it is up.
//!
//! There are two. The small one is all in memory and has what nearly every test wants; the one with systemd has Debian's own
//! init, udev and NUT, for what the daemon is as a service.
//!
//! Made once and kept in the user's cache folder under a name that says what it is made of, so that a fresh clone finds it. It
//! is made aside and renamed: half an image is never used. One process makes it while others wait.

mod archive;
mod debian;
mod kernel;
mod parts;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

use crate::machine::{MACHINE, Machine};
use archive::Archive;
use parts::Parts;
pub(crate) use parts::{found, libraries};

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
    "udl",
    "xhci-pci",
    "uhid",
    "hid-generic",
    "veth",
    "sch_netem",
    "sch_tbf",
    // For a system on a disk.
    "virtio_blk",
    "ext4",
    "crc32c_generic",
    "overlay",
];

const INIT: &str = include_str!("init");
const AGENT: &str = include_str!("agent");
const MINI: &str = include_str!("mini");
const SYSTEM: &str = include_str!("system");
const PREPARE: &str = include_str!("prepare");
const PREPARE_SYSTEM: &str = include_str!("prepare_system");

/// How it is put together is part of what it is.
const MAKING: &[&str] = &[
    INIT,
    AGENT,
    MINI,
    SYSTEM,
    PREPARE,
    PREPARE_SYSTEM,
    include_str!("mod.rs"),
    include_str!("debian.rs"),
    include_str!("archive.rs"),
    include_str!("kernel.rs"),
    include_str!("parts.rs"),
];

/// How many images are kept: this one, and the one that was used last before it, for whoever changes between branches.
const KEPT: usize = 2;

/// Which image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All in memory: the kernel, its devices, a shell.
    Mini,
    /// Debian with systemd, udev and NUT.
    System,
}

impl Kind {
    /// What its machine has beside [`MACHINE`].
    pub(crate) const fn machine(self) -> &'static [&'static str] {
        match self {
            Self::Mini => &["-m", "384", "-append", "console=ttyS0 panic=-1 quiet"],
            // Its network cards are called as in the other one.
            Self::System => &[
                "-m",
                "640",
                "-append",
                "console=ttyS0 panic=-1 quiet net.ifnames=0 audit=0",
                "-device",
                "virtio-blk-pci,drive=disk",
            ],
        }
    }

    /// Where images of this kind are kept.
    fn cache(self) -> PathBuf {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        let folder = match self {
            Self::Mini => "siaga/lab",
            Self::System => "siaga/lab-system",
        };
        caches.expect("neither XDG_CACHE_HOME nor HOME is set").join(folder)
    }
}

/// An image's files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    kind: Kind,
    folder: PathBuf,
}

impl Files {
    /// Which image's.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The kernel, as ELF: QEMU starts it directly (PVH), without the decompressor.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    /// The system, or what begins it (initramfs).
    pub(crate) fn archive(&self) -> PathBuf {
        self.folder.join("initramfs")
    }

    /// The disk that the system is on, if it is not all in the archive.
    pub(crate) fn disk(&self) -> Option<PathBuf> {
        (self.kind == Kind::System).then(|| self.folder.join("disk"))
    }

    /// The memory of the machine, once it is up.
    pub(crate) fn snapshot(&self) -> PathBuf {
        self.folder.join("snapshot")
    }
}

/// An image that is whole, and stays while this value lives.
pub(crate) struct Image {
    /// Its files.
    pub(crate) files: Files,
    /// Shared as long as it is used, so that nobody removes it.
    _used: File,
}

/// What apt would give for an image now: the kernel, and a word for all else.
struct Offer {
    kernel: kernel::Package,
    word: String,
}

impl Offer {
    /// `None` where apt has no list of packages.
    fn of(kind: Kind) -> Option<Self> {
        let kernel = kernel::Package::newest()?;
        let word = match kind {
            Kind::Mini => kernel.version.clone(),
            Kind::System => format!("{}-{}", kernel.version, parts::sum([debian::versions()?.as_bytes()])),
        };
        Some(Self { kernel, word })
    }
}

impl Image {
    /// The image of this test run, made now if it is not there.
    pub(crate) fn ensure(kind: Kind) -> &'static Self {
        static MINI: OnceLock<Image> = OnceLock::new();
        static SYSTEM: OnceLock<Image> = OnceLock::new();
        let image = match kind {
            Kind::Mini => &MINI,
            Kind::System => &SYSTEM,
        };
        image.get_or_init(|| Self::ensure_in(kind, &kind.cache()))
    }

    fn ensure_in(kind: Kind, cache: &Path) -> Self {
        fs::create_dir_all(cache).unwrap();
        let lock = File::create(cache.join("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let parts = Parts::collect();
        let key = parts.key(&[MACHINE, kind.machine(), MAKING]);
        let offer = Offer::of(kind);
        let folder = match &offer {
            Some(offer) => cache.join(format!("{key}-{}", offer.word)),
            // No list of packages here: an image that differs in nothing else will do.
            None => made(cache).into_iter().find(|folder| name(folder).starts_with(&key)).expect(
                "apt knows no package linux-image-amd64, which the guest's kernel comes from: run `apt-get update`",
            ),
        };
        let files = Files { kind, folder };
        if !files.folder.exists() {
            make(cache, &files, &parts, &offer.expect("without an offer the folder is one that exists").kernel);
        }
        let used = File::create(files.folder.join("used")).unwrap();
        // The newest was used last.
        writeln!(&used, "used").unwrap();
        flock(&used, FlockOperation::LockShared).unwrap();
        remove_old(cache);
        Self { files, _used: used }
    }
}

/// Makes the image in a folder aside, and renames that.
fn make(cache: &Path, image: &Files, parts: &Parts, kernel: &kernel::Package) {
    let kind = image.kind;
    let aside = cache.join("half-made");
    _ = fs::remove_dir_all(&aside);
    fs::create_dir(&aside).unwrap();
    let files = Files { kind, folder: aside };
    say(&format!("making the guest's image in {}, once", image.folder.display()));
    say(&format!("  fetching and unpacking {} {} (70 MB)", kernel.name, kernel.version));
    let unpacked = kernel.unpack(&files.folder);
    unpacked.write_elf(&files.kernel());
    if let Some(disk) = files.disk() {
        say("  fetching and installing Debian with systemd and NUT (60 MB)");
        debian::write_disk(&disk);
    }
    say("  packing the system");
    let mut archive = parts.archive();
    unpacked.add_modules(&mut archive, MODULES);
    add_init(&mut archive, kind);
    fs::write(files.archive(), archive.pack()).unwrap();
    unpacked.remove();
    say("  booting it and keeping its memory");
    let mut machine = Machine::boot(&files);
    machine.sh(PREPARE);
    if kind == Kind::System {
        machine.sh(PREPARE_SYSTEM);
    }
    machine.qmp.save(&files.snapshot());
    drop(machine);
    fs::rename(&files.folder, &image.folder).unwrap();
    say("  the image is made");
}

/// Adds how the guest begins.
fn add_init(archive: &mut Archive, kind: Kind) {
    archive.file("init", INIT.as_bytes().to_vec(), 0o755);
    archive.file("lab/agent", AGENT.as_bytes().to_vec(), 0o644);
    let go = match kind {
        Kind::Mini => MINI,
        Kind::System => {
            debian::add_files(archive);
            SYSTEM
        }
    };
    archive.file("lab/go", go.as_bytes().to_vec(), 0o644);
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

/// Tells a person what takes long, whether or not the test's own output is shown.
fn say(line: &str) {
    _ = writeln!(std::io::stderr(), "lab: {line}");
}
