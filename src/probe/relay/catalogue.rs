//! What a `relay` probe measures, and why it says what it says.

use crate::domain::{ErrorKind, ErrorTable, Quantity, ReasonDef, Text, Unit, Verdict};
use crate::probe::budget::{Accounts, by_uplink};
use crate::probe::voice::{mos_of_test, r_factor_of_test};

/// The part of a quantity for each way of reaching the server.
pub(super) const TRANSPORT: &str = "transport";

pub(super) static WORKS: Quantity = Quantity::gauge(
    "relay_transport_works",
    Unit::Flag,
    "Whether the TURN server was reached by it (udp, tcp, tls); missing where it was not tried, because one before it worked.",
)
.by(TRANSPORT).called("Relay terhubung lewat", "The relay is reached by");
pub(super) static UDP_BLOCKED: Quantity = Quantity::gauge(
    "relay_udp_blocked",
    Unit::Flag,
    "Whether the TURN server is silent by UDP while it answers by TCP or TLS.",
)
.called("UDP ke relay diblokir", "UDP to the relay blocked");
pub(super) static RTT: Quantity = Quantity::gauge(
    "relay_rtt_seconds",
    Unit::Seconds,
    "Median round trip through the TURN server while nothing presses the line.",
)
.called("Jeda lewat relay", "Delay through the relay");
pub(super) static LOADED_RTT: Quantity = Quantity::gauge(
    "relay_loaded_rtt_seconds",
    Unit::Seconds,
    "Median round trip through the TURN server while the whole call is sent; shown, not judged.",
)
.called("Jeda lewat relay selama panggilan", "Delay through the relay during the call");
pub(super) static LOSS: Quantity =
    Quantity::gauge("relay_loss_ratio", Unit::Ratio, "Packets that did not come back through the TURN server.")
        .called("Paket yang hilang lewat relay", "Packets lost through the relay");
pub(super) static BURSTS: Quantity = Quantity::gauge(
    "relay_burst_loss_ratio",
    Unit::Ratio,
    "Packets lost in runs of three and more, which is a gap that is heard and seen.",
)
.called("Paket yang hilang beruntun lewat relay", "Packets lost in runs through the relay");
pub(super) static LONGEST: Quantity =
    Quantity::gauge("relay_longest_burst_packets", Unit::Count, "Packets in the longest run of lost ones.")
        .called("Deret terpanjang paket yang hilang", "Longest run of lost packets");
pub(super) static OVERTAKEN: Quantity = Quantity::gauge(
    "relay_reordered_ratio",
    Unit::Ratio,
    "Packets that came back after a later one (RFC 4737), of those that came back.",
)
.called("Paket yang tertukar urutannya", "Packets out of order");
pub(super) static VARIATION: Quantity = Quantity::gauge(
    "relay_delay_variation_seconds",
    Unit::Seconds,
    "99th percentile of the round trip above the least (RFC 5481); shown, not judged.",
)
.called("Naik turunnya jeda lewat relay", "Variation of the relay's delay");
pub(super) static R_FACTOR: Quantity = r_factor_of_test("relay_voice_r_factor")
    .called("Mutu suara lewat relay, faktor R", "Quality of speech through the relay, R factor");
pub(super) static MOS: Quantity = mos_of_test("relay_voice_mos")
    .called("Taksiran mutu suara lewat relay (1–5)", "Estimated quality of speech through the relay (1–5)");
pub(super) static CARRIED: Quantity = Quantity::gauge(
    "relay_carried_bits_per_second",
    Unit::BitsPerSecond,
    "Call-like packets that came back, at most what was offered: what the narrower of the two ways carries.",
)
.called("Panggilan lewat relay", "The call through the relay");
pub(super) static USED: Quantity = Quantity::counter(
    "relay_used_bytes_total",
    Unit::Bytes,
    "Bytes of IP packets that the tests of this check have sent and received.",
)
.called("Data yang dipakai uji relay", "Data that relay tests took");
pub(super) static USED_TODAY: Quantity = Quantity::gauge(
    "relay_used_today_bytes",
    Unit::Bytes,
    "Bytes of IP packets that the tests of this check had taken on that day (UTC), over restarts too.",
)
.of_budget()
.called("Data yang dipakai uji relay hari ini", "Data that relay tests took today");
pub(super) static USED_BY_UPLINK: Quantity = by_uplink("relay_used_by_uplink_today_bytes")
    .called("Data uji relay hari ini, jalur ini", "Data of relay tests today, this uplink");

