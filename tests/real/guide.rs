//! The pictures of the operators' guide, of the pages as staff see them: in a real browser, of the real daemon with a real upsd and a
//! real cable, over a morning that has the same hours each time. `make guide` writes them into `docs/`. Debian packages: `chromium`,
//! `faketime`, `nut-server`, `iproute2`.

mod album;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use siaga::clock::Clock;

use self::album::Album;
use super::crash_daemon::Desk;
use super::live::go;
use super::sessions::Scheduler;
use super::support::browser::Browser;
use super::support::daemon::{Daemon, room, siaga};
use super::support::namespace::{inside, ip};
use super::support::upsd::Upsd;
use super::support::wall_clock::siaga_by;
use super::survey::place::{Place, delayed, told};
use super::tokens::made;

/// Ten past eight at the room, 50 minutes before the meeting.
const MORNING: &str = "2026-12-01T01:10:00Z";

/// When the meeting's wrap-up is over.
const NOON: &str = "2026-12-01T05:00:00Z";

/// Of equipment that this machine has not: what is measured of it while it is good.
const PLAYED: [(&str, &str, &str); 4] = [
    ("komputer", "computer", "computer_cpu_ratio = 0.1\n"),
    ("mikrofon", "audio", "audio_cards = 1\nmicrophone_rms_decibels = -42\n"),
    ("kamera", "video", "camera_devices = 1\nframes_delivered_ratio = { video0 = 1 }\n"),
    ("antarmuka_ht", "radio", "radio_airtime_seconds = 12\n"),
];

#[test]
fn the_pictures_of_the_guide_are_of_pages_that_there_are() {
    if !inside("guide::the_pictures_of_the_guide_are_of_pages_that_there_are") {
        return;
    }
    ip(&[
        "link add eth0 type veth peer name switch0",
        "address add 192.0.2.10/24 dev eth0",
        "link set eth0 up",
        "link set switch0 up",
        "route add default via 192.0.2.1 dev eth0",
    ]);
    let mut day = Day::begin();
    day.sign_in();
    day.practise();
    day.prepare();
    day.order();
    day.power_fails();
    day.cable_is_pulled();
    day.read_the_report();
    day.look_at_a_place();
    day.lose_the_daemon();
    day.album.close();
}

/// A morning in a room, with somebody who looks at it.
struct Day {
    daemon: Daemon,
    browser: Browser,
    album: Album,
    upsd: Upsd,
    token: String,
    scheduler: Scheduler,
    folder: tempfile::TempDir,
    _desk: Desk,
}

/// Sets the daemon's wall clock to this moment.
fn set_clock(folder: &Path, moment: &str) {
    let moment: jiff::Timestamp = moment.parse().unwrap();
    let seconds = moment.as_second() - Clock::start().now().wall.as_second();
    std::fs::write(folder.join("offset.new"), format!("{seconds:+}")).unwrap();
    std::fs::rename(folder.join("offset.new"), folder.join("offset")).unwrap();
}

fn config(upsd: &Upsd, desk: &Desk) -> String {
    let mut text = format!(
        "[room]\nname = \"media_center\"\ntitle = \"Ruang Media Center\"\n[web]\nlisten = \"127.0.0.1:10153\"\n\
         [[receiver]]\nname = \"ruangan\"\nkind = \"room\"\n\
         [[receiver]]\nname = \"ht\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[check]]\nname = \"kabel\"\nkind = \"link\"\ninterface = \"eth0\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n\
         [[check]]\nname = \"kecepatan\"\nkind = \"bandwidth\"\ndown_url = \"self\"\nup_url = \"self\"\nmin_gap = \"1s\"\n\
         interval = \"24h\"\nrequirement = \"advisory\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n",
        desk.address,
        upsd.address(),
    );
    for (name, component, _) in PLAYED {
        _ = writeln!(
            text,
            "[[check]]\nname = \"{name}\"\nkind = \"replay\"\ncomponent = \"{component}\"\nfile = \"played.toml\"\nrepeat = true"
        );
    }
    text
}

fn played() -> String {
    PLAYED.iter().fold("title = \"A room that is whole\"\n".to_owned(), |mut text, (check, _, measurements)| {
        _ = writeln!(text, "[[observe]]\ncheck = \"{check}\"\nat = \"0s\"\nevery = \"1s\"\nuntil = \"10m\"");
        _ = writeln!(text, "[observe.measurements]\n{measurements}");
        text
    })
}

