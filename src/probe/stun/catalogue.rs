//! What a `stun` probe measures, and why it says what it says.

use crate::domain::{ErrorKind, ErrorTable, Figure, Quantity, ReasonDef, Text, Unit, Verdict};
use crate::probe::voice;

pub(super) static RTT: Quantity = Quantity::gauge(
    "stun_rtt_seconds",
    Unit::Seconds,
    "Median round trip of the binding requests of the newest round, over UDP.",
)
.figure(Figure::RoundTrip)
.called("Jeda UDP", "Delay by UDP");
pub(super) static RTT_MIN: Quantity = Quantity::gauge(
    "stun_rtt_min_seconds",
    Unit::Seconds,
    "Shortest round trip of the binding requests of the newest round, over UDP.",
)
.called("Jeda UDP, terpendek", "Delay by UDP, shortest");
pub(super) static JITTER: Quantity = Quantity::gauge(
    "stun_jitter_seconds",
    Unit::Seconds,
    "Interarrival jitter of the round trips (RFC 3550, section 6.4.1), over UDP.",
)
.called("Naik turunnya jeda UDP", "Jitter by UDP");
pub(super) static REQUESTS: Quantity =
    Quantity::counter("stun_requests_total", Unit::Count, "Binding requests whose fate is known.")
        .called("Permintaan STUN", "STUN requests");
pub(super) static LOST: Quantity =
    Quantity::counter("stun_lost_total", Unit::Count, "Binding requests that were not answered in time.")
        .called("Permintaan STUN tanpa jawaban", "STUN requests unanswered");
pub(super) static UDP_BLOCKED_FLAG: Quantity = Quantity::gauge(
    "stun_udp_blocked",
    Unit::Flag,
    "Whether the server is silent over UDP while it accepts a TCP connection.",
)
.called("UDP diblokir", "UDP blocked");

pub(super) static VOICE_R_FACTOR: Quantity = voice::r_factor("stun_voice_r_factor")
    .called("Mutu suara lewat UDP, faktor R", "Quality of speech by UDP, R factor");
pub(super) static VOICE_MOS: Quantity = voice::mos("stun_voice_mos")
    .called("Taksiran mutu suara lewat UDP (1–5)", "Estimated quality of speech by UDP (1–5)");

/// What it measures.
pub const QUANTITIES: &[&Quantity] =
    &[&RTT, &RTT_MIN, &JITTER, &REQUESTS, &LOST, &UDP_BLOCKED_FLAG, &VOICE_R_FACTOR, &VOICE_MOS];

pub(super) static STUN_SILENT: ReasonDef = ReasonDef::new(
    "internet.stun_silent",
    Text::new("{server} tidak menjawab, baik lewat UDP maupun TCP", "{server} answers neither by UDP nor by TCP"),
    Text::new(
        "Periksa kabel jaringan dan lampu modem atau router; bila semua menyala, hubungi penyedia internet",
        "Check the network cable and the lights of the modem or router; if all are lit, call the internet provider",
    ),
);

pub(super) static UDP_BLOCKED: ReasonDef = ReasonDef::new(
    "internet.udp_blocked",
    Text::new(
        "Jaringan ini menahan UDP, hanya TCP yang lewat: mutu suara dan gambar akan turun",
        "This network blocks UDP and lets only TCP through: sound and picture will suffer",
    ),
    Text::new(
        "Minta petugas TI membuka UDP keluar untuk rapat video di firewall atau router",
        "Ask IT staff to allow outgoing UDP for video meetings on the firewall or router",
    ),
)
.lasting();

pub(super) static MAPPED: ReasonDef = ReasonDef::new(
    "internet.mapped_address",
    Text::new("Dari luar, ruangan ini terlihat sebagai {address}", "Seen from outside, this room is {address}"),
    Text::new("Tidak perlu tindakan", "Nothing needs to be done"),
);

