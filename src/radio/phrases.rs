//! The phrase set: what is recorded once and said again and again, and which phrase speaks for which reason. Data.

use crate::domain::Component;

use super::words::{Part, Pause, slug, spoken};

/// A phrase, by its words; its clip is named after them. All are short: a transmission has 30 words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phrase(pub &'static str);

impl Phrase {
    /// The clip's name, without its ending.
    pub fn clip(self) -> String {
        slug(&spoken(self.0))
    }

    /// It as a piece of a transmission.
    pub fn then(self, pause: Pause) -> Part {
        Part { clip: self.clip(), text: self.0.to_owned(), pause }
    }
}

macro_rules! phrases {
    ($($group:literal { $($name:ident $text:literal)* })*) => {
        $($(
            #[doc = concat!("\"", $text, "\"")]
            pub const $name: Phrase = Phrase($text);
        )*)*

        /// All, by what they are for.
        pub const ALL: &[(&str, &[Phrase])] = &[$(($group, &[$($name),*])),*];
    };
}

phrases! {
    "panggilan" {
        ATTENTION "perhatian"
        HERE "di sini"
        AGAIN "saya ulangi"
        OVER "ganti"
        OUT "selesai"
    }
    "waktu" {
        SINCE "sejak"
        IN "di"
        AT "pukul"
        YESTERDAY "kemarin"
        DAYS_AGO "hari lalu"
        TOMORROW "besok"
    }
    "rapat" {
        MEETING "rapat"
        UNDER_WAY "sedang berlangsung"
    }
    "kabar" {
        ALL_READY "ruangan siap"
        RESTORED "sudah pulih"
        THE_RESTORED "yang sudah pulih"
        SEVERAL "gangguan pada"
        SEE_PAGE "mohon lihat halaman pemantau"
        TEST "ini pesan uji"
        ANSWER "mohon dijawab bila terdengar"
        DRILL "ini latihan"
        OTHERS "kabar dari sistem lain"
        NOTHING_TO_DO "tidak ada yang perlu dilakukan"
    }
    "peralatan" {
        COMPUTER "komputer"
        INTERNET "internet"
        AUDIO "audio"
        VIDEO "video"
        POWER "kelistrikan"
        RADIO "radio"
    }
    "keadaan" {
        NOT_READY "tidak siap"
        NEEDS_ATTENTION "perlu perhatian"
        UNSTABLE "tidak stabil"
        UNSEEN "tidak dapat diperiksa"
    }
    "gangguan internet" {
        NET_DOWN "internet terputus"
        NET_SLOW "internet lambat"
        NET_UNSTEADY "internet tidak stabil"
        NET_UDP "jalur suara tertahan"
        NET_NAMES "server de-en-es tidak menjawab"
        NET_CABLE "kabel jaringan terlepas"
        NET_CARD "kartu jaringan bermasalah"
        NET_WIFI "sinyal waifai lemah"
        NET_WIFI_GONE "waifai tidak tersambung"
        NET_UNSEEN "internet tidak dapat diperiksa"
        NET_SERVICE "layanan rapat tidak menjawab"
        NET_CERTIFICATE "sertifikat layanan rapat bermasalah"
    }
    "gangguan suara" {
        MIC_GONE "mikrofon tidak terhubung"
        MIC_MUTED "mikrofon dimatikan"
        MIC_BAD "suara mikrofon bermasalah"
        CARD_GONE "perangkat suara tidak terhubung"
        CARD_DEAD "perangkat suara tidak menjawab"
        CARD_OTHER "perangkat suara berbeda"
        SPEAKER_BAD "pengeras suara bermasalah"
    }
    "gangguan gambar" {
        CAMERA_GONE "kamera tidak terhubung"
        CAMERA_OTHER "kamera bukan yang terdaftar"
        CAMERA_DEAD "kamera tidak mengirim gambar"
        PICTURE_BAD "gambar kamera bermasalah"
        SCREEN_GONE "layar tidak terhubung"
        SCREEN_OTHER "layar bukan yang terdaftar"
        SCREEN_CABLE "kabel layar bermasalah"
    }
    "gangguan listrik" {
        MAINS_OUT "listrik padam"
        BATTERY_LOW "baterai yu-pi-es hampir habis"
        UPS_BAD "yu-pi-es bermasalah"
        UPS_ENDS "yu-pi-es akan mati"
        VOLTAGE_BAD "tegangan listrik tidak normal"
    }
    "gangguan komputer" {
        COMPUTER_BUSY "komputer terlalu sibuk"
        COMPUTER_HOT "komputer terlalu panas"
        DISK_BAD "penyimpanan komputer bermasalah"
        USB_GONE "sambungan yu-es-be terputus"
    }
    "tindakan" {
        CHECK "mohon diperiksa"
        CHECK_MODEM "mohon periksa modem dan kabel jaringan"
        CALL_PROVIDER "mohon hubungi penyedia internet"
        CHECK_CAMERA "mohon periksa kamera dan kabelnya"
        CHECK_SCREEN "mohon periksa layar dan kabelnya"
        CHECK_MIC "mohon periksa mikrofon dan kabelnya"
        CHECK_SPEAKER "mohon periksa pengeras suara"
        CHECK_POWER "mohon nyalakan genset"
        CHECK_UPS "mohon periksa yu-pi-es"
        SAVE_WORK "mohon matikan peralatan dengan aman"
        CALL_IT "mohon hubungi petugas teknologi informasi"
    }
}

