//! Whoever takes pushes in these tests: the real Prometheus, which can be frozen and ended, and a server that answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::child;
use crate::support::daemon::{Answer, PATIENCE, send};

/// A Prometheus that takes what is pushed, ended with its handle. What it keeps is in the folder that it is given.
pub(super) struct Prometheus {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A port that nobody has: a Prometheus cannot be told to take any free port and say which.
pub(super) fn free_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, child::free_port()).into()
}

impl Prometheus {
    /// Starts one at `address` and waits until it takes pushes.
    pub(super) fn start(home: &Path, address: SocketAddr) -> Self {
        std::fs::write(home.join("prometheus.yml"), "global: {}\n").unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", home.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--web.enable-remote-write-receiver", "--log.level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is there (Debian package prometheus)");
        let it = Self { child, address };
        it.wait("/-/ready", |answer| answer.status == 200);
        it
    }

    /// Where it takes pushes.
    pub(super) fn url(&self) -> String {
        url(self.address)
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks until the answer is good.
    #[allow(clippy::disallowed_methods, reason = "a test's own deadline")]
    pub(super) fn wait(&self, path: &str, mut good: impl FnMut(&Answer) -> bool) -> Answer {
        let began = std::time::Instant::now();
        loop {
            let answer = send(self.address, "GET", path, "", "");
            if let Ok(answer) = &answer
                && good(answer)
            {
                return answer.clone();
            }
            assert!(began.elapsed() < PATIENCE, "{path}: not within {PATIENCE:?}: {answer:?}");
            // The pace of asking, not a way to synchronise.
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
    }

    fn ask(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", encoded(query));
        let answer: Value = send(self.address, "GET", &path, "", "").unwrap().json();
        answer["data"]["result"].as_array().cloned().unwrap_or_else(|| panic!("{query}: {answer}"))
    }

    /// What is so now of the series that a selector chooses, by its labels: one that has ended is not among them.
    pub(super) fn now(&self, selector: &str) -> BTreeMap<String, f64> {
        let series = self
            .ask(selector)
            .into_iter()
            .map(|series| (series["metric"].to_string(), series["value"][1].as_str().unwrap().parse().unwrap()));
        series.collect()
    }

    /// Every sample of the series that a selector chooses, by its labels: moment in ms since 1970, and value as it is said. Those that
    /// have ended are among them.
    pub(super) fn samples(&self, selector: &str) -> BTreeMap<String, Vec<(i64, String)>> {
        let result = self.ask(&format!("{selector}[1h]"));
        let series = result.iter().map(|series| {
            let values = series["values"].as_array().unwrap().iter().map(|pair| {
                #[allow(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
                let at = (pair[0].as_f64().unwrap() * 1000.0).round() as i64;
                (at, pair[1].as_str().unwrap().to_owned())
            });
            (series["metric"].to_string(), values.collect())
        });
        series.collect()
    }

    /// The moments of the one series that a selector chooses.
    pub(super) fn moments(&self, selector: &str) -> Vec<i64> {
        let all = self.samples(selector);
        assert!(all.len() <= 1, "{all:?}");
        all.into_values().flatten().map(|(at, _)| at).collect()
    }
}

fn encoded(query: &str) -> String {
    query
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

pub(super) fn url(address: SocketAddr) -> String {
    format!("http://{address}/api/v1/write")
}

/// A push as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) at: std::time::Instant,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A status, and what `Retry-After` says with it.
type Reply = (u16, Option<&'static str>);

/// A server that answers as it is told, then with 204, and remembers everything.
#[derive(Clone, Default)]
pub(super) struct Told {
    answers: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Arrival>>>,
}

impl Told {
    /// Answers so, each with a `Retry-After` or without.
    pub(super) fn answering(answers: &[Reply]) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), ..Self::default() }
    }

    pub(super) fn answer(&self, answers: &[Reply]) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// Serves on a thread of its own until the test ends.
    pub(super) fn serve(&self) -> SocketAddr {
        let (told, listener) = (self.clone(), TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let take = move |headers: HeaderMap, body: Bytes| async move { told.take(headers, body) };
                let router = axum::Router::new().route("/api/v1/write", axum::routing::post(take));
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        address
    }

    #[allow(clippy::disallowed_methods, reason = "when a push came, for the test alone")]
    fn take(&self, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, &'static str) {
        let (status, wish) = self.answers.lock().unwrap().pop_front().unwrap_or((204, None));
        self.seen.lock().unwrap().push(Arrival { at: std::time::Instant::now(), status, headers, body });
        let mut answer = HeaderMap::new();
        if let Some(wish) = wish {
            answer.insert("retry-after", wish.parse().unwrap());
        }
        (StatusCode::from_u16(status).unwrap(), answer, "the receiver's words")
    }

    pub(super) fn seen(&self) -> Vec<Arrival> {
        self.seen.lock().unwrap().clone()
    }
}
