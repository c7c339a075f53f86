//! Calls that may hang in the kernel, on threads of their own: of each place at most one at a time, and nobody waits beyond a deadline.
//!
//! Not on tokio's pool: a runtime that shuts down waits for that pool's threads, and would wait for a dead disk. A thread
//! stays for the next call, of whichever place, because making one each time costs more than the call: one serves all, and each that hangs
//! costs one more.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};

/// The place of one such call.
#[derive(Debug)]
pub(super) struct Aside<T> {
    idle: &'static Idle,
    outstanding: Option<oneshot::Receiver<T>>,
    /// Whether that was waited for to its deadline; else whoever waited for it is gone.
    is_late: bool,
}

/// What a thread is given: it says that it is free before it tells what came of it.
type Job = Box<dyn FnOnce(&dyn Fn()) + Send>;

/// The threads that have nothing to do.
type Idle = Mutex<Vec<SyncSender<Job>>>;

static IDLE: Idle = Mutex::new(Vec::new());

/// More threads than that are not kept: they were made beside some that hung.
const KEPT: usize = 2;

/// The call has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late;

/// How long a file of the kernel's may take whose reading waits for a driver (`pcm->open_mutex`, a USB device's lock,
/// `mode_config.mutex`). Where all is well that is no time; a USB device that does not answer holds its locks for seconds, and a
/// driver that hangs for ever.
pub(super) const READING: Duration = Duration::from_secs(3);

impl<T> Default for Aside<T> {
    fn default() -> Self {
        Self { idle: &IDLE, outstanding: None, is_late: false }
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
            if self.is_late || tokio::time::timeout(deadline, earlier).await.is_err() {
                self.is_late = true;
                return Err(Late);
            }
            self.outstanding = None;
        }
        let (send, receive) = oneshot::channel();
        let job: Job = Box::new(move |free| {
            let value = call();
            free();
            // Nobody may be waiting any more.
            drop(send.send(value));
        });
        hand(self.idle, job)?;
        // Known before it is waited for: whoever waits may be gone first.
        self.is_late = false;
        let answer = tokio::time::timeout(deadline, self.outstanding.insert(receive)).await;
        self.is_late = answer.is_err();
        if !self.is_late {
            self.outstanding = None;
        }
        // One that panicked is as good as never.
        answer.ok().and_then(Result::ok).ok_or(Late)
    }
}

/// Gives a job to a thread that is free; to a new one, where none is.
fn hand(idle: &'static Idle, job: Job) -> Result<(), Late> {
    let free = lock(idle).pop();
    let thread = match free {
        Some(thread) => thread,
        None => begin(idle)?,
    };
    // It waits for that, and for nothing else.
    thread.try_send(job).map_err(|_| Late)
}

fn begin(idle: &'static Idle) -> Result<SyncSender<Job>, Late> {
    let (thread, jobs) = sync_channel::<Job>(1);
    let own = thread.clone();
    let work = move || {
        let is_kept = std::cell::Cell::new(true);
        let free = || {
            let mut idle = lock(idle);
            is_kept.set(idle.len() < KEPT);
            if is_kept.get() {
                idle.push(own.clone());
            }
        };
        for job in jobs {
            job(&free);
            if !is_kept.get() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("siaga-aside".into()).spawn(work).map_err(|_| Late)?;
    Ok(thread)
}

/// Whole at each moment, whoever panicked while holding it.
fn lock(idle: &Idle) -> std::sync::MutexGuard<'_, Vec<SyncSender<Job>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// A place among others that share threads with it alone.
    fn place<T>(idle: &'static Idle) -> Aside<T> {
        Aside { idle, outstanding: None, is_late: false }
    }

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
    async fn one_thread_serves_all_places_another_those_beside_one_that_hangs_and_a_panic_costs_one_call() {
        static IDLE: Idle = Mutex::new(Vec::new());
        let own = || std::thread::current().id();
        let (mut aside, mut other, mut third) = (place(&IDLE), place(&IDLE), place::<u8>(&IDLE));
        let first = aside.run(SOON, own).await.unwrap();
        for _ in 0..3 {
            assert_eq!((aside.run(SOON, own).await, other.run(SOON, own).await), (Ok(first), Ok(first)));
        }
        let (release, hanging) = sync_channel::<()>(0);
        let hangs = move || hanging.recv().map_or(0, |()| 2);
        assert_eq!(third.run(Duration::from_millis(20), hangs).await, Err(Late));
        let second = other.run(SOON, own).await.unwrap();
        assert_ne!(second, first, "that one hangs");
        assert_eq!(aside.run(SOON, own).await, Ok(second));
        assert_eq!(other.run(SOON, || panic!("as a bug would")).await, Err(Late));
        assert!(other.run(SOON, own).await.is_ok_and(|thread| thread != second), "it is gone");
        drop(release);
    }

    #[tokio::test]
    async fn a_call_for_which_nobody_waits_any_more_is_not_joined_by_another_either() {
        static IDLE: Idle = Mutex::new(Vec::new());
        let mut aside = place(&IDLE);
        let (release, hanging) = sync_channel::<()>(0);
        let given_up = tokio::time::timeout(Duration::from_millis(20), aside.run(SOON, move || _ = hanging.recv()));
        assert!(given_up.await.is_err());
        for deadline in [Duration::from_millis(20), SOON] {
            assert_eq!(aside.run(deadline, || panic!("a second call beside a hanging one")).await, Err(Late));
        }
        drop(release);
    }

    #[tokio::test]
    async fn a_call_for_which_nobody_waits_any_more_is_waited_for_by_the_next() {
        static IDLE: Idle = Mutex::new(Vec::new());
        let mut aside = place(&IDLE);
        let (release, waits) = sync_channel::<()>(0);
        let given_up = tokio::time::timeout(
            Duration::from_millis(20),
            aside.run(SOON, move || {
                _ = waits.recv();
                0
            }),
        );
        assert!(given_up.await.is_err());
        drop(release);
        assert_eq!(aside.run(SOON, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn what_many_that_hung_have_cost_is_not_kept() {
        static IDLE: Idle = Mutex::new(Vec::new());
        let mut all: Vec<Aside<()>> = (0..5).map(|_| place(&IDLE)).collect();
        let mut releases = Vec::new();
        for aside in &mut all {
            let (release, hanging) = sync_channel::<()>(0);
            assert_eq!(aside.run(Duration::from_millis(5), move || _ = hanging.recv()).await, Err(Late));
            releases.push(release);
        }
        drop(releases);
        for aside in &mut all {
            let back = async {
                while aside.run(SOON, || ()).await.is_err() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(SOON, back).await.unwrap();
        }
        assert!((1..=KEPT).contains(&lock(&IDLE).len()));
    }
}