/// What a component is called.
pub const fn component(component: Component) -> Phrase {
    match component {
        Component::Computer => COMPUTER,
        Component::Internet => INTERNET,
        Component::Audio => AUDIO,
        Component::Video => VIDEO,
        Component::Power => POWER,
        Component::Radio => RADIO,
    }
}

/// What is said of a reason, by the beginning of its code, the longest first; what is not here is said by its component and
/// verdict.
const REASONS: &[(&str, Phrase, Phrase)] = &[
    ("internet.link_down", NET_CABLE, CHECK_MODEM),
    ("internet.link_slow", NET_SLOW, CHECK_MODEM),
    ("internet.wifi_down", NET_WIFI_GONE, CHECK_MODEM),
    ("internet.wifi_", NET_WIFI, CHECK_MODEM),
    ("internet.interface_", NET_CARD, CALL_IT),
    ("internet.no_interface", NET_CARD, CALL_IT),
    ("internet.no_address", NET_DOWN, CHECK_MODEM),
    ("internet.no_gateway", NET_DOWN, CHECK_MODEM),
    ("internet.gateway_absent", NET_DOWN, CHECK_MODEM),
    ("internet.target_", NET_DOWN, CHECK_MODEM),
    ("internet.target_unresolved", NET_UNSEEN, CALL_IT),
    ("internet.udp_blocked", NET_UDP, CALL_IT),
    ("internet.udp_loss_undecided", NET_UNSEEN, CALL_IT),
    ("internet.udp_", NET_UNSTEADY, CALL_PROVIDER),
    ("internet.loss_undecided", NET_UNSEEN, CALL_IT),
    ("internet.loss_", NET_UNSTEADY, CALL_PROVIDER),
    ("internet.call_down_low", NET_SLOW, CALL_PROVIDER),
    ("internet.call_up_low", NET_SLOW, CALL_PROVIDER),
    ("internet.call_loss_undecided", NET_UNSEEN, CALL_IT),
    ("internet.call_", NET_UNSTEADY, CALL_PROVIDER),
    ("internet.jitter_", NET_UNSTEADY, CALL_PROVIDER),
    ("internet.delay_", NET_UNSTEADY, CALL_PROVIDER),
    ("internet.down_low", NET_SLOW, CALL_PROVIDER),
    ("internet.up_low", NET_SLOW, CALL_PROVIDER),
    ("internet.resolver_", NET_NAMES, CALL_IT),
    ("internet.no_resolver", NET_NAMES, CALL_IT),
    ("internet.dns_", NET_NAMES, CALL_IT),
    ("internet.certificate_", NET_CERTIFICATE, CALL_IT),
    ("internet.stun_", NET_UNSEEN, CALL_IT),
    ("internet.stun_unreachable", NET_DOWN, CHECK_MODEM),
    ("internet.tls_", NET_SERVICE, CALL_IT),
    ("internet.http_", NET_SERVICE, CALL_IT),
    ("internet.connect_", NET_SERVICE, CALL_IT),
    ("audio.microphone_gone", MIC_GONE, CHECK_MIC),
    ("audio.no_capture", MIC_GONE, CHECK_MIC),
    ("audio.microphone_muted", MIC_MUTED, CHECK_MIC),
    ("audio.default_source_muted", MIC_MUTED, CHECK_MIC),
    ("audio.microphone_", MIC_BAD, CHECK_MIC),
    ("audio.default_source_", MIC_BAD, CHECK_MIC),
    ("audio.no_default_source", MIC_BAD, CHECK_MIC),
    ("audio.card_other", CARD_OTHER, CALL_IT),
    ("audio.card_", CARD_GONE, CHECK_MIC),
    ("audio.card_unanswering", CARD_DEAD, CHECK_MIC),
    ("audio.no_card", CARD_GONE, CHECK_MIC),
    ("audio.default_sink_", SPEAKER_BAD, CHECK_SPEAKER),
    ("audio.no_default_sink", SPEAKER_BAD, CHECK_SPEAKER),
    ("audio.no_playback", SPEAKER_BAD, CHECK_SPEAKER),
    ("audio.loopback_silent", MIC_BAD, CHECK_MIC),
    ("audio.loopback_", SPEAKER_BAD, CHECK_SPEAKER),
    ("video.camera_dead", CAMERA_DEAD, CHECK_CAMERA),
    ("video.camera_unanswering", CAMERA_DEAD, CHECK_CAMERA),
    ("video.camera_other", CAMERA_OTHER, CALL_IT),
    ("video.camera_", CAMERA_GONE, CHECK_CAMERA),
    ("video.no_camera", CAMERA_GONE, CHECK_CAMERA),
    ("video.frame", PICTURE_BAD, CHECK_CAMERA),
    ("video.stream_failed", PICTURE_BAD, CHECK_CAMERA),
    ("video.display_other", SCREEN_OTHER, CALL_IT),
    ("video.display_no_edid", SCREEN_CABLE, CHECK_SCREEN),
    ("video.display_", SCREEN_GONE, CHECK_SCREEN),
    ("video.connector_missing", SCREEN_GONE, CHECK_SCREEN),
    ("video.no_display", SCREEN_GONE, CHECK_SCREEN),
    ("power.on_battery", MAINS_OUT, CHECK_POWER),
    ("power.runtime_short_on_battery", MAINS_OUT, CHECK_POWER),
    ("power.battery_low", BATTERY_LOW, SAVE_WORK),
    ("power.shutting_down", UPS_ENDS, SAVE_WORK),
    ("power.forced_shutdown", UPS_ENDS, SAVE_WORK),
    ("power.voltage_", VOLTAGE_BAD, CHECK_UPS),
    ("power.", UPS_BAD, CHECK_UPS),
    ("computer.cpu_", COMPUTER_BUSY, CALL_IT),
    ("computer.memory_", COMPUTER_BUSY, CALL_IT),
    ("computer.temperature_", COMPUTER_HOT, CALL_IT),
    ("computer.disk_", DISK_BAD, CALL_IT),
    ("computer.mount_", DISK_BAD, CALL_IT),
    ("computer.usb_", USB_GONE, CALL_IT),
];

