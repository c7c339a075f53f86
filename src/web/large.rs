//! Answers that are large: how much of the memory they have together while their readers take them.
//!
//! What is made for a reader stands in the memory until it is taken. Whoever takes a few bytes now and then keeps it for hours, and a
//! hundred such readers would have more than the service may (systemd/siaga.service).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse as _;
use hyper::body::{Body as _, Frame, SizeHint};

use super::crowd::Guest;
use super::problem::Problem;
use crate::domain::Mono;

/// What is larger is counted, bytes. Of what is smaller all places together have a few megabytes.
const LARGE: u64 = 64 * 1024;

/// Large answers have so much together, bytes. One alone may be larger.
const TOGETHER: u64 = 32 * 1024 * 1024;

/// An answer that is younger does not make room for another; but one of a source that has more makes room for whoever has less, however
/// young it is: else whoever asks anew each few seconds would have all of it.
const YOUNG: Duration = Duration::from_secs(5);

/// So much of one is handed over at once, bytes: what is handed over waits in buffers that nothing here counts.
const PORTION: usize = 16 * 1024;

/// Those that are under way.
#[derive(Default)]
pub(super) struct Large {
    /// Oldest first.
    under_way: Mutex<Vec<Answer>>,
    cut: AtomicU64,
    refused: AtomicU64,
}

struct Answer {
    guest: Arc<Guest>,
    bytes: u64,
    since: Mono,
}

/// Counts an answer until it is dropped.
struct Weight {
    all: Arc<Large>,
    guest: Arc<Guest>,
}

impl Large {
    fn all(&self) -> MutexGuard<'_, Vec<Answer>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answer in. Those that have been under way for long are cut for it, and of a source that has more than this one would have
    /// the young ones too, first of whoever has most, of those the oldest; none, if that is not enough.
    fn admit(self: &Arc<Self>, guest: &Arc<Guest>, bytes: u64, now: Mono) -> Option<Weight> {
        let mut all = self.all();
        let mut stays = vec![true; all.len()];
        let mut together: u64 = all.iter().map(|answer| answer.bytes).sum();
        let mut of: HashMap<IpAddr, u64> = HashMap::new();
        for answer in all.iter() {
            *of.entry(answer.guest.source).or_default() += answer.bytes;
        }
        while together > 0 && together.saturating_add(bytes) > TOGETHER {
            let most = of.get(&guest.source).copied().unwrap_or_default().saturating_add(bytes);
            let may_leave = all.iter().enumerate().filter_map(|(at, answer)| {
                let sum = of[&answer.guest.source];
                let is_spared = now.since(answer.since) < YOUNG && sum <= most;
                (stays[at] && !is_spared).then_some((Reverse(sum), at))
            });
            let Some((_, leaves)) = may_leave.min() else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            };
            stays[leaves] = false;
            together -= all[leaves].bytes;
            of.entry(all[leaves].guest.source).and_modify(|sum| *sum -= all[leaves].bytes);
        }
        let mut stays = stays.into_iter();
        all.retain(|answer| {
            let stays = stays.next().unwrap_or(true);
            if !stays {
                answer.guest.make_room();
                self.cut.fetch_add(1, Ordering::Relaxed);
            }
            stays
        });
        all.push(Answer { guest: Arc::clone(guest), bytes, since: now });
        drop(all);
        Some(Weight { all: Arc::clone(self), guest: Arc::clone(guest) })
    }

    /// How many were cut for others, and how many refused, since the process began.
    pub(super) fn counts(&self) -> [u64; 2] {
        [&self.cut, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// Hands out an answer in portions, if it is large and there is room for it; else says that there is none.
    pub(super) fn hand_out(
        self: &Arc<Self>,
        response: Response<Body>,
        guest: &Arc<Guest>,
        now: Mono,
    ) -> Response<Body> {
        let Some(bytes) = response.body().size_hint().exact().filter(|bytes| *bytes > LARGE) else { return response };
        let Some(weight) = self.admit(guest, bytes, now) else {
            let detail = format!("others take large answers; come again in {} s", YOUNG.as_secs());
            let mut refused = Problem::unavailable(detail).into_response();
            refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(YOUNG.as_secs()));
            return refused;
        };
        response.map(|body| Body::new(Portions { body, rest: Bytes::new(), _weight: weight }))
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.all.all().retain(|answer| !Arc::ptr_eq(&answer.guest, &self.guest));
    }
}

/// The body of a large answer.
struct Portions {
    body: Body,
    rest: Bytes,
    _weight: Weight,
}

