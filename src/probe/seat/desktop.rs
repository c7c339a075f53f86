//! What the seat's probe knows of the desktop session, for the probes beside it: who records there, and whether a sound test can
//! be made there.
//!
//! ```text
//!   microphone, loopback ── test ──▶ Desktop ── an ask ──▶ seat's probe ── an order ──▶ siaga seat, which makes it
//!                        ◀───────────────────── the answer ◀───────────────────────────
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::order::SoundTest;
use super::report::{Device, Report, Told};
use super::{HEARTBEAT, SILENCE};
use crate::domain::{CheckName, ErrorKind, Mono, ProbeError};

/// How old the agent's word may be to count for what is so now: its next one, for which it runs five programs first, one that is missing,
/// and a moment. What has changed is told at once.
const COUNTS: Duration = HEARTBEAT.saturating_mul(2).saturating_add(Duration::from_secs(3));
// A word that counts is never one of an agent that has ceased to report.
const _: () = assert!(COUNTS.as_millis() < SILENCE.as_millis());

/// How much longer than the agent's own deadline its answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a test that was told to stop may take to say that it has.
const STOPS: Duration = Duration::from_millis(500);

/// The desktop sessions that this daemon's checks of kind `seat` watch. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Desktop(Arc<Mutex<BTreeMap<CheckName, Seat>>>);

/// One of them.
#[derive(Debug)]
struct Seat {
    user: u32,
    asks: mpsc::Sender<Ask>,
    /// The agent's newest word, if it was of a sound server that lives.
    word: Option<Word>,
}

#[derive(Debug)]
struct Word {
    at: Mono,
    /// Whether any program records.
    used: bool,
    /// Whether it has equipment at both ends.
    equipped: bool,
}

/// A test that is asked of an agent.
#[derive(Debug)]
pub(in crate::probe) struct Ask {
    pub(super) what: SoundTest,
    pub(super) answer: oneshot::Sender<Told>,
    /// Nothing comes through it: it ends when the test must.
    pub(super) stop: oneshot::Receiver<Infallible>,
}

impl Desktop {
    /// A check watches a session of `user`. What others ask of its agent comes out of the other end.
    pub(in crate::probe) fn watch(&self, check: &CheckName, user: u32) -> mpsc::Receiver<Ask> {
        let (asks, asked) = mpsc::channel(1);
        self.all().insert(check.clone(), Seat { user, asks, word: None });
        asked
    }

    /// It watches no longer, if nobody takes what is asked: else another probe watches for that check by now.
    pub(super) fn leave(&self, check: &CheckName) {
        self.all().retain(|name, seat| name != check || !seat.asks.is_closed());
    }

    /// The agent has said something; `None` where it has gone, or is not understood.
    pub(in crate::probe) fn heard(&self, check: &CheckName, at: Mono, report: Option<&Report>) {
        if let Some(seat) = self.all().get_mut(check) {
            seat.word = match report {
                Some(Report::Sound { source, sink, recorders, .. }) => {
                    let is_real = |device: &Option<Device>| device.as_ref().is_some_and(|device| !device.virtual_only);
                    Some(Word { at, used: !recorders.is_empty(), equipped: is_real(source) && is_real(sink) })
                }
                _ => None,
            };
        }
    }

    /// Whether a check watches a session, seen or not.
    pub(in crate::probe) fn is_watched(&self) -> bool {
        !self.all().is_empty()
    }

    /// Whether a session's agent tells of a sound server that lives.
    pub(in crate::probe) fn is_seen(&self, now: Mono) -> bool {
        self.all().values().any(|seat| seat.counts(now).is_some())
    }

    /// Whether an agent says that nobody records in the session of that user. What its sound server holds open is then
    /// nobody's recording: it lets a card go some seconds after the last one, and our own tests are none.
    pub(in crate::probe) fn is_idle(&self, user: u32, now: Mono) -> bool {
        self.all().values().any(|seat| seat.user == user && seat.counts(now).is_some_and(|word| !word.used))
    }

