//! What is being done now is shown while it is done, and no longer: on the room's page in a real browser, on the wall, for programs.
//! Debian package: `chromium`.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::json;

use super::live::{browser, go};
use super::sessions::{MINUTE, Scheduler, ahead, meeting};
use super::support::child::{PATIENCE, wait_until};
use super::support::daemon::{Daemon, room};
use super::tokens::{made, shows};

/// A far end that takes a connection and says nothing: a test of the line runs until it is let go.
struct Silent {
    port: u16,
    taken: Receiver<TcpStream>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (take, taken) = sync_channel(16);
        // It ends with the test's process.
        std::thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| take.send(stream)));
        Self { port, taken }
    }
}

const SHOWN: &str = "document.querySelector('[data-doing]')?.innerText || ''";

#[test]
fn a_test_that_runs_is_on_the_page_and_the_wall_and_for_programs_until_it_is_over() {
    let far_end = Silent::start();
    let folder = room(&format!(
        "[components]\ncomputer = {{ absent = true }}\naudio = {{ absent = true }}\nvideo = {{ absent = true }}\npower = {{ absent = true }}\n\
         radio = {{ absent = true }}\n[[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = \"http://127.0.0.1:{0}/\"\n\
         up_url = \"http://127.0.0.1:{0}/\"\nmin_gap = \"1h\"\ninterval = \"24h\"\n",
        far_end.port
    ));
    // The far end's silence is borne for 10 s. A browser that starts takes its time.
    let mut browser = browser();
    let daemon = Daemon::start(folder.path());
    let held = far_end.taken.recv_timeout(PATIENCE).unwrap();
    // For programs, and without a script.
    let running = daemon.get("/api/v1/running").json();
    let test = &running["tests"][0];
    assert_eq!(
        (&test["check"], &test["kind"], &test["component"], &test["step"]),
        (&json!("line"), &json!("bandwidth"), &json!("internet"), &json!({ "now": 1, "of": 2 })),
        "{running}"
    );
    let at = |name: &str| test[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(at("until").duration_since(at("since")).as_secs(), 35, "{running}");
    for (path, words) in [
        (
            "/?lang=id",
            ["Sedang dikerjakan", "Uji kecepatan internet: line", "paling lambat sampai pukul", "langkah 1 dari 2"],
        ),
        (
            "/?lang=en",
            ["Being done now", "Test of the internet&#39;s rate: line", "until at the latest", "step 1 of 2"],
        ),
        ("/kiosk?lang=id", ["Sedang dikerjakan", "Uji kecepatan internet: line", "waktu yang terpakai", "<progress "]),
    ] {
        let page = daemon.get(path).body;
        for word in words {
            assert!(page.contains(word), "{word:?} is not on {path}: {page}");
        }
    }
    go(&mut browser, &format!("http://{}/?lang=id", daemon.address()));
    assert_eq!(browser.look(SHOWN), "Uji kecepatan internet: line");
    let spent = "document.querySelector('progress').value";
    let before = browser.look(spent).as_f64().unwrap();
    // It counts on by itself.
    wait_until(|| browser.look(spent).as_f64().unwrap() > before + 0.4);
    assert_eq!(browser.look("document.querySelector('progress').max"), 35);
    // Nothing on the way to the first paint but the page itself.
    let waited = "performance.getEntriesByType('resource').filter(one => one.renderBlockingStatus != 'non-blocking').map(one => one.name).join()";
    assert_eq!(browser.look(waited), "");

    // The far end goes: the test is over, and so it is on the page, without loading it anew.
    drop(held);
    wait_until(|| browser.look(SHOWN) == "");
    assert_eq!(browser.look("document.querySelector('main').innerText.includes('Sedang dikerjakan')"), false);
    assert_eq!(browser.look("window.kept"), 1);
    assert_eq!(
        daemon.get("/api/v1/running").json(),
        json!({ "tests": [], "messages": [], "drill": null, "trials": [] })
    );

    // A trial of a run sheet, and nobody's name.
    let scheduler = Scheduler::of(folder.path());
    let booked = scheduler.send(
        &daemon,
        "PUT",
        "/api/v1/sessions/17",
        &meeting("Rapat <b>Dinkes</b>", ahead(MINUTE * 60), MINUTE * 60),
    );
    assert_eq!(booked.status, 201, "{}", booked.body);
    let headers = format!("Content-Type: application/json\r\n{}", shows(&made(folder.path(), "Siti", "operate", &[])));
    let trial = |act: &str| {
        let told = json!({ "act": act, "by": "Petugas Satu" }).to_string();
        let answer = daemon.send("POST", "/api/v1/sessions/17/trial", &headers, &told);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    trial("begin");
    wait_until(|| browser.look(SHOWN) == "Uji coba rapat: Rapat <b>Dinkes</b>");
    assert_eq!(browser.look("document.getElementById('said').innerText"), "Uji coba rapat: Rapat <b>Dinkes</b>");
    let running = daemon.get("/api/v1/running");
    assert_eq!(running.json()["trials"][0]["session"], "17", "{}", running.body);
    for shown in [running.body, daemon.get("/?lang=id").body, daemon.get("/kiosk?lang=en").body] {
        assert!(!shown.contains("Petugas Satu") && !shown.contains("Siti"), "{shown}");
    }
    trial("end");
    wait_until(|| browser.look(SHOWN) == "");
    assert_eq!(browser.look("document.getElementById('said').innerText"), "Yang tadi dikerjakan sudah selesai.");
    daemon.stop();
}
