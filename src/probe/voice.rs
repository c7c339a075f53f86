//! What a reference voice call would make of a line (ITU-T G.107), for the kinds that measure delay and loss: two numbers.
//! They never decide anything: the profiles' limits do, and their reasons name what is wrong.

use std::time::Duration;

use super::call::Figures;
use crate::domain::emodel::{self, G711_PLC, Line};
use crate::domain::{Quantity, Reading, Sample, Unit};
use crate::engine::wilson::Window;

/// Of so many of the newest packets, as in the loss decision.
const WINDOW: u32 = 600;

/// Fewer packets do not show 1 % of loss.
const ENOUGH: u32 = 100;

/// The quantity of R, for a kind.
pub(super) const fn r_factor(name: &'static str) -> Quantity {
    let help = "Transmission rating R (ITU-T G.107) of a reference voice call, G.711 with packet loss concealment, by the newest 600 packets; 0 to 100.";
    Quantity::gauge(name, Unit::Score, help)
}

/// The quantity of the opinion, for a kind.
pub(super) const fn mos(name: &'static str) -> Quantity {
    let help = "Mean opinion score (ITU-T G.107) of a reference voice call, G.711 with packet loss concealment, by the newest 600 packets; 1 to 4.5.";
    Quantity::gauge(name, Unit::Score, help)
}

/// The quantity of R of one call-like test, for a kind.
pub(super) const fn r_factor_of_test(name: &'static str) -> Quantity {
    let help = "Transmission rating R (ITU-T G.107) of a reference voice call, G.711 with packet loss concealment, by delay, loss and its bursts in the call-like test; 0 to 100.";
    Quantity::gauge(name, Unit::Score, help)
}

/// The quantity of the opinion of one call-like test, for a kind.
pub(super) const fn mos_of_test(name: &'static str) -> Quantity {
    let help = "Mean opinion score (ITU-T G.107) of a reference voice call, G.711 with packet loss concealment, by delay, loss and its bursts in the call-like test; 1 to 4.5.";
    Quantity::gauge(name, Unit::Score, help)
}

/// The line of a call that hears what a call-like test did one way: its loss as it came, at random or in rows, half of the
/// `round_trip` on the empty line, and a jitter buffer that waits for 99 of 100 packets.
pub(super) fn heard(figures: &Figures, round_trip: Duration) -> Option<Line> {
    if figures.sent < ENOUGH {
        return None;
    }
    let loss = f64::from(figures.lost) / f64::from(figures.sent);
    Some(Line {
        mouth_to_ear: emodel::buffered(round_trip, figures.variation.unwrap_or_default()),
        loss,
        burst_ratio: emodel::burst_ratio(figures.lost, figures.runs, loss),
    })
}

/// The numbers of a call over `line`: R and the opinion.
pub(super) fn rated(line: Line) -> (f64, f64) {
    let rating = emodel::rating(G711_PLC, line);
    (rating, emodel::mos(rating))
}

/// Puts the numbers of a call over `line` into a reading.
pub(super) fn tell(reading: &mut Reading, (r_factor, mos): (&'static Quantity, &'static Quantity), line: Line) {
    let (rating, opinion) = rated(line);
    reading.measure(r_factor, rating);
    reading.measure(mos, opinion);
}

/// The loss of a target that is asked again and again, there or back: a call hears one way alone, so that it errs on the
/// severe side. Questions that far apart know nothing of losses in a row, which are taken as at random.
pub(super) struct Asked {
    window: Window,
}

impl Default for Asked {
    fn default() -> Self {
        Self { window: Window::new(WINDOW) }
    }
}

impl Asked {
    /// Takes what was asked since; an outage begins anew.
    pub(super) fn push(&mut self, sample: Sample) {
        self.window.push(sample);
    }

    /// The line of a call to there, once enough is known of it. Both in seconds.
    pub(super) fn line(&self, round_trip: f64, jitter: f64) -> Option<Line> {
        let view = self.window.view().filter(|view| view.sent >= ENOUGH)?;
        let length = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        let mouth_to_ear = emodel::mouth_to_ear(length(round_trip)?, length(jitter)?);
        Some(Line { mouth_to_ear, loss: view.ratio, burst_ratio: 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_in_rows_are_heard_worse_than_as_many_at_random() {
        let clean =
            Figures { sent: 700, arrived: 700, variation: Some(Duration::from_millis(5)), ..Figures::default() };
        let trip = Duration::from_millis(40);
        let rated = |figures: &Figures| rated(heard(figures, trip).unwrap()).0;
        assert!((rated(&clean) - 93.2).abs() < 0.01, "{}", rated(&clean));
        let random = Figures { lost: 35, runs: 34, ..clean };
        let rows = Figures { lost: 35, runs: 7, ..clean };
        // Ie,eff = 95 × 5 / (5 / BurstR + 25.1), at random and with BurstR = 35 / 7 × 0.95.
        assert!((rated(&random) - (93.2 - 475.0 / 30.1)).abs() < 0.1, "{}", rated(&random));
        assert!((rated(&rows) - (93.2 - 475.0 / (5.0 / 4.75 + 25.1))).abs() < 0.1, "{}", rated(&rows));
        let late = Figures { variation: Some(Duration::from_millis(200)), ..clean };
        assert!((82.0..84.0).contains(&rated(&late)), "a buffer of 200 ms is heard: {}", rated(&late));
        assert_eq!(heard(&Figures { sent: 99, ..clean }, trip), None);
    }

    #[test]
    fn a_few_packets_say_nothing_and_an_outage_begins_anew() {
        let mut asked = Asked::default();
        asked.push(Sample { sent: 99, lost: 0, outage: false });
        assert_eq!(asked.line(0.02, 0.001), None);
        asked.push(Sample { sent: 101, lost: 2, outage: false });
        let line = asked.line(0.02, 0.001).unwrap();
        assert_eq!((line.mouth_to_ear, line.loss), (Duration::from_millis(52), 0.01));
        asked.push(Sample { sent: 1, lost: 1, outage: true });
        assert_eq!(asked.line(0.02, 0.001), None);
    }
}
