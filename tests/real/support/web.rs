//! A real served web: a listener on loopback, a memory for evidence, and the hands that the daemon would have.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use siaga::clock::Clock;
use siaga::domain::doing::Doings;
use siaga::domain::record::Series;
use siaga::domain::sheet::{Item, SheetWish, Unwritten, Written};
use siaga::domain::{
    Actor, CheckSpec, Component, ForeignAlert, Granted, Handling, Lang, Margins, Notice, Past, Session, Silence,
    Snapshot, Story, TakenAlerts, Told, Wanted, Wish,
};
use siaga::engine::agenda::slot::Planned;
use siaga::engine::agenda::{Agenda, Lengths};
use siaga::web::acts::{Acknowledgement, Acts, Attempt, Choices, Declined, How, Line, NotReloaded, Ordered, Waiting};
use siaga::web::own::{Keeping, Telling};
use siaga::web::{
    self, Bookings, Door, Evidence, History, Holder, Inbound, Info, Mark, NoEntry, Own, OwnHealth, PastIncident,
    Reloaded, State, Stored, SurveyForm, Surveyed, Surveys, Unadmitted, Unshown, Voice,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::snapshot::{AT, QUANTITIES, REASONS};

/// Evidence in memory: as long as the process, and no more rows than it is told.
pub(crate) struct Memory {
    rows: Mutex<Vec<Stored>>,
    room_for: usize,
    pub closed: Vec<PastIncident>,
}

impl Memory {
    pub(crate) fn new(room_for: usize) -> Self {
        Self { rows: Mutex::default(), room_for, closed: Vec::new() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

impl Evidence for Memory {
    fn put(&self, question: Value, snapshot_seq: u64, answer: Value) -> BoxFuture<'_, Result<String, String>> {
        async move {
            let mut rows = self.rows.lock().unwrap();
            if let Some(same) = rows.iter().find(|row| row.question == question && row.snapshot_seq == snapshot_seq) {
                return Ok(same.id.clone());
            }
            if rows.len() >= self.room_for {
                return Err("no room for more evidence".to_owned());
            }
            let id = format!("e{}", rows.len() + 1);
            rows.push(Stored { id: id.clone(), question, answer, snapshot_seq });
            Ok(id)
        }
        .boxed()
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Stored>, String>> {
        async move { Ok(self.rows.lock().unwrap().iter().find(|row| row.id == id).cloned()) }.boxed()
    }

    fn closed_incidents(&self, limit: usize) -> BoxFuture<'_, Result<Vec<PastIncident>, String>> {
        async move { Ok(self.closed.iter().take(limit).cloned().collect()) }.boxed()
    }

    fn past(&self, _: Wanted, _: Duration) -> BoxFuture<'_, Result<Past, String>> {
        let nothing = if self.room_for == 0 { Err("no room".to_owned()) } else { Ok(Past::default()) };
        async move { nothing }.boxed()
    }
}

/// An agenda that was read and is empty, and in which nothing can be booked: the real one has tests of its own (`sessions`).
struct Diary(Agendas);

/// What a test may put into it.
pub(crate) type Agendas = Arc<Mutex<Arc<Agenda>>>;

impl Diary {
    fn empty() -> Self {
        let margins = Margins { set_up: Duration::from_mins(15), tear_down: Duration::from_mins(15) };
        let lengths = Lengths { preflight: Duration::from_mins(150), wrap_up: Duration::from_mins(30) };
        let mut agenda = Agenda::new(margins, lengths);
        agenda.learn([], []);
        Self(Arc::new(Mutex::new(Arc::new(agenda))))
    }
}

impl Bookings for Diary {
    fn agenda(&self) -> Arc<Agenda> {
        Arc::clone(&self.0.lock().unwrap())
    }

    fn planned(&self, _: jiff::Timestamp, _: jiff::Timestamp) -> Vec<Planned> {
        Vec::new()
    }

    fn feeds(&self) -> Vec<siaga::web::bookings::Feed> {
        Vec::new()
    }

    fn follows(&self, _: &str) -> bool {
        false
    }

    fn receivers(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn wish(&self, _: Option<Actor>, _: Wish, _: Option<Notice>) -> BoxFuture<'_, Result<Granted, String>> {
        async move { Err("nothing is booked here".to_owned()) }.boxed()
    }

    fn sessions(
        &self,
        _: (jiff::Timestamp, jiff::Timestamp),
        _: Option<siaga::domain::session::Place>,
        _: u32,
    ) -> BoxFuture<'_, Result<Vec<Session>, String>> {
        async move { Ok(Vec::new()) }.boxed()
    }

    fn notices(&self, _: Vec<(Arc<str>, Timestamp)>) -> BoxFuture<'_, Result<Vec<Notice>, String>> {
        async move { Ok(Vec::new()) }.boxed()
    }

    fn hand_checks(&self) -> Arc<[Item]> {
        Arc::from([])
    }

    fn sheet<'a>(&'a self, _: &'a Session) -> BoxFuture<'a, Result<Written, String>> {
        async move { Ok(Written::default()) }.boxed()
    }

    fn note(&self, _: Actor, _: SheetWish, _: Timestamp) -> BoxFuture<'_, Result<Result<(), Unwritten>, String>> {
        async move { Err("nothing is written here".to_owned()) }.boxed()
    }

    fn minutes(&self, _: (Timestamp, Timestamp)) -> BoxFuture<'_, Result<(Vec<Series>, bool), String>> {
        async move { Ok((Vec::new(), false)) }.boxed()
    }

    fn session<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Session>, String>> {
        async move { Ok(None) }.boxed()
    }

    fn report<'a>(
        &'a self,
        _: &'a str,
        _: siaga::web::bookings::Form,
    ) -> BoxFuture<'a, Result<Option<String>, String>> {
        async move { Ok(None) }.boxed()
    }
}

