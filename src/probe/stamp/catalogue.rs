//! What a `stamp` probe measures, and why it says what it says.

use crate::domain::{ErrorKind, ErrorTable, Quantity, ReasonDef, Text, Unit, Verdict};
use crate::probe::budget::{Accounts, by_uplink};
use crate::probe::voice::{mos_of_test, r_factor_of_test};

/// The part of a quantity for each way.
pub(super) const WAY: &str = "way";

pub(super) static RTT: Quantity = Quantity::gauge(
    "stamp_rtt_seconds",
    Unit::Seconds,
    "Median round trip while nothing presses the line, without the time that the reflector took.",
)
.called("Jeda uji panggilan", "Delay of the call test");
pub(super) static LOADED_RTT: Quantity = Quantity::gauge(
    "stamp_loaded_rtt_seconds",
    Unit::Seconds,
    "Median round trip while the whole call is sent both ways; shown, not judged.",
)
.called("Jeda selama panggilan", "Delay during the call");
pub(super) static LOSS: Quantity = Quantity::gauge(
    "stamp_loss_ratio",
    Unit::Ratio,
    "Packets lost on the way there (up), on the way back (down), or on both where the reflector counts nothing.",
)
.by(WAY)
.called("Paket panggilan yang hilang", "Packets of the call lost");
pub(super) static BURSTS: Quantity = Quantity::gauge(
    "stamp_burst_loss_ratio",
    Unit::Ratio,
    "Packets lost in runs of three and more, which is a gap that is heard and seen.",
)
.by(WAY)
.called("Paket panggilan yang hilang beruntun", "Packets of the call lost in runs");
pub(super) static LONGEST: Quantity =
    Quantity::gauge("stamp_longest_burst_packets", Unit::Count, "Packets in the longest run of lost ones.")
        .by(WAY)
        .called("Deret terpanjang paket yang hilang", "Longest run of lost packets");
pub(super) static OVERTAKEN: Quantity = Quantity::gauge(
    "stamp_reordered_ratio",
    Unit::Ratio,
    "Packets that arrived after a later one (RFC 4737), of those that arrived.",
)
.by(WAY)
.called("Paket panggilan yang tertukar urutannya", "Packets of the call out of order");
pub(super) static VARIATION: Quantity = Quantity::gauge(
    "stamp_delay_variation_seconds",
    Unit::Seconds,
    "99th percentile of the delay above the least (RFC 5481); shown, not judged.",
)
.by(WAY)
.called("Naik turunnya jeda panggilan", "Variation of the call's delay");
pub(super) static R_FACTOR: Quantity = r_factor_of_test("stamp_voice_r_factor")
    .by(WAY)
    .called("Mutu suara panggilan, faktor R", "Quality of the call's speech, R factor");
pub(super) static MOS: Quantity = mos_of_test("stamp_voice_mos")
    .by(WAY)
    .called("Taksiran mutu suara panggilan (1–5)", "Estimated quality of the call's speech (1–5)");
pub(super) static UP: Quantity = Quantity::gauge(
    "stamp_up_bits_per_second",
    Unit::BitsPerSecond,
    "Call-like packets that the way there carried, at most what was offered.",
)
.called("Panggilan, unggah", "The call, up");
pub(super) static DOWN: Quantity = Quantity::gauge(
    "stamp_down_bits_per_second",
    Unit::BitsPerSecond,
    "Call-like packets that the way back carried, at most what had arrived there; missing where the way there was too narrow.",
).called("Panggilan, unduh", "The call, down");
pub(in crate::probe) static DOWN_AT_LEAST: Quantity = Quantity::gauge(
    "stamp_down_at_least_bits_per_second",
    Unit::BitsPerSecond,
    "What came back of the call where the way there was too narrow for all of it: the way back carries as much, and of more nothing is known.",
)
.called("Panggilan, unduh, sekurang-kurangnya", "The call, down, at least");
pub(super) static USED: Quantity = Quantity::counter(
    "stamp_used_bytes_total",
    Unit::Bytes,
    "Bytes of IP packets that the tests of this check have sent and received.",
)
.called("Data yang dipakai uji panggilan", "Data that call tests took");
pub(super) static USED_TODAY: Quantity = Quantity::gauge(
    "stamp_used_today_bytes",
    Unit::Bytes,
    "Bytes of IP packets that the tests of this check had taken on that day (UTC), over restarts too.",
)
.of_budget()
.called("Data yang dipakai uji panggilan hari ini", "Data that call tests took today");
pub(super) static USED_BY_UPLINK: Quantity = by_uplink("stamp_used_by_uplink_today_bytes")
    .called("Data uji panggilan hari ini, jalur ini", "Data of call tests today, this uplink");

