//! A survey's words for what was measured, in both languages.

use super::report::Both;
use crate::domain::{Kind, Lang, Quantity, Text, Unit, reason::number};

/// One of two texts.
pub const fn pick(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

/// A quantity's name for people, with the part that is meant.
pub fn title(quantity: &Quantity, part: Option<&str>) -> Both {
    let text = named(quantity.name);
    Both::of(|lang| {
        let name = text.map_or(quantity.name, |text| text.in_lang(lang));
        part.map_or_else(|| name.to_owned(), |part| format!("{name}, {}", way(part, lang)))
    })
}

/// A value with people's unit.
pub fn value(value: f64, unit: Unit, lang: Lang) -> String {
    match unit {
        Unit::Flag => {
            pick(lang, ["tidak", "ya"][usize::from(value > 0.5)], ["no", "yes"][usize::from(value > 0.5)]).to_owned()
        }
        _ => number(value, unit, lang).trim_end().to_owned(),
    }
}

/// The part of a quantity.
pub(super) fn way(part: &str, lang: Lang) -> String {
    let text = match part {
        "up" => pick(lang, "arah keluar", "way out"),
        "down" => pick(lang, "arah masuk", "way in"),
        "both" => pick(lang, "kedua arah", "both ways"),
        other => return other.to_owned(),
    };
    text.to_owned()
}

/// What a report tells of; what is only of use to programs (counters, ages, phases) stands in the JSON alone, by its own name.
const NAMES: &[(&str, Text)] = &[
    ("link_up", Text::new("Tersambung", "Connected")),
    ("link_speed_bits_per_second", Text::new("Kecepatan kabel atau Wi-Fi", "Speed of cable or Wi-Fi")),
    ("link_wifi_signal_dbm", Text::new("Sinyal Wi-Fi", "Wi-Fi signal")),
    ("icmp_rtt_median_seconds", Text::new("Jeda ping", "Delay of echoes")),
    ("icmp_rtt_p95_seconds", Text::new("Jeda ping, 95 dari 100 di bawah", "Delay of echoes, 95 of 100 below")),
    ("icmp_jitter_seconds", Text::new("Naik turun jeda", "Variation of delay")),
    ("icmp_voice_mos", Text::new("Taksiran mutu suara (MOS)", "Foreseen quality of voice (MOS)")),
    ("stun_rtt_seconds", Text::new("Jeda UDP", "Delay by UDP")),
    ("stun_jitter_seconds", Text::new("Naik turun jeda UDP", "Variation of delay by UDP")),
    ("ports_udp_blocked", Text::new("Port UDP platform diblokir", "The platform's UDP ports blocked")),
    ("stun_udp_blocked", Text::new("UDP diblokir", "UDP blocked")),
    ("http_duration_seconds", Text::new("Satu halaman", "One page")),
    ("tls_handshake_seconds", Text::new("Jabat tangan TLS", "TLS handshake")),
    ("dns_duration_seconds", Text::new("Pencarian nama, server", "Name look-up, server")),
    ("bandwidth_down_bits_per_second", Text::new("Unduh (HTTP)", "Download (HTTP)")),
    ("bandwidth_up_bits_per_second", Text::new("Unggah (HTTP)", "Upload (HTTP)")),
    ("bandwidth_at_least_bits_per_second", Text::new("Sekurangnya (HTTP)", "At least (HTTP)")),
    ("bandwidth_capacity_bits_per_second", Text::new("Kapasitas (HTTP)", "Capacity (HTTP)")),
    ("bandwidth_idle_delay_seconds", Text::new("Jeda saat sepi", "Delay when idle")),
    ("bandwidth_loaded_delay_seconds", Text::new("Jeda saat penuh", "Delay under load")),
    (
        "bandwidth_round_trips_per_minute",
        Text::new("Bolak-balik per menit saat jalur penuh (RPM)", "Round trips a minute under load (RPM)"),
    ),
    ("stamp_rtt_seconds", Text::new("Jeda panggilan", "Delay of the call")),
    ("stamp_loaded_rtt_seconds", Text::new("Jeda panggilan saat penuh", "Delay of the call under load")),
    ("stamp_loss_ratio", Text::new("Paket panggilan hilang", "Packets of the call lost")),
    ("stamp_burst_loss_ratio", Text::new("Hilang beruntun", "Lost in bursts")),
    ("stamp_reordered_ratio", Text::new("Tidak berurutan", "Out of order")),
    ("stamp_delay_variation_seconds", Text::new("Naik turun jeda panggilan", "Variation of the call's delay")),
    ("stamp_voice_mos", Text::new("Taksiran mutu suara panggilan (MOS)", "Foreseen quality of the call's voice (MOS)")),
    ("stamp_up_bits_per_second", Text::new("Arah keluar (panggilan)", "Way out (call)")),
    ("stamp_down_bits_per_second", Text::new("Arah masuk (panggilan)", "Way in (call)")),
    (
        "stamp_down_at_least_bits_per_second",
        Text::new("Arah masuk, sekurangnya (panggilan)", "Way in, at least (call)"),
    ),
    ("relay_rtt_seconds", Text::new("Jeda lewat relay", "Delay through the relay")),
    ("relay_loaded_rtt_seconds", Text::new("Jeda lewat relay saat penuh", "Delay through the relay under load")),
    ("relay_loss_ratio", Text::new("Paket lewat relay hilang", "Packets through the relay lost")),
    ("relay_burst_loss_ratio", Text::new("Hilang beruntun lewat relay", "Lost in bursts through the relay")),
    ("relay_reordered_ratio", Text::new("Tidak berurutan lewat relay", "Out of order through the relay")),
    (
        "relay_voice_mos",
        Text::new("Taksiran mutu suara lewat relay (MOS)", "Foreseen quality of voice through the relay (MOS)"),
    ),
    ("relay_carried_bits_per_second", Text::new("Pergi dan kembali lewat relay", "There and back through the relay")),
];

fn named(quantity: &str) -> Option<Text> {
    NAMES.iter().find(|(name, _)| *name == quantity).map(|(_, text)| *text)
}

/// Whether a report's page tells it.
pub(super) fn is_told(quantity: &str) -> bool {
    named(quantity).is_some()
}

/// What a kind of check shows of the line.
pub(super) fn shows(kind: Kind) -> Text {
    match kind {
        Kind::Link => Text::new("kabel atau Wi-Fi", "cable or Wi-Fi"),
        Kind::Icmp => Text::new("gema (ping)", "echoes (ping)"),
        Kind::Stun => Text::new("UDP ke server STUN", "UDP to a STUN server"),
        Kind::Http => Text::new("server rapat (HTTP)", "the meeting's server (HTTP)"),
        Kind::Tls => Text::new("sertifikat server rapat (TLS)", "the meeting server's certificate (TLS)"),
        Kind::Dns => Text::new("pencarian nama (DNS)", "name look-up (DNS)"),
        Kind::Bandwidth => Text::new("kecepatan dan jeda saat penuh (HTTP)", "rates and delay under load (HTTP)"),
        Kind::Stamp => Text::new("uji panggilan lewat UDP", "a call-like test by UDP"),
        Kind::Ports => Text::new("port UDP platform rapat", "the meeting platform's UDP ports"),
        Kind::Relay => Text::new("uji panggilan lewat relay", "a call-like test through a relay"),
        _ => Text::new("lainnya", "other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::quantities;

    #[test]
    fn each_name_is_of_a_quantity_that_a_probe_declares_and_each_way_of_the_line_has_words() {
        let line = Kind::ALL.into_iter().filter(|kind| kind.component() == Some(crate::domain::Component::Internet));
        let mut told = 0;
        for kind in line {
            assert_ne!(shows(kind).id, "lainnya", "{kind}");
            told += quantities(kind).iter().filter(|quantity| is_told(quantity.name)).count();
        }
        // One that no probe declares any more would be missing here.
        assert_eq!(told, NAMES.len());
        let loss = crate::probe::quantity("stamp_loss_ratio").unwrap();
        assert_eq!(title(loss, Some("up")).id, "Paket panggilan hilang, arah keluar");
        assert_eq!(value(0.012, Unit::Ratio, Lang::Id), "1,2 %");
        assert_eq!(value(1.0, Unit::Flag, Lang::Id), "ya");
    }
}
