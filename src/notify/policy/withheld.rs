//! Why somebody is not told.

use std::fmt;

use crate::domain::Text;

/// Why a change is told to nobody, or not to one of those who hear of others. Log, metrics and API use the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Withheld {
    /// It was found while the daemon was starting: that is how the room was, or how it looks at first, not news.
    Settling,
    /// Neither the verdict nor the leading reason is another than what was told last.
    NoNews,
    /// It is another thing than was told last, and no worse: that is told when it has lasted, since recoveries come in steps.
    Passing,
    /// The config names no receiver.
    NoReceiver,
    /// No route leads such a thing to a receiver, now.
    NoRoute,
    /// Somebody has asked for silence until a moment that has not come.
    Silenced,
    /// It falls into a maintenance window.
    Maintenance,
    /// The component goes to and fro; that it does was told.
    Flapping,
    /// The morning's call was due, and the daemon did not run, or did not know the room yet, until it was too late for it.
    RollCallMissed,
    /// The receiver speaks in the moment (a radio), and its last attempt failed.
    ReceiverFailing,
}

impl Withheld {
    /// All, in the order of metrics.
    pub const ALL: [Self; 10] = [
        Self::Settling,
        Self::NoNews,
        Self::Passing,
        Self::NoReceiver,
        Self::NoRoute,
        Self::Silenced,
        Self::Maintenance,
        Self::Flapping,
        Self::RollCallMissed,
        Self::ReceiverFailing,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::NoNews => "no_news",
            Self::Passing => "passing",
            Self::NoReceiver => "no_receiver",
            Self::NoRoute => "no_route",
            Self::Silenced => "silenced",
            Self::Maintenance => "maintenance",
            Self::Flapping => "flapping",
            Self::RollCallMissed => "roll_call_missed",
            Self::ReceiverFailing => "receiver_failing",
        }
    }

    /// For people.
    pub const fn title(self) -> Text {
        match self {
            Self::Settling => Text::new("siaga baru saja dijalankan", "the daemon has just been started"),
            Self::NoNews => Text::new("sudah diberitahukan", "it was told already"),
            Self::Passing => Text::new("belum tentu menetap", "it may pass"),
            Self::NoReceiver => Text::new("pengaturan tidak menyebut penerima", "the config names no receiver"),
            Self::NoRoute => Text::new(
                "tidak ada penerima untuk hal seperti ini sekarang",
                "no receiver is told of such a thing now",
            ),
            Self::Silenced => Text::new("pemberitahuan sedang dibisukan", "silence was asked for"),
            Self::Maintenance => Text::new("sedang ada pemeliharaan terencana", "a maintenance window holds"),
            Self::Flapping => {
                Text::new("berubah-ubah terus; itu sudah diberitahukan", "it goes to and fro, which was told")
            }
            Self::RollCallMissed => Text::new("waktu panggilan pagi sudah lewat", "the morning's call was missed"),
            Self::ReceiverFailing => {
                Text::new("pengiriman terakhir ke penerimanya gagal", "the last attempt to tell the receiver failed")
            }
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Lang;

    #[test]
    fn for_people_none_is_a_code_and_none_is_called_as_another() {
        for lang in [Lang::Id, Lang::En] {
            let said: std::collections::BTreeSet<_> =
                Withheld::ALL.iter().map(|why| why.title().in_lang(lang)).collect();
            assert!(said.len() == Withheld::ALL.len() && said.iter().all(|one| !one.contains('_')), "{said:?}");
        }
    }
}
