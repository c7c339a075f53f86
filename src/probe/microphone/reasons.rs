//! Why a microphone's test says what it says.

use crate::domain::{ErrorKind, ErrorTable, ReasonDef, Text, Verdict};

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &SILENT,
    &QUIET,
    &CLIPPED,
    &OFFSET,
    &HUM,
    &RATE,
    &DROPPED,
    &GAPS,
    &IN_USE,
    &GONE,
    &UNANSWERING,
    &NO_PERMISSION,
    &UNTESTED,
    &NO_SEAT,
    &AT_CARD,
];

pub(super) static SILENT: ReasonDef = ReasonDef::new(
    "audio.microphone_silent",
    Text::new(
        "Dari mikrofon {card} tidak ada suara sama sekali, bahkan desis pun tidak",
        "Nothing at all comes out of the microphone of {card}, not even noise",
    ),
    Text::new(
        "Tekan tombol mute pada mikrofon, periksa kabelnya dan dayanya, lalu tunggu satu menit",
        "Press the microphone's mute button, check its cable and its power, then wait a minute",
    ),
);

pub(super) static QUIET: ReasonDef = ReasonDef::new(
    "audio.microphone_quiet",
    Text::new(
        "Suara mikrofon sangat pelan: {value}, ruangan biasa di atas {limit}",
        "The microphone is very quiet: {value}, a normal room is above {limit}",
    ),
    Text::new(
        "Naikkan volume mikrofon, dan pastikan mikrofon yang dipilih benar serta tidak tertutup",
        "Turn the microphone's volume up, and see that it is the right microphone and not covered",
    ),
);

pub(super) static CLIPPED: ReasonDef = ReasonDef::new(
    "audio.microphone_clipped",
    Text::new("Suara mikrofon {card} pecah karena terlalu keras", "The microphone of {card} is overdriven"),
    Text::new(
        "Turunkan volume mikrofon, atau jauhkan dari pengeras suara",
        "Turn the microphone's volume down, or move it away from the loudspeakers",
    ),
);

pub(super) static OFFSET: ReasonDef = ReasonDef::new(
    "audio.microphone_offset",
    Text::new(
        "Sinyal mikrofon bergeser {value} dari nol (batas {limit})",
        "The microphone's signal is {value} away from zero (limit {limit})",
    ),
    Text::new(
        "Cabut dan sambungkan lagi mikrofon; bila tetap begini, mikrofon atau kartu suaranya rusak",
        "Unplug the microphone and connect it again; if it stays so, it or its sound card is faulty",
    ),
);

pub(super) static HUM: ReasonDef = ReasonDef::new(
    "audio.microphone_hum",
    Text::new(
        "Mikrofon berdengung dari listrik (50 Hz): {value} di atas sekitarnya",
        "The microphone hums with the mains (50 Hz): {value} above its surroundings",
    ),
    Text::new(
        "Jauhkan kabel mikrofon dari kabel listrik, dan periksa pembumian (grounding) stopkontaknya",
        "Move the microphone's cable away from power cables, and have the socket's earth checked",
    ),
);

pub(super) static RATE: ReasonDef = ReasonDef::new(
    "audio.microphone_rate",
    Text::new(
        "Mikrofon {card} bekerja pada {value}, bukan 48 kHz atau 16 kHz seperti rapat",
        "The microphone of {card} runs at {value}, not at the 48 kHz or 16 kHz of meetings",
    ),
    Text::new(
        "Tutup program lain yang memakai kartu suara ini; bila tetap begini, pakai mikrofon lain",
        "Close other programs that use this sound card; if it stays so, use another microphone",
    ),
);

pub(super) static DROPPED: ReasonDef = ReasonDef::new(
    "audio.microphone_dropped",
    Text::new(
        "Suara mikrofon terputus-putus: hanya {value} yang sampai (batas {limit})",
        "The microphone's sound is broken: only {value} of it arrives (limit {limit})",
    ),
    Text::new(
        "Sambungkan mikrofon langsung ke komputer tanpa hub USB, dan tutup program yang berat",
        "Connect the microphone directly to the computer without a USB hub, and close heavy programs",
    ),
);

