//! Pages that are open stay true by themselves, or say that they are not: in a real browser, before the real daemon, with many who look.
//! Debian package: `chromium`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::process::Signal;
use siaga::domain::Snapshot;
use tokio::sync::watch;

use super::support::browser::Browser;
use super::support::child::{PATIENCE, wait_until};
use super::support::daemon::{Daemon, room};
use super::support::snapshot::{good, room as made_of, troubled};
use super::support::web::serve;

/// A served web that runs on a thread of its own, so that a test may wait for a browser meanwhile.
pub(crate) struct Beside {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) snapshot: watch::Sender<Arc<Snapshot>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Beside {
    pub(crate) fn serve(snapshot: Arc<Snapshot>) -> Self {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let served = serve(snapshot).await;
                tell.send((served.address, served.snapshot.clone())).unwrap();
                _ = stopped.await;
                served.stop().await;
            });
        });
        let (address, snapshot) = told.recv_timeout(PATIENCE).unwrap();
        Self { address, snapshot, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn stop(mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(crate) fn browser() -> Browser {
    Browser::start(Command::new("sh"), tempfile::tempdir().unwrap(), &[], "<title>begin</title>")
}

/// Goes to a page, and waits until it has heard that it is true.
pub(crate) fn go(browser: &mut Browser, page: &str) {
    // The page that is left may have the same address, and be live.
    browser.look(&format!("window.left = true; location.href = {page:?}"));
    let there = format!(
        "window.left === undefined && location.href == {page:?} && document.readyState == 'complete' \
         && document.documentElement.className"
    );
    wait_until(|| browser.look(&there) == "live");
    // What is not loaded anew keeps this.
    browser.look("window.kept = 1");
}

pub(crate) const GONE: &str = "document.documentElement.classList.contains('gone')";

#[test]
fn a_change_arrives_on_the_page_and_on_the_wall_without_loading_them_anew() {
    let web = Beside::serve(troubled().build());
    let mut browser = browser();
    for path in ["/?lang=id", "/kiosk?lang=id"] {
        web.snapshot.send_replace(troubled().build());
        go(&mut browser, &format!("http://{}{path}", web.address));
        let said = |browser: &mut Browser, words: &str| {
            browser.wait_for(&format!("document.querySelector('h1')?.innerText.includes({words:?})"));
            assert_eq!(browser.look("window.kept"), 1, "{path} was loaded anew");
        };
        said(&mut browser, "Tidak siap: kamera meja tidak terpasang");
        browser.look("document.querySelector('main section a, body.kiosk main a').focus()");
        let focused = browser.look("document.activeElement.getAttribute('href')");
        web.snapshot.send_replace(made_of(good()).build());
        said(&mut browser, "Siap: semua yang diperlukan berfungsi");
        assert_eq!(
            browser.look("document.getElementById('said').innerText"),
            "✓ Siap: semua yang diperlukan berfungsi"
        );
        assert_eq!(
            browser.look("document.activeElement.getAttribute('href')"),
            focused,
            "{path}: where somebody is by keyboard"
        );
        assert_eq!(browser.look("document.title.includes('Siap: semua')"), true);
        assert_eq!(browser.look(GONE), false);
    }
    go(&mut browser, &format!("http://{}/?lang=id", web.address));
    let age = "[...document.querySelectorAll('[data-age]')].map(one => one.innerText).join()";
    let before = browser.look(age);
    assert!(before.as_str().unwrap().contains("yang lalu"), "{before}");
    // Nothing measures here: the age counts on by itself.
    wait_until(|| browser.look(age) != before);
    web.stop();
    browser.wait_for(GONE);
}

#[test]
fn the_kind_of_meeting_above_the_page_is_the_one_that_the_page_is_of() {
    let web = Beside::serve(made_of(good()).build());
    let mut browser = browser();
    go(&mut browser, &format!("http://{}/?lang=id", web.address));
    let above = "document.querySelector('header').innerText";
    assert!(browser.look(above).as_str().unwrap().contains("Jenis rapat: Rapat rapat"));
    let mut other = (*made_of(good()).build()).clone();
    other.current = 1;
    web.snapshot.send_replace(Arc::new(other));
    browser.wait_for(&format!("{above}.includes('Jenis rapat: Rapat simak')"));
    assert_eq!(browser.look("window.kept"), 1);
    web.stop();
}

#[test]
fn what_is_refused_takes_no_pages_place_and_what_is_there_no_more_is_not_asked_for_at_each_beat() {
    let web = Beside::serve(troubled().build());
    let mut browser = browser();
    go(&mut browser, &format!("http://{}/incidents?lang=id", web.address));
    let heading = "document.querySelector('h1').innerText";
    // An address that takes forms alone.
    browser.look("history.replaceState(null, '', '/incidents/x/ack')");
    web.snapshot.send_replace(made_of(good()).build());
    browser.wait_for(GONE);
    assert_eq!(browser.look(heading), "Gangguan");
    browser.look("history.replaceState(null, '', '/incidents?lang=id')");
    wait_until(|| browser.look(GONE) == false);
    assert_eq!(browser.look(heading), "Gangguan");
    // One where there is nothing is told once, until something changes.
    browser.look("history.replaceState(null, '', '/nowhere?lang=id')");
    web.snapshot.send_replace(troubled().build());
    browser.wait_for(&format!("{heading} == 'Halaman ini tidak ada.'"));
    browser.look("window.beats = 0; new EventSource('/events').onmessage = () => { window.beats += 1 }");
    wait_until(|| browser.look("window.beats").as_u64() >= Some(4));
    let asked = "performance.getEntriesByType('resource').filter(one => one.name.includes('/nowhere')).length";
    // A beat that comes while it is fetched has it fetched once more.
    assert!(browser.look(asked).as_u64() <= Some(2));
    assert_eq!((browser.look(GONE), browser.look("window.kept")), (false.into(), 1.into()));
    web.stop();
}

#[test]
fn a_page_that_cannot_be_renewed_at_its_pace_says_so_by_a_clock_that_was_set_back_too() {
    let web = Beside::serve(troubled().build());
    let mut browser = browser();
    let page = format!("http://{}/incidents/video-20261124T022515Z?lang=id", web.address);
    for hours in [-1, 1] {
        go(&mut browser, &page);
        // Nothing changes in the room; the page is of an hour ago, or of a clock that was set back by one.
        let at = "document.documentElement.dataset.at";
        browser.look(&format!(
            "history.replaceState(null, '', '/incidents/x/ack'); {at} = Number({at}) + {hours} * 3600e3"
        ));
        let before = browser.look(at);
        browser.wait_for(GONE);
        let told = browser.look("document.getElementById('gone').innerText");
        assert!(told.as_str().unwrap().contains("Sambungan ke Siaga terputus"), "{told}");
        browser.look(&format!("history.replaceState(null, '', {page:?})"));
        wait_until(|| browser.look(GONE) == false);
        assert_ne!(browser.look(at), before, "{hours}");
        assert_eq!(
            (browser.look("window.kept"), browser.look("document.getElementById('gone').innerText")),
            (1.into(), "".into())
        );
    }
    web.stop();
}

#[test]
fn what_somebody_writes_is_spared_and_they_are_told_that_the_rest_has_changed() {
    let web = Beside::serve(troubled().build());
    let mut browser = browser();
    go(&mut browser, &format!("http://{}/incidents/video-20261124T022515Z?lang=id", web.address));
    let heading = "document.querySelector('h1').innerText";
    let was = browser.look(heading);
    browser.look("document.querySelector('#token').value = 'abc'");
    web.snapshot.send_replace(made_of(good()).build());
    browser.wait_for(GONE);
    let told = browser.look("document.getElementById('gone').innerText");
    assert!(told.as_str().unwrap().starts_with("Selama ada yang diisi, halaman ini tidak diperbarui."), "{told}");
    assert_eq!((browser.look("document.querySelector('#token').value"), browser.look(heading)), ("abc".into(), was));
    // Nothing is written any more: it is how it is again.
    browser.look("document.querySelector('#token').value = ''");
    browser.wait_for("document.querySelector('h1').innerText == 'Tidak ada gangguan dengan id itu'");
    assert_eq!((browser.look(GONE), browser.look("window.kept")), (false.into(), 1.into()));
    assert_eq!(browser.look("document.getElementById('gone').innerText"), "");
    web.stop();
}

/// From now on the page keeps by how much the browser's own clock was late at most: a machine without a turn for it.
const LATE: &str = "(() => { window.late = 0; let was = Date.now(); \
    window.clock ??= setInterval(() => { const now = Date.now(); window.late = Math.max(window.late, now - was - 50); was = now }, 50) })()";

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a deadline of the page's that people rely on, by the machine's own clock"
)]
fn within_five_seconds_a_page_says_that_the_daemon_is_gone_and_it_comes_back_by_itself() {
    let folder = room("");
    let daemon = Daemon::start(folder.path());
    let mut browser = browser();
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() * 1e3;
    for path in ["/?lang=id", "/kiosk?lang=en"] {
        go(&mut browser, &format!("http://{}{path}", daemon.address()));
        browser.look(
            "new MutationObserver(() => { window.turned = Date.now() }).observe(document.documentElement, { attributeFilter: ['class'] })",
        );
        let was = browser.look("document.getElementById('gone').innerText");
        assert_eq!(was, "");
        browser.look(LATE);
        let stopped = now();
        daemon.signal(Signal::STOP);
        browser.wait_for(GONE);
        let [turned, late] = ["window.turned", "window.late"].map(|what| browser.look(what).as_f64().unwrap());
        assert!(turned - stopped <= 5000.0 + late, "{path}: it took {} ms, {late} late", turned - stopped);
        let told = browser.look("document.getElementById('gone').innerText");
        let words =
            if path.ends_with("id") { "Sambungan ke Siaga terputus" } else { "The connection to Siaga is lost" };
        assert!(told.as_str().unwrap().contains(words), "{told}");
        let colours = "new Set([...document.querySelectorAll('.ready, .degraded, .not_ready, .unknown')].map(one => getComputedStyle(one).color)).size";
        assert_eq!(browser.look(colours), 1, "whatever it said is grey");
        daemon.signal(Signal::CONT);
        wait_until(|| browser.look(GONE) == false);
        assert_eq!(browser.look("document.getElementById('gone').innerText"), "");
        assert_eq!(browser.look("window.kept"), 1, "{path} was loaded anew");
    }
    let stopped = now();
    daemon.kill();
    browser.wait_for(GONE);
    let [turned, late] = ["window.turned", "window.late"].map(|what| browser.look(what).as_f64().unwrap());
    assert!(turned - stopped <= 5000.0 + late, "it took {} ms, {late} late", turned - stopped);
}

