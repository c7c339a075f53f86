//! Connections: how they begin, how long and how large what is asked may be, and how they end. How many there may be is the crowd's.

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
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::crowd::{Guest, Place};
use super::door::Caller;
use super::pace::{Held, Paced};
use super::problem::Problem;
use super::site::Site;
use super::tls::{self, Tls, Unmet, Wire};
use super::{State, astray, door, frame, in_clear, lang, live, readyz, routes, sign_in};

type Body = axum::body::Body;

/// The longest head (request line and headers) that is read; beyond it the answer is 431 (RFC 6585 §5).
const HEAD: usize = 16 * 1024;

/// The most headers that are read.
const HEADERS: usize = 64;

/// How long a head may take, and a connection stay idle. Longer than the usual scrape interval, so that a scraper keeps
/// its connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the kernel tries to get an answer to a reader that does not take it (RFC 5482).
const WRITE_TIMEOUT: u32 = 30_000;

/// How much of an answer the kernel keeps for a reader that is slow to take it, bytes (it doubles that). Left to itself it keeps up to
/// four megabytes for each.
const SEND_BUFFER: usize = 64 * 1024;

/// How long and how much a connection that is over is still read, so that the last answer is not lost to a reset.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 64 * 1024 * 1024);

/// How many are told at once that it is full.
const TURNED_AWAY: usize = 16;

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
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let asked = site.state.crowd.ask(peer.ip(), site.state.clock.mono());
                    if asked.newly_full {
                        tracing::warn!("more connections than a room has readers: some are cut or refused; siaga_web_connections… count them");
                    }
                    if let Some(place) = asked.place {
                        let talk = Talk { site: Arc::clone(&site), router: router.clone(), place, stopping: stopping.clone() };
                        connections.spawn(talk.hold(stream));
                    } else if let Ok(room) = Arc::clone(&turned_away).try_acquire_owned() {
                        let is_sealed = site.state.tls.borrow().is_some();
                        connections.spawn(async move {
                            if !is_sealed {
                                turn_away(stream).await;
                            }
                            drop(room);
                        });
                    }
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

/// One connection.
struct Talk {
    site: Arc<Site>,
    router: TowerToHyperService<Router>,
    place: Place,
    stopping: watch::Receiver<bool>,
}

impl Talk {
    /// To its end, or until it has to make room.
    async fn hold(self, stream: TcpStream) {
        let guest = Arc::clone(&self.place.guest);
        tokio::select! {
            () = self.converse(stream) => {}
            () = guest.is_cut() => tracing::debug!("a connection makes room"),
        }
    }

    async fn converse(self, stream: TcpStream) {
        // All are wishes: without them answers are slower, or a stuck reader is noticed later or costs more.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, WRITE_TIMEOUT);
        let (mut shown, mut stopping) = (self.site.state.tls.clone(), self.stopping.clone());
        let tls = shown.borrow_and_update().clone();
        let met = tokio::select! {
            met = self.meet(stream, tls.as_deref()) => met,
            Ok(()) = stopping.changed() => return,
        };
        let Some(wire) = met else { return };
        let way = match (&wire, tls.is_some()) {
            (wire, _) if wire.is_sealed() => Way::Sealed,
            (_, true) if !self.place.is_here() => Way::MustBeSealed,
            _ => Way::Clear,
        };
        let front = Front {
            router: self.router.clone(),
            site: Arc::clone(&self.site),
            guest: Arc::clone(&self.place.guest),
            on_this_machine: self.place.is_here(),
            way,
        };
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(wire), front);
        let (mut other, last) = (false, tokio::time::sleep(LAST_ANSWERS));
        tokio::pin!(last);
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
                // With another certificate, or now that there is one, whoever is connected comes again; a stream has no end of its own.
                Ok(()) = shown.changed(), if !other => {
                    other = true;
                    Pin::new(&mut connection).graceful_shutdown();
                    last.as_mut().set(tokio::time::sleep(LAST_ANSWERS));
                }
                () = &mut last, if other => break,
            }
        }
        let mut wire = connection.into_parts().io.into_inner();
        // What says that this is the end of it, within TLS too.
        if tokio::time::timeout(LINGER.0, wire.shutdown()).await.is_ok_and(|shut| shut.is_ok()) {
            linger(wire.into_line()).await;
        }
    }

    async fn meet(&self, stream: TcpStream, tls: Option<&Tls>) -> Option<Wire> {
        let Some(tls) = tls else { return Some(Wire::Plain(stream)) };
        match tls::meet(stream, tls, self.place.turn()).await {
            Ok(wire) => Some(wire),
            Err(unmet) => {
                self.site.state.crowd.unmet(matches!(unmet, Unmet::Late));
                match unmet {
                    Unmet::Late => tracing::debug!("a handshake over TLS was too slow"),
                    Unmet::Failed(error) => tracing::debug!(%error, "a handshake over TLS came to nothing"),
                }
                None
            }
        }
    }
}

