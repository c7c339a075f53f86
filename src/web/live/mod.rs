//! `GET /events`: what keeps open pages true. A beat every two seconds, and at once when what the room's page shows has changed:
//! how it looks, as a number, and how old each check's evidence is. A page that was made when it looked otherwise fetches itself anew;
//! each counts ages on, and knows by the beats' absence that the daemon is gone.
//!
//! ```text
//!  snapshot, handling, doing, agenda ─▶ heart (one a server) ─▶ watch<Beat> ─▶ each stream: the newest beat, and none of those missed
//! ```
//!
//! The heart rests while nobody listens. A beat is made once and shared; a stream that is slow misses beats and delays nobody.

mod heart;
mod shelf;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::clock::Clock;
use crate::domain::Mono;

use super::problem::Problem;
use super::query::Query;
use super::site::Site;

pub(super) use heart::beat;
pub(super) use shelf::{Shelf, View};

/// The longest time between two beats; pages that hear nothing for twice as long say that the daemon is gone.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// Streams at once. With the readers beside them they stay below the connections that a server keeps.
const STREAMS: usize = 224;

/// Whoever takes nothing for so long is let go; a page that lives comes again and is shown all.
const BEHIND: Duration = Duration::from_secs(10);

/// How long one stream lasts, so that who may read no more (a token that is revoked, a room that is closed) is let go too.
const LASTS: Duration = Duration::from_mins(10);

/// How a page's browser begins: it comes again after a second when a stream has ended (HTML, "server-sent events").
const BEGIN: &[u8] = b"retry: 1000\n\n";

/// One beat.
#[derive(Clone)]
pub(super) struct Beat {
    /// When it was made; none was yet, if [`None`].
    at: Option<Mono>,
    /// As it goes over the wire.
    bytes: Bytes,
}

/// What the streams of a server share.
pub(super) struct Pulse {
    beats: watch::Receiver<Beat>,
    /// Somebody listens, who may have been the first for long.
    come: Notify,
    room: Arc<Semaphore>,
}

impl Pulse {
    /// One, and by what it is made to beat.
    pub(super) fn new() -> (Self, watch::Sender<Beat>) {
        let (sender, beats) = watch::channel(Beat { at: None, bytes: Bytes::new() });
        (Self { beats, come: Notify::new(), room: Arc::new(Semaphore::new(STREAMS)) }, sender)
    }
}

/// The script of the pages.
#[utoipa::path(get, path = "/live.js", responses((status = 200, description = "The pages' script.", body = String, content_type = "text/javascript")))]
pub(super) async fn script() -> Response {
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], include_str!("../templates/live.js")).into_response()
}

/// What keeps open pages true, as server-sent events. Each is a JSON object: `at` (now, ms since 1970), `looks` (what the room looks like,
/// to be compared with a page's own), `clock` (now, in both languages), `ages` (s, of each check's evidence).
///
/// # Errors
/// A query; too many streams.
#[utoipa::path(get, path = "/events", responses(
    (status = 200, description = "A stream without end; a beat every two seconds at least.", body = String, content_type = "text/event-stream"),
    (status = 503, description = "Too many listen already.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn events(State(site): State<Arc<Site>>, uri: Uri) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let room = Arc::clone(&site.pulse.room).try_acquire_owned();
    let room = room.map_err(|_| Problem::unable(format!("{STREAMS} pages listen already")))?;
    let clock = site.state.clock;
    let mut beats = site.pulse.beats.clone();
    let fresh = {
        let newest = beats.borrow_and_update();
        newest.at.filter(|at| clock.mono().since(*at) < BEAT).map(|_| newest.bytes.clone())
    };
    let begin = if let Some(newest) = fresh {
        [BEGIN, &newest].concat().into()
    } else {
        site.pulse.come.notify_one();
        Bytes::from_static(BEGIN)
    };
    let now = clock.mono();
    let stream = Listening { beats, clock, begun: now, given: now, begin: Some(begin), _room: room };
    let kind = HeaderValue::from_static("text/event-stream");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(stream::unfold(stream, Listening::next))).into_response())
}

/// One stream.
struct Listening {
    beats: watch::Receiver<Beat>,
    clock: Clock,
    begun: Mono,
    /// When something was last given to its connection.
    given: Mono,
    begin: Option<Bytes>,
    _room: OwnedSemaphorePermit,
}

impl Listening {
    /// What goes out next. Asked for as soon as the connection has room for more, so that the time until then is how far behind it is.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.clock.mono().since(self.given) > BEHIND {
            tracing::debug!("a page that takes nothing is let go");
            return None;
        }
        let bytes = if let Some(begin) = self.begin.take() {
            begin
        } else {
            // Its sender is gone when the server stops.
            self.beats.changed().await.ok()?;
            self.beats.borrow_and_update().bytes.clone()
        };
        self.given = self.clock.mono();
        (self.given.since(self.begun) < LASTS).then_some((Ok(bytes), self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(mut beats: watch::Receiver<Beat>, clock: Clock) -> Listening {
        beats.mark_unchanged();
        let now = clock.mono();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Listening { beats, clock, begun: now, given: now, begin: None, _room: room }
    }

    fn said(beat: &'static str) -> Beat {
        Beat { at: None, bytes: Bytes::from_static(beat.as_bytes()) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_gives_the_newest_and_ends_with_the_server_or_when_nobody_takes_it() {
        let clock = Clock::on_tokio_time("2026-11-24T02:30:15Z".parse().unwrap());
        let (beat, beats) = watch::channel(said(""));
        let stream = listening(beats.clone(), clock);
        beat.send_replace(said("missed"));
        beat.send_replace(said("newest"));
        let (given, stream) = stream.next().await.unwrap();
        assert_eq!(given.unwrap(), "newest");
        tokio::time::advance(BEHIND + BEAT).await;
        assert!(stream.next().await.is_none(), "it was asked for nothing for too long");
        let waits = listening(beats, clock);
        drop(beat);
        assert!(waits.next().await.is_none(), "the server has stopped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_after_its_time() {
        let clock = Clock::on_tokio_time("2026-11-24T02:30:15Z".parse().unwrap());
        let (beat, beats) = watch::channel(said(""));
        let mut stream = Some(listening(beats, clock));
        let mut given = 0;
        while let Some(open) = stream.take() {
            tokio::time::advance(BEAT).await;
            beat.send_replace(said("beat"));
            stream = open.next().await.map(|(_, open)| open);
            given += 1;
        }
        assert_eq!(given, LASTS.as_secs() / BEAT.as_secs());
    }
}
