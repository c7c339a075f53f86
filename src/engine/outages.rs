//! What a silence, or a way that is away, leaves behind for the judge of loss.

use super::rooms::{at, far, plan, says};
use super::{Engine, Restored};
use crate::domain::{ErrorKind, ProbeError, Sample, Verdict};

#[test]
fn an_outage_that_is_told_as_an_error_leaves_what_was_decided_of_loss_as_silence_does() {
    let verdict_after = |error: Option<ErrorKind>, outage: bool| {
        let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
        let look = |second: f64, sent: u32| {
            let mut look = says("far", Verdict::Ready, at(second));
            look.reading.sample = Some(Sample { sent, lost: 0, outage: false });
            look
        };
        engine.observe(look(1.0, 600), at(1.0));
        let mut away = says("far", Verdict::NotReady, at(2.0));
        away.reading.sample = outage.then_some(Sample { sent: 0, lost: 0, outage });
        away.error = error.map(|kind| ProbeError::new(kind, "not there"));
        engine.observe(away, at(2.0));
        engine.observe(look(2.5, 1), at(2.5));
        engine.snapshot().current().checks[0].verdict
    };
    assert_eq!(verdict_after(None, true), Verdict::Ready);
    assert_eq!(verdict_after(Some(ErrorKind::Unreachable), true), Verdict::Ready);
    assert_eq!(verdict_after(Some(ErrorKind::Permission), false), Verdict::Unknown, "of a line that nobody saw");
}
