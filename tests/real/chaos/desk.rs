//! A receiver's far side: a real HTTP server, as small as can be, that keeps what it is told, and that may be slow, refuse, or hang
//! up after it has heard.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One message as it came.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The `Idempotency-Key`.
    pub(super) key: String,
    /// What it says.
    pub(super) word: Value,
    /// Whether it was answered with success, as far as this end knows.
    pub(super) taken: bool,
}

/// The server.
pub(super) struct Desk {
    pub(super) address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    moody: Arc<AtomicBool>,
}

impl Desk {
    /// Starts it; a moody one takes some messages only after it was asked again.
    pub(super) fn start(moody: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Self { address, arrivals: Arc::default(), moody: Arc::new(AtomicBool::new(moody)) };
        let (arrivals, moody) = (Arc::clone(&desk.arrivals), Arc::clone(&desk.moody));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A daemon that is killed in the middle of a request leaves half of one: that was no telling.
                let Some((key, word)) = request(&stream) else { continue };
                let mood = if moody.load(Ordering::Relaxed) { rand::random_range(0..8) } else { 7 };
                let answer = |text: &str| (&stream).write_all(text.as_bytes()).is_ok();
                let taken = match mood {
                    0 => {
                        !answer("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    }
                    // It has heard, and hangs up.
                    1 => false,
                    _ => {
                        // Its work on the message, in which it may be the daemon that goes.
                        std::thread::sleep(Duration::from_millis(u64::from(mood == 2) * 200));
                        answer("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    }
                };
                arrivals.lock().unwrap().push(Arrival { key, word, taken: taken && mood > 1 });
            }
        });
        desk
    }

    /// From now on it takes everything at once.
    pub(super) fn be_good(&self) {
        self.moody.store(false, Ordering::Relaxed);
    }

    /// What came, in order.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().clone()
    }
}

/// Reads one request whole.
fn request(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length, mut line) = (None, 0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            // Behind the room's name.
            "idempotency-key" => key = value.split_once('.').map(|(_, key)| key.to_owned()),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((key?, serde_json::from_slice(&body).ok()?))
}