/// Where an observation carries what tests have taken.
pub(in crate::probe) const ACCOUNTS: Accounts =
    Accounts { total: &USED, today: &USED_TODAY, by_uplink: &USED_BY_UPLINK };

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[
    &RTT,
    &LOADED_RTT,
    &LOSS,
    &BURSTS,
    &LONGEST,
    &OVERTAKEN,
    &VARIATION,
    &R_FACTOR,
    &MOS,
    &UP,
    &DOWN,
    &DOWN_AT_LEAST,
    &USED,
    &USED_TODAY,
    &USED_BY_UPLINK,
];

pub(super) static DELAY_HIGH: ReasonDef = ReasonDef::new(
    "internet.call_delay_high",
    Text::new(
        "Jeda bolak-balik uji panggilan {value}, batasnya {limit}: pembicara akan saling memotong",
        "The round trip of the call-like test is {value}, the limit is {limit}: people will talk over each other",
    ),
    Text::new(
        "Hentikan unduhan dan pemutaran video lain di jaringan ini; bila tetap tinggi, hubungi penyedia internet",
        "Stop other downloads and video on this network; if it stays high, call the internet provider",
    ),
);

pub(super) static LOSS_HIGH: ReasonDef = ReasonDef::new(
    "internet.call_loss_high",
    Text::new(
        "{value} paket uji panggilan hilang di jalan, batasnya {limit}",
        "{value} of the call-like test's packets are lost on the way, the limit is {limit}",
    ),
    Text::new(
        "Ganti Wi-Fi dengan kabel, kencangkan atau tukar kabel jaringan; bila tetap begini, hubungi penyedia internet",
        "Use a cable instead of Wi-Fi, reseat or swap the network cable; if it stays so, call the internet provider",
    ),
);

pub(super) static LOSS_UNDECIDED: ReasonDef = ReasonDef::new(
    "internet.call_loss_undecided",
    Text::new(
        "Belum cukup paket uji panggilan untuk menilai berapa yang hilang",
        "Too few packets of call-like tests yet to tell how many are lost",
    ),
    Text::new("Tunggu uji berikutnya, atau minta sekarang", "Wait for the next test, or ask for one now"),
);

pub(super) static BURSTS_HIGH: ReasonDef = ReasonDef::new(
    "internet.call_loss_in_bursts",
    Text::new(
        "{value} paket uji panggilan hilang beruntun, batasnya {limit}: suara dan gambar akan terputus-putus",
        "{value} of the call-like test's packets are lost in bursts, the limit is {limit}: sound and picture will break up",
    ),
    Text::new(
        "Ganti Wi-Fi dengan kabel; bila sudah berkabel, hubungi penyedia internet",
        "Use a cable instead of Wi-Fi; if it is a cable already, call the internet provider",
    ),
);

pub(super) static OVERTAKING: ReasonDef = ReasonDef::new(
    "internet.call_packets_overtake",
    Text::new(
        "{value} paket uji panggilan datang tidak berurutan, batasnya {limit}: mutu gambar akan turun",
        "{value} of the call-like test's packets arrive out of order, the limit is {limit}: the picture will suffer",
    ),
    Text::new(
        "Minta petugas TI memeriksa apakah router membagi lalu lintas ke dua jalur; bila tidak, hubungi penyedia internet",
        "Ask IT staff whether the router splits traffic over two lines; if not, call the internet provider",
    ),
);

