//! What an `icmp` probe measures, and why it says what it says.

use crate::domain::{ErrorKind, ErrorTable, Figure, Quantity, ReasonDef, Text, Unit, Verdict};
use crate::probe::voice;

pub(super) static RTT: Quantity =
    Quantity::gauge("icmp_rtt_seconds", Unit::Seconds, "Round trip of the newest echo that was answered.")
        .figure(Figure::RoundTrip)
        .called("Jeda ping", "Delay of echoes");
pub(super) static RTT_MIN: Quantity =
    Quantity::gauge("icmp_rtt_min_seconds", Unit::Seconds, "Shortest round trip of the newest 300 echoes answered.")
        .called("Jeda ping, terpendek", "Delay of echoes, shortest");
pub(super) static RTT_MEDIAN: Quantity =
    Quantity::gauge("icmp_rtt_median_seconds", Unit::Seconds, "Median round trip of the newest 300 echoes answered.")
        .called("Jeda ping, nilai tengah", "Delay of echoes, median");
pub(super) static RTT_P95: Quantity = Quantity::gauge(
    "icmp_rtt_p95_seconds",
    Unit::Seconds,
    "95th percentile of the round trips of the newest 300 echoes answered.",
)
.called("Jeda ping, 95 dari 100 di bawahnya", "Delay of echoes, 95th percentile");
pub(super) static RTT_JITTER: Quantity = Quantity::gauge(
    "icmp_jitter_seconds",
    Unit::Seconds,
    "Interarrival jitter of the round trips (RFC 3550, section 6.4.1).",
)
.called("Naik turunnya jeda gema", "Jitter of echoes");
pub(super) static ECHOES: Quantity =
    Quantity::counter("icmp_echoes_total", Unit::Count, "Scheduled echoes whose fate is known.")
        .called("Gema yang dikirim", "Echoes sent");
pub(super) static LOST: Quantity =
    Quantity::counter("icmp_lost_total", Unit::Count, "Scheduled echoes that did not come back in time.")
        .called("Gema yang hilang", "Echoes lost");
pub(super) static CONFIRMING: Quantity = Quantity::counter(
    "icmp_confirming_total",
    Unit::Count,
    "Extra echoes sent to confirm a silence; they count for no loss.",
)
.called("Gema tambahan untuk memastikan", "Extra echoes to confirm");
pub(super) static FAULTS: Quantity = Quantity::counter(
    "icmp_errors_total",
    Unit::Count,
    "Echoes that were answered by an ICMP error or could not be sent.",
)
.called("Gema yang ditolak", "Echoes refused");

pub(super) static VOICE_R_FACTOR: Quantity =
    voice::r_factor("icmp_voice_r_factor").called("Mutu suara, faktor R", "Quality of speech, R factor");
pub(super) static VOICE_MOS: Quantity =
    voice::mos("icmp_voice_mos").called("Taksiran mutu suara (1–5)", "Estimated quality of speech (1–5)");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[
    &RTT,
    &RTT_MIN,
    &RTT_MEDIAN,
    &RTT_P95,
    &RTT_JITTER,
    &ECHOES,
    &LOST,
    &CONFIRMING,
    &FAULTS,
    &VOICE_R_FACTOR,
    &VOICE_MOS,
];

pub(super) static TARGET_SILENT: ReasonDef = ReasonDef::new(
    "internet.target_silent",
    Text::new("{target} tidak menjawab sama sekali", "{target} does not answer at all"),
    Text::new(
        "Periksa kabel jaringan dan lampu modem atau router; bila semua menyala, hubungi penyedia internet",
        "Check the network cable and the lights of the modem or router; if all are lit, call the internet provider",
    ),
);

pub(super) static TARGET_UNREACHABLE: ReasonDef = ReasonDef::new(
    "internet.target_unreachable",
    Text::new("Tidak ada jalan menuju tujuan pengukuran", "There is no way to the target"),
    Text::new(
        "Periksa kabel jaringan komputer dan nyalakan ulang router; bila tetap begini, hubungi petugas TI",
        "Check the computer's network cable and restart the router; if it stays so, call IT staff",
    ),
);

pub(super) static GATEWAY_ABSENT: ReasonDef = ReasonDef::new(
    "internet.gateway_absent",
    Text::new(
        "Komputer ini tidak tersambung ke router mana pun (tidak ada gateway)",
        "This computer is not connected to any router (there is no default gateway)",
    ),
    Text::new(
        "Pasang kabel jaringan ke router atau sambungkan Wi-Fi, lalu tunggu sampai komputer mendapat alamat",
        "Plug the network cable into the router or join the Wi-Fi, then wait until the computer has an address",
    ),
);

