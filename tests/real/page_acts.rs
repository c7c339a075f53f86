//! What staff order at the page, by its forms: a test, a message, a radio check, a silence, a drill; and what others would forge.
//! Debian package: `nut-server`.

use super::acts::{Failing, audit};
use super::crash_daemon::Desk;
use super::page_forms::{encoded, header, key};
use super::support::child::wait_until;
use super::support::daemon::{Answer, Daemon, room, send, write_config};
use super::support::upsd::Upsd;
use super::tokens::made;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// Somebody who has come in.
struct Staff<'a> {
    daemon: &'a Daemon,
    cookie: String,
}

impl<'a> Staff<'a> {
    fn come_in(daemon: &'a Daemon, token: &str) -> Self {
        let answer = daemon.send("POST", "/login", FORM, &format!("token={token}&next={}", encoded("/act")));
        assert_eq!((answer.status, header(&answer, "location")), (303, "/act?lang=id"));
        let cookie = header(&answer, "set-cookie").split(';').next().unwrap().to_owned();
        Self { daemon, cookie: format!("Cookie: {cookie}\r\n") }
    }

    fn page(&self) -> String {
        self.daemon.request_with("GET", "/act", &self.cookie).body
    }

    /// Sends one of the forms, with the page's own key.
    fn order(&self, fields: &[(&str, &str)]) -> Answer {
        let page = self.page();
        self.send(key(&page), "", fields)
    }

    fn send(&self, key: &str, more: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
        let fields = fields.concat();
        self.daemon.send("POST", "/act", &format!("{FORM}{}{more}", self.cookie), &format!("key={key}{fields}"))
    }

    /// The same, to its end; what the page says then.
    fn done(&self, fields: &[(&str, &str)]) -> String {
        let answer = self.order(fields);
        assert_eq!((answer.status, header(&answer, "location")), (303, "/act?lang=id"), "{}", answer.body);
        wait_until(|| !self.page().contains("Sedang berjalan"));
        self.page()
    }
}

