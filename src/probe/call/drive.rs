//! A call's packets sent by their plan, and what comes back heard, whoever carries them.

use super::{BUSY, LATE, Step, given_up};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};

/// Who carries the packets of one test.
pub(crate) trait Carrier {
    /// Sends the packet of that number and notes when it left.
    ///
    /// # Errors
    /// It can carry nothing more.
    async fn send(&mut self, number: usize, step: &Step) -> Result<(), ProbeError>;

    /// Waits until something comes. Whether it answers a packet that nothing has answered yet; then it is noted. Safe to drop and
    /// call again.
    ///
    /// # Errors
    /// It can carry nothing more.
    async fn hear(&mut self) -> Result<bool, ProbeError>;
}

/// Sends everything and hears what comes, until all is answered or too late.
///
/// # Errors
/// The carrier's; nothing has come at all; or this machine is too busy to send in time (see [`super::is_given_up`]).
pub(crate) async fn drive(carrier: &mut impl Carrier, steps: &[Step], clock: Clock) -> Result<(), ProbeError> {
    let (mut sent, mut answered) = (0, 0);
    let began = clock.mono();
    let mut over = began.after(LATE);
    loop {
        let next = steps.get(sent);
        let due = next.map_or(Mono::NEVER, |step| began.after(step.planned.at));
        if next.is_none() && answered == sent {
            return Ok(());
        }
        // Somebody who sends us more than can be heard is not heard out.
        let now = clock.mono();
        if next.is_some() && now.since(due) > BUSY * 2 || next.is_none() && now >= over.after(LATE) {
            return Err(given_up());
        }
        tokio::select! {
            // What lies in the socket is heard before anything is judged late.
            biased;
            answer = carrier.hear() => answered += usize::from(answer?),
            () = clock.sleep_until(due), if next.is_some() => {
                let Some(step) = next else { continue };
                let now = clock.mono();
                if now.since(due) > BUSY {
                    return Err(given_up());
                }
                carrier.send(sent, step).await?;
                sent += 1;
                if sent == steps.len() {
                    over = now.after(LATE);
                }
            }
            () = clock.sleep_until(over), if next.is_none() || answered == 0 => {
                if answered == 0 {
                    let detail = format!("nothing came back within {} s", LATE.as_secs());
                    return Err(ProbeError::new(ErrorKind::Timeout, detail));
                }
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::call::{is_given_up, plan};

    /// Somebody who sends what is no answer, without end.
    struct Flooded(usize);

    impl Carrier for Flooded {
        async fn send(&mut self, _: usize, _: &Step) -> Result<(), ProbeError> {
            self.0 += 1;
            Ok(())
        }

        async fn hear(&mut self) -> Result<bool, ProbeError> {
            Ok(false)
        }
    }

    #[tokio::test]
    async fn a_flood_of_what_is_no_answer_ends_a_test_and_does_not_hold_it() {
        let mut carrier = Flooded(0);
        let ended = drive(&mut carrier, &plan::steps(1e6), Clock::start()).await;
        assert!(ended.is_err_and(|error| is_given_up(&error)));
        assert_eq!(carrier.0, 0, "nothing could be sent between");
    }
}