/// Where an observation carries what tests have taken.
pub(in crate::probe) const ACCOUNTS: Accounts =
    Accounts { total: &USED, today: &USED_TODAY, by_uplink: &USED_BY_UPLINK };

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[
    &WORKS,
    &UDP_BLOCKED,
    &RTT,
    &LOADED_RTT,
    &LOSS,
    &BURSTS,
    &LONGEST,
    &OVERTAKEN,
    &VARIATION,
    &R_FACTOR,
    &MOS,
    &CARRIED,
    &USED,
    &USED_TODAY,
    &USED_BY_UPLINK,
];

pub(super) static REACHED: ReasonDef = ReasonDef::new(
    "internet.relay_reached",
    Text::new("Server relay tercapai lewat {transport}", "The relay server is reached by {transport}"),
    Text::new("Tidak perlu tindakan", "Nothing needs to be done"),
);

pub(super) static TCP_ONLY: ReasonDef = ReasonDef::new(
    "internet.relay_tcp_only",
    Text::new(
        "Server relay tidak tercapai lewat UDP, hanya lewat TCP: mutu suara dan gambar akan turun",
        "The relay server is not reached by UDP, only by TCP: sound and picture will suffer",
    ),
    Text::new(
        "Minta petugas TI membuka UDP keluar ke server relay di firewall atau router",
        "Ask IT staff to allow outgoing UDP to the relay server on the firewall or router",
    ),
)
.lasting();

pub(super) static BLOCKED: ReasonDef = ReasonDef::new(
    "internet.relay_blocked",
    Text::new(
        "Server relay {server} tidak tercapai dengan cara apa pun",
        "The relay server {server} is not reached in any way",
    ),
    Text::new(
        "Bila internet lainnya jalan, minta petugas TI memeriksa server relay dan firewall; bila tidak, hubungi penyedia internet",
        "If the internet works otherwise, ask IT staff to check the relay server and firewalls; if not, call the internet provider",
    ),
);

pub(super) static DELAY_HIGH: ReasonDef = ReasonDef::new(
    "internet.relay_delay_high",
    Text::new(
        "Jeda bolak-balik lewat server relay {value}, batasnya {limit}: pembicara akan saling memotong",
        "The round trip through the relay server is {value}, the limit is {limit}: people will talk over each other",
    ),
    Text::new(
        "Hentikan unduhan dan pemutaran video lain di jaringan ini; bila tetap tinggi, hubungi penyedia internet",
        "Stop other downloads and video on this network; if it stays high, call the internet provider",
    ),
);

pub(super) static LOSS_HIGH: ReasonDef = ReasonDef::new(
    "internet.relay_loss_high",
    Text::new(
        "{value} paket lewat server relay tidak kembali, batasnya {limit}",
        "{value} of the packets through the relay server do not come back, the limit is {limit}",
    ),
    Text::new(
        "Ganti Wi-Fi dengan kabel, kencangkan atau tukar kabel jaringan; bila tetap begini, hubungi penyedia internet",
        "Use a cable instead of Wi-Fi, reseat or swap the network cable; if it stays so, call the internet provider",
    ),
);

pub(super) static LOSS_UNDECIDED: ReasonDef = ReasonDef::new(
    "internet.relay_loss_undecided",
    Text::new(
        "Belum cukup paket lewat server relay untuk menilai berapa yang hilang",
        "Too few packets through the relay server yet to tell how many are lost",
    ),
    Text::new("Tunggu uji berikutnya, atau minta sekarang", "Wait for the next test, or ask for one now"),
);

pub(super) static BURSTS_HIGH: ReasonDef = ReasonDef::new(
    "internet.relay_loss_in_bursts",
    Text::new(
        "{value} paket lewat server relay hilang beruntun, batasnya {limit}: suara dan gambar akan terputus-putus",
        "{value} of the packets through the relay server are lost in bursts, the limit is {limit}: sound and picture will break up",
    ),
    Text::new(
        "Ganti Wi-Fi dengan kabel; bila sudah berkabel, hubungi penyedia internet",
        "Use a cable instead of Wi-Fi; if it is a cable already, call the internet provider",
    ),
);

