//! A disk whose every write is written down as it came (QEMU's `blklogwrites`, in the format of the kernel's dm-log-writes), and
//! what is left of it when the power goes at one of them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::Rng;
use serde_json::json;

use crate::guest::Lab;
use crate::image::found;

/// As dm-log-writes has it (Documentation/admin-guide/device-mapper/log-writes.rst): a sector of its own at the beginning, and one
/// before each write.
const SECTOR: usize = 512;
const MAGIC: u64 = 0x6a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 1 << 1;
const DISCARD: u64 = 1 << 2;

/// The disk, as long as its guest runs.
pub(super) struct Disk {
    log: PathBuf,
    empty: PathBuf,
}

/// One entry of the log.
#[derive(Clone, Debug)]
struct Entry {
    /// Where it goes, in bytes.
    to: u64,
    data: Vec<u8>,
    /// What came before it is on the disk when it is answered.
    flush: bool,
    /// Where it ends in the log.
    end: u64,
}

/// All that was written.
pub(super) struct Writes {
    entries: Vec<Entry>,
}

/// What a cut left out of what had not been flushed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    pub(super) whole: usize,
    pub(super) torn: usize,
    pub(super) gone: usize,
}

impl Disk {
    /// Makes an empty disk with ext4, plugs it into a guest and mounts it.
    pub(super) fn plug(lab: &Lab, folder: &Path, mount: &str) -> Self {
        let disk = Self { log: folder.join("log"), empty: folder.join("empty") };
        let used = folder.join("used");
        File::create(&disk.empty).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new(found("mkfs.ext4", "e2fsprogs")).args(["-q", "-F"]).arg(&disk.empty).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::copy(&disk.empty, &used).unwrap();
        File::create(&disk.log).unwrap();
        let file = |path: &Path| json!({ "driver": "file", "filename": path });
        lab.qmp(
            "blockdev-add",
            &json!({ "node-name": "written", "driver": "blklogwrites", "file": file(&used), "log": file(&disk.log) }),
        );
        lab.qmp("device_add", &json!({ "driver": "virtio-blk-pci", "id": "disk", "drive": "written" }));
        lab.sh("modprobe -a virtio_blk crc32c_generic ext4");
        lab.wait_for("[ -b /dev/vda ]");
        lab.sh(&format!("mkdir -p {mount} && mount -t ext4 /dev/vda {mount}"));
        disk
    }

    /// How much has been written down by now. What was answered before is in it.
    pub(super) fn written(&self) -> u64 {
        fs::metadata(&self.log).unwrap().len()
    }

    /// Reads the log, once nobody writes it any more.
    pub(super) fn writes(&self) -> Writes {
        let log = fs::read(&self.log).unwrap();
        let word = |at: usize| u64::from_le_bytes(log[at..at + 8].try_into().unwrap());
        assert_eq!(word(0), MAGIC, "no log of dm-log-writes");
        let (mut at, mut entries) = (SECTOR, Vec::new());
        while at + SECTOR <= log.len() {
            let (to, sectors, flags) = (word(at), word(at + 8), word(at + 16));
            if (to, sectors, flags) == (0, 0, 0) {
                // QEMU was killed before it wrote this one down.
                break;
            }
            at += SECTOR;
            let length = if flags & DISCARD == 0 { usize::try_from(sectors).unwrap() * SECTOR } else { 0 };
            let Some(data) = log.get(at..at + length) else { break };
            at += length;
            let to = to * SECTOR as u64;
            entries.push(Entry { to, data: data.to_vec(), flush: flags & (FLUSH | FUA) != 0, end: at as u64 });
        }
        Writes { entries }
    }

    /// The disk as it is found after the power went when `written` of the log had been: all that was flushed, and of the rest
    /// here and there a write, or the beginning of one. The rest is no more than what one flush would have covered.
    pub(super) fn cut(&self, writes: &Writes, written: u64, to: &Path, chance: &mut impl Rng) -> Left {
        fs::copy(&self.empty, to).unwrap();
        let disk = File::options().write(true).open(to).unwrap();
        let before = writes.entries.partition_point(|entry| entry.end <= written);
        let sure = writes.entries[..before].iter().rposition(|entry| entry.flush).map_or(0, |at| at + 1);
        for entry in &writes.entries[..sure] {
            disk.write_all_at(&entry.data, entry.to).unwrap();
        }
        let mut left = Left::default();
        for entry in &writes.entries[sure..before] {
            let sectors = entry.data.len() / SECTOR;
            let kept = match chance.random_range(0..3) {
                0 => sectors,
                1 if sectors > 1 => chance.random_range(1..sectors),
                _ => 0,
            };
            disk.write_all_at(&entry.data[..kept * SECTOR], entry.to).unwrap();
            match kept {
                0 => left.gone += 1,
                kept if kept < sectors => left.torn += 1,
                _ => left.whole += 1,
            }
        }
        left
    }
}

impl Writes {
    /// Where the power may go, once so much was written: after a write that was not flushed yet.
    pub(super) fn risky(&self, since: u64) -> Vec<u64> {
        let after = self.entries.iter().filter(|entry| !entry.flush && entry.end >= since);
        after.map(|entry| entry.end).collect()
    }

    /// How many, and after how many of them the disk was told to flush.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.entries.len(), self.entries.iter().filter(|entry| entry.flush).count())
    }
}

/// Brings a disk's file system in order, as a start does, and copies a folder out of it. Without a mount, and so without root.
pub(super) fn copy_out(disk: &Path, to: &Path) {
    let checked = Command::new(found("e2fsck", "e2fsprogs")).arg("-fy").arg(disk).output().unwrap();
    // 1: errors were corrected; what the journal holds is one (e2fsck(8)).
    assert!(checked.status.code().is_some_and(|code| code <= 1), "{}", String::from_utf8_lossy(&checked.stdout));
    fs::create_dir(to).unwrap();
    let order = format!("rdump / {}", to.display());
    let dumped = Command::new(found("debugfs", "e2fsprogs")).args(["-R", &order]).arg(disk).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
}
