//! The outbox and the webhook against a real HTTP server that fails, dawdles, dies and comes back.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use siaga::clock::Clock;
use siaga::config::{Config, Source};
use siaga::domain::{GiveUp, Notification, Outbox as _};
use siaga::notify::stats::Counts;
use siaga::notify::{Failure, Poke, Receiver, Schedule, Stats, deliver};
use siaga::store::{Batch, Catalogue, Claim, Retention, Store};
use tokio::task::JoinHandle;

const CATALOGUE: Catalogue = Catalogue { reason: |_| None, quantity: |_| None };
const QUICK: Schedule = Schedule {
    first: Duration::from_millis(10),
    longest: Duration::from_millis(80),
    too_old: Duration::from_hours(24),
    at_least: 3,
};

/// What a server does with one request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Status(u16),
    /// It takes the message and never answers.
    Silence,
    Redirect(u16, &'static str),
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) key: String,
    signature: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// A server of a test: answers as told, then with 204, and remembers everything.
#[derive(Clone, Default)]
pub(crate) struct Far {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Arrival>>>,
    taken: Arc<Mutex<Vec<Arrival>>>,
}

impl Far {
    fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    /// Everything that came, also what was refused.
    pub(crate) fn seen(&self) -> Vec<Arrival> {
        self.seen.lock().unwrap().clone()
    }

    /// The keys of what was answered with success, in order.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|one| one.key.clone()).collect()
    }

    async fn answer(self, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let arrival = Arrival {
            key: text("idempotency-key").unwrap_or_default(),
            signature: text("x-siaga-signature"),
            authorization: text("authorization"),
            path: uri.path().to_owned(),
            body,
        };
        self.seen.lock().unwrap().push(arrival.clone());
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(204));
        match answer {
            Answer::Silence => std::future::pending().await,
            Answer::Redirect(status, to) => {
                (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, to)]).into_response()
            }
            Answer::Status(status) => {
                if (200..300).contains(&status) {
                    self.taken.lock().unwrap().push(arrival);
                }
                StatusCode::from_u16(status).unwrap().into_response()
            }
        }
    }

    /// Serves until the handle is aborted.
    pub(crate) fn serve(&self, at: SocketAddr) -> (SocketAddr, JoinHandle<()>) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // The port of a server that has just died is taken again at once.
        socket.set_reuseaddr(true).unwrap();
        socket.bind(at).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let far = self.clone();
        let app = axum::Router::new()
            .fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| far.clone().answer(uri, headers, body));
        (address, tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }))
    }
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Where a server is silent. Where one answers, nobody has to be quick.
const SHORT: &str = "timeout = '2s'";

pub(crate) fn receiver(name: &str, at: SocketAddr, more: &str) -> Receiver {
    let keys = format!("url = 'http://{at}/hook'\n{more}");
    receiver_of(name, "webhook", &keys)
}

/// A receiver of some kind, read as the daemon reads it.
pub(crate) fn receiver_of(name: &str, kind: &str, keys: &str) -> Receiver {
    let text = format!("[[receiver]]\nname = '{name}'\nkind = '{kind}'\n{keys}");
    let config = Config::parse(&Source::new("test", text)).unwrap_or_else(|problems| panic!("{problems}"));
    Receiver::new(&config.receivers[0])
}