impl hyper::body::Body for Portions {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, rest, .. } = self.get_mut();
        while rest.is_empty() {
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let portion = rest.split_to(rest.len().min(PORTION));
        Poll::Ready(Some(Ok(Frame::data(portion))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut all = SizeHint::new();
        all.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            all.set_upper(upper.saturating_add(rest));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::super::crowd::{Crowd, Place};
    use super::*;

    const MB: usize = 1024 * 1024;

    fn at(seconds: u64) -> Mono {
        Mono::from_elapsed(Duration::from_secs(3600 + seconds))
    }

    fn seated(crowd: &Arc<Crowd>) -> Place {
        crowd.ask("192.0.2.1".parse().unwrap(), at(0)).place.unwrap()
    }

    async fn is_cut(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.guest.is_cut()).await.is_ok()
    }

    #[tokio::test]
    async fn an_answer_goes_out_whole_in_portions_and_is_counted_until_it_has_gone() {
        let (crowd, large) = (Arc::default(), Arc::new(Large::default()));
        let place = seated(&crowd);
        for size in [0, 64 * 1024, 64 * 1024 + 1, MB + 7] {
            let said: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let answer = large.hand_out(Response::new(said.clone().into()), &place.guest, at(0));
            assert_eq!(answer.body().size_hint().exact(), Some(size as u64));
            assert_eq!(large.all().len(), usize::from(size > 64 * 1024), "{size}");
            let mut body = answer.into_body();
            let mut got = Vec::new();
            while let Some(frame) = body.frame().await {
                let portion = frame.unwrap().into_data().unwrap();
                assert!(size <= 64 * 1024 || portion.len() <= PORTION);
                got.extend_from_slice(&portion);
                assert_eq!(body.size_hint().exact(), Some((size - got.len()) as u64));
            }
            assert!(got == said && body.is_end_stream());
            drop(body);
            assert_eq!(large.all().len(), 0);
        }
    }

    #[tokio::test]
    async fn who_takes_theirs_for_long_makes_room_and_who_has_just_begun_does_not() {
        let (crowd, large) = (Arc::default(), Arc::new(Large::default()));
        let ask = |place: &Place, bytes: usize, now| {
            large.hand_out(Response::new(vec![0; bytes].into()), &place.guest, at(now))
        };
        let places: Vec<_> = (0..5).map(|_| seated(&crowd)).collect();
        let first = [(0, 0), (1, 3)].map(|(place, now)| ask(&places[place], 15 * MB, now));
        assert!(first.iter().all(|answer| answer.status() == 200));
        let refused = ask(&places[2], 9 * MB, 4);
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &HeaderValue::from(5)));
        assert_eq!(ask(&places[3], 1000, 4).status(), 200, "what is small asks for no room");
        let again = ask(&places[2], 9 * MB, 5);
        assert_eq!((again.status().as_u16(), large.all().len()), (200, 2));
        assert!(is_cut(&places[0]).await && !is_cut(&places[1]).await);
        // Nobody is cut in vain: what is young leaves no room for so much.
        assert_eq!((ask(&places[3], 25 * MB, 8).status().as_u16(), large.all().len()), (503, 2));
        assert!(!is_cut(&places[1]).await);
        assert_eq!(large.counts(), [1, 2]);
        drop(again);
        assert_eq!(ask(&places[4], 40 * MB, 9).status(), 200, "alone one may be larger");
        assert!(is_cut(&places[1]).await);
    }

    #[tokio::test]
    async fn whoever_asks_for_all_of_it_again_and_again_does_not_have_it() {
        let (crowd, large): (Arc<Crowd>, _) = (Arc::default(), Arc::new(Large::default()));
        let place = |peer: &str| crowd.ask(peer.parse().unwrap(), at(0)).place.unwrap();
        let greedy: Vec<_> = (0..32).map(|_| place("192.0.2.1")).collect();
        let ask =
            |place: &Place, bytes, now| large.hand_out(Response::new(vec![0; bytes].into()), &place.guest, at(now));
        let all: Vec<_> = greedy.iter().map(|place| ask(place, MB, 0)).collect();
        assert!(all.iter().all(|answer| answer.status() == 200) && large.all().len() == 32);
        // Who has most is not let in by what it has itself.
        assert_eq!(ask(&place("192.0.2.1"), MB, 1).status().as_u16(), 503);
        let other = place("192.0.2.8");
        assert_eq!((ask(&other, 3 * MB, 1).status(), large.all().len()), (200.try_into().unwrap(), 30));
        for (at, cut) in [(0, true), (2, true), (3, false)] {
            assert_eq!(is_cut(&greedy[at]).await, cut, "{at}");
        }
        // Between those who have as much as each other it is as it was: nobody makes room while young.
        assert_eq!(ask(&place("192.0.2.7"), 20 * MB, 2).status().as_u16(), 503);
    }

    #[tokio::test]
    async fn who_has_most_makes_room_before_who_came_first() {
        let (crowd, large): (Arc<Crowd>, _) = (Arc::default(), Arc::new(Large::default()));
        let place = |peer: &str| crowd.ask(peer.parse().unwrap(), at(0)).place.unwrap();
        let places = [place("192.0.2.9"), place("192.0.2.1"), place("192.0.2.1"), place("192.0.2.8")];
        let ask = |place: &Place, now| large.hand_out(Response::new(vec![0; 10 * MB].into()), &place.guest, at(now));
        let all = [0, 1, 2].map(|at| ask(&places[at], at as u64));
        let last = ask(&places[3], 9);
        assert!(all.iter().chain([&last]).all(|answer| answer.status() == 200));
        assert!(is_cut(&places[1]).await && !is_cut(&places[0]).await && !is_cut(&places[2]).await);
    }
}
