//! Calls that may hang in the kernel, on a thread of their own: at most one at a time, and nobody waits beyond a deadline.
//!
//! Not on tokio's pool: a runtime that shuts down waits for that pool's threads, and would wait for a dead disk. The thread
//! stays for the next call, because making one each time costs more than the call.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};

/// The place of one such call.
#[derive(Debug)]
pub(super) struct Aside<T> {
    /// To the thread; it ends when this is dropped.
    thread: Option<SyncSender<Job>>,
    outstanding: Option<oneshot::Receiver<T>>,
}

type Job = Box<dyn FnOnce() + Send>;

/// The call has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late;

/// How long a file of the kernel's may take whose reading waits for a driver (`pcm->open_mutex`, a USB device's lock,
/// `mode_config.mutex`). Where all is well that is no time; a USB device that does not answer holds its locks for seconds, and a
/// driver that hangs for ever.
pub(super) const READING: Duration = Duration::from_secs(3);

impl<T> Default for Aside<T> {
    fn default() -> Self {
        Self { thread: None, outstanding: None }
    }
}

impl<T: Send + 'static> Aside<T> {
    /// Runs `call` and returns what it returned.
    ///
    /// # Errors
    /// [`Late`] after `deadline`, and at once while an earlier call still hangs.
    pub(super) async fn run(
        &mut self,
        deadline: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Late> {
        if let Some(earlier) = &mut self.outstanding
            && matches!(earlier.try_recv(), Err(TryRecvError::Empty))
        {
            return Err(Late);
        }
        let (send, mut receive) = oneshot::channel();
        // Nobody may be waiting any more when it comes back.
        let job: Job = Box::new(move || drop(send.send(call())));
        self.hand(job)?;
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

    /// Gives the thread a job; a new thread, where there is none or a panic has ended it.
    fn hand(&mut self, job: Job) -> Result<(), Late> {
        let job = match &self.thread {
            None => job,
            Some(thread) => match thread.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
            },
        };
        let (thread, jobs) = sync_channel::<Job>(1);
        let work = move || jobs.into_iter().for_each(|job| job());
        std::thread::Builder::new().name("siaga-aside".into()).spawn(work).map_err(|_| Late)?;
        thread.try_send(job).map_err(|_| Late)?;
        self.thread = Some(thread);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[tokio::test]
    async fn one_thread_serves_all_calls_and_a_panic_costs_one_of_them() {
        let mut aside = Aside::default();
        let first = aside.run(SOON, || std::thread::current().id()).await;
        assert!(first.is_ok());
        assert_eq!(aside.run(SOON, || std::thread::current().id()).await, first);
        assert_eq!(aside.run(SOON, || panic!("as a bug would")).await, Err(Late));
        // The thread may take a moment to be gone: a call that it does not take any more is as late as the panic was.
        let next = async {
            loop {
                match aside.run(SOON, || std::thread::current().id()).await {
                    Ok(id) => break id,
                    Err(Late) => tokio::task::yield_now().await,
                }
            }
        };
        assert_ne!(tokio::time::timeout(SOON, next).await.ok(), first.ok());
    }
}