pub(crate) fn notification(key: &str, receiver: &str) -> Notification {
    let now = Clock::start().now().wall;
    Notification {
        key: key.into(),
        receiver: receiver.into(),
        incident: None,
        payload: format!(r#"{{"id":"{key}"}}"#).into(),
        created_at: now,
        attempts: 0,
        next_attempt_at: now,
    }
}

fn open(folder: &Path) -> Store {
    Store::open(Claim::take(folder).unwrap(), Clock::start(), Retention::default(), CATALOGUE)
}

/// Waits until `done`; panics with `what` and the state after half a minute.
pub(crate) async fn until<T: std::fmt::Debug>(what: &str, state: impl Fn() -> T, done: impl Fn(&T) -> bool) -> T {
    for _ in 0..3000 {
        let now = state();
        if done(&now) {
            return now;
        }
        // A poll, not a synchronisation: nothing rests on its length.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never {what}: {:?}", state());
}

/// A store with a deliverer on it.
pub(crate) struct Rig {
    pub(crate) store: Store,
    pub(crate) poke: Poke,
    stats: Stats,
    task: JoinHandle<()>,
}

impl Rig {
    pub(crate) async fn start(folder: &Path, receivers: Vec<Receiver>) -> Self {
        Self::start_by(folder, receivers, QUICK, Clock::start()).await
    }

    pub(crate) async fn start_by(folder: &Path, receivers: Vec<Receiver>, schedule: Schedule, clock: Clock) -> Self {
        let store = Store::open(Claim::take(folder).unwrap(), clock, Retention::default(), CATALOGUE);
        let (poke, stats) = (Poke::default(), Stats::default());
        store.restore().await.unwrap();
        let (outbox, pokes, counts) = (store.clone(), poke.clone(), stats.clone());
        let task = tokio::spawn(async move {
            deliver(outbox, receivers, schedule, clock, &pokes, counts).await;
        });
        Self { store, poke, stats, task }
    }

    async fn tell(&self, receiver: &str, keys: &[&str]) {
        for key in keys {
            let batch = Batch { notifications: vec![notification(key, receiver)], ..Batch::default() };
            self.store.record(batch).await.unwrap();
            self.poke.poke();
        }
    }

    pub(crate) async fn drained(&self) {
        let waiting = async || self.store.receivers().await;
        for _ in 0..3000 {
            if waiting().await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still waiting: {:?}; {:?}", waiting().await, self.stats.counts());
    }

    pub(crate) fn counts(&self) -> Counts {
        self.stats.counts()
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        _ = self.task.await;
        self.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_fails_and_dawdles_gets_everything_in_order_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::answering([
        Answer::Status(503),
        Answer::Status(429),
        Answer::Silence,
        Answer::Status(200),
        Answer::Status(500),
    ]);
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, SHORT)]).await;
    rig.tell("desk", &["a", "b", "c"]).await;
    rig.drained().await;
    assert_eq!(far.taken(), ["a", "b", "c"]);
    let keys: Vec<_> = far.seen().iter().map(|one| one.key.clone()).collect();
    assert_eq!(keys, ["a", "a", "a", "a", "b", "b", "c"], "those behind wait");
    assert!(far.seen().iter().all(|one| *one.body == *format!(r#"{{"id":"{}"}}"#, one.key).as_bytes()));
    assert!(far.seen().iter().all(|one| one.signature.is_none()));
    // The last one leaves the outbox before it is counted.
    let counts = until("counted", || rig.counts(), |counts| counts.receivers["desk"].delivered == 3).await;
    let desk = &counts.receivers["desk"];
    assert_eq!((desk.failed[&Failure::Unavailable], desk.failed[&Failure::Timeout]), (3, 1));
    rig.stop().await;
}

#[tokio::test]
async fn what_a_scheduler_chose_as_an_id_keeps_no_word_from_its_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::default();
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.tell("desk", &["session.rapat-é.65.confirmed.desk", "session.rapat-%C3%A9.65.confirmed.desk"]).await;
    rig.drained().await;
    let keys = ["session.rapat-%C3%A9.65.confirmed.desk", "session.rapat-%25C3%25A9.65.confirmed.desk"];
    assert_eq!(far.taken(), keys);
    assert!(far.seen()[0].body.starts_with(r#"{"id":"session.rapat-é."#.as_bytes()), "the document has it as it is");
    rig.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_gets_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::default();
    let (at, server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.tell("desk", &["a"]).await;
    rig.drained().await;
    server.abort();
    _ = server.await;
    rig.tell("desk", &["b", "c"]).await;
    let failed = |counts: &Counts| counts.receivers["desk"].failed.get(&Failure::Connect).copied() >= Some(2);
    until("refused twice", || rig.counts(), failed).await;
    assert_eq!(far.taken(), ["a"]);
    let (_, _server) = far.serve(at);
    rig.drained().await;
    assert_eq!(far.taken(), ["a", "b", "c"]);
    rig.stop().await;
}

#[tokio::test]
async fn the_signature_is_that_of_the_body_under_the_secret_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "a shared secret\n").unwrap();
    let far = Far::default();
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, &format!("secret_file = {secret:?}"))]).await;
    rig.tell("desk", &["a"]).await;
    rig.drained().await;
    let arrival = far.seen().remove(0);
    let signature = arrival.signature.unwrap();
    let hex = signature.strip_prefix("sha256=").unwrap();
    let tag: Vec<u8> = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a shared secret");
    ring::hmac::verify(&key, &arrival.body, &tag).unwrap();

    // The file goes away: nothing is sent unsigned, and what waits goes out when it is back.
    std::fs::remove_file(&secret).unwrap();
    rig.tell("desk", &["b"]).await;
    let failed = |counts: &Counts| counts.receivers["desk"].failed.contains_key(&Failure::Secret);
    until("failed for want of the secret", || rig.counts(), failed).await;
    assert_eq!(far.seen().len(), 1);
    std::fs::write(&secret, "a shared secret").unwrap();
    rig.drained().await;
    assert_eq!(far.taken(), ["a", "b"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_refusal_for_good_is_given_up_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::answering([Answer::Status(413), Answer::Status(200), Answer::Status(400)]);
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.tell("desk", &["a", "b", "c", "d"]).await;
    rig.drained().await;
    assert_eq!(far.taken(), ["b", "d"]);
    assert_eq!(far.seen().len(), 4, "a refusal is not asked twice");
    assert_eq!(rig.counts().receivers["desk"].given_up[&GiveUp::Refused], 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_set_up_anew_loses_nothing_whatever_it_answers_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let mut meanwhile = vec![Answer::Status(500)];
    meanwhile.extend([404, 410, 401, 403, 405].map(Answer::Status));
    meanwhile.extend([301, 302].map(|status| Answer::Redirect(status, "/login")));
    let far = Far::answering(meanwhile);
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.tell("desk", &["a", "b", "c"]).await;
    rig.drained().await;
    assert_eq!(far.taken(), ["a", "b", "c"]);
    let desk = &rig.counts().receivers["desk"];
    assert_eq!((desk.failed[&Failure::Denied], desk.failed[&Failure::Redirected]), (5, 2));
    assert!(desk.given_up.is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn what_is_too_old_is_given_up_but_not_before_it_was_tried_in_earnest() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::answering([Answer::Status(503); 3]);
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    // The first three are older than a day.
    let made_at = |hours: i64| Clock::start().now().wall - jiff::SignedDuration::from_hours(hours);
    let notifications = [("a", 72), ("b", 48), ("c", 25), ("d", 1)]
        .map(|(key, hours)| Notification { created_at: made_at(hours), ..notification(key, "desk") });
    rig.store.record(Batch { notifications: notifications.to_vec(), ..Batch::default() }).await.unwrap();
    rig.poke.poke();
    rig.drained().await;
    let keys: Vec<_> = far.seen().iter().map(|one| one.key.clone()).collect();
    assert_eq!(keys, ["a", "a", "a", "d"], "those behind it are as old, and to the same receiver");
    assert_eq!(far.taken(), ["d"]);
    assert_eq!(rig.counts().receivers["desk"].given_up[&GiveUp::TooOld], 3);
    // It is well: what a wall clock that has jumped makes old is sent.
    let old = Notification { created_at: made_at(25), ..notification("e", "desk") };
    rig.store.record(Batch { notifications: vec![old], ..Batch::default() }).await.unwrap();
    rig.poke.poke();
    rig.drained().await;
    assert_eq!(far.taken(), ["d", "e"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_dead_receiver_delays_no_other_and_one_that_the_config_forgot_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::default();
    let (at, _server) = far.serve(loopback());
    let silent = Far::answering(vec![Answer::Silence; 999]);
    let (dead, _silent) = silent.serve(loopback());
    let before = open(folder.path());
    let notifications = ["x", "y"].map(|key| notification(key, "gone")).to_vec();
    before.record(Batch { notifications, ..Batch::default() }).await.unwrap();
    before.close().await.unwrap();

    let rig = Rig::start(folder.path(), vec![receiver("dead", dead, SHORT), receiver("desk", at, "")]).await;
    rig.tell("dead", &["a", "b"]).await;
    rig.tell("desk", &["c", "d"]).await;
    until("delivered past the dead one", || far.taken(), |taken| *taken == ["c", "d"]).await;
    until(
        "given up",
        || rig.counts(),
        |counts| counts.receivers.get("gone").is_some_and(|gone| gone.given_up[&GiveUp::NoReceiver] == 2),
    )
    .await;
    // Its server has it a moment before the outbox knows.
    until("marked", || rig.counts(), |counts| counts.receivers["desk"].delivered == 2).await;
    assert_eq!(rig.store.receivers().await, ["dead".into()]);
    rig.stop().await;
}

#[tokio::test]
async fn what_was_not_delivered_before_the_end_is_delivered_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::answering([Answer::Status(200), Answer::Status(503), Answer::Silence]);
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, SHORT)]).await;
    rig.tell("desk", &["a", "b", "c"]).await;
    // Stopped while the far end is silent over the second attempt at "b".
    until("asked three times", || far.seen().len(), |seen| *seen == 3).await;
    rig.stop().await;
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.drained().await;
    assert_eq!(far.taken(), ["a", "b", "c"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_redirect_is_followed_only_where_the_message_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Far::default();
    let (other, _elsewhere) = elsewhere.serve(loopback());
    let away: &'static str = Box::leak(format!("http://{other}/hook").into_boxed_str());
    let far = Far::answering([
        Answer::Redirect(307, "/moved"),
        Answer::Status(204),
        Answer::Redirect(302, "/moved"),
        Answer::Redirect(308, away),
    ]);
    let (at, _server) = far.serve(loopback());
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.tell("desk", &["a", "b", "c"]).await;
    rig.drained().await;
    assert_eq!(far.taken(), ["a", "b", "c"], "what was sent away is tried again where the config says");
    let paths: Vec<_> = far.seen().iter().map(|one| (one.key.clone(), one.path.clone())).collect();
    let expected = [("a", "/hook"), ("a", "/moved"), ("b", "/hook"), ("b", "/hook"), ("b", "/hook"), ("c", "/hook")];
    assert_eq!(paths, expected.map(|(key, path)| (key.to_owned(), path.to_owned())));
    assert!(elsewhere.seen().is_empty(), "nothing goes to another host");
    assert_eq!(rig.counts().receivers["desk"].failed[&Failure::Redirected], 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_wall_clock_set_back_a_day_delays_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let far = Far::default();
    let (at, _server) = far.serve(loopback());
    // As a process left it whose wall clock ran a day ahead.
    let store = open(folder.path());
    let tomorrow = Timestamp::from_second(Clock::start().now().wall.as_second() + 86_400).unwrap();
    let late = Notification { created_at: tomorrow, next_attempt_at: tomorrow, ..notification("a", "desk") };
    store.record(Batch { notifications: vec![late], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    let rig = Rig::start(folder.path(), vec![receiver("desk", at, "")]).await;
    rig.drained().await;
    assert_eq!(far.taken(), ["a"]);
    rig.stop().await;
}
