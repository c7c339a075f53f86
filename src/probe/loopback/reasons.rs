//! Why a test of loudspeakers and microphone together says what it says.

use crate::domain::{ErrorKind, ErrorTable, ReasonDef, Text, Verdict};

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &SILENT,
    &UNCERTAIN,
    &CANCELLED,
    &FAINT,
    &DISTORTED,
    &LATE,
    &UNSTEADY,
    &IN_USE,
    &GONE,
    &NO_PERMISSION,
    &UNTESTED,
    &NO_SEAT,
    &AT_CARD,
];

pub(super) static SILENT: ReasonDef = ReasonDef::new(
    "audio.loopback_silent",
    Text::new(
        "Bunyi uji diputar, tetapi dari mikrofon tidak ada suara sama sekali ({card})",
        "The test sound was played, but nothing at all came out of the microphone ({card})",
    ),
    Text::new(
        "Tekan tombol mute pada mikrofon, dan periksa kabel mikrofon",
        "Press the microphone's mute button, and check the microphone's cable",
    ),
);

pub(super) static UNCERTAIN: ReasonDef = ReasonDef::new(
    "audio.loopback_uncertain",
    Text::new(
        "Hasil tidak pasti: mikrofon hidup, tetapi bunyi uji tidak terdengar ({card})",
        "Not certain: the microphone is alive, but the test sound was not heard ({card})",
    ),
    Text::new(
        "Putar suara apa saja: bila terdengar di ruangan, peredam gema perangkat menghapus bunyi uji dan tidak ada yang rusak; bila tidak, periksa kabel, daya, dan volume pengeras suara",
        "Play any sound: if it is heard in the room, the device's echo canceller removes the test sound and nothing is broken; if not, check the loudspeakers' cable, power and volume",
    ),
);

pub(super) static CANCELLED: ReasonDef = ReasonDef::new(
    "audio.loopback_cancelled",
    Text::new(
        "Hasil tidak pasti: peredam gema mengubah bunyi uji ({card})",
        "Not certain: an echo canceller changes the test sound ({card})",
    ),
    Text::new(
        "Tidak perlu tindakan; untuk memastikan, putar suara apa saja dan dengarkan di ruangan",
        "Nothing to do; to be sure, play any sound and listen in the room",
    ),
);

pub(super) static FAINT: ReasonDef = ReasonDef::new(
    "audio.loopback_faint",
    Text::new(
        "Bunyi uji hanya {value} di atas derau ruangan (sebaiknya {limit})",
        "The test sound is only {value} above the room's noise (should be {limit})",
    ),
    Text::new(
        "Naikkan volume pengeras suara atau mikrofon, atau dekatkan mikrofon ke meja",
        "Turn the loudspeakers or the microphone up, or bring the microphone nearer to the table",
    ),
);

pub(super) static DISTORTED: ReasonDef = ReasonDef::new(
    "audio.loopback_distorted",
    Text::new("Suara pecah: distorsi {value} (batas {limit})", "The sound is distorted by {value} (limit {limit})"),
    Text::new(
        "Turunkan volume pengeras suara dan mikrofon; bila tetap pecah, periksa pengeras suaranya",
        "Turn the loudspeakers and the microphone down; if it stays distorted, have the loudspeakers checked",
    ),
);

pub(super) static LATE: ReasonDef = ReasonDef::new(
    "audio.loopback_late",
    Text::new(
        "Suara terlambat {value} dari pengeras suara ke mikrofon (batas {limit})",
        "Sound takes {value} from the loudspeakers to the microphone (limit {limit})",
    ),
    Text::new(
        "Pakai kabel sebagai ganti Bluetooth, dan matikan pengolah suara tambahan",
        "Use a cable instead of Bluetooth, and switch additional sound processors off",
    ),
);

pub(super) static UNSTEADY: ReasonDef = ReasonDef::new(
    "audio.loopback_unsteady",
    Text::new(
        "Keterlambatan suara berubah-ubah sebesar {value} (batas {limit})",
        "The sound's delay changes by {value} (limit {limit})",
    ),
    Text::new(
        "Sambungkan perangkat suara langsung ke komputer tanpa hub USB, dan tutup program yang berat",
        "Connect the sound device directly to the computer without a USB hub, and close heavy programs",
    ),
);

pub(super) static IN_USE: ReasonDef = ReasonDef::new(
    "audio.loopback_not_run",
    Text::new(
        "Perangkat suara sedang dipakai, jadi bunyi uji belum diputar",
        "The sound device is in use, so the test sound has not been played yet",
    ),
    Text::new("Tidak perlu tindakan; Siaga mengujinya setelah itu", "Nothing to do; Siaga tests it afterwards"),
);

pub(super) static GONE: ReasonDef = ReasonDef::new(
    "audio.loopback_gone",
    Text::new(
        "Pengeras suara atau mikrofon tidak ada atau tercabut",
        "Loudspeakers or microphone are not there or were pulled out",
    ),
    Text::new(
        "Periksa kabel dan daya perangkat suara; bila tetap begini, minta petugas TI melihat \"siaga devices\"",
        "Check the sound device's cable and power; \"siaga devices\" lists what is there",
    ),
)
.lasting();

pub(super) static NO_PERMISSION: ReasonDef = ReasonDef::new(
    "siaga.loopback_no_permission",
    Text::new("Siaga tidak diizinkan membuka perangkat suara", "Siaga may not open the sound device"),
    Text::new(
        "Minta petugas TI memasukkan pengguna layanan siaga ke grup \"audio\"",
        "Ask IT staff to put Siaga's service user into the group \"audio\"",
    ),
)
.lasting();

pub(super) static UNTESTED: ReasonDef = ReasonDef::new(
    "siaga.loopback_untested",
    Text::new("Uji suara tidak dapat dijalankan", "The test of the sound cannot be run"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

pub(super) static NO_SEAT: ReasonDef = ReasonDef::new(
    "siaga.loopback_no_seat",
    Text::new(
        "Bunyi uji tidak dapat diputar: belum ada yang masuk (login) di komputer ruangan, atau \"siaga seat\" tidak berjalan",
        "The test sound cannot be played: nobody is logged in at the room's computer, or \"siaga seat\" does not run",
    ),
    Text::new(
        "Masuk (login) ke komputer ruangan; bila sudah, minta petugas TI menyalakan layanan siaga-seat",
        "Log in to the room's computer; if somebody is, ask IT staff to start the service siaga-seat",
    ),
);

pub(super) static AT_CARD: ReasonDef = ReasonDef::new(
    "siaga.loopback_at_card",
    Text::new(
        "Diuji langsung pada kartu suara: pilihan mikrofon dan pengeras suara di layar komputer ruangan tidak terlihat",
        "Tested at the sound card itself: which microphone and loudspeakers the room computer's desktop has chosen cannot be seen",
    ),
    Text::new(
        "Masuk (login) ke komputer ruangan; bila sudah, minta petugas TI menyalakan layanan siaga-seat",
        "Log in to the room's computer; if somebody is, ask IT staff to start the service siaga-seat",
    ),
);

/// Which failures speak of the equipment, and which of our eyes. What hangs is the microphone's to tell: there it is the same
/// child with half as much to go wrong.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Gone, Verdict::NotReady, &GONE),
        (ErrorKind::Permission, Verdict::Unknown, &NO_PERMISSION),
        (ErrorKind::Unreachable, Verdict::Unknown, &NO_SEAT),
    ],
    otherwise: &UNTESTED,
};