pub(super) static OVERTAKING: ReasonDef = ReasonDef::new(
    "internet.relay_packets_overtake",
    Text::new(
        "{value} paket lewat server relay datang tidak berurutan, batasnya {limit}: mutu gambar akan turun",
        "{value} of the packets through the relay server arrive out of order, the limit is {limit}: the picture will suffer",
    ),
    Text::new(
        "Minta petugas TI memeriksa apakah router membagi lalu lintas ke dua jalur; bila tidak, hubungi penyedia internet",
        "Ask IT staff whether the router splits traffic over two lines; if not, call the internet provider",
    ),
);

pub(super) static RATE_LOW: ReasonDef = ReasonDef::new(
    "internet.relay_rate_low",
    Text::new(
        "Lewat server relay hanya {value} yang pergi dan kembali, rapat ini perlu {limit}",
        "Only {value} goes out and comes back through the relay server, this meeting needs {limit}",
    ),
    Text::new(
        "Hentikan unduhan, unggahan, dan video lain di ruangan ini; bila tetap begini, hubungi penyedia internet",
        "Stop other downloads, uploads and videos in this room; if it stays so, call the internet provider",
    ),
);

pub(super) static CREDENTIALS_REFUSED: ReasonDef = ReasonDef::new(
    "siaga.relay_credentials_refused",
    Text::new(
        "Server relay menolak nama pengguna dan kata sandi Siaga",
        "The relay server refuses Siaga's user name and password",
    ),
    Text::new(
        "Minta petugas TI memeriksa username dan password_file di berkas konfigurasi",
        "Ask IT staff to check username and password_file in the config file",
    ),
);

pub(super) static REFUSED: ReasonDef = ReasonDef::new(
    "internet.relay_refused",
    Text::new("Server relay menolak menyalurkan uji panggilan", "The relay server refuses to relay the call-like test"),
    Text::new(
        "Minta petugas TI memeriksa di server relay kuota pengguna ini dan alamat yang diizinkan",
        "Ask IT staff to check this user's quota and the allowed addresses on the relay server",
    ),
);

pub(super) static SILENT: ReasonDef = ReasonDef::new(
    "internet.relay_returns_nothing",
    Text::new(
        "Server relay menjawab, tetapi paket uji panggilan tidak kembali",
        "The relay server answers, but the call-like test's packets do not come back",
    ),
    Text::new(
        "Minta petugas TI memeriksa apakah server relay mencapai alamat relay-nya sendiri, juga di balik NAT",
        "Ask IT staff to check that the relay server reaches its own relayed addresses, behind NAT too",
    ),
);

pub(super) static BUDGET_SPENT: ReasonDef = ReasonDef::new(
    "siaga.relay_budget_spent",
    Text::new("Jatah data untuk uji relay hari ini sudah habis", "Today's data budget for relay tests is spent"),
    Text::new(
        "Tunggu jatah baru pada pukul 00.00 UTC (07.00 WIB), atau minta petugas TI menaikkan daily_budget di berkas konfigurasi",
        "Wait for the next budget at 00:00 UTC (07:00 WIB), or ask IT staff to raise daily_budget in the config file",
    ),
);

pub(super) static FAILED: ReasonDef = ReasonDef::new(
    "siaga.relay_failed",
    Text::new("Uji relay tidak dapat dilakukan", "The relay test could not be made"),
    Text::new(
        "Minta petugas TI melihat log Siaga dan memeriksa server dan password_file di berkas konfigurasi",
        "Ask IT staff to read Siaga's log and to check server and password_file in the config file",
    ),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &REACHED,
    &TCP_ONLY,
    &BLOCKED,
    &DELAY_HIGH,
    &LOSS_HIGH,
    &LOSS_UNDECIDED,
    &BURSTS_HIGH,
    &OVERTAKING,
    &RATE_LOW,
    &CREDENTIALS_REFUSED,
    &REFUSED,
    &SILENT,
    &BUDGET_SPENT,
    &FAILED,
];

/// A server that answers and does not relay says nothing of the line: every failure is of our eyes. One that is not reached in
/// any way is no failure but a finding.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Permission, Verdict::Unknown, &CREDENTIALS_REFUSED),
        (ErrorKind::Refused, Verdict::Unknown, &REFUSED),
        (ErrorKind::Timeout, Verdict::Unknown, &SILENT),
        (ErrorKind::Busy, Verdict::Unknown, &BUDGET_SPENT),
    ],
    otherwise: &FAILED,
};