pub(super) static DOWN_LOW: ReasonDef = ReasonDef::new(
    "internet.call_down_low",
    Text::new(
        "Uji panggilan: arah masuk hanya membawa {value}, rapat ini perlu {limit}",
        "Call-like test: the way in carries only {value}, this meeting needs {limit}",
    ),
    Text::new(
        "Hentikan unduhan dan video lain di ruangan ini; bila tetap begini, hubungi penyedia internet",
        "Stop other downloads and videos in this room; if it stays so, call the internet provider",
    ),
);

pub(super) static UP_LOW: ReasonDef = ReasonDef::new(
    "internet.call_up_low",
    Text::new(
        "Uji panggilan: arah keluar hanya membawa {value}, rapat ini perlu {limit}",
        "Call-like test: the way out carries only {value}, this meeting needs {limit}",
    ),
    Text::new(
        "Hentikan unggahan dan pencadangan lain di ruangan ini; bila tetap begini, hubungi penyedia internet",
        "Stop other uploads and backups in this room; if it stays so, call the internet provider",
    ),
);

pub(crate) static WAY_IN_OPEN: ReasonDef = ReasonDef::new(
    "siaga.stamp_way_in_open",
    Text::new(
        "Uji panggilan: arah keluar terlalu sempit untuk mencoba arah masuk; {value} terbukti, rapat ini perlu {limit}",
        "Call-like test: the way out is too narrow to try the way in; {value} is proven, this meeting needs {limit}",
    ),
    Text::new(
        "Minta petugas TI menambah pemeriksaan jenis bandwidth lewat jalur yang sama (required), yang mengukur arah masuk sendiri",
        "Ask IT staff to add a check of kind bandwidth by the same line (required), which measures the way in by itself",
    ),
);

pub(super) static SILENT: ReasonDef = ReasonDef::new(
    "internet.reflector_silent",
    Text::new("Ujung jauh uji panggilan tidak menjawab", "The far end of the call-like test does not answer"),
    Text::new(
        "Bila internet lainnya jalan, minta petugas TI memeriksa \"siaga reflect\" di ujung jauh, kunci atau token ruangan ini di sana (key_file, token_file: dicabut atau kedaluwarsa?), dan firewall",
        "If the internet works otherwise, ask IT staff to check \"siaga reflect\" at the far end, this room's key or token there (key_file, token_file: revoked or expired?), and firewalls",
    ),
);

pub(super) static BUDGET_SPENT: ReasonDef = ReasonDef::new(
    "siaga.stamp_budget_spent",
    Text::new(
        "Jatah data untuk uji panggilan hari ini sudah habis",
        "Today's data budget for call-like tests is spent",
    ),
    Text::new(
        "Tunggu jatah baru pada pukul 00.00 UTC (07.00 WIB), atau minta petugas TI menaikkan daily_budget di berkas konfigurasi",
        "Wait for the next budget at 00:00 UTC (07:00 WIB), or ask IT staff to raise daily_budget in the config file",
    ),
);

pub(super) static FAILED: ReasonDef = ReasonDef::new(
    "siaga.stamp_failed",
    Text::new("Uji panggilan tidak dapat dilakukan", "The call-like test could not be made"),
    Text::new(
        "Minta petugas TI melihat log Siaga dan memeriksa reflector, key_file, dan token_file di berkas konfigurasi",
        "Ask IT staff to read Siaga's log and to check reflector, key_file and token_file in the config file",
    ),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &DELAY_HIGH,
    &LOSS_HIGH,
    &LOSS_UNDECIDED,
    &BURSTS_HIGH,
    &OVERTAKING,
    &DOWN_LOW,
    &UP_LOW,
    &WAY_IN_OPEN,
    &SILENT,
    &BUDGET_SPENT,
    &FAILED,
];

/// A reflector that is away does not make the line bad, and whether the line is up is for others to say: every failure is of
/// our eyes.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Timeout, Verdict::Unknown, &SILENT),
        (ErrorKind::Refused, Verdict::Unknown, &SILENT),
        (ErrorKind::Unreachable, Verdict::Unknown, &SILENT),
        (ErrorKind::Busy, Verdict::Unknown, &BUDGET_SPENT),
    ],
    otherwise: &FAILED,
};
