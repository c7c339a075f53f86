//! Whether the line carries the call, by the Simple Two-way Active Measurement Protocol (RFC 8762) against a reflector that
//! cooperates: a call without content, both ways at once, and what each way does to it.
//!
//! It disturbs a call, so it waits while the room is in use and ends at once when that begins. It takes turns with the other
//! tests of the line, and draws on one budget with them.

mod catalogue;
pub mod codec;
mod config;
mod directions;
mod exchange;
#[cfg(debug_assertions)]
pub mod fuzz;
pub mod key;
pub mod moment;

use std::net::SocketAddr;
use std::time::Duration;

pub(super) use self::catalogue::ACCOUNTS;
pub(crate) use self::catalogue::WAY_IN_OPEN;
pub use self::catalogue::{ERRORS, QUANTITIES, REASONS};
pub use self::config::Config;
use self::directions::{Ways, round_trip, ways};
use self::exchange::Sender;
use super::call::{Figures, Phase, is_given_up, plan};
use super::gate::{Entry, Gate};
use super::lookup::Lookup;
use super::{Context, Defaults, far_end_is_self, until, voice};
use crate::domain::{ErrorKind, Observation, ProbeError, Reading, Sample};

/// Four tests a day, as of the bandwidth.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_hours(6),
    fresh_for: Duration::from_hours(13),
    bad_for: Duration::ZERO,
    good_for: Duration::ZERO,
    active: true,
};

/// How long one test may take: the name is asked for, and the packets go for nine seconds and are waited for.
const AT_MOST: Duration = Duration::from_secs(20);

/// A tester of the line.
pub struct Probe {
    config: Config,
    context: Context,
    gate: Gate,
    lookup: Lookup,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let (gate, lookup) = (Gate::new(&context), Lookup::new(&config.reflector.host, context.egress.clone()));
        Self { config, context, gate, lookup }
    }

    /// Waits until a test is due, the room is free and the ledger gives leave, and makes it. A test that the room's use
    /// cuts off is no observation: what was known before stands.
    pub async fn next(&mut self) -> Observation {
        let mut in_use = self.context.in_use.clone();
        loop {
            let (began, _turn) = match self.gate.enter(&self.config.allowance()).await {
                Entry::Now(began, turn) => (began, turn),
                Entry::Spent(began, error) => {
                    return self.gate.accounted(self.context.failed(began, error, &ERRORS), &ACCOUNTS);
                }
            };
            self.gate.begins(AT_MOST);
            let outcome = tokio::select! {
                biased;
                () = until(&mut in_use, true) => {
                    self.gate.cut_off();
                    continue;
                }
                outcome = self.test() => outcome,
            };
            let interval = self.context.interval;
            let soon = interval.min(self.config.min_gap.0);
            let observation = match outcome {
                Ok(reading) => {
                    self.gate.made(began, interval);
                    self.context.read(began, reading)
                }
                Err(error) if is_given_up(&error) => {
                    tracing::info!(check = %self.context.check, why = error.detail, "a test was given up");
                    if !self.gate.given_up(began, soon) {
                        continue;
                    }
                    return self.gate.accounted(self.context.failed(began, error, &ERRORS), &ACCOUNTS);
                }
                Err(error) => {
                    self.lookup.target_failed();
                    self.gate.failed(began, interval, self.config.min_gap.0);
                    self.context.failed(began, error, &ERRORS)
                }
            };
            return self.gate.accounted(observation, &ACCOUNTS);
        }
    }

    async fn test(&mut self) -> Result<Reading, ProbeError> {
        let key = self.config.key().await.map_err(|why| ProbeError::new(ErrorKind::Permission, why))?;
        let address = self.lookup.address_of_today(self.context.clock).await?;
        let to = SocketAddr::new(address, self.config.reflector.port);
        let steps = plan::steps(self.config.rate());
        let (egress, ledger, clock) = (&self.context.egress, &self.gate.ledger, self.context.clock);
        let exchange = Sender::open(egress, to, key.as_ref(), ledger, clock).await?.run(&steps).await?;
        let trips = [Phase::Light, Phase::Full].map(|phase| round_trip(&steps, &exchange, phase));
        let mut reading = read(&ways(&steps, &exchange), trips[0]);
        for (quantity, trip) in [&catalogue::RTT, &catalogue::LOADED_RTT].into_iter().zip(trips) {
            if let Some(trip) = trip {
                reading.measure(quantity, trip.as_secs_f64());
            }
        }
        if let Some(finding) = far_end_is_self(to.ip()) {
            reading.find(finding);
        }
        Ok(reading)
    }
}

