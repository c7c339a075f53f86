//! The daemon's own far end: where the config names none, everything is measured for real against this, on loopback, and
//! the answer says so. It answers nobody but this computer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, StreamExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::probe::OwnFarEnd;
use crate::probe::stun::codec::{self, Class};

/// The most that one request may move in either direction, bytes: far more than a bandwidth test takes.
pub const MOST: u64 = 256 * 1_000_000;

/// What is sent at a time, bytes.
const CHUNK: usize = 64 * 1024;

/// A far end that runs. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct FarEnd {
    addresses: OwnFarEnd,
    stop: watch::Sender<bool>,
    stun: JoinHandle<()>,
    http: JoinHandle<()>,
}

/// Starts a far end on 127.0.0.1, on ports that the kernel chooses.
///
/// # Errors
/// When a socket cannot be bound.
pub async fn start() -> io::Result<FarEnd> {
    start_on(IpAddr::V4(Ipv4Addr::LOCALHOST)).await
}

/// Starts a far end on a loopback address.
///
/// # Errors
/// When `ip` is no loopback address, or a socket cannot be bound.
pub async fn start_on(ip: IpAddr) -> io::Result<FarEnd> {
    if !ip.is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the own far end stands on loopback only"));
    }
    let udp = UdpSocket::bind((ip, 0)).await?;
    let tcp = TcpListener::bind((ip, 0)).await?;
    let addresses = OwnFarEnd { stun: udp.local_addr()?, http: tcp.local_addr()? };
    let (stop, stopped) = watch::channel(false);
    let stun = tokio::spawn(answer_bindings(udp, stopped.clone()));
    let http = tokio::spawn(serve_http(tcp, stopped));
    Ok(FarEnd { addresses, stop, stun, http })
}

impl FarEnd {
    /// Where it listens.
    pub const fn addresses(&self) -> OwnFarEnd {
        self.addresses
    }

    /// Stops it and waits until it has stopped. Connections that stay open are not waited for.
    pub async fn stop(self) {
        // Both tasks hold a receiver until they end.
        let _ = self.stop.send(true);
        let _ = tokio::join!(self.stun, self.http);
    }
}

/// Ends when it is told to, or when the far end is dropped.
async fn told(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn answer_bindings(socket: UdpSocket, stopped: watch::Receiver<bool>) {
    let answering = async {
        let mut buffer = [0; 1500];
        loop {
            // Errors here are those of answers sent before (a port that closed); the socket stays good.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            if !from.ip().is_loopback() {
                continue;
            }
            let Ok(request) = codec::parse(&buffer[..length]) else { continue };
            // RFC 8489 §6.3: an indication and an answer are not answered.
            if request.class != Class::Request {
                continue;
            }
            let answer = if request.unknown.is_empty() {
                codec::success(request.transaction, from)
            } else {
                codec::not_understood(request.transaction, &request.unknown)
            };
            if let Err(error) = socket.send_to(&answer, from).await {
                tracing::debug!(%error, "own far end: an answer was not sent");
            }
        }
    };
    tokio::select! {
        () = answering => {}
        () = told(stopped) => {}
    }
}

async fn serve_http(listener: TcpListener, stopped: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/", get(async || "siaga: own far end\n"))
        .route("/down", get(down))
        .route("/up", post(up))
        .layer(from_fn(loopback_only));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, service) => {
            if let Err(error) = served {
                tracing::warn!(%error, "the own far end's HTTP server ended");
            }
        }
        () = told(stopped) => {}
    }
}

/// Nothing else can come in by a socket bound to loopback; this says so twice.
async fn loopback_only(ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    if from.ip().is_loopback() {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this computer only\n").into_response()
    }
}

#[derive(serde::Deserialize)]
struct Down {
    bytes: u64,
}

async fn down(Query(Down { bytes }): Query<Down>) -> Response {
    if bytes > MOST {
        return (StatusCode::BAD_REQUEST, format!("at most {MOST} bytes\n")).into_response();
    }
    let chunk = Bytes::from(vec![0; CHUNK]);
    let body = stream::unfold(bytes, move |left| {
        let take = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let part = chunk.slice(..take);
        async move { (take > 0).then(|| (Ok::<_, io::Error>(part), left - take as u64)) }
    });
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_LENGTH, bytes.to_string())];
    (headers, Body::from_stream(body)).into_response()
}

/// Drains what comes and answers how much it was, as a plain number.
async fn up(body: Body) -> Response {
    let mut parts = body.into_data_stream();
    let mut bytes: u64 = 0;
    while let Some(part) = parts.next().await {
        let Ok(part) = part else { return (StatusCode::BAD_REQUEST, "the body broke off\n").into_response() };
        bytes += part.len() as u64;
        if bytes > MOST {
            return (StatusCode::PAYLOAD_TOO_LARGE, format!("at most {MOST} bytes\n")).into_response();
        }
    }
    format!("{bytes}\n").into_response()
}
