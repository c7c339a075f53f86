//! The reasons that the judge itself gives.

use crate::domain::{ReasonDef, Text};

/// The evidence is older than its check allows.
pub static STALE: ReasonDef = ReasonDef::new(
    "siaga.stale",
    Text::new("Hasil ukur terakhir sudah tidak berlaku lagi", "The last measurement is too old"),
    Text::new(
        "Tunggu sebentar; bila tetap begini, minta petugas TI melihat log Siaga",
        "Wait a moment; if it stays so, ask IT staff to read Siaga's log",
    ),
);

/// There has been no evidence yet.
pub static NO_EVIDENCE: ReasonDef = ReasonDef::new(
    "siaga.no_evidence",
    Text::new("Belum ada hasil ukur", "Nothing has been measured yet"),
    Text::new("Tunggu pengukuran pertama selesai", "Wait until the first measurement is done"),
);

/// The first round after a start is under way.
pub static STARTING: ReasonDef = ReasonDef::new(
    "siaga.starting",
    Text::new(
        "Siaga baru dinyalakan dan sedang memeriksa untuk pertama kali",
        "Siaga has just started and is checking for the first time",
    ),
    Text::new("Tunggu beberapa detik", "Wait a few seconds"),
);

/// A component that counts has no check that counts.
pub static NOT_CONFIGURED: ReasonDef = ReasonDef::new(
    "siaga.not_configured",
    Text::new("Belum ada pemeriksaan yang diatur untuk alat ini", "No check is configured for this equipment"),
    Text::new(
        "Minta petugas TI menambahkan pemeriksaan di berkas konfigurasi, atau menyatakan alat ini memang tidak ada (absent = true)",
        "Add a check to the config file, or declare the equipment deliberately absent (absent = true)",
    ),
)
.lasting();

/// The internet is what it is by a backup uplink alone.
pub static ON_BACKUP: ReasonDef = ReasonDef::new(
    "internet.on_backup",
    Text::new(
        "Internet siap lewat jalur cadangan {uplink}: jalur utama sendiri tidak cukup",
        "The internet is ready on the backup {uplink}: the main line alone does not suffice",
    ),
    Text::new(
        "Pastikan rapat memakai jalur cadangan, dan laporkan gangguan jalur utama ke penyedia internet",
        "See to it that the meeting uses the backup, and report the main line to the internet provider",
    ),
);

/// All of them, for the catalogue.
pub const ALL: &[&ReasonDef] = &[
    &STALE,
    &NO_EVIDENCE,
    &STARTING,
    &NOT_CONFIGURED,
    &ON_BACKUP,
    &super::agenda::slot::TAKEN,
    &super::agenda::slot::MAINTENANCE,
    &super::agenda::slot::UNREAD,
    &super::agenda::slot::CALENDAR,
];
