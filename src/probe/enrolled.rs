//! The room's record (`siaga enroll`), as the probes of devices hold it against what they see.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::domain::enrolled::differences;
use crate::domain::{Device, Difference, Enrolled, Equipment, Finding, Reading, ReasonDef, Text, Verdict};
use crate::named_file;

/// The file's name in the state folder.
pub const FILE: &str = "enrolled.toml";

const REPLACED: Text = Text::new(
    "Pasang kembali yang terdaftar; bila penggantian ini disengaja, minta petugas TI menjalankan \"siaga enroll\"",
    "Put the enrolled one back; if this replacement is on purpose, run \"siaga enroll\"",
);
const GONE: Text = Text::new(
    "Sambungkan kembali ke port yang sama; bila sengaja tidak ada, minta petugas TI menjalankan \"siaga enroll --absent\"",
    "Connect it again to the same port; if it is away on purpose, run \"siaga enroll --absent\"",
);

const UNREAD: Text = Text::new(
    "Catatan perlengkapan ruangan di {file} tidak dapat dibaca, jadi tidak dibandingkan",
    "The room's record in {file} cannot be read, so nothing is compared with it",
);
const RECORD_ANEW: Text = Text::new(
    "Minta petugas TI memperbaiki berkas itu, atau menghapusnya lalu menjalankan \"siaga enroll\" ketika ruangan dinyatakan baik",
    "Mend that file; or delete it, then run \"siaga enroll\" while the room is known to be good",
);

/// What of the record a check asks for.
pub(super) struct Part {
    equipment: &'static [Equipment],
    /// Nobody knows what should be there: the record is broken.
    pub(super) unread: ReasonDef,
}

/// What is said of one sort of equipment.
pub(super) struct Words {
    pub(super) part: Part,
    /// Another stands in its place.
    pub(super) other: ReasonDef,
    /// It is not there.
    pub(super) missing: ReasonDef,
}

/// What the desktop session uses by default.
pub(super) static SEAT: Part = Part {
    equipment: &[Equipment::Source, Equipment::Sink],
    unread: ReasonDef::new("siaga.seat_record_unreadable", UNREAD, RECORD_ANEW),
};

pub(super) static CAMERA: Words = Words {
    part: Part {
        equipment: &[Equipment::Camera],
        unread: ReasonDef::new("siaga.camera_record_unreadable", UNREAD, RECORD_ANEW),
    },
    other: ReasonDef::new(
        "video.camera_other",
        Text::new(
            "Kamera di {place} lain dari yang terdaftar: {device}, bukan {enrolled}",
            "The camera at {place} is another than the enrolled one: {device}, not {enrolled}",
        ),
        REPLACED,
    )
    .lasting(),
    missing: ReasonDef::new(
        "video.camera_enrolled_missing",
        Text::new(
            "Kamera terdaftar {enrolled} tidak ada di {place}",
            "The enrolled camera {enrolled} is not at {place}",
        ),
        GONE,
    )
    .lasting(),
};

pub(super) static AUDIO: Words = Words {
    part: Part {
        equipment: &[Equipment::Audio],
        unread: ReasonDef::new("siaga.audio_record_unreadable", UNREAD, RECORD_ANEW),
    },
    other: ReasonDef::new(
        "audio.card_other",
        Text::new(
            "Perangkat suara di {place} lain dari yang terdaftar: {device}, bukan {enrolled}",
            "The sound device at {place} is another than the enrolled one: {device}, not {enrolled}",
        ),
        REPLACED,
    )
    .lasting(),
    missing: ReasonDef::new(
        "audio.card_enrolled_missing",
        Text::new(
            "Perangkat suara terdaftar {enrolled} tidak ada di {place}",
            "The enrolled sound device {enrolled} is not at {place}",
        ),
        GONE,
    )
    .lasting(),
};

pub(super) static DISPLAY: Words = Words {
    part: Part {
        equipment: &[Equipment::Display],
        unread: ReasonDef::new("siaga.display_record_unreadable", UNREAD, RECORD_ANEW),
    },
    other: ReasonDef::new(
        "video.display_other",
        Text::new(
            "Layar di {place} lain dari yang terdaftar: {device}, bukan {enrolled}",
            "The display at {place} is another than the enrolled one: {device}, not {enrolled}",
        ),
        REPLACED,
    )
    .lasting(),
    missing: ReasonDef::new(
        "video.display_enrolled_missing",
        Text::new(
            "Layar terdaftar {enrolled} tidak ada di {place}",
            "The enrolled display {enrolled} is not at {place}",
        ),
        GONE,
    )
    .lasting(),
};

