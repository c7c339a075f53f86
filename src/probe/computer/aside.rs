//! Calls that may hang in the kernel, on a thread of their own: at most one at a time, and nobody waits beyond a deadline.
//!
//! Not on tokio's pool: a runtime that shuts down waits for that pool's threads, and would wait for a dead disk.

use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};

/// The place of one such call.
#[derive(Debug)]
pub(super) struct Aside<T> {
    outstanding: Option<oneshot::Receiver<T>>,
}

/// The call has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late;

impl<T> Default for Aside<T> {
    fn default() -> Self {
        Self { outstanding: None }
    }
}

impl<T: Send + 'static> Aside<T> {
    /// Runs `call` and returns what it returned.
    ///
    /// # Errors
    /// [`Late`] after `deadline`, and at once while an earlier call still hangs.
    pub(super) async fn run(&mut self, deadline: Duration, call: impl FnOnce() -> T + Send + 'static) -> Result<T, Late> {
        if let Some(earlier) = &mut self.outstanding
            && matches!(earlier.try_recv(), Err(TryRecvError::Empty))
        {
            return Err(Late);
        }
        let (send, mut receive) = oneshot::channel();
        // Nobody may be waiting any more when it comes back.
        let run = move || drop(send.send(call()));
        if std::thread::Builder::new().name("siaga-aside".into()).spawn(run).is_err() {
            return Err(Late);
        }
        match tokio::time::timeout(deadline, &mut receive).await {
            Ok(Ok(value)) => {
                self.outstanding = None;
                Ok(value)
            }
            // It panicked: as good as never.
            Ok(Err(_)) => Err(Late),
            Err(_) => {
                self.outstanding = Some(receive);
                Err(Late)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_call_that_hangs_is_late_and_is_not_joined_by_another_until_it_is_back() {
        let mut aside = Aside::default();
        assert_eq!(aside.run(SOON, || 1).await, Ok(1));
        let (release, hanging) = sync_channel::<()>(0);
        assert_eq!(aside.run(Duration::from_millis(20), move || hanging.recv().map_or(0, |()| 2)).await, Err(Late));
        for _ in 0..3 {
            assert_eq!(aside.run(SOON, || panic!("a second call beside a hanging one")).await, Err(Late));
        }
        release.send(()).unwrap();
        let back = async {
            loop {
                match aside.run(SOON, || 3).await {
                    Ok(value) => break value,
                    Err(Late) => tokio::task::yield_now().await,
                }
            }
        };
        assert_eq!(tokio::time::timeout(SOON, back).await, Ok(3), "what came back late is not taken for new");
    }
}