/// A listener that has asked and read nothing yet.
pub(crate) fn listen(daemon: &Daemon) -> TcpStream {
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", daemon.address()).unwrap();
    stream
}

#[test]
fn two_hundred_listen_at_once_and_one_that_takes_nothing_delays_neither_them_nor_the_end() {
    let folder = room("");
    let daemon = Daemon::start(folder.path());
    let idle = listen(&daemon);
    let streams: Vec<_> = (0..200).map(|_| listen(&daemon)).collect();
    let mut readers: Vec<_> = streams.iter().map(|stream| BufReader::new(stream.try_clone().unwrap())).collect();
    for _ in 0..2 {
        for reader in &mut readers {
            let mut line = String::new();
            while !line.starts_with("data: ") {
                line.clear();
                assert!(reader.read_line(&mut line).unwrap() > 0, "a stream ended");
                assert!(!line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.1 200"), "{line}");
            }
            let beat: serde_json::Value = serde_json::from_str(line.trim_start_matches("data: ")).unwrap();
            assert!(beat["looks"].is_string() && beat["clock"]["id"].as_str().unwrap().starts_with("pukul "), "{beat}");
        }
    }
    // Others are answered, and beyond what fits somebody is told so.
    assert_eq!(daemon.get("/-/healthy").status, 200);
    let more: Vec<_> = (0..24).map(|_| listen(&daemon)).collect();
    let mut told = String::new();
    wait_until(|| {
        let mut stream = listen(&daemon);
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        told = String::from_utf8_lossy(&head).into_owned();
        told == "HTTP/1.1 503"
    });
    drop(more);
    daemon.stop();
    for reader in &mut readers {
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with("\r\n0\r\n\r\n"), "open streams end with the daemon: {rest:?}");
    }
    drop((idle, streams));
}