    /// Has the test made by the agent, unless `stop` comes first: `None` then. It has ended when this returns, or its agent is
    /// beyond reach. Dropping the future ends it too. Of several agents it is one whose session has equipment at both ends.
    ///
    /// # Errors
    /// `Unreachable` without an agent, `Internal` where it leaves in the middle or says nothing in time.
    pub(in crate::probe) async fn test(
        &self,
        what: SoundTest,
        deadline: Duration,
        now: Mono,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Told>, ProbeError> {
        let asks = {
            let all = self.all();
            let mut seen = all.values().filter(|seat| seat.counts(now).is_some());
            let first = seen.clone().next();
            seen.find(|seat| seat.counts(now).is_some_and(|word| word.equipped)).or(first).map(|seat| seat.asks.clone())
        };
        let nobody = || ProbeError::new(ErrorKind::Unreachable, "no agent of the desktop session");
        let (answer, mut told) = oneshot::channel();
        let (go_on, until) = oneshot::channel();
        // Full: it is asked already, which whoever asks one at a time never sees.
        asks.ok_or_else(nobody)?.try_send(Ask { what, answer, stop: until }).map_err(|_| nobody())?;
        let left = |_| ProbeError::new(ErrorKind::Internal, "the seat's agent left in the middle of the test");
        let outcome = tokio::select! {
            biased;
            () = stop => Ok(None),
            told = &mut told => return told.map(Some).map_err(left),
            () = tokio::time::sleep(deadline.saturating_add(ANSWER)) => {
                Err(ProbeError::new(ErrorKind::Internal, "the seat's agent gave no answer"))
            }
        };
        drop(go_on);
        _ = tokio::time::timeout(STOPS, told).await;
        outcome
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<CheckName, Seat>> {
        // Whoever holds it replaces an entry: what a panic leaves is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn counts(&self, now: Mono) -> Option<&Word> {
        self.word.as_ref().filter(|word| now.since(word.at) < COUNTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const SOON: Duration = Duration::from_secs(20);

    fn sound(recorders: &[&str]) -> Report {
        let recorders = recorders.iter().map(|name| (*name).to_owned()).collect();
        Report::Sound { source: None, sink: None, recorders, players: Vec::new() }
    }

    fn seat() -> (Desktop, mpsc::Receiver<Ask>, Mono) {
        let (desktop, now) = (Desktop::default(), Mono::from_elapsed(Duration::from_hours(1)));
        let asked = desktop.watch(&"seat".into(), 1000);
        desktop.heard(&"seat".into(), now, Some(&sound(&[])));
        (desktop, asked, now)
    }

    #[test]
    fn an_agents_word_counts_while_it_is_new_and_for_its_own_user() {
        let (desktop, asked, now) = seat();
        assert!(desktop.is_watched() && desktop.is_seen(now) && desktop.is_idle(1000, now));
        assert!(!desktop.is_idle(1001, now), "another session's cards are another's");
        assert!(desktop.is_idle(1000, now.after(HEARTBEAT * 2)), "the next may be slow, or missing");
        let later = now.after(COUNTS);
        assert!(!desktop.is_seen(later) && !desktop.is_idle(1000, later));
        desktop.heard(&"seat".into(), later, Some(&sound(&["zoom"])));
        assert!(desktop.is_seen(later) && !desktop.is_idle(1000, later));
        for word in [None, Some(&Report::Unanswering), Some(&Report::Absent)] {
            desktop.heard(&"seat".into(), later, Some(&sound(&[])));
            desktop.heard(&"seat".into(), later, word);
            assert!(!desktop.is_seen(later) && !desktop.is_idle(1000, later), "{word:?}");
        }
        let of_another = desktop.watch(&"seat".into(), 1000);
        drop(asked);
        desktop.leave(&"seat".into());
        assert!(desktop.is_watched(), "it is another probe's by now");
        drop(of_another);
        desktop.leave(&"seat".into());
        assert!(!desktop.is_watched());
    }

    #[tokio::test]
    async fn of_two_sessions_the_one_with_equipment_makes_the_test() {
        let (desktop, mut asked, now) = seat();
        let mut of_room = desktop.watch(&"ujung".into(), 1001);
        let device = |virtual_only| {
            let (name, description) = ("alsa".to_owned(), "Jabra".to_owned());
            Some(Device { name, description, virtual_only, muted: false, volume: 1.0 })
        };
        let sound = |virtual_only| {
            let (source, sink) = (device(virtual_only), device(false));
            Report::Sound { source, sink, recorders: Vec::new(), players: Vec::new() }
        };
        for (desk, room, is_rooms) in [(true, false, true), (false, true, false), (true, true, false)] {
            desktop.heard(&"seat".into(), now, Some(&sound(desk)));
            desktop.heard(&"ujung".into(), now, Some(&sound(room)));
            let test = desktop.test(SoundTest::Microphone, SOON, now, pending());
            let by_room = tokio::select! {
                _ = asked.recv() => false,
                _ = of_room.recv() => true,
                _ = test => panic!("nobody has answered"),
            };
            assert_eq!(by_room, is_rooms, "{desk} {room}");
        }
    }

    #[tokio::test]
    async fn a_test_is_answered_stopped_or_left() {
        let (desktop, mut asked, now) = seat();
        let told = || Told { id: 1, card: "Mic".into(), canceller: false, answer: "{}".into() };
        let agent = async {
            asked.recv().await.unwrap().answer.send(told()).unwrap();
            // It says that it has stopped once it was told to.
            let mut ask = asked.recv().await.unwrap();
            assert!((&mut ask.stop).await.is_err());
            ask.answer.send(told()).unwrap();
            drop(asked.recv().await);
        };
        let what = SoundTest::Microphone;
        let tests = async {
            assert_eq!(desktop.test(what, SOON, now, pending()).await.unwrap(), Some(told()));
            assert_eq!(desktop.test(what, SOON, now, std::future::ready(())).await.unwrap(), None);
            assert_eq!(desktop.test(what, SOON, now, pending()).await.unwrap_err().kind, ErrorKind::Internal);
        };
        tokio::join!(agent, tests);
        desktop.heard(&"seat".into(), now, None);
        assert_eq!(desktop.test(what, SOON, now, pending()).await.unwrap_err().kind, ErrorKind::Unreachable);
    }
}