/// What is wrong and what to do, by a reason's code.
pub fn of_reason(code: &str) -> Option<(Phrase, Phrase)> {
    let fits = REASONS.iter().filter(|(begins, ..)| code.starts_with(begins));
    fits.max_by_key(|(begins, ..)| begins.len()).map(|(_, fault, remedy)| (*fault, *remedy))
}

/// Every phrase.
pub fn all() -> impl Iterator<Item = Phrase> {
    ALL.iter().flat_map(|(_, phrases)| phrases.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_phrase_has_a_clip_of_its_own_and_is_said_as_it_is_written() {
        let mut clips = HashSet::new();
        for phrase in all() {
            let clip = phrase.clip();
            assert!(clip.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !clip.is_empty(), "{clip}");
            assert!(clips.insert(clip), "{phrase:?} is there twice");
            assert!(phrase.0.split(' ').count() <= 6, "{phrase:?}");
        }
        for word in super::super::numbers::WORDS {
            assert!(!clips.contains(word), "{word} is a number's word too");
        }
    }

    #[test]
    fn no_line_of_the_table_is_useless() {
        let codes: Vec<_> = crate::probe::all_reasons().map(|reason| reason.code).collect();
        for (begins, fault, remedy) in REASONS {
            let said = codes.iter().any(|code| code.starts_with(begins) && of_reason(code) == Some((*fault, *remedy)));
            assert!(said, "no reason is told by {begins}");
        }
        assert_eq!(of_reason("internet.udp_blocked"), Some((NET_UDP, CALL_IT)));
        assert_eq!(of_reason("power.on_battery"), Some((MAINS_OUT, CHECK_POWER)));
        assert_eq!(of_reason("siaga.icmp_failed"), None);
    }
}
