//! How fast what is asked must come, and when an answer has gone.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::crowd::Guest;
use crate::clock::Clock;

/// How long the body of a request may take to come, whichever path reads it: whoever sends it has it already. Longer than a path's own
/// patience, which says so in better words.
const BODY: Duration = Duration::from_secs(15);

/// A request's body, which breaks off when it is too slow.
pub(super) struct Paced {
    body: Incoming,
    /// From when it is first waited for.
    end: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(super) const fn new(body: Incoming) -> Self {
        Self { body, end: None }
    }
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { body, end } = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let end = end.get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY)));
        match end.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(format!("it did not come within {} s", BODY.as_secs()).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// While it is there its connection is being answered.
pub(super) struct Held {
    guest: Arc<Guest>,
    clock: Clock,
}

impl Held {
    pub(super) fn begin(guest: Arc<Guest>, clock: Clock) -> Self {
        guest.asks(clock.mono());
        Self { guest, clock }
    }

    /// Until all of an answer was taken, and not longer.
    pub(super) fn over(self, response: Response<Body>) -> Response<Body> {
        response.map(|body| Body::new(Going { body, _held: self }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guest.rests(self.clock.mono());
    }
}

/// The body of an answer.
struct Going {
    body: Body,
    _held: Held,
}

impl hyper::body::Body for Going {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
