//! What is too much, too slow or not for here; and how the server ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::snapshot::{good, room};
use crate::support::web::serve;

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it does not hang")
}

/// Sends raw bytes and reads until the other side closes.
async fn raw(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let mut text = Vec::new();
    let send = async {
        // The server may stop taking it; what matters is what it says.
        let _ = write.write_all(bytes).await;
    };
    let ((), got) = tokio::join!(send, read.read_to_end(&mut text));
    got.expect("the answer is not lost to a reset");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_query_of_ten_megabytes_is_refused() {
    let served = serve(room(good()).build()).await;
    let mut request = b"GET /readyz?exclude=".to_vec();
    request.resize(request.len() + 10_000_000, b'a');
    request.extend_from_slice(b" HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let answer = within(raw(served.address, &request)).await;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(["414", "431"].contains(&status), "{answer:?}");
    assert_eq!(served.get("/readyz").await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn more_headers_than_are_read_are_refused_and_the_next_request_is_served() {
    let served = serve(room(good()).build()).await;
    let ask = |count: usize| {
        // The host and the connection's end are two of them.
        let more = (2..count).fold(String::new(), |more, number| more + &format!("x-{number}: y\r\n"));
        format!("GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n")
    };
    // As many as SECURITY.md says, and one more, which is refused without a body (RFC 6585 §5).
    for (count, status) in [(64, "200"), (65, "431"), (2000, "431"), (64, "200")] {
        let answer = within(raw(served.address, ask(count).as_bytes())).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{count}: {answer:?}");
        assert_eq!(answer.ends_with("\r\n\r\n"), status == "431", "{count}: {answer:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_large_body_is_refused_and_a_small_one_is_not_read() {
    let served = serve(room(good()).build()).await;
    let got = served.ask(served.client.post(served.url("/-/reload")).body(vec![b'x'; 200_000])).await;
    assert_eq!((got.status, got.header("content-type")), (413, "application/problem+json"));
    let got = served.ask(served.client.get(served.url("/readyz")).body("x")).await;
    assert_eq!(got.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn nonsense_is_a_bad_request() {
    let served = serve(room(good()).build()).await;
    let answer = within(raw(served.address, b"\x16\x03\x01\x02\x00 hello\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer:?}");
    served.stop().await;
}

#[tokio::test]
async fn a_page_that_points_its_own_name_here_learns_nothing() {
    let served = serve(room(good()).build()).await;
    for path in ["/readyz", "/", "/metrics", "/api/v1/checks", "/nowhere"] {
        let ask = |host: &str| format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = within(raw(served.address, ask("evil.example:10153").as_bytes())).await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{path}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&problem["type"], &problem["status"]), (&"urn:siaga:problem:misdirected".into(), &421.into()));
        assert!(problem["detail"].as_str().unwrap().contains("[web] hosts = [\"evil.example\"]"), "{problem}");
        let answer = within(raw(served.address, ask("localhost").as_bytes())).await;
        assert!(!answer.starts_with("HTTP/1.1 421 "), "{path}: {answer}");
    }
    let answer = within(raw(served.address, b"GET /readyz HTTP/1.0\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn many_idle_connections_starve_nobody_for_long() {
    let served = serve(room(good()).build()).await;
    let mut idle = Vec::new();
    for _ in 0..255 {
        idle.push(TcpStream::connect(served.address).await.unwrap());
    }
    assert_eq!(served.get("/readyz").await.status, 200, "the last place is free");
    idle.push(TcpStream::connect(served.address).await.unwrap());
    idle.push(TcpStream::connect(served.address).await.unwrap());
    // All places are taken; when one is given up, who waits is served.
    let waiting = raw(served.address, b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    idle.drain(..10);
    assert!(within(waiting).await.starts_with("HTTP/1.1 200"));
    served.stop().await;
}

#[tokio::test]
async fn the_end_waits_for_answers_and_not_for_idle_connections() {
    let served = serve(room(good()).build()).await;
    let idle = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(served.get("/readyz").await.status, 200);
    served.stop().await;
    drop(idle);
}
