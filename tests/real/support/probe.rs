//! Running one probe as the daemon would.

use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::{CheckName, Observation, Verdict};
use siaga::probe::budget::Budget;
use siaga::probe::{Context, Roots};
use tokio::sync::watch;

use super::child::PATIENCE;

/// What a probe of `check` is given, in a room that `in_use` tells of.
pub(crate) fn context(check: &str, interval: Duration, in_use: &watch::Sender<bool>) -> Context {
    Context {
        check: CheckName::from(check),
        clock: Clock::start(),
        interval,
        bad_for: Duration::from_secs(3),
        roots: Roots::default(),
        in_use: in_use.subscribe(),
        requests: siaga::probe::Requests::default(),
        not_before: siaga::domain::Mono::ZERO,
        stands_until: siaga::domain::Mono::ZERO,
        own_far_end: None,
        enrolled: None,
        egress: siaga::probe::egress::Egress::default(),
        budget: Budget::default(),
        desktop: siaga::probe::seat::desktop::Desktop::default(),
        on_air: siaga::probe::on_air::OnAir::default(),
        buses: siaga::probe::usb::carried::Carried::default(),
        cards: siaga::probe::audio::Seen::default(),
        board: siaga::probe::board::Board::default(),
    }
}

/// What a probe is given in a room that nobody uses, once.
pub(crate) fn idle(check: &str) -> Context {
    context(check, Duration::from_hours(1), &watch::Sender::new(false))
}

/// What comes within a test's patience.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("what was waited for did not come")
}

/// The findings' codes with their verdicts.
pub(crate) fn findings(observation: &Observation) -> Vec<(&'static str, Verdict)> {
    observation.reading.findings.iter().map(|finding| (finding.reason.code, finding.verdict)).collect()
}

/// The one value of a quantity, or of a part of it.
pub(crate) fn value(observation: &Observation, quantity: &str, part: Option<&str>) -> Option<f64> {
    let of = |m: &&siaga::domain::Measurement| m.quantity.name == quantity && m.part.as_deref() == part;
    observation.reading.measurements.iter().find(of).map(|measurement| measurement.value)
}
