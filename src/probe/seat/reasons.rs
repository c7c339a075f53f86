//! Why the seat is judged as it is.

use super::super::enrolled;
use crate::domain::{ErrorKind, ErrorTable, ReasonDef, Text, Verdict};

pub(super) static NO_AGENT: ReasonDef = ReasonDef::new(
    "siaga.seat_absent",
    Text::new(
        "Pengaturan suara di layar komputer ruangan tidak terlihat: belum ada yang masuk (login), atau \"siaga seat\" tidak berjalan",
        "The sound settings of the room computer's desktop cannot be seen: nobody is logged in, or \"siaga seat\" does not run",
    ),
    Text::new(
        "Masuk (login) ke komputer ruangan; bila sudah, minta petugas TI menyalakan layanan siaga-seat",
        "Log in to the room's computer; if somebody is, ask IT staff to start the service siaga-seat",
    ),
);

pub(super) static SILENT: ReasonDef = ReasonDef::new(
    "siaga.seat_silent",
    Text::new(
        "Pengaturan suara di layar komputer ruangan tidak terlihat: \"siaga seat\" berhenti melapor",
        "The sound settings of the room computer's desktop cannot be seen: \"siaga seat\" has ceased to report",
    ),
    Text::new(
        "Keluar lalu masuk lagi (log out, log in) di komputer ruangan; bila tetap begini, panggil petugas TI",
        "Log out of the room's computer and in again; if it stays so, call IT staff",
    ),
);

pub(super) static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.seat_unreadable",
    Text::new("Laporan \"siaga seat\" tidak dapat diterima", "The reports of \"siaga seat\" cannot be received"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

pub(super) static BLIND: ReasonDef = ReasonDef::new(
    "siaga.seat_blind",
    Text::new(
        "Pengaturan suara di layar komputer ruangan tidak dapat dibaca",
        "The desktop's sound settings cannot be read",
    ),
    Text::new(
        "Minta petugas TI memasang paket pulseaudio-utils, lalu melihat log Siaga-seat",
        "Ask IT staff to install the package pulseaudio-utils, then to read the log of siaga-seat",
    ),
);

pub(super) static NO_SERVER: ReasonDef = ReasonDef::new(
    "audio.server_missing",
    Text::new("Layanan suara di komputer ruangan tidak berjalan", "The room computer's sound service does not run"),
    Text::new(
        "Keluar lalu masuk lagi (log out, log in) di komputer ruangan",
        "Log out of the room's computer and in again",
    ),
);

pub(super) static UNANSWERING: ReasonDef = ReasonDef::new(
    "audio.server_unanswering",
    Text::new("Layanan suara di komputer ruangan tidak menjawab", "The room computer's sound service does not answer"),
    Text::new("Nyalakan ulang komputer ruangan", "Restart the room's computer"),
);

pub(super) static NO_SOURCE: ReasonDef = ReasonDef::new(
    "audio.no_default_source",
    Text::new("Tidak ada mikrofon yang dipilih di pengaturan suara", "No microphone is chosen in the sound settings"),
    Text::new(
        "Sambungkan mikrofon, lalu pilih di pengaturan suara komputer ruangan",
        "Connect the microphone, then choose it in the room computer's sound settings",
    ),
);

pub(super) static NO_SINK: ReasonDef = ReasonDef::new(
    "audio.no_default_sink",
    Text::new(
        "Tidak ada pengeras suara yang dipilih di pengaturan suara",
        "No loudspeaker is chosen in the sound settings",
    ),
    Text::new(
        "Sambungkan pengeras suara, lalu pilih di pengaturan suara komputer ruangan",
        "Connect the loudspeakers, then choose them in the room computer's sound settings",
    ),
);

pub(super) static OTHER_SOURCE: ReasonDef = ReasonDef::new(
    "audio.default_source_other",
    Text::new(
        "Mikrofon yang dipilih adalah {device}, bukan {wanted}",
        "The chosen microphone is {device}, not {wanted}",
    ),
    Text::new(
        "Pilih {wanted} sebagai mikrofon di pengaturan suara komputer ruangan",
        "Choose {wanted} as the microphone in the room computer's sound settings",
    ),
);

pub(super) static OTHER_SINK: ReasonDef = ReasonDef::new(
    "audio.default_sink_other",
    Text::new(
        "Pengeras suara yang dipilih adalah {device}, bukan {wanted}",
        "The chosen loudspeaker is {device}, not {wanted}",
    ),
    Text::new(
        "Pilih {wanted} sebagai pengeras suara di pengaturan suara komputer ruangan",
        "Choose {wanted} as the loudspeaker in the room computer's sound settings",
    ),
);

pub(super) static SOURCE_MUTED: ReasonDef = ReasonDef::new(
    "audio.default_source_muted",
    Text::new(
        "Mikrofon {device} dimatikan (mute) di pengaturan suara",
        "The microphone {device} is muted in the sound settings",
    ),
    Text::new(
        "Nyalakan mikrofon di pengaturan suara komputer ruangan",
        "Unmute the microphone in the room computer's sound settings",
    ),
);

pub(super) static SINK_MUTED: ReasonDef = ReasonDef::new(
    "audio.default_sink_muted",
    Text::new(
        "Pengeras suara {device} dimatikan (mute) di pengaturan suara",
        "The loudspeaker {device} is muted in the sound settings",
    ),
    Text::new(
        "Nyalakan pengeras suara di pengaturan suara komputer ruangan",
        "Unmute the loudspeaker in the room computer's sound settings",
    ),
);

pub(super) static SOURCE_QUIET: ReasonDef = ReasonDef::new(
    "audio.default_source_quiet",
    Text::new("Volume mikrofon {device} terlalu rendah", "The volume of the microphone {device} is too low"),
    Text::new(
        "Naikkan volume mikrofon di pengaturan suara komputer ruangan",
        "Turn the microphone up in the room computer's sound settings",
    ),
);

pub(super) static SINK_QUIET: ReasonDef = ReasonDef::new(
    "audio.default_sink_quiet",
    Text::new("Volume pengeras suara {device} terlalu rendah", "The volume of the loudspeaker {device} is too low"),
    Text::new(
        "Naikkan volume pengeras suara di pengaturan suara komputer ruangan",
        "Turn the loudspeaker up in the room computer's sound settings",
    ),
);

pub(super) static IN_USE_BY: ReasonDef = ReasonDef::new(
    "audio.seat_in_use",
    Text::new("Mikrofon sedang dipakai oleh {holder}", "The microphone is in use by {holder}"),
    Text::new(
        "Tidak perlu tindakan; bila tidak ada rapat, tutup program itu",
        "Nothing to do; if there is no meeting, close that program",
    ),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &NO_AGENT,
    &SILENT,
    &UNREADABLE,
    &BLIND,
    &NO_SERVER,
    &UNANSWERING,
    &NO_SOURCE,
    &NO_SINK,
    &OTHER_SOURCE,
    &OTHER_SINK,
    &SOURCE_MUTED,
    &SINK_MUTED,
    &SOURCE_QUIET,
    &SINK_QUIET,
    &IN_USE_BY,
    &enrolled::SEAT.unread,
];

/// Which failures speak of the equipment, and which of our eyes: that the agent cannot be heard is always of our eyes.
pub static ERRORS: ErrorTable =
    ErrorTable { rows: &[(ErrorKind::Timeout, Verdict::Unknown, &SILENT)], otherwise: &UNREADABLE };