pub(super) static DELAY_HIGH: ReasonDef = ReasonDef::new(
    "internet.udp_delay_high",
    Text::new(
        "Jeda internet lewat UDP {value}, batasnya {limit}: pembicara akan saling memotong",
        "The internet's delay by UDP is {value}, the limit is {limit}: people will talk over each other",
    ),
    Text::new(
        "Hentikan unduhan dan pemutaran video lain di jaringan ini; bila tetap tinggi, hubungi penyedia internet",
        "Stop other downloads and video on this network; if it stays high, call the internet provider",
    ),
);

pub(super) static LOSS_HIGH: ReasonDef = ReasonDef::new(
    "internet.udp_loss_high",
    Text::new(
        "{value} paket UDP hilang dalam perjalanan bolak-balik, batasnya {limit}",
        "{value} of the UDP packets are lost on the way there and back, the limit is {limit}",
    ),
    Text::new(
        "Ganti Wi-Fi dengan kabel, kencangkan atau tukar kabel jaringan; bila tetap begini, hubungi penyedia internet",
        "Use a cable instead of Wi-Fi, reseat or swap the network cable; if it stays so, call the internet provider",
    ),
);

pub(super) static LOSS_UNDECIDED: ReasonDef = ReasonDef::new(
    "internet.udp_loss_undecided",
    Text::new(
        "Belum cukup paket UDP terkirim untuk menilai berapa yang hilang",
        "Too few UDP packets were sent yet to tell how many are lost",
    ),
    Text::new("Tunggu beberapa detik", "Wait a few seconds"),
);

pub(super) static REFUSED: ReasonDef = ReasonDef::new(
    "internet.stun_refused",
    Text::new(
        "Server STUN menolak: tidak ada layanan di alamat itu",
        "The STUN server refuses: there is no service at that address",
    ),
    Text::new(
        "Minta petugas TI memeriksa alamat dan nomor port server STUN di berkas konfigurasi",
        "Ask IT staff to check the STUN server's address and port in the config file",
    ),
);

pub(super) static UNREACHABLE: ReasonDef = ReasonDef::new(
    "internet.stun_unreachable",
    Text::new("Tidak ada jalan menuju server STUN", "There is no way to the STUN server"),
    Text::new(
        "Periksa kabel jaringan komputer dan nyalakan ulang router; bila tetap begini, hubungi petugas TI",
        "Check the computer's network cable and restart the router; if it stays so, call IT staff",
    ),
);

pub(super) static UNRESOLVED: ReasonDef = ReasonDef::new(
    "internet.stun_unresolved",
    Text::new("Alamat server STUN belum diketahui", "The STUN server's address is not known"),
    Text::new(
        "Minta petugas TI memeriksa DNS dan ejaan nama server di berkas konfigurasi",
        "Ask IT staff to check DNS and the spelling of the server in the config file",
    ),
);

pub(super) static FAILED: ReasonDef = ReasonDef::new(
    "siaga.stun_failed",
    Text::new("Pengukuran UDP tidak dapat dilakukan", "UDP could not be measured"),
    Text::new(
        "Minta petugas TI melihat log Siaga dan memeriksa server STUN di berkas konfigurasi",
        "Ask IT staff to read Siaga's log and to check the STUN server in the config file",
    ),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &STUN_SILENT,
    &UDP_BLOCKED,
    &MAPPED,
    &DELAY_HIGH,
    &LOSS_HIGH,
    &LOSS_UNDECIDED,
    &REFUSED,
    &UNREACHABLE,
    &UNRESOLVED,
    &FAILED,
];

/// Which failures speak of the equipment, and which of our eyes.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Refused, Verdict::NotReady, &REFUSED),
        (ErrorKind::Unreachable, Verdict::NotReady, &UNREACHABLE),
        (ErrorKind::Dns, Verdict::Unknown, &UNRESOLVED),
    ],
    otherwise: &FAILED,
};