impl Day {
    /// A room in which all is well, and somebody who has come in.
    fn begin() -> Self {
        let (upsd, desk) = (Upsd::start(), Desk::start());
        let folder = room(&config(&upsd, &desk));
        std::fs::write(folder.path().join("played.toml"), played()).unwrap();
        set_clock(folder.path(), MORNING);
        let scheduler = Scheduler::of(folder.path());
        let token = made(folder.path(), "Siti (media center)", "operate", &[]);
        let daemon = Daemon::start_by(siaga_by(&folder.path().join("offset")), folder.path());
        daemon.wait_for("/api/v1/readiness", "all is well", |answer| answer.json()["verdict"] == "ready");
        // Letters in grey: pictures in colours are larger, and look strange on another screen.
        let begin = tempfile::tempdir().unwrap();
        let mut browser = Browser::start(Command::new("sh"), begin, &["--disable-lcd-text"], "<title>begin</title>");
        browser.in_scheme("light");
        browser.as_screen(480, 900);
        let album = Album::open();
        Self { daemon, browser, album, upsd, token, scheduler, folder, _desk: desk }
    }

    fn address(&self, path: &str) -> String {
        format!("http://{}{path}?lang=id", self.daemon.address())
    }

    /// Goes to a page that is kept true.
    fn visit(&mut self, path: &str) {
        let address = self.address(path);
        go(&mut self.browser, &address);
    }

    /// Goes to one that is not.
    fn open(&mut self, path: &str) {
        let address = self.address(path);
        self.browser.look(&format!("window.left = true; location.href = {address:?}"));
        self.browser.wait_for(&format!(
            "window.left === undefined && location.href == {address:?} && document.readyState == 'complete'"
        ));
    }

    fn picture(&mut self, name: &str, parts: &str, most: f64) {
        self.album.take(&mut self.browser, name, parts, most);
    }

    /// Presses the button after filling in, and waits until the page that comes says so.
    fn press(&mut self, fill: &str, button: &str, until: &str) {
        self.browser.look("window.before = true");
        self.browser.look(&format!("{fill}; {button}.click()"));
        let said = format!(
            "window.before === undefined && document.readyState == 'complete' && document.body?.innerText.includes({until:?})"
        );
        self.browser.wait_for(&said);
    }

    fn says(&mut self, words: &str) {
        self.browser.wait_for(&format!("document.querySelector('main').innerText.includes({words:?})"));
    }

    fn sign_in(&mut self) {
        self.open("/login");
        self.picture("masuk", "header, main", 700.0);
        let fill = format!(
            "document.querySelector('[name=next]').value = '/act'; document.querySelector('#token').value = '{}'",
            self.token
        );
        self.press(&fill, "document.querySelector('fieldset button')", "Uji peralatan");
    }