/// What both ways say, with the round trip of the empty line.
fn read(ways: &Ways, trip: Option<Duration>) -> Reading {
    let mut reading = Reading::default();
    let worse = match ways {
        Ways::Apart(up, down) => {
            let (up, down) = (up.figures(), down.figures());
            show(&mut reading, "up", &up, trip);
            show(&mut reading, "down", &down, trip);
            if let Some(rate) = up.carried {
                reading.measure(&catalogue::UP, rate);
            }
            // What does not arrive there does not come back: where the way back let all of it through, it was not tried.
            let tried = !up.limited || down.limited;
            if let Some(rate) = down.carried {
                reading.measure(if tried { &catalogue::DOWN } else { &catalogue::DOWN_AT_LEAST }, rate);
            }
            if loss(&down) > loss(&up) { down } else { up }
        }
        Ways::Together(both) => {
            let both = both.figures();
            show(&mut reading, "both", &both, trip);
            // One of them carries no more; which, nobody can tell.
            if let Some(rate) = both.carried {
                reading.measure(&catalogue::UP, rate);
                reading.measure(&catalogue::DOWN, rate);
            }
            both
        }
    };
    let lost = if matches!(ways, Ways::Together(_)) { one_way(worse.sent, worse.lost) } else { worse.lost };
    reading.sample = Some(Sample { sent: worse.sent, lost, outage: false });
    reading
}

/// Of so many sent, what each way has lost where both are alike and have lost so many together: what is judged is one way's loss, as the
/// limits are (1 - (1 - l)²).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between none and all that were lost")]
fn one_way(sent: u32, lost: u32) -> u32 {
    if sent == 0 {
        return 0;
    }
    let came_back = 1.0 - f64::from(lost.min(sent)) / f64::from(sent);
    (f64::from(sent) * (1.0 - came_back.sqrt())).round() as u32
}

fn show(reading: &mut Reading, way: &str, figures: &Figures, trip: Option<Duration>) {
    let share = |part: u32, of: u32| if of == 0 { f64::NAN } else { f64::from(part) / f64::from(of) };
    reading.measure_part(&catalogue::LOSS, way, loss(figures));
    reading.measure_part(&catalogue::BURSTS, way, share(figures.lost_in_bursts, figures.sent));
    reading.measure_part(&catalogue::LONGEST, way, f64::from(figures.longest));
    reading.measure_part(&catalogue::OVERTAKEN, way, share(figures.reordered, figures.arrived));
    if let Some(variation) = figures.variation {
        reading.measure_part(&catalogue::VARIATION, way, variation.as_secs_f64());
    }
    if let Some(line) = trip.and_then(|trip| voice::heard(figures, trip)) {
        let (rating, opinion) = voice::rated(line);
        reading.measure_part(&catalogue::R_FACTOR, way, rating);
        reading.measure_part(&catalogue::MOS, way, opinion);
    }
}

/// The share lost; not a number where nothing was sent, which is no measurement.
fn loss(figures: &Figures) -> f64 {
    if figures.sent == 0 { f64::NAN } else { f64::from(figures.lost) / f64::from(figures.sent) }
}

#[cfg(test)]
mod tests {
    use super::one_way;

    #[test]
    fn one_way_has_lost_less_than_both() {
        for (sent, both, one) in [
            (0, 0, 0),
            (1000, 0, 0),
            (1000, 40, 20),
            (1000, 98, 50),
            (1000, 750, 500),
            (1000, 1000, 1000),
            (10, 12, 10),
        ] {
            assert_eq!(one_way(sent, both), one, "{both} of {sent}");
        }
    }
}