#[test]
fn staff_test_silence_and_practise_at_the_page_under_their_name_and_nobody_forges_that() {
    let (upsd, desk) = (Upsd::start(), Desk::start());
    let folder = room(&format!(
        "[components]\ncomputer = {{ absent = true }}\naudio = {{ absent = true }}\nvideo = {{ absent = true }}\n\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n\
         [[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = \"self\"\nup_url = \"self\"\nmin_gap = \"1s\"\ninterval = \"24h\"\n",
        desk.address,
        upsd.address()
    ));
    let at = folder.path();
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    daemon.wait_for_check("line", "degraded", "internet.far_end_is_self");
    let (token, guest) = (made(at, "Siti", "operate", &[]), made(at, "Tamu", "read", &[]));
    // Who has not come in is asked to; whose token is not for acting is shown no form.
    let strange = daemon.get("/act");
    assert!(
        strange.status == 401 && strange.body.contains("<form") && !strange.body.contains("name=\"order\""),
        "{}",
        strange.body
    );
    let (siti, guest) = (Staff::come_in(&daemon, &token), Staff::come_in(&daemon, &guest));
    assert!(!guest.page().contains("name=\"order\""), "{}", guest.page());
    let page = siti.page();
    for words in
        ["Uji peralatan", "<option>line</option>", "<option>desk</option>", "kabel jaringan terlepas", "Didengar oleh"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("<option>ups</option>"), "what looks by itself is not tested");
    assert!(!page.contains("kamera tidak terhubung"), "what the room has not is not practised");
    // Forged: without the key, with another's, from elsewhere, by a guest, and what is no order.
    let test = [("order", "test"), ("check", "line")];
    let own = key(&page).to_owned();
    assert_eq!((siti.send("", "", &test).status, guest.send(&own, "", &test).status), (403, 403));
    assert_eq!(siti.send(&own, "Origin: http://evil.example\r\n", &test).status, 403);
    let guests = guest.page();
    assert_eq!(guest.send(key(&guests), "", &test).status, 403);
    assert_eq!(daemon.send("POST", "/act", FORM, &format!("key={own}&order=test&check=line")).status, 401);
    for wrong in
        [&[("order", "reboot")][..], &[("order", "test")], &[("order", "drill"), ("scene", "x"), ("minutes", "-1")]]
    {
        assert_eq!(siti.order(wrong).status, 400, "{wrong:?}");
    }
    assert!(!desk.told().iter().any(|word| word["event"] == "test"), "{:?}", desk.told());

    // The first test of all may be less than `min_gap` ago: the page says when.
    wait_until(|| {
        let said = siti.done(&test);
        assert!(said.contains("min_gap") || said.contains("Mbit/s"), "{said}");
        said.contains("Mbit/s")
    });
    let said = siti.done(&[("order", "test"), ("check", "ups")]);
    assert!(said.contains("✕ ups: "), "{said}");
    let said = siti.done(&[("order", "message"), ("receiver", "desk")]);
    assert!(said.contains("✓ desk: pesan uji sampai"), "{said}");
    assert!(desk.told().iter().any(|word| word["event"] == "test"), "{:?}", desk.told());
    let said = siti.done(&[("order", "heard"), ("by", "Operator Satu")]);
    assert!(said.contains("uji suara HT berhasil") && !said.contains("Operator Satu"), "{said}");
    let evil = "<script>window.hit=1</script>";
    let said = siti.done(&[("order", "silence"), ("component", "power"), ("minutes", "30"), ("reason", evil)]);
    assert!(said.contains("name=\"order\" value=\"end_silence\"") && !said.contains("<script>window"), "{said}");
    let id = said.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(said.contains("UPS dan stabilizer, sampai"), "{said}");
    assert!(said.contains("<button aria-label=\"Akhiri: UPS dan stabilizer, sampai "), "which one it ends: {said}");
    assert!(said.contains("✓ UPS dan stabilizer dibisukan sampai ") && said.matches(&id).count() == 1, "{said}");
    let said = siti.done(&[("order", "end_silence"), ("id", &id)]);
    assert!(!said.contains("value=\"end_silence\""), "{said}");
    // A line that ends at itself is a fault of the room's: nothing is practised until somebody sees to it. Nor while it settles.
    let shows = super::tokens::shows(&token);
    for incident in daemon.get("/api/v1/incidents?open=1").json().as_array().unwrap() {
        let ack = format!("/api/v1/incidents/{}/ack", incident["id"].as_str().unwrap());
        assert_eq!(daemon.send("POST", &ack, &format!("{shows}Content-Type: application/json\r\n"), "{}").status, 200);
    }
    wait_until(|| {
        let said = siti.done(&[("order", "drill"), ("scene", "cable-unplugged"), ("minutes", "5")]);
        let begun =
            said.contains("✓ Latihan dimulai: kabel jaringan terlepas, selama 5 menit; diberitahukan kepada: desk");
        assert!(begun || said.contains("Siaga baru mulai"), "{said}");
        assert!(!said.contains("siaga drill"), "{said}");
        begun
    });
    let said = siti.done(&[("order", "drill"), ("scene", "camera-unplugged"), ("minutes", "5")]);
    assert!(said.contains("✕ Alat itu memang tidak ada di ruangan ini"), "{said}");
    let home = daemon.get("/?lang=id").body;
    assert!(home.contains("Latihan gangguan: kabel jaringan terlepas"), "{home}");
    let drill = daemon.get("/api/v1/running").json()["drill"].clone();
    assert_eq!(drill["scene"], "cable-unplugged");
    // It is received as a fault is, by its own page.
    let path = format!("/incidents/{}", drill["incident"].as_str().unwrap());
    let read = || daemon.request_with("GET", &path, &siti.cookie).body;
    let form = read();
    assert!(form.contains("LATIHAN – ") && form.contains("Ini latihan: kabel jaringan terlepas."), "{form}");
    let body = format!("key={}&by=Operator+Dua", key(&form));
    let noted = daemon.send("POST", &format!("{path}/ack"), &format!("{FORM}{}", siti.cookie), &body);
    assert_eq!((noted.status, header(&noted, "location")), (303, &*format!("{path}?lang=id")), "{}", noted.body);
    let seen = read();
    assert!(seen.contains("Operator Dua lewat HT (dicatat oleh Siti)"), "{seen}");
    assert!(!daemon.get(&path).body.contains("Operator Dua"), "names are for those who act");
    let home = daemon.get("/?lang=id").body;
    assert!(home.contains("sudah diterima pukul") && !home.contains(&format!("{path}?")), "{home}");
    let said = siti.done(&[("order", "end_drill")]);
    daemon.wait_for("/?lang=id", "the drill is over there too", |page| !page.body.contains("Latihan gangguan:"));
    assert!(said.contains("Latihan diakhiri"), "{said}");

    // Each under the name of the token, and none of a forged one.
    let rows = audit(at);
    let of = |action: &str| rows.iter().filter(|row| row[0] == "Siti" && row[2] == action).count();
    let done = ["test", "test_alert", "radio_check", "silence", "end_silence", "drill", "end_drill"].map(of);
    assert!(done.iter().all(|count| *count > 0), "{rows:#?}");
    let log = daemon.stop();
    assert!(!log.contains("Siti") && !log.contains("Operator Satu") && !log.contains("window.hit"), "{log}");
}