impl Surveys for Forgetful {
    fn newest(&self, _: usize) -> BoxFuture<'_, Result<(Vec<Surveyed>, usize), String>> {
        async { Ok((Vec::new(), 0)) }.boxed()
    }

    fn there(&self, _: Vec<String>) -> BoxFuture<'_, Result<HashSet<String>, String>> {
        async { Ok(HashSet::new()) }.boxed()
    }

    fn open<'a>(&'a self, _: &'a str, _: SurveyForm) -> BoxFuture<'a, Result<Option<String>, Unshown>> {
        async { Ok(None) }.boxed()
    }
}

/// Who remembers nothing: what is remembered has tests before the real daemon (`pages`).
pub(crate) struct Forgetful;

impl History for Forgetful {
    fn story<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Story>, String>> {
        async { Ok(None) }.boxed()
    }

    fn radio(&self, _: u32) -> BoxFuture<'_, Result<Vec<Told>, String>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn steps<'a>(
        &'a self,
        _: &'a CheckSpec,
        _: (Timestamp, Timestamp),
        _: i64,
        _: bool,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Series>, String>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

/// A door at which nobody is known.
pub(crate) struct Shut;

impl Door for Shut {
    fn admit<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Holder, Unadmitted>> {
        async { Err(Unadmitted::Unknown) }.boxed()
    }

    fn still(&self, _: Mark) -> BoxFuture<'_, Result<Holder, Unadmitted>> {
        async { Err(Unadmitted::Unknown) }.boxed()
    }

    fn ends(&self) -> Vec<Timestamp> {
        Vec::new()
    }
}

/// A room that takes no alerts of others.
struct Nobody;

impl Inbound for Nobody {
    fn admits<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<(), NoEntry>> {
        async { Err(NoEntry::Closed) }.boxed()
    }

    fn take(&self, _: Vec<ForeignAlert>) -> BoxFuture<'_, Result<TakenAlerts, String>> {
        async { Err("nobody takes them".to_owned()) }.boxed()
    }
}

/// Hands that carry out nothing, since nobody is known who might order anything; how a reload ends the test says.
pub(crate) struct Idle {
    reload: mpsc::Sender<oneshot::Sender<Result<Waiting, String>>>,
}

impl Acts for Idle {
    fn acknowledge(&self, _: Actor, _: String, _: How, _: Lang) -> BoxFuture<'_, Result<(), Declined>> {
        async { Err(Declined::Unable("idle".to_owned())) }.boxed()
    }

    fn silence(
        &self,
        _: Actor,
        _: Option<Component>,
        _: String,
        _: Timestamp,
        _: Lang,
    ) -> BoxFuture<'_, Result<(Silence, bool), Declined>> {
        async { Err(Declined::Unable("idle".to_owned())) }.boxed()
    }

    fn end_silence(&self, _: Actor, _: String, _: Lang) -> BoxFuture<'_, Result<(), Declined>> {
        async { Err(Declined::Unable("idle".to_owned())) }.boxed()
    }

    fn evaluate(
        &self,
        _: Actor,
        _: String,
        _: String,
        _: Option<String>,
        _: Lang,
    ) -> BoxFuture<'_, Result<i64, Declined>> {
        async { Err(Declined::Unable("idle".to_owned())) }.boxed()
    }

    fn test_alert(&self, _: Actor, _: Vec<String>, _: Lang) -> BoxFuture<'_, Vec<Attempt>> {
        async { Vec::new() }.boxed()
    }

    fn carry_out(&self, _: Actor, _: Ordered, _: Lang) -> BoxFuture<'_, Vec<Line>> {
        async { Vec::new() }.boxed()
    }

    fn choices(&self, _: Lang) -> Choices {
        Choices::default()
    }

    fn turn_away(&self, _: Actor, _: &'static str, _: String) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn reload(&self, _: Option<Actor>) -> BoxFuture<'_, Result<Waiting, NotReloaded>> {
        async {
            let (asker, outcome) = oneshot::channel();
            self.reload.try_send(asker).map_err(|_| NotReloaded::Untold)?;
            outcome.await.map_or(Err(NotReloaded::Untold), |outcome| outcome.map_err(NotReloaded::Refused))
        }
        .boxed()
    }

    fn acknowledged(&self, _: Vec<String>) -> BoxFuture<'_, Result<HashMap<String, Vec<Acknowledgement>>, String>> {
        async { Ok(HashMap::new()) }.boxed()
    }

    fn authors(&self, _: Vec<String>) -> BoxFuture<'_, Result<HashMap<String, String>, String>> {
        async { Ok(HashMap::new()) }.boxed()
    }
}