/// Says to who is one too many that it is full, as far as they listen.
async fn turn_away(mut stream: TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n\
        Retry-After: 5\r\nContent-Length: 44\r\nConnection: close\r\n\r\nToo many are connected; come again in 5 s.\r\n";
    let said = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await
    };
    if tokio::time::timeout(LINGER.0, said).await.is_ok_and(|said| said.is_ok()) {
        linger(stream).await;
    }
}

/// Reads what the other side still sends once we have said that nothing more will come. Closing a socket with unread bytes resets
/// it (RFC 9112 §9.6), and the answer that says what was wrong would be lost.
async fn linger(mut stream: TcpStream) {
    let rest = async {
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
    /// Whose it is.
    guest: Arc<Guest>,
    /// Whether it comes by loopback.
    on_this_machine: bool,
    way: Way,
}

/// How a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In the clear, as it may.
    Clear,
    /// Within TLS.
    Sealed,
    /// In the clear, over a network, where only TLS is spoken.
    MustBeSealed,
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
        if self.way == Way::MustBeSealed {
            if self.site.state.tls.borrow().as_ref().is_some_and(|tls| tls.is_broken()) {
                let detail = "the certificate of this room's pages cannot be shown; its log says why";
                return Answering::Now(Some(sealed(Problem::unavailable(detail).into_response())));
            }
            return Answering::Now(Some(sealed(in_clear::refuse(&request, &self.site.state.staff.cookies))));
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
            self.guest.rests(self.site.state.clock.mono());
            return Answering::Now(Some(sealed(readyz::reply(verdict, text, lang))));
        }
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > routes::BODY as u64) {
            let detail = format!("no path here reads more than {} bytes", routes::BODY);
            return Answering::Now(Some(sealed(Problem::too_large(detail).into_response())));
        }
        request.extensions_mut().insert(caller.here(self.on_this_machine).within_tls(self.way == Way::Sealed));
        let person = astray::by_a_person(&self.site, request.uri(), request.headers());
        let (clock, large) = (self.site.state.clock, Arc::clone(&self.site.state.crowd.large));
        let held = Held::begin(Arc::clone(&self.guest), clock);
        let guest = Arc::clone(&self.guest);
        // A scraper is answered whoever reads; and what was done is not told as refused.
        let may_wait = request.method() == Method::GET && request.uri().path() != "/metrics";
        let hand_out = move |response| if may_wait { large.hand_out(response, &guest, clock.mono()) } else { response };
        let response = self.router.call(request.map(Paced::new));
        let Some(person) = person else {
            return Answering::Later(Box::pin(async move {
                response.await.map(|response| sealed(held.over(hand_out(response))))
            }));
        };
        let site = Arc::clone(&self.site);
        Answering::Later(Box::pin(async move {
            response.await.map(|response| sealed(held.over(person.instead(&site, hand_out(response)))))
        }))
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
