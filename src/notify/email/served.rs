//! A server of letters, for tests that have their own time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::Notify;

use super::tests::config;
use super::{Config, Ready};
use crate::clock::Clock;

/// A server that tells to whom each letter went. Of a mailbox it says what it is told to; nothing more, where that is nothing; and hangs
/// up after 421. Of `former` it says that there is nobody of that name, to a second letter in a session what stands under `again`, and to
/// the letter itself what stands under `letter`.
pub(super) struct Server {
    port: u16,
    says: Arc<Mutex<BTreeMap<&'static str, &'static str>>>,
    /// Told once for each silence.
    pub(super) silent: Arc<Notify>,
    came: mpsc::Receiver<Vec<String>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let says = Arc::new(Mutex::new(BTreeMap::from([("former", "550 5.1.1 nobody of that name")])));
        let (silent, (letters, came)) = (Arc::new(Notify::new()), mpsc::sync_channel(9));
        let (told, is_silent) = (Arc::clone(&says), Arc::clone(&silent));
        std::thread::spawn(move || {
            let told = |what: &str| told.lock().unwrap().get(what).copied();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (mut answers, mut taken, mut is_data, mut begun) =
                    (stream.try_clone().unwrap(), Vec::new(), false, 0);
                answers.write_all(b"220 ready\r\n").unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let answer = match line.split(' ').next() {
                        Some(".") if is_data => {
                            is_data = false;
                            let to = std::mem::take(&mut taken);
                            told("letter").unwrap_or_else(|| {
                                letters.send(to).unwrap();
                                "250 taken"
                            })
                        }
                        _ if is_data => continue,
                        Some("DATA") => {
                            is_data = true;
                            "354 go on"
                        }
                        Some("RCPT") => {
                            let mailbox = line.split(['<', '>', '@']).nth(1).unwrap();
                            let answer = told(mailbox).unwrap_or("250 taken");
                            if answer.starts_with("250") {
                                taken.push(mailbox.to_owned());
                            }
                            answer
                        }
                        Some("MAIL") if !taken.is_empty() => "503 5.5.1 there is a letter already",
                        Some("MAIL") => {
                            begun += 1;
                            told("again").filter(|_| begun > 1).unwrap_or("250 well")
                        }
                        Some("RSET") => {
                            taken.clear();
                            "250 well"
                        }
                        _ => "250 well",
                    };
                    if answer.is_empty() {
                        is_silent.notify_one();
                        continue;
                    }
                    // Whoever has hung up has read enough.
                    _ = answers.write_all(format!("{answer}\r\n").as_bytes());
                    if answer.starts_with("421") {
                        break;
                    }
                }
            }
        });
        Self { port, says, silent, came }
    }

    pub(super) fn says(&self, what: &'static str, of: &'static str) {
        self.says.lock().unwrap().insert(of, what);
    }

    pub(super) fn is_well(&self, what: &str) {
        self.says.lock().unwrap().remove(what);
    }

    /// To whom each letter went since.
    pub(super) fn came(&self) -> Vec<Vec<String>> {
        self.came.try_iter().collect()
    }

    pub(super) fn ready(&self, to: &str) -> Ready {
        self.ready_by(to, Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH))
    }

    /// The same, by a clock that goes on for another.
    pub(super) fn ready_by(&self, to: &str, clock: Clock) -> Ready {
        let ready = Ready::new(&Config { port: Some(self.port), to: to.parse().unwrap(), ..config() }).unwrap();
        ready.begin(clock);
        ready
    }
}

/// Lets so much time pass at once.
pub(super) async fn passes(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
