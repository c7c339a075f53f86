//! Where everybody's webhooks arrive: a plain HTTP server that notes when which words came.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::Mono;

use crate::servers::local;

/// One request.
#[derive(Clone, Debug)]
struct Arrival {
    path: String,
    body: String,
    at: Mono,
}

/// The server; it ends with the run.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    clock: Clock,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Sink {
    pub(crate) fn start(clock: Clock) -> Result<Self, String> {
        let listener = TcpListener::bind(local(0)).map_err(|error| format!("the sink: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("the sink: {error}"))?;
        let arrivals: Arc<Mutex<Vec<Arrival>>> = Arc::default();
        let kept = Arc::clone(&arrivals);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, clock, &kept));
            }
        });
        Ok(Self { address, clock, arrivals })
    }

    /// A moment from which on what comes is looked at.
    pub(crate) fn mark(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When the first request after a mark came whose path begins so and whose body has one of these words.
    pub(crate) fn wait(&self, mark: usize, path: &str, words: &[&str], within: Duration) -> Result<Mono, String> {
        let began = self.clock.mono();
        loop {
            let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            let fits =
                |arrival: &&Arrival| arrival.path == path && words.iter().any(|word| arrival.body.contains(word));
            if let Some(arrival) = arrivals[mark..].iter().find(fits) {
                return Ok(arrival.at);
            }
            drop(arrivals);
            if self.clock.mono().since(began) > within {
                return Err(format!("nothing of {words:?} came to {path} within {within:?}"));
            }
            sleep(Duration::from_millis(2));
        }
    }
}

/// Serves one connection until its other end hangs up.
fn serve(stream: TcpStream, clock: Clock, kept: &Mutex<Vec<Arrival>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut path) = (String::new(), 0, String::new());
        loop {
            line.clear();
            if !reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                return;
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if path.is_empty() {
                text.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
            } else if let Some(value) = text.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let at = clock.mono();
        let body = String::from_utf8_lossy(&body).into_owned();
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(Arrival { path, body, at });
        if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