/// How the daemon says it is itself; a test may change its mind.
pub(crate) struct Said(pub Mutex<Own>);

impl OwnHealth for Said {
    fn now(&self) -> Own {
        self.0.lock().unwrap().clone()
    }
}

/// A daemon that keeps everything, and has one receiver that once failed.
fn own() -> Own {
    let telling = Telling {
        delivered: 3,
        failed: vec![("timeout", 0), ("unavailable", 2)],
        given_up: vec![("refused", 1), ("too_old", 0)],
        last_delivered_at: Some(AT.parse().unwrap()),
        waiting: 2,
        oldest_waiting_at: Some(AT.parse().unwrap()),
    };
    Own {
        store: Keeping { healthy: true, waiting: 2, dropped: 0, set_aside: None, removed: 0 },
        receivers: BTreeMap::from([("staf".into(), telling), ("siaga_malam".into(), Telling::default())]),
        withheld: vec![("settling", 4), ("no_news", 0)],
        pushed_today: BTreeMap::new(),
        pushing: None,
    }
}

/// A served room.
pub(crate) struct Served {
    pub address: SocketAddr,
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    pub voice: watch::Sender<Arc<Voice>>,
    pub reloaded: watch::Sender<Reloaded>,
    pub reloads: Option<mpsc::Receiver<oneshot::Sender<Result<Waiting, String>>>>,
    pub memory: Arc<Memory>,
    pub own: Arc<Said>,
    pub doing: watch::Sender<Arc<Doings>>,
    pub handling: watch::Sender<Arc<Handling>>,
    pub agenda: Agendas,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// How the hand-made room speaks.
pub(crate) fn voice() -> Voice {
    Voice {
        hosts: siaga::web::Hosts::default(),
        open_to: siaga::domain::OpenTo::Everyone,
        title: "Ruang Rapat <1>".to_owned(),
        lang: Lang::Id,
        zone: TimeZone::get("Asia/Pontianak").expect("the zone database is installed (Debian package tzdata)"),
        agreed: siaga::engine::past::ledger::Agreed::default(),
        remedies: BTreeMap::new(),
        settings: Arc::default(),
    }
}

/// Serves a snapshot on a free port of loopback.
pub(crate) async fn serve(snapshot: Arc<Snapshot>) -> Served {
    serve_with(snapshot, Memory::new(100)).await
}

/// Serves a snapshot with this memory for evidence.
pub(crate) async fn serve_with(snapshot: Arc<Snapshot>, memory: Memory) -> Served {
    // The client refuses to be made without a provider, even for plain HTTP. A second call finds one there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let wall = AT.parse().unwrap();
    let (snapshot, snapshots) = watch::channel(snapshot);
    let (voice, voices) = watch::channel(Arc::new(voice()));
    let (reloaded, reloadeds) = watch::channel(Reloaded { ok: true, newest: true, at: wall });
    let (reload, reloads) = mpsc::channel(1);
    let (doing, doings) = watch::channel(Arc::default());
    let (handling, handlings) = watch::channel(Arc::default());
    let diary = Diary::empty();
    let agenda = Arc::clone(&diary.0);
    let memory = Arc::new(memory);
    let own = Arc::new(Said(Mutex::new(own())));
    let state = State {
        snapshot: snapshots,
        clock: Clock::on_tokio_time(wall),
        evidence: Arc::clone(&memory) as Arc<dyn Evidence>,
        booked_evidence: Arc::clone(&memory) as Arc<dyn Evidence>,
        history: Arc::new(Forgetful),
        surveys: Arc::new(Forgetful),
        bookings: Arc::new(diary),
        inbound: Arc::new(Nobody),
        voice: voices,
        reloaded: reloadeds,
        own: Arc::clone(&own) as Arc<dyn OwnHealth>,
        door: Arc::new(Shut),
        acts: Arc::new(Idle { reload }),
        staff: Arc::default(),
        crowd: Arc::default(),
        tls: watch::channel(None).1,
        handling: handlings,
        doing: doings,
        info: Arc::new(Info { version: "0.0.0-test", quantities: QUANTITIES.to_vec(), reasons: REASONS.to_vec() }),
    };
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        // A dropped sender is a stop too.
        let _ = stopped.await;
    };
    let server = tokio::spawn(web::run(listener, state, shutdown));
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    Served {
        address,
        snapshot,
        voice,
        reloaded,
        reloads: Some(reloads),
        memory,
        own,
        doing,
        handling,
        agenda,
        client,
        stop: Some(stop),
        server,
    }
}

/// A whole answer.
pub(crate) struct Got {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.ask(self.client.get(self.url(path))).await
    }

    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> Got {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Got { status, headers, text: response.text().await.unwrap() }
    }

    /// Stops the server and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(Duration::from_secs(10), self.server).await.expect("the server ends").unwrap().unwrap();
    }
}
