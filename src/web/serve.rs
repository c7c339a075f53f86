//! Connections: how many, how long, how large, and how they end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Method, Request, Response, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::door::Caller;
use super::problem::Problem;
use super::site::Site;
use super::{State, astray, door, frame, lang, live, readyz, routes, sign_in};

type Body = axum::body::Body;

/// Connections open at once. A room has a handful of readers; where more come, the one that is open longest makes room, so
/// that nobody silences the room by holding connections open.
const CONNECTIONS: usize = 256;

/// The longest head (request line and headers) that is read; beyond it the answer is 431 (RFC 6585 §5).
const HEAD: usize = 16 * 1024;

/// The most headers that are read.
const HEADERS: usize = 64;

/// How long a head may take, and a connection stay idle. Longer than the usual scrape interval, so that a scraper keeps
/// its connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the kernel tries to get an answer to a reader that does not take it (RFC 5482).
const WRITE_TIMEOUT: u32 = 30_000;

/// How long and how much a connection that is over is still read, so that the last answer is not lost to a reset.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 64 * 1024 * 1024);

/// How long answers that are under way may take once the server is told to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// Serves until `shutdown` is done, then lets answers that are under way go out.
///
/// # Errors
/// None today: a connection that cannot be accepted is logged and the next one awaited, because a room must not lose its
/// page to one bad moment.
pub async fn run(listener: TcpListener, state: State, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let (site, beats) = Site::new(state);
    let site = Arc::new(site);
    // Dropped when the server is told to stop, and the streams end with it.
    let heart = tokio::spawn(live::beat(Arc::clone(&site), beats));
    let router = TowerToHyperService::new(routes::router(Arc::clone(&site)));
    let front = Front { router, site, on_this_machine: false };
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    let mut crowded = false;
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let front = Front { on_this_machine: peer.ip().to_canonical().is_loopback(), ..front.clone() };
                    by_age.retain(|connection| !connection.is_finished());
                    if by_age.len() >= CONNECTIONS && let Some(oldest) = by_age.pop_front() {
                        oldest.abort();
                        if !crowded {
                            tracing::warn!(CONNECTIONS, "more connections than a room has readers; the oldest are cut");
                        }
                        crowded = true;
                    } else {
                        crowded = false;
                    }
                    by_age.push_back(connections.spawn(converse(stream, front, stopping.clone())));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    // Out of file descriptors, most likely: without a pause this would spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    heart.abort();
    stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_ANSWERS, all).await.is_err() {
        tracing::info!(connections = connections.len(), "connections are cut at the end");
        connections.shutdown().await;
    }
    Ok(())
}

/// One connection, to its end.
async fn converse(stream: TcpStream, front: Front, mut stopping: watch::Receiver<bool>) {
    // Both are wishes: without them answers are slower, or a stuck reader is noticed later.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, WRITE_TIMEOUT);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), front);
    loop {
        tokio::select! {
            outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection ended badly");
                }
                break;
            }
            // Its sender lives as long as the server, so this is told once.
            Ok(()) = stopping.changed() => Pin::new(&mut connection).graceful_shutdown(),
        }
    }
    linger(connection.into_parts().io.into_inner()).await;
}

/// Says that nothing more will come, and reads what the other side still sends. Closing a socket with unread bytes resets
/// it (RFC 9112 §9.6), and the answer that says what was wrong would be lost.
async fn linger(mut stream: TcpStream) {
    let rest = async {
        stream.shutdown().await?;
        let mut read = 0;
        let mut scrap = vec![0; 16 * 1024];
        while read < LINGER.1 {
            match stream.read(&mut scrap).await? {
                0 => break,
                more => read += more,
            }
        }
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER.0, rest).await;
}

/// What a request meets first.
#[derive(Clone)]
struct Front {
    site: Arc<Site>,
    router: TowerToHyperService<Router>,
    /// Whether it comes by loopback.
    on_this_machine: bool,
}

/// An answer: there already, or still to be made.
enum Answering {
    Now(Option<Response<Body>>),
    Later(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(response) => Poll::Ready(Ok(response.take().unwrap_or_default())),
            Self::Later(response) => response.as_mut().poll(cx),
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let refused = self.site.state.voice.borrow().hosts.refuse(request.uri(), request.headers(), request.version());
        if let Some(problem) = refused {
            return Answering::Now(Some(sealed(problem.into_response())));
        }
        if !door::guards(request.method(), request.uri().path()) {
            return self.let_in(request, Caller::default());
        }
        let open = self.site.state.voice.borrow().open_to.is_open(self.on_this_machine);
        if !open || door::shows_something(request.headers()) {
            let front = self.clone();
            return Answering::Later(Box::pin(async move { Ok(front.guarded(request, open).await) }));
        }
        self.let_in(request, Caller::default())
    }
}

impl Front {
    /// Answers whoever shows a token, or may not read without one.
    async fn guarded(&self, request: Request<Incoming>, open: bool) -> Response<Body> {
        let caller = match door::know(&self.site, request.method(), request.uri(), request.headers(), open).await {
            Ok(caller) => caller,
            Err(problem) if problem.status == 401 && frame::is_page(request.uri().path()) => {
                return sealed(sign_in::instead(&self.site, request.uri(), request.headers()).into_response());
            }
            Err(problem) => return sealed(door::refuse(request.uri().path(), problem)),
        };
        self.let_in(request, caller).await.unwrap_or_else(|never| match never {})
    }

    fn let_in(&self, mut request: Request<Incoming>, caller: Caller) -> Answering {
        // The short answer is asked for most and is the same bytes until something changes: no route, no future, no
        // allocation but the headers'.
        if request.uri().path() == "/readyz" && request.uri().query().is_none() && request.method() == Method::GET {
            let lang = lang::preferred(request.headers(), self.site.state.voice.borrow().lang);
            let (verdict, text) = self.site.short(lang);
            return Answering::Now(Some(sealed(readyz::reply(verdict, text, lang))));
        }
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > routes::BODY as u64) {
            let detail = format!("no path here reads more than {} bytes", routes::BODY);
            return Answering::Now(Some(sealed(Problem::too_large(detail).into_response())));
        }
        request.extensions_mut().insert(caller.here(self.on_this_machine));
        let person = astray::by_a_person(&self.site, request.uri(), request.headers());
        let response = self.router.call(request);
        let Some(person) = person else {
            return Answering::Later(Box::pin(async move { response.await.map(sealed) }));
        };
        let site = Arc::clone(&self.site);
        Answering::Later(Box::pin(
            async move { response.await.map(|response| sealed(person.instead(&site, response))) },
        ))
    }
}

/// The headers that every answer has: it is of this moment, it is what it says it is, and it runs nothing but the pages' own script.
fn sealed(mut response: Response<Body>) -> Response<Body> {
    const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let html = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if html {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        // With "no-referrer" a browser sends our own forms as if from nowhere (Fetch, "serializing a request origin").
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    response
}
