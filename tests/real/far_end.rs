//! The daemon's own far end, asked by hand.

use std::net::SocketAddr;
use std::time::Duration;

use siaga::far_end::{self, MOST};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// One HTTP request; the head and the body of the answer.
async fn ask(to: SocketAddr, request: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let head =
        format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

#[tokio::test]
async fn it_gives_and_takes_exactly_what_is_asked() {
    // An address of its own: on the one that all tests share, another's server may be given the port that this one leaves.
    let far_end = far_end::start_on("127.61.0.1".parse().unwrap()).await.unwrap();
    let http = far_end.addresses().http;
    let (head, _) = ask(http, "GET /", b"").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for bytes in [0_usize, 1, 65_536, 1_000_003] {
        let (head, body) = ask(http, &format!("GET /down?bytes={bytes}"), b"").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(body.len(), bytes);
    }
    let (_, body) = ask(http, "POST /up", &vec![7; 3_000_001]).await;
    assert_eq!(body, b"3000001\n");
    for request in ["GET /down".to_owned(), "GET /down?bytes=-1".to_owned(), format!("GET /down?bytes={}", MOST + 1)] {
        let (head, _) = ask(http, &request, b"").await;
        assert!(head.starts_with("HTTP/1.1 400"), "{request}: {head}");
    }
    far_end.stop().await;
    // Nobody is there any more; or somebody else is by now, who listens at every address and was given the port that was left.
    if let Ok(mut stream) = TcpStream::connect(http).await {
        let mut answer = Vec::new();
        _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("own far end"), "it has stopped: {answer}");
    }
}

#[tokio::test]
async fn it_refuses_what_it_does_not_understand_and_ignores_what_is_no_request() {
    let far_end = far_end::start().await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(far_end.addresses().stun).await.unwrap();
    let mut request = vec![0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42];
    request.extend([9; 12]);
    request.extend([0x77, 0x77, 0, 0]);
    // Nonsense, and an indication, are passed over; the answer is that of the request behind them.
    socket.send(b"nonsense").await.unwrap();
    socket.send(&[&[0, 0x11, 0, 0][..], &request[4..20]].concat()).await.unwrap();
    socket.send(&request).await.unwrap();
    let mut buffer = [0; 1500];
    let received = tokio::time::timeout(Duration::from_secs(30), socket.recv(&mut buffer)).await;
    let length = received.expect("an answer").unwrap();
    // RFC 8489 §6.3.1: error 420 (class 4, number 20), and the attribute by its number.
    assert_eq!((&buffer[..2], &buffer[8..20]), (&[0x01, 0x11][..], &[9; 12][..]));
    assert_eq!(&buffer[20..28], [0x00, 0x09, 0, 21, 0, 0, 4, 20]);
    assert!(buffer[28..length].windows(6).any(|window| window == [0x00, 0x0A, 0, 2, 0x77, 0x77]));
    far_end.stop().await;
}

#[tokio::test]
async fn it_stands_on_loopback_only() {
    let error = far_end::start_on("192.0.2.1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
