//! On which frequencies official traffic is refused, and why.
//!
//! An office's own channel needs a licence (*Izin Stasiun Radio*, ISR, under PM 7/2021), and the bands of the citizens' and the
//! amateur services may not carry the traffic of an office (Permen 34/2009 art. 17, replaced by PM 17/2018, for KRAP). What is
//! listed is what a handy-talky could be set to by mistake; that a frequency is not listed makes it nobody's.

use crate::domain::Frequency;

/// A range of frequencies that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// From, in Hz.
    low: u64,
    /// Until, in Hz.
    high: u64,
    /// Whose it is.
    whose: Whose,
}

/// Whose a band is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// *Komunikasi Radio Antar Penduduk*, whose stations are in RAPI.
    Citizens,
    /// The amateur service, whose stations are in ORARI.
    Amateurs,
    /// Aircraft.
    Aircraft,
    /// Distress and calling at sea (channel 16).
    Sea,
    /// Broadcasting.
    Broadcast,
}

impl Whose {
    /// Why nothing of an office may be said there.
    const fn why(self) -> &'static str {
        match self {
            Self::Citizens => "is KRAP's (RAPI), whose stations may not carry the traffic of an office",
            Self::Amateurs => "is the amateur service's (ORARI), which may not carry the traffic of an office",
            Self::Aircraft => "is the aircraft's",
            Self::Sea => "is distress and calling at sea (channel 16)",
            Self::Broadcast => "is broadcasting's",
        }
    }
}

/// The widest channel of a hand-held radio, halved: a transmission on a band's last but one hertz is inside it.
const HALF_A_CHANNEL: u64 = 12_500;

const fn band(low_khz: u64, high_khz: u64, whose: Whose) -> Band {
    Band { low: low_khz * 1000, high: high_khz * 1000, whose }
}

/// All that are refused.
const REFUSED: [Band; 11] = [
    band(26_960, 27_410, Whose::Citizens),
    band(28_000, 29_700, Whose::Amateurs),
    band(50_000, 54_000, Whose::Amateurs),
    band(87_500, 108_000, Whose::Broadcast),
    band(108_000, 137_000, Whose::Aircraft),
    // To the next full channel on either side: the lists of channels differ by a few kHz.
    band(142_000, 143_600, Whose::Citizens),
    band(144_000, 148_000, Whose::Amateurs),
    band(156_762, 156_838, Whose::Sea),
    band(430_000, 440_000, Whose::Amateurs),
    band(476_410, 477_415, Whose::Citizens),
    band(1_240_000, 1_300_000, Whose::Amateurs),
];

/// Why a frequency may not carry what Siaga says; `None` where nothing is known against it.
pub fn refused(frequency: Frequency) -> Option<String> {
    let near =
        |band: &&Band| (band.low.saturating_sub(HALF_A_CHANNEL)..=band.high + HALF_A_CHANNEL).contains(&frequency.0);
    let band = REFUSED.iter().find(near)?;
    Some(format!(
        "{frequency} is refused: {} to {} {}; use the frequency of your licence (ISR)",
        Frequency(band.low),
        Frequency(band.high),
        band.whose.why()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        refused(text.parse().unwrap())
    }

    #[test]
    fn the_bands_of_others_are_refused_to_their_edges_and_the_land_mobile_ones_are_not() {
        for (frequency, whose) in [
            ("27.065 MHz", "KRAP"),
            ("142.0375 MHz", "KRAP"),
            ("143.55 MHz", "KRAP"),
            ("476.41 MHz", "KRAP"),
            // Outside by less than half a channel.
            ("477.42 MHz", "KRAP"),
            ("144 MHz", "ORARI"),
            ("146.52 MHz", "ORARI"),
            ("435 MHz", "ORARI"),
            ("1296.5 MHz", "ORARI"),
            ("121.5 MHz", "aircraft"),
            ("156.8 MHz", "channel 16"),
            ("98.7 MHz", "broadcasting"),
        ] {
            let why = said(frequency).unwrap_or_else(|| panic!("{frequency} is taken"));
            assert!(why.contains(whose), "{why}");
        }
        for frequency in ["143.8 MHz", "150.2 MHz", "162.475 MHz", "173.95 MHz", "351.2 MHz", "465.1 MHz", "477.5 MHz"]
        {
            assert_eq!(said(frequency), None);
        }
        assert_eq!(
            said("145 MHz").unwrap(),
            "145 MHz is refused: 144 MHz to 148 MHz is the amateur service's (ORARI), which may not carry the traffic of an \
             office; use the frequency of your licence (ISR)"
        );
    }
}
