//! What people call what is measured; all else goes by its own name.

use crate::domain::record::Series;
use crate::domain::{Lang, Quantity, Text};

const NAMES: &[(&str, Text)] = &[
    ("icmp_rtt_median_seconds", Text::new("Jeda gema", "Delay of echoes")),
    ("stun_rtt_seconds", Text::new("Jeda UDP", "Delay by UDP")),
    ("loss_ratio", Text::new("Paket hilang", "Packets lost")),
    ("bandwidth_down_bits_per_second", Text::new("Unduh", "Download")),
    ("bandwidth_up_bits_per_second", Text::new("Unggah", "Upload")),
    ("ups_battery_charge_ratio", Text::new("Isi baterai UPS", "Charge of the UPS")),
    ("ups_input_volts", Text::new("Tegangan PLN", "Mains voltage")),
    ("ups_load_ratio", Text::new("Beban UPS", "Load of the UPS")),
    ("ups_runtime_seconds", Text::new("Daya tahan UPS", "Runtime of the UPS")),
    ("computer_memory_available_ratio", Text::new("Memori tersedia", "Memory available")),
    ("computer_disk_free_ratio", Text::new("Ruang disk tersisa", "Free disk space")),
    ("computer_temperature_celsius", Text::new("Suhu komputer", "Temperature of the computer")),
];

/// What a quantity is called.
pub(super) fn name(quantity: &Quantity, lang: Lang) -> String {
    let known = NAMES.iter().find(|(name, _)| *name == quantity.name);
    known.map_or_else(|| quantity.name.to_owned(), |(_, text)| text.in_lang(lang).to_owned())
}

/// What a picture of a series is called.
pub(super) fn of_series(series: &Series, lang: Lang) -> String {
    let part = series.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    format!("{} ({}{part})", name(series.quantity, lang), series.check)
}