pub(super) static GAPS: ReasonDef = ReasonDef::new(
    "audio.microphone_gaps",
    Text::new(
        "Suara mikrofon {card} terputus {value} kali selama didengarkan",
        "The sound of {card}'s microphone broke off {value} times while it was listened to",
    ),
    Text::new(
        "Tutup program yang berat; bila tetap begini, sambungkan mikrofon langsung ke komputer tanpa hub USB",
        "Close heavy programs; if it stays so, connect the microphone directly to the computer without a USB hub",
    ),
);

pub(super) static IN_USE: ReasonDef = ReasonDef::new(
    "audio.microphone_not_heard",
    Text::new(
        "Mikrofon sedang dipakai, jadi belum didengarkan",
        "The microphone is in use, so it has not been listened to yet",
    ),
    Text::new("Tidak perlu tindakan; Siaga mengujinya setelah itu", "Nothing to do; Siaga tests it afterwards"),
);

pub(super) static GONE: ReasonDef = ReasonDef::new(
    "audio.microphone_gone",
    Text::new("Mikrofon tidak ada atau tercabut", "The microphone is not there or was pulled out"),
    Text::new(
        "Periksa kabel dan daya mikrofon, lalu sambungkan lagi; bila tetap begini, minta petugas TI melihat \"siaga devices\"",
        "Check the microphone's cable and power and connect it again; \"siaga devices\" lists what is there",
    ),
)
.lasting();

pub(super) static UNANSWERING: ReasonDef = ReasonDef::new(
    "audio.microphone_unanswering",
    Text::new(
        "Mikrofon {card} dibuka tetapi tidak memberi suara",
        "The microphone of {card} was opened but gives no sound",
    ),
    Text::new(
        "Cabut {card}, tunggu 10 detik, lalu sambungkan lagi; bila tetap begini, nyalakan ulang komputer",
        "Unplug {card}, wait 10 seconds and connect it again; if it stays so, restart the computer",
    ),
);

pub(super) static NO_PERMISSION: ReasonDef = ReasonDef::new(
    "siaga.microphone_no_permission",
    Text::new(
        "Siaga tidak diizinkan membuka mikrofon, jadi suaranya tidak diketahui",
        "Siaga may not open the microphone, so its sound is not known",
    ),
    Text::new(
        "Minta petugas TI memasukkan pengguna layanan siaga ke grup \"audio\"",
        "Ask IT staff to put Siaga's service user into the group \"audio\"",
    ),
)
.lasting();

pub(super) static UNTESTED: ReasonDef = ReasonDef::new(
    "siaga.microphone_untested",
    Text::new("Mikrofon tidak dapat diuji", "The microphone cannot be tested"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

pub(super) static NO_SEAT: ReasonDef = ReasonDef::new(
    "siaga.microphone_no_seat",
    Text::new(
        "Mikrofon tidak dapat diuji: belum ada yang masuk (login) di komputer ruangan, atau \"siaga seat\" tidak berjalan",
        "The microphone cannot be tested: nobody is logged in at the room's computer, or \"siaga seat\" does not run",
    ),
    Text::new(
        "Masuk (login) ke komputer ruangan; bila sudah, minta petugas TI menyalakan layanan siaga-seat",
        "Log in to the room's computer; if somebody is, ask IT staff to start the service siaga-seat",
    ),
);

pub(super) static AT_CARD: ReasonDef = ReasonDef::new(
    "siaga.microphone_at_card",
    Text::new(
        "Diuji langsung pada kartu suara: pilihan mikrofon di layar komputer ruangan tidak terlihat",
        "Tested at the sound card itself: which microphone the room computer's desktop has chosen cannot be seen",
    ),
    Text::new(
        "Masuk (login) ke komputer ruangan; bila sudah, minta petugas TI menyalakan layanan siaga-seat",
        "Log in to the room's computer; if somebody is, ask IT staff to start the service siaga-seat",
    ),
);

/// Which failures speak of the equipment, and which of our eyes; that another has the microphone is no failure. A stream that opens and says nothing is a microphone that a
/// meeting would not hear either.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Gone, Verdict::NotReady, &GONE),
        (ErrorKind::Timeout, Verdict::NotReady, &UNANSWERING),
        (ErrorKind::Permission, Verdict::Unknown, &NO_PERMISSION),
        (ErrorKind::Unreachable, Verdict::Unknown, &NO_SEAT),
    ],
    otherwise: &UNTESTED,
};
