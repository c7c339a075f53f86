//! What the `radio` probe measures, and why it says what it says.

use crate::domain::{ErrorTable, Quantity, ReasonDef, Text, quantity::Unit};
use crate::probe::enrolled;

pub(super) static PRESENT: Quantity = Quantity::gauge(
    "radio_interface_present",
    Unit::Flag,
    "Whether what the radio hangs on is there (1) or not (0): its sound card, its key, the key's server.",
)
.by("part")
.called("Antarmuka HT terpasang", "The radio's interface is there");
pub(super) static SAID: Quantity = Quantity::gauge(
    "radio_last_said_timestamp_seconds",
    Unit::Timestamp,
    "When a message was last said on the channel.",
)
.called("Pesan HT terakhir", "Last message on the radio");
pub(super) static HEARD: Quantity = Quantity::gauge(
    "radio_last_heard_timestamp_seconds",
    Unit::Timestamp,
    "When the operators' last radio check was noted.",
)
.called("Uji suara HT terakhir", "Last radio check");
pub(super) static AIRTIME: Quantity =
    Quantity::gauge("radio_airtime_seconds", Unit::Seconds, "Time that the key was pressed in the last hour.")
        .called("Waktu mengudara, sejam terakhir", "Time on the air, in the last hour");

pub(super) static ECHO: Quantity = Quantity::gauge(
    "radio_echo_heard",
    Unit::Flag,
    "Whether the second receiver heard the last message (1) or nothing (0); none where that is not certain.",
)
.called("Pesan terdengar di HT kedua", "Message heard by the second receiver");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&PRESENT, &SAID, &HEARD, &AIRTIME, &ECHO];

pub(super) static CARD_MISSING: ReasonDef = ReasonDef::new(
    "radio.card_missing",
    Text::new("Perangkat suara HT ({card}) tidak terhubung", "The radio's sound card ({card}) is not connected"),
    Text::new(
        "Periksa kabel USB antarmuka HT, lalu sambungkan lagi; tanpa itu Siaga tidak dapat berbicara lewat HT",
        "Check the USB cable of the radio's interface and connect it again; without it Siaga cannot speak on the radio",
    ),
)
.lasting();

pub(super) static KEY_MISSING: ReasonDef = ReasonDef::new(
    "radio.key_missing",
    Text::new("Perangkat PTT HT ({device}) tidak terhubung", "The radio's key device ({device}) is not connected"),
    Text::new(
        "Periksa kabel PTT HT (adaptor serial atau antarmuka USB), lalu sambungkan lagi ke port yang sama",
        "Check the cable of the radio's key (serial adapter or USB interface), and connect it again to the same port",
    ),
)
.lasting();

pub(super) static SERVER_SILENT: ReasonDef = ReasonDef::new(
    "radio.server_silent",
    Text::new(
        "Program pengendali HT (rigctld di {address}) tidak menjawab",
        "The radio's server (rigctld at {address}) does not answer",
    ),
    Text::new(
        "Nyalakan HT dan periksa kabel datanya; bila tetap begini, minta petugas TI menjalankan ulang rigctld",
        "Switch the radio on and check its data cable; if it stays so, ask IT staff to restart rigctld",
    ),
);

pub(super) static UNHEARD: ReasonDef = ReasonDef::new(
    "radio.unheard",
    Text::new("Uji suara HT belum pernah dicatat", "No radio check has been noted yet"),
    CALL,
);

pub(super) static HEARD_LONG_AGO: ReasonDef = ReasonDef::new(
    "radio.heard_long_ago",
    Text::new(
        "Uji suara HT terakhir sudah {days} hari yang lalu, lebih dari {allowed} hari",
        "The last radio check was {days} days ago, more than {allowed}",
    ),
    CALL,
);

pub(super) static UNSAID: ReasonDef = ReasonDef::new(
    "radio.unsaid",
    Text::new("Siaga tidak berbicara lewat HT selama {days} hari", "Siaga has not spoken on the radio for {days} days"),
    SPEAK,
);

pub(super) static NEVER_SAID: ReasonDef = ReasonDef::new(
    "radio.never_said",
    Text::new("Siaga belum pernah berbicara lewat HT", "Siaga has never spoken on the radio"),
    SPEAK,
);

pub(super) static ECHO_MISSED: ReasonDef = ReasonDef::new(
    "radio.echo_missed",
    Text::new(
        "HT kedua tidak mendengar apa-apa ketika Siaga terakhir kali berbicara",
        "The second radio heard nothing when Siaga last spoke",
    ),
    ECHO_REMEDY,
);

pub(super) static ECHO_UNCERTAIN: ReasonDef = ReasonDef::new(
    "radio.echo_uncertain",
    Text::new(
        "Belum pasti apakah HT kedua mendengar pesan Siaga yang terakhir",
        "It is not certain whether the second radio heard Siaga's last message",
    ),
    ECHO_REMEDY,
);

const ECHO_REMEDY: Text = Text::new(
    "Periksa apakah kedua HT menyala, pada kanal yang sama, dan kabel suaranya terpasang; lalu kirim pesan uji di halaman Tindakan",
    "Check that both radios are on, on the same channel, with their audio cables in; then send a test message (siaga radio test)",
);

const CALL: Text = Text::new(
    "Minta operator saling memanggil lewat HT; bila terdengar jelas, catat di halaman Tindakan (Uji suara HT terdengar)",
    "Have the operators call each other by radio; if they hear each other well, note it: siaga radio check --heard-by NAME",
);

const SPEAK: Text = Text::new(
    "Kirim pesan uji ketika kanal sepi (halaman Tindakan), dan tanyakan kepada operator apakah terdengar",
    "Send a test message while the channel is quiet (siaga radio test), and ask the operators whether they heard it",
);

pub(super) static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.radio_unreadable",
    Text::new("Perangkat HT tidak dapat dilihat", "The radio's devices cannot be seen"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &CARD_MISSING,
    &KEY_MISSING,
    &SERVER_SILENT,
    &UNHEARD,
    &HEARD_LONG_AGO,
    &UNSAID,
    &NEVER_SAID,
    &ECHO_MISSED,
    &ECHO_UNCERTAIN,
    &enrolled::RADIO.other,
    &enrolled::RADIO.missing,
    &enrolled::RADIO.part.unread,
    &UNREADABLE,
];

/// Which failures speak of the equipment, and which of our eyes: a look at procfs that fails is of our eyes. What is missing is no
/// failure of the look: it is a finding.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &UNREADABLE };