    /// A drill, while no meeting is near.
    fn practise(&mut self) {
        self.visit("/act");
        self.picture("latihan", "form:has(#scene)", 700.0);
        // Not before the room has come to rest: ordered once on each page that comes. Looked at and pressed in one step, for between two the
        // page may come that says it has begun, and a second order would take the place of that.
        let step = "(() => {
            if (document.body?.innerText.includes('Latihan dimulai: listrik padam')) return true;
            const form = document.querySelector('form:has(#scene)');
            if (document.readyState == 'complete' && form && !window.ordered) {
                window.ordered = true;
                form.querySelector('#scene').value = 'mains-out';
                form.querySelector('button').click();
            }
            return false;
        })()";
        self.browser.wait_for(step);
        self.visit("/");
        self.says("LATIHAN");
        self.picture("latihan-berjalan", "[role=alert], h1", 700.0);
        self.visit("/act");
        self.press("", "document.querySelector('form:has([value=end_drill]) button')", "Latihan diakhiri");
        self.daemon.wait_for("/", "no drill is shown any more", |answer| !answer.body.contains("LATIHAN"));
    }

    /// The meeting is booked and prepared.
    fn prepare(&mut self) {
        let wish = json!({
            "title": "Rapat koordinasi kecamatan",
            "profile": "zoom_group_720",
            "start": "2026-12-01T02:00:00Z",
            "end": "2026-12-01T04:00:00Z",
            "office": "Dinas Kesehatan",
            "sites": ["Kecamatan Badau"],
        });
        let booked = self.scheduler.send(&self.daemon, "PUT", "/api/v1/sessions/2026-117", &wish);
        assert_eq!(booked.status, 201, "{}", booked.body);
        self.visit("/");
        self.says("Rapat koordinasi kecamatan");
        self.picture("ruangan-siap", "header, main", 720.0);
        self.visit("/agenda");
        self.picture("agenda", "main", 900.0);
        self.open("/sessions/2026-117");
        let by = |field: &str| format!("document.querySelector('{field}').value = 'Siti'");
        self.press(&by("#by"), "document.querySelector('[value=\"tick room\"]')", "oleh Siti");
        self.picture("lembar-persiapan", "section:has(#by)", 900.0);
        self.press(&by("#trial_by"), "document.querySelector('[value=begin_trial]')", "sedang berjalan");
        self.browser.look("document.querySelector('#findings').value = 'Suara Badau pelan'");
        self.picture("uji-coba", "section:has(#findings)", 900.0);
    }

    /// What is ordered at the page.
    fn order(&mut self) {
        self.visit("/act");
        self.picture("uji-peralatan", "form:has(#check)", 500.0);
        self.press("", "document.querySelector('form:has(#check) button')", "Mbit/s");
        // What is measured has other digits, and more or fewer bytes, on each machine.
        self.picture("hasil-uji", "section", 500.0);
        self.browser.look(
            "document.querySelector('#receiver').value = 'ht'; document.querySelector('#by').value = 'Operator Satu'",
        );
        self.picture("uji-suara-ht", "form:has(#receiver), form:has(#by)", 900.0);
        let fill = "document.querySelector('#component').value = 'power'; document.querySelector('#reason').value = 'baterai UPS diganti'";
        self.press(fill, "document.querySelector('form:has(#component) button')", "baterai UPS diganti");
        self.picture("membisukan", "form:has(#component), form:has([value=end_silence])", 900.0);
        self.press("", "document.querySelector('form:has([value=end_silence]) button')", "Pembisuan diakhiri");
    }

    fn power_fails(&mut self) {
        self.upsd.set("ups.status", "OB DISCHRG");
        self.visit("/");
        self.says("Listrik padam");
        self.picture("listrik-padam", "section:has(a[href^='/components/power'])", 900.0);
        self.upsd.set("ups.status", "OB LB");
        self.says("Baterai UPS hampir habis");
        self.says("Diterima lewat HT");
        self.picture("ruangan-tidak-siap", "[role=alert], h1, h1 ~ p, main > ul", 900.0);
        self.browser.as_screen(960, 540);
        self.visit("/kiosk");
        self.picture("layar-ruangan", "body", 540.0);
        self.browser.as_screen(480, 900);
        let open = self.daemon.get("/api/v1/incidents?open=1").json();
        let of_power = |one: &&Value| one["component"] == "power";
        let id = open.as_array().unwrap().iter().find(of_power).expect("the power's incident")["id"]
            .as_str()
            .unwrap()
            .to_owned();
        self.visit(&format!("/incidents/{id}"));
        self.browser.look("document.querySelector('#by').value = 'Operator Satu'");
        self.picture("menerima-gangguan", "ol li:last-child, form:has(#by)", 700.0);
        self.upsd.set("ups.status", "OL");
        self.daemon.wait_for("/api/v1/readiness", "all is well again", |answer| answer.json()["verdict"] == "ready");
    }

    fn cable_is_pulled(&mut self) {
        ip(&["link set switch0 down"]);
        self.visit("/");
        self.says("Kabel jaringan eth0 tidak tersambung");
        self.picture("internet-buruk", "section:has(a[href^='/components/internet'])", 900.0);
        ip(&["link set switch0 up"]);
        self.daemon.wait_for("/api/v1/readiness", "all is well again", |answer| answer.json()["verdict"] == "ready");
    }

    /// The meeting is over, and its wrap-up too.
    fn read_the_report(&mut self) {
        set_clock(self.folder.path(), NOON);
        let ready = "/api/v1/agenda";
        self.daemon.wait_for(ready, "it is over", |answer| answer.json()["phase"] == "idle");
        self.open("/sessions/2026-117/report");
        self.picture("laporan", "h1, h1 ~ p, .facts, h2", 800.0);
    }

    /// A survey of another place, by a real line to a real far end, brought to the room's computer.
    fn look_at_a_place(&mut self) {
        ip(&["route del default"]);
        let place = Place::new(delayed(15), delayed(25));
        let made = place.made(|| {
            let program = siaga_by(&self.folder.path().join("offset"));
            let wanted = ["--profile", "zoom_group_720", "--venue", "Aula Kantor Camat", "--lang", "id"];
            told(place.command_by(program, &wanted).output().unwrap(), place.folder.path())
        });
        made.is_whole("ready", 0);
        let id = made.report["id"].as_str().unwrap();
        let added = siaga()
            .args(["survey", "--state-dir"])
            .arg(self.folder.path().join("state"))
            .arg("--add")
            .arg(place.folder.path().join(format!("survey-{id}.json")))
            .output()
            .unwrap();
        assert!(added.status.success(), "{added:?}");
        self.visit("/surveys");
        self.says("Aula Kantor Camat");
        self.open(&format!("/surveys/{id}"));
        self.picture("survei-lokasi", "h1, h1 ~ p, table", 640.0);
    }

    /// What is open says that it is not true any more.
    fn lose_the_daemon(&mut self) {
        self.visit("/");
        self.daemon.signal(rustix::process::Signal::STOP);
        self.browser.wait_for("document.documentElement.classList.contains('gone')");
        self.picture("terputus", "header, #gone, h1", 700.0);
        self.daemon.signal(rustix::process::Signal::CONT);
    }
}