#[test]
fn what_the_disk_does_not_take_is_told_as_done_and_as_not_kept() {
    let folder = room("");
    // Where the state folder would be, lies a file: the daemon goes on in memory.
    std::fs::write(folder.path().join("state"), "").unwrap();
    let room = Failing::start_in(
        folder,
        "[[receiver]]\nname = \"mati\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n\
         [web]\nlisten = \"127.0.0.1:0\"\ntokens = \"tokens.toml\"\n",
    );
    let siti = made(room.at(), "Siti", "operate", &[]);
    let siti = Staff::come_in(&room.daemon, &siti);
    // What a program says of it stands apart from what is said in the reader's language.
    let said = siti.done(&[("order", "message"), ("receiver", "mati")]);
    let waits = "✕ mati: masih menunggu di belakang pesan lain yang belum sampai; dicoba lagi<br>";
    assert!(said.contains(waits) && said.contains("Rincian teknis: <span lang=\"en\">"), "{said}");
    let said = siti.done(&[("order", "silence"), ("component", "power"), ("minutes", "30"), ("reason", "battery")]);
    assert!(said.contains("✕ Berlaku sekarang, tetapi belum tertulis di disk"), "{said}");
    assert!(said.contains("name=\"order\" value=\"end_silence\""), "it holds: {said}");
    assert_eq!(room.incident("")["silenced"], true);
    // Without a radio nobody is heard on it.
    assert!(!said.contains("Didengar oleh"), "{said}");
    let said = siti.done(&[("order", "heard"), ("by", "Operator Satu")]);
    assert!(said.contains("✕ Ruangan ini memang tidak memakai HT"), "{said}");
    let config = std::fs::read_to_string(room.at().join("siaga.toml")).unwrap();
    write_config(room.at(), &config.replace("radio = { absent = true }\n", ""));
    assert_eq!(room.daemon.send("POST", "/-/reload", "", "").status, 200);
    let said = siti.done(&[("order", "heard"), ("by", "Operator Satu")]);
    assert!(said.contains("✓ Dicatat: uji suara HT berhasil"), "{said}");
    assert!(said.contains("✕ Berlaku sekarang, tetapi"), "{said}");
    let log = room.daemon.log();
    assert!(!log.contains("Siti") && !log.contains("Operator Satu"), "{log}");
    room.daemon.kill();
}

/// A room may be looked at by more than one address: who came in by one is in, and what runs is seen, by each.
#[test]
fn who_comes_in_by_one_address_is_in_by_each() {
    let folder = room(
        "[components]\ninternet = { absent = true }\naudio = { absent = true }\nvideo = { absent = true }\n\
         radio = { absent = true }\npower = { absent = true }\n\
         [[check]]\nname = \"pc\"\nkind = \"computer\"\n\
         [web]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n",
    );
    let at = folder.path();
    let daemon = Daemon::start(at);
    let token = made(at, "Siti", "operate", &[]);
    let siti = Staff::come_in(&daemon, &token);
    let log = daemon.log();
    let second = log.split("http://").find(|part| part.starts_with("127.0.0.2:")).expect(&log);
    let second = second.split('/').next().unwrap().parse().unwrap();
    let there = |cookie: &str| send(second, "GET", "/act", cookie, "").unwrap();
    let page = there(&siti.cookie);
    assert!(page.status == 200 && page.body.contains("name=\"order\""), "{}", page.body);
    // What was ordered here is told there.
    siti.done(&[("order", "silence"), ("component", "power"), ("minutes", "30"), ("reason", "latihan kabel")]);
    let last = |body: &str| {
        body.split("<section aria-live").nth(1).map(|rest| rest.split("</section>").next().unwrap().to_owned())
    };
    assert!(last(&siti.page()).is_some() && last(&siti.page()) == last(&there(&siti.cookie).body), "{}", siti.page());
    // Nobody is sent away by a page of somebody else's, for which a browser sends no cookie.
    let elsewhere = send(second, "POST", "/logout", &format!("{FORM}Sec-Fetch-Site: cross-site\r\n"), "").unwrap();
    assert!(elsewhere.status == 403 && !elsewhere.head.to_lowercase().contains("set-cookie"), "{}", elsewhere.head);
    // Who goes by one address has gone from each.
    let form = format!("{FORM}{}", siti.cookie);
    let gone = send(second, "POST", "/logout", &form, &format!("key={}", key(&siti.page()))).unwrap();
    assert_eq!(
        (gone.status, there(&siti.cookie).status, daemon.request_with("GET", "/act", &siti.cookie).status),
        (303, 401, 401)
    );
}