pub(super) static RADIO: Words = Words {
    part: Part {
        equipment: &[Equipment::Radio],
        unread: ReasonDef::new("siaga.radio_record_unreadable", UNREAD, RECORD_ANEW),
    },
    other: ReasonDef::new(
        "radio.interface_other",
        Text::new(
            "Antarmuka HT di {place} lain dari yang terdaftar: {device}, bukan {enrolled}",
            "The radio's interface at {place} is another than the enrolled one: {device}, not {enrolled}",
        ),
        REPLACED,
    )
    .lasting(),
    missing: ReasonDef::new(
        "radio.interface_enrolled_missing",
        Text::new(
            "Antarmuka HT terdaftar {enrolled} tidak ada di {place}",
            "The enrolled radio interface {enrolled} is not at {place}",
        ),
        GONE,
    )
    .lasting(),
};

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It is no record.
    #[error("{} is no record of a room", .0.display())]
    Wrong(PathBuf, #[source] Box<toml::de::Error>),
}

/// Reads a record; `None` if there is none.
///
/// # Errors
/// See [`RecordError`].
pub fn read(file: &Path) -> Result<Option<Enrolled>, RecordError> {
    match named_file::text(file) {
        Ok(text) => {
            toml::from_str(&text).map(Some).map_err(|error| RecordError::Wrong(file.to_owned(), Box::new(error)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RecordError::Read(file.to_owned(), error)),
    }
}

/// One part of the record, read anew when its file has changed: who enrolls need not tell the daemon.
pub(super) struct Record {
    part: &'static Part,
    file: Option<PathBuf>,
    /// Which file was read: its number, its length and when it last changed, its rights included, by a clock that ticks coarsely.
    version: Option<(u64, u64, i64, i64)>,
    devices: Vec<Device>,
    /// Why it could not be read.
    broken: Option<String>,
}

impl Record {
    /// Touches nothing yet.
    pub(super) fn new(part: &'static Part, file: Option<PathBuf>) -> Self {
        Self { part, file, version: None, devices: Vec::new(), broken: None }
    }

    /// What was recorded. Says in `reading` if that cannot be read.
    pub(super) fn devices(&mut self, reading: &mut Reading) -> &[Device] {
        self.read();
        if let (Some(detail), Some(file)) = (&self.broken, &self.file) {
            let unread = Finding::new(&self.part.unread, Verdict::Ready).with("file", file.display().to_string());
            reading.find(unread.with("detail", detail.as_str()));
        }
        &self.devices
    }

    /// Whether anything of this part was recorded.
    pub(super) fn is_kept(&mut self) -> bool {
        self.read();
        !self.devices.is_empty()
    }

    /// Says in `reading` what of the record is missing and what stands in its place. `means` says of which devices the check
    /// speaks; `present` is asked only where there is a record.
    pub(super) fn tell(
        &mut self,
        words: &'static Words,
        reading: &mut Reading,
        means: impl Fn(&Device) -> bool,
        present: impl FnOnce() -> Vec<Device>,
    ) {
        let devices = self.devices(reading);
        if !devices.iter().any(&means) {
            return;
        }
        let place = |device: &Device| device.place.clone().unwrap_or_else(|| "?".to_owned());
        // All are compared, since one twin must not be taken for the other; what is meant is told.
        let present: Vec<Device> = present().iter().map(Device::plainly).collect();
        for difference in differences(devices, &present) {
            // What is another, or away, may still do for the meeting: the check itself says if it does not.
            let finding = match &difference {
                Difference::Missing(device) if means(device) => Finding::new(&words.missing, Verdict::Degraded)
                    .with("enrolled", device.to_string())
                    .with("place", place(device)),
                Difference::Other { enrolled, present } if means(enrolled) => {
                    Finding::new(&words.other, Verdict::Degraded)
                        .with("device", present.to_string())
                        .with("enrolled", enrolled.to_string())
                        .with("place", place(present))
                }
                _ => continue,
            };
            reading.find(finding);
        }
    }

    fn read(&mut self) {
        let Some(file) = &self.file else { return };
        let found = std::fs::metadata(file).ok();
        let version = found.map(|file| (file.ino(), file.len(), file.ctime(), file.ctime_nsec()));
        // What could not be read is tried again: it may be for a folder's rights, or another program's, which leave no trace here.
        if version.is_some() && version == self.version && self.broken.is_none() {
            return;
        }
        self.version = version;
        let before = self.broken.take();
        let record = read(file).unwrap_or_else(|error| {
            let error = crate::domain::in_full(&error);
            if before.as_ref() != Some(&error) {
                tracing::warn!(error, "the room's record is not used");
            }
            self.broken = Some(error);
            None
        });
        self.devices = record.map(|record| record.devices).unwrap_or_default();
        self.devices.retain(|device| self.part.equipment.contains(&device.kind));
        // One of an earlier version keeps what turns the direction of a text.
        self.devices = self.devices.iter().map(Device::plainly).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn told(record: &mut Record) -> Vec<&'static str> {
        let mut reading = Reading::default();
        record.tell(&CAMERA, &mut reading, |_| true, Vec::new);
        reading.findings.iter().map(|finding| finding.reason.code).collect()
    }

    #[test]
    fn a_record_that_is_mended_in_its_place_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let good = "at = \"2026-11-25T02:00:00Z\"\n[[device]]\nkind = \"camera\"\nname = \"PTZ\"\nplace = \"usb-2\"\n";
        fs::write(&file, good).unwrap();
        let mut record = Record::new(&CAMERA.part, Some(file.clone()));
        let missing = ["video.camera_enrolled_missing"];
        assert_eq!(told(&mut record), missing);
        // The same file, of the same length and, as an editor or a restored copy may have it, of the same date.
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        let write = |text: String| {
            fs::write(&file, text).unwrap();
            fs::File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
        };
        write(good.replace("kind", "sort"));
        assert_eq!(told(&mut record), ["siaga.camera_record_unreadable"]);
        write(good.to_owned());
        assert_eq!(told(&mut record), missing);
    }

    #[test]
    fn a_device_with_an_unseen_character_in_its_serial_number_is_the_one_that_was_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let before = "at = \"2026-11-25T02:00:00Z\"\n[[device]]\nkind = \"camera\"\nname = \"PTZ\"\n";
        fs::write(&file, format!("{before}serial = \"A \u{202e}\"\nplace = \"usb-2\"\n")).unwrap();
        let present = Device {
            kind: Equipment::Camera,
            name: "PTZ".to_owned(),
            usb: None,
            serial: Some("A\u{1}\u{202e}".to_owned()),
            place: Some("usb-2".to_owned()),
            also: Vec::new(),
            absent: false,
        };
        let mut reading = Reading::default();
        Record::new(&CAMERA.part, Some(file)).tell(&CAMERA, &mut reading, |_| true, || vec![present]);
        assert!(reading.findings.is_empty(), "{:?}", reading.findings);
    }

    #[test]
    fn a_record_whose_rights_are_mended_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let rights =
            |path: &Path, mode| fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        rights(folder.path(), 0o755);
        let file = folder.path().join(FILE);
        fs::write(&file, "at = \"2026-11-25T02:00:00Z\"\n").unwrap();
        let mut record = Record::new(&CAMERA.part, Some(file.clone()));
        let (say, hear) = std::sync::mpsc::sync_channel::<()>(1);
        let (tell, answers) = std::sync::mpsc::sync_channel(1);
        let looks = std::thread::spawn(move || {
            if rustix::process::geteuid().is_root() {
                // Nothing is unreadable to root. Of this thread alone (set*uid(2), "C library/kernel differences").
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(5)).unwrap();
            }
            for () in hear {
                tell.send(told(&mut record)).unwrap();
            }
        });
        let look = || {
            say.send(()).unwrap();
            answers.recv().unwrap()
        };
        for (path, closed, open) in [(&*file, 0o000, 0o644), (folder.path(), 0o000, 0o755)] {
            rights(path, closed);
            assert_eq!(look(), ["siaga.camera_record_unreadable"]);
            assert_eq!(look(), ["siaga.camera_record_unreadable"], "and goes on being so");
            rights(path, open);
            assert_eq!(look(), [] as [&str; 0]);
        }
        drop(say);
        looks.join().unwrap();
    }
}