pub(super) static NO_ROUTER: ReasonDef = ReasonDef::new(
    "siaga.no_router_to_ping",
    Text::new(
        "Jalur keluar komputer ini langsung lewat sebuah antarmuka (PPP, WireGuard, modem), tanpa router yang dapat diping",
        "This computer's way out leads straight through an interface (PPP, WireGuard, a modem), with no router to ping",
    ),
    Text::new(
        "Petugas TI: hapus check ke gateway ini dari berkas konfigurasi; ujung jauh dan check link tetap menilai jalur itu",
        "IT staff: leave this check of the gateway out of the config; far ends and the link check still judge that way",
    ),
)
.lasting();

pub(super) static TARGET_UNRESOLVED: ReasonDef = ReasonDef::new(
    "internet.target_unresolved",
    Text::new("Alamat tujuan pengukuran belum diketahui", "The target's address is not known"),
    Text::new(
        "Minta petugas TI memeriksa DNS dan ejaan nama tujuan di berkas konfigurasi",
        "Ask IT staff to check DNS and the spelling of the target in the config file",
    ),
);

pub(super) static DELAY_HIGH: ReasonDef = ReasonDef::new(
    "internet.delay_high",
    Text::new(
        "Jeda internet {value}, batasnya {limit}: pembicara akan saling memotong",
        "The internet's delay is {value}, the limit is {limit}: people will talk over each other",
    ),
    Text::new(
        "Hentikan unduhan dan pemutaran video lain di jaringan ini; bila tetap tinggi, hubungi penyedia internet",
        "Stop other downloads and video on this network; if it stays high, call the internet provider",
    ),
);

pub(super) static JITTER_HIGH: ReasonDef = ReasonDef::new(
    "internet.jitter_high",
    Text::new(
        "Jeda internet naik turun {value}, batasnya {limit}: suara bisa terputus-putus",
        "The internet's delay varies by {value}, the limit is {limit}: sound may break up",
    ),
    Text::new(
        "Pakai kabel, bukan Wi-Fi, dan hentikan unduhan lain di jaringan ini",
        "Use a cable instead of Wi-Fi, and stop other downloads on this network",
    ),
);

pub(super) static LOSS_HIGH: ReasonDef = ReasonDef::new(
    "internet.loss_high",
    Text::new(
        "{value} paket hilang dalam perjalanan bolak-balik, batasnya {limit}",
        "{value} of the packets are lost on the way there and back, the limit is {limit}",
    ),
    Text::new(
        "Ganti Wi-Fi dengan kabel, kencangkan atau tukar kabel jaringan; bila tetap begini, hubungi penyedia internet",
        "Use a cable instead of Wi-Fi, reseat or swap the network cable; if it stays so, call the internet provider",
    ),
);

pub(super) static LOSS_UNDECIDED: ReasonDef = ReasonDef::new(
    "internet.loss_undecided",
    Text::new(
        "Belum cukup paket terkirim untuk menilai berapa yang hilang",
        "Too few packets were sent yet to tell how many are lost",
    ),
    Text::new("Tunggu beberapa detik", "Wait a few seconds"),
);

pub(super) static NOT_PERMITTED: ReasonDef = ReasonDef::new(
    "siaga.icmp_not_permitted",
    Text::new(
        "Siaga tidak diizinkan mengirim ping dari komputer ini",
        "Siaga is not allowed to send pings from this computer",
    ),
    Text::new(
        "Petugas TI: jalankan lewat siaga.service (AmbientCapabilities=CAP_NET_RAW), atau \
         sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", dan periksa aturan firewall keluar",
        "IT staff: run it by siaga.service (AmbientCapabilities=CAP_NET_RAW), or \
         sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", and check the firewall's outgoing rules",
    ),
)
.lasting();

pub(super) static FAILED: ReasonDef = ReasonDef::new(
    "siaga.icmp_failed",
    Text::new("Ping tidak dapat dilakukan", "Pinging did not work"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &TARGET_SILENT,
    &TARGET_UNREACHABLE,
    &GATEWAY_ABSENT,
    &NO_ROUTER,
    &TARGET_UNRESOLVED,
    &DELAY_HIGH,
    &JITTER_HIGH,
    &LOSS_HIGH,
    &LOSS_UNDECIDED,
    &NOT_PERMITTED,
    &FAILED,
];

/// Which failures speak of the equipment, and which of our eyes. A name that does not resolve says nothing of the line:
/// the `dns` check speaks for the resolver.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Unreachable, Verdict::NotReady, &TARGET_UNREACHABLE),
        (ErrorKind::Gone, Verdict::NotReady, &GATEWAY_ABSENT),
        (ErrorKind::Dns, Verdict::Unknown, &TARGET_UNRESOLVED),
        (ErrorKind::Permission, Verdict::Unknown, &NOT_PERMITTED),
    ],
    otherwise: &FAILED,
};
