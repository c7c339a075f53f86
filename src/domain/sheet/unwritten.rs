//! Why something is not written into a run sheet, for people and for the audit.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{LONGEST_FINDINGS, LONGEST_NAME, LONGEST_REASON, MOST_ENTRIES};
use crate::domain::reason::{Lang, Text, fill};
use crate::domain::{Finest, on_the_day};

/// Why it is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// There is no session of this id.
    NoSession,
    /// There is no such item on its sheet; these are.
    NoItem(Vec<String>),
    /// The session was cancelled.
    Cancelled,
    /// It was moved meanwhile.
    Moved,
    /// It is over.
    Over,
    /// It has begun: what is tried now is no trial.
    Begun,
    /// A trial is under way.
    TrialUnderWay,
    /// None is.
    NoTrial,
    /// No override holds.
    NoOverride,
    /// The sheet is full.
    Full,
    /// Nobody is named, or that is no name.
    NoName,
    /// An override without a reason, or with too long a one.
    NoReason,
    /// It would end before now, or says nothing of when.
    Until,
    /// It would end after the meeting, which ends then.
    AfterEnd(Timestamp),
    /// An override says what the meeting is taken for: nobody can answer for not knowing.
    Verdict,
    /// Findings that are too long.
    Long,
    /// A text that looks as if a passcode stood in it.
    Passcode,
}

impl Unwritten {
    /// As the audit has it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoSession => "no such session",
            Self::NoItem(_) => "no such item",
            Self::Cancelled => "cancelled",
            Self::Moved => "moved",
            Self::Over => "over",
            Self::Begun => "begun",
            Self::TrialUnderWay => "a trial is under way",
            Self::NoTrial => "no trial is under way",
            Self::NoOverride => "no override holds",
            Self::Full => "the sheet is full",
            Self::NoName => "without a name",
            Self::NoReason => "without a reason",
            Self::Until | Self::AfterEnd(_) => "out of range",
            Self::Verdict => "unknown is no word to answer for",
            Self::Long => "too long",
            Self::Passcode => "a passcode",
        }
    }

    /// In words; times on the clock of `zone`, and with its offset, as an order takes them.
    pub fn told(&self, lang: Lang, zone: &TimeZone) -> String {
        let number = |number: usize| number.to_string().into();
        let there = if let Self::NoItem(there) = self { there.join(", ") } else { String::new() };
        let end = match self {
            Self::AfterEnd(end) => {
                // Rounded down, so that it is not beyond the end when it is ordered.
                let whole = Timestamp::from_second(end.as_second()).unwrap_or(*end);
                format!(
                    "{} ({})",
                    on_the_day(*end, zone, lang, Finest::Minute),
                    whole.display_with_offset(zone.to_offset(whole))
                )
            }
            _ => String::new(),
        };
        let args = [
            ("end", end.into()),
            ("there", there.into()),
            ("name", number(LONGEST_NAME)),
            ("reason", number(LONGEST_REASON)),
            ("findings", number(LONGEST_FINDINGS)),
            ("most", number(MOST_ENTRIES)),
        ];
        fill(self.text().in_lang(lang), &args, lang)
    }

    const fn text(&self) -> Text {
        match self {
            Self::NoSession => Text::new(
                "Tidak ada rapat dengan id itu; daftarnya: /api/v1/sessions",
                "There is no session of this id; GET /api/v1/sessions lists them",
            ),
            Self::NoItem(_) => Text::new(
                "Tidak ada pemeriksaan dengan nama itu; yang ada: {there}",
                "There is no such check on its sheet; those that there are: {there}",
            ),
            Self::Cancelled => Text::new("Rapat ini dibatalkan", "The session was cancelled"),
            Self::Moved => Text::new(
                "Rapat ini sudah dipindah waktunya, jadi lembarnya baru; lihat lagi",
                "The session was moved meanwhile and has a new sheet; look again",
            ),
            Self::Over => Text::new("Rapat ini sudah selesai", "The session is over"),
            Self::Begun => Text::new(
                "Rapat sudah dimulai; uji coba hanya sebelum rapat",
                "The session has begun; a trial is held before it",
            ),
            Self::TrialUnderWay => {
                Text::new("Uji coba sedang berjalan; akhiri dulu", "A trial is under way; end it first")
            }
            Self::NoTrial => Text::new("Tidak ada uji coba yang berjalan", "No trial is under way"),
            Self::NoOverride => Text::new("Tidak ada keputusan petugas yang berlaku", "No override holds"),
            Self::Full => Text::new("Lembar ini sudah penuh ({most} catatan)", "The sheet is full ({most} rows)"),
            Self::NoName => Text::new(
                "Isi nama yang melakukannya, satu baris, paling banyak {name} huruf",
                "Say who has done it: a name on one line, of at most {name} characters",
            ),
            Self::NoReason => Text::new(
                "Isi alasannya, satu baris, paling banyak {reason} huruf",
                "Say why, on one line of at most {reason} characters",
            ),
            Self::Until => Text::new(
                "Keputusan petugas berlaku sampai waktu yang belum lewat, paling lama sampai rapat selesai",
                "An override holds until a moment to come, at most until the session's end",
            ),
            Self::AfterEnd(_) => Text::new(
                "Keputusan petugas berlaku paling lama sampai rapat selesai: {end}",
                "An override holds at most until the session's end: {end}",
            ),
            Self::Verdict => Text::new(
                "Keputusan petugas menyebut siap, perlu perhatian, atau tidak siap",
                "An override says ready, degraded or not_ready",
            ),
            Self::Long => {
                Text::new("Temuan paling banyak {findings} huruf", "Findings have at most {findings} characters")
            }
            Self::Passcode => Text::new(
                "Sepertinya ada passcode di dalamnya; hapus, siaga tidak menyimpan passcode",
                "It looks as if a passcode stood in it; leave it out, siaga takes none",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_on_the_rooms_clock_and_as_an_order_takes_it() {
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let why = Unwritten::AfterEnd("2026-11-29T10:14:40.51Z".parse().unwrap());
        let id = why.told(Lang::Id, &zone);
        assert!(id.ends_with(": 29 November 2026 pukul 17.14 WIB (2026-11-29T17:14:40+07:00)"), "{id}");
        let en = why.told(Lang::En, &zone);
        assert!(en.ends_with(": 29 November 2026 at 17:14 WIB (2026-11-29T17:14:40+07:00)"), "{en}");
    }
}
