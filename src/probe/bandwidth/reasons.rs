//! Why a test of the line says what it says.

use crate::domain::{ErrorTable, ReasonDef, Text};

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[&DOWN_LOW, &UP_LOW, &OPEN, &BEYOND, &IMPLAUSIBLE, &HALF, &BUDGET_SPENT, &FAILED];

pub(super) static DOWN_LOW: ReasonDef = ReasonDef::new(
    "internet.down_low",
    Text::new(
        "Kecepatan unduh hanya {value}, rapat ini perlu {limit}",
        "Download only reaches {value}, this meeting needs {limit}",
    ),
    Text::new(
        "Hentikan unduhan dan video lain di ruangan ini; bila tetap begini, hubungi penyedia internet",
        "Stop other downloads and videos in this room; if it stays so, call the internet provider",
    ),
);

pub(super) static UP_LOW: ReasonDef = ReasonDef::new(
    "internet.up_low",
    Text::new(
        "Kecepatan unggah hanya {value}, rapat ini perlu {limit}",
        "Upload only reaches {value}, this meeting needs {limit}",
    ),
    Text::new(
        "Hentikan unggahan dan pencadangan lain di ruangan ini; bila tetap begini, hubungi penyedia internet",
        "Stop other uploads and backups in this room; if it stays so, call the internet provider",
    ),
);

/// The two ways of the line, which are parts of quantities too.
const WAYS: &[(&str, Text)] = &[("down", Text::new("unduh", "down")), ("up", Text::new("unggah", "up"))];

pub(super) static OPEN: ReasonDef = ReasonDef::new(
    "siaga.bandwidth_open",
    Text::new(
        "Kecepatan internet ({part}) terbukti {value}, rapat ini perlu {limit}; lebihnya belum dapat dipastikan",
        "{value} is proven of the line ({part}), this meeting needs {limit}; whether it carries more could not be told",
    ),
    Text::new(
        "Minta petugas TI memeriksa server pengukur (cukup cepat? berkasnya cukup besar?), max_bytes, dan paket yang hilang",
        "Ask IT staff to check the measuring server (fast enough? a file large enough?), max_bytes, and packet loss",
    ),
)
.saying(WAYS);

pub(super) static BEYOND: ReasonDef = ReasonDef::new(
    "siaga.bandwidth_beyond",
    Text::new(
        "Kecepatan penuh ({direction}) tidak terukur dengan data sebanyak ini: paling sedikit {value}",
        "The full speed ({direction}) cannot be measured with this much data: at least {value}",
    ),
    Text::new(
        "Tidak perlu tindakan; untuk mengukurnya, minta petugas TI menaikkan max_bytes di berkas konfigurasi",
        "Nothing needs to be done; to measure it, ask IT staff to raise max_bytes in the config file",
    ),
)
.saying(WAYS);

pub(super) static IMPLAUSIBLE: ReasonDef = ReasonDef::new(
    "siaga.bandwidth_implausible",
    Text::new(
        "Hasil ukur kecepatan tidak masuk akal dan dibuang",
        "The measured speed is impossible and was thrown away",
    ),
    Text::new(
        "Minta petugas TI memeriksa server pengukur, dan line_rate di berkas konfigurasi",
        "Ask IT staff to check the measuring server, and line_rate in the config file",
    ),
);

pub(super) static HALF: ReasonDef = ReasonDef::new(
    "siaga.bandwidth_half",
    Text::new(
        "Unduh terukur tetapi unggah gagal, jadi hasilnya tidak dipakai",
        "Download was measured but upload failed, so the result is not used",
    ),
    Text::new(
        "Tunggu pengukuran berikutnya; bila tetap begini, minta petugas TI memeriksa up_url dan servernya",
        "Wait for the next measurement; if it stays so, ask IT staff to check up_url and its server",
    ),
);

pub(super) static BUDGET_SPENT: ReasonDef = ReasonDef::new(
    "siaga.bandwidth_budget_spent",
    Text::new(
        "Jatah data untuk pengukuran kecepatan hari ini sudah habis",
        "Today's data budget for speed measurements is spent",
    ),
    Text::new(
        "Tunggu jatah baru pada pukul 00.00 UTC (07.00 WIB), atau minta petugas TI menaikkan daily_budget di berkas konfigurasi",
        "Wait for the next budget at 00:00 UTC (07:00 WIB), or ask IT staff to raise daily_budget in the config file",
    ),
);

pub(super) static FAILED: ReasonDef = ReasonDef::new(
    "siaga.bandwidth_failed",
    Text::new("Pengukuran kecepatan gagal", "The speed measurement failed"),
    Text::new(
        "Tunggu pengukuran berikutnya; bila tetap begini, minta petugas TI memeriksa down_url dan servernya",
        "Wait for the next measurement; if it stays so, ask IT staff to check down_url and its server",
    ),
);

/// A measuring server that is away does not make the line slow, and whether the line is up is for others to say: every
/// failure is of our eyes.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &FAILED };
