//! Tokens: made, shown and revoked by `siaga token`, and what the running daemon makes of them.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::sessions::{MINUTE, ahead, meeting};
use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::namespace::{inside, ip};

/// A room in which nothing is watched: what is asked about here is who may ask.
pub(crate) const NOTHING: &str = "[components]\ncomputer = { absent = true }\ninternet = { absent = true }\n\
     audio = { absent = true }\nvideo = { absent = true }\npower = { absent = true }\nradio = { absent = true }\n";

fn token(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = siaga();
    command.args(["token", "--lang", "en", "--config"]).arg(folder.join("siaga.toml"));
    command.arg("--state-dir").arg(folder.join("state")).args(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Makes one, and gives what its holder shows.
pub(crate) fn made(folder: &Path, name: &str, scope: &str, more: &[&str]) -> String {
    let output = token(folder, &[&["add", name, "--scope", scope], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("siaga_"), "to standard output alone");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(crate) fn revoke(folder: &Path, name: &str) {
    assert!(token(folder, &["revoke", name]).status.success());
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = token(folder, arguments);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The header that shows a token.
pub(crate) fn shows(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn a_token_is_shown_once_kept_hashed_listed_and_revoked() {
    let folder = room(NOTHING);
    let at = folder.path();
    let said = refused(at, &["add", "Budi", "--scope", "read"]);
    assert!(said.contains("cannot be written"), "no folder is made: {said}");
    let said = String::from_utf8(token(at, &["add", "Budi", "--scope", "read", "--expires", "0d"]).stderr).unwrap();
    assert!(said.contains("expired already"), "{said}");
    std::fs::create_dir(at.join("state")).unwrap();
    let shown = made(at, "Budi", "operate,read", &["--expires", "90d"]);
    let file = at.join("state/tokens.toml");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(shown.len() == 49 && !kept.contains(&shown[6..]), "{shown} {kept}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    made(at, "jadwal", "schedule", &[]);
    let list = String::from_utf8(token(at, &["list"]).stdout).unwrap();
    let lines: Vec<_> = list.lines().collect();
    assert!(lines[0].starts_with("Budi: read, operate (since ") && lines[0].contains(", until "), "{list}");
    assert!(lines.len() == 2 && lines[1].starts_with("jadwal: schedule (since "), "{list}");
    assert!(refused(at, &["add", "Budi", "--scope", "read"]).contains("there is a token of that name"));
    assert!(refused(at, &["add", "Siti", "--scope", "all"]).contains("known are read, schedule, operate, reflect"));
    assert!(refused(at, &["add", "Siti"]).contains("--scope"));
    assert!(refused(at, &["add", " ", "--scope", "read"]).contains("a token's name is who holds it"));
    assert!(refused(at, &["revoke", "Siti"]).contains("no token of that name"));
    let far = token(at, &["add", "Aula", "--scope", "reflect"]).stderr;
    let far = String::from_utf8(far).unwrap();
    assert!(far.contains("a reflector reads a file of its own"), "the daemon's file is of no use to it: {far}");
    revoke(at, "Aula");
    revoke(at, "Budi");
    assert!(!String::from_utf8(token(at, &["list"]).stdout).unwrap().contains("Budi"));
    // A damaged file is told, and is not written over.
    std::fs::write(&file, "[[token]]\nname = ").unwrap();
    for arguments in [&["list"][..], &["add", "Siti", "--scope", "read"], &["revoke", "jadwal"]] {
        assert!(refused(at, arguments).contains("is damaged: line 2 is not understood"), "{arguments:?}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[[token]]\nname = ");
}

#[test]
fn whoever_changes_the_file_leaves_it_to_its_group_and_to_no_other() {
    const SOMEBODY: u32 = 65534;
    const GROUP: u32 = 4242;
    let folder = room(NOTHING);
    let (at, state) = (folder.path(), folder.path().join("state"));
    std::fs::create_dir(&state).unwrap();
    made(at, "Budi", "read", &[]);
    let file = state.join("tokens.toml");
    // What root has built lies where others may not look.
    let program = at.join("siaga");
    std::fs::copy(env!("CARGO_BIN_EXE_siaga"), &program).unwrap();
    for path in [at, &state] {
        chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    // One of the group, and one who is not.
    for (groups, name, kept) in [("--groups=4242", "a", (GROUP, 0o640)), ("--clear-groups", "b", (SOMEBODY, 0o600))] {
        chown(&file, Some(SOMEBODY), Some(GROUP)).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", groups, "env", "-i"]).arg(&program);
        command.args(["token", "add", name, "--scope", "read", "--config", "siaga.toml", "--state-dir", "state"]);
        let output =
            command.current_dir(at).stdin(Stdio::null()).output().expect("setpriv: install Debian's util-linux");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let about = std::fs::metadata(&file).unwrap();
        assert_eq!((about.gid(), about.mode() & 0o777), kept, "{groups}");
    }
}

#[test]
fn a_room_may_be_closed_to_those_without_a_token_and_follows_the_file_at_once() {
    let closed = |open_to: &str| format!("{NOTHING}[web]\nlisten = \"127.0.0.1:0\"\nopen_to = \"{open_to}\"\n");
    let folder = room(&closed("nobody"));
    let at = folder.path();
    let daemon = Daemon::start(at);
    let status = |path: &str, headers: &str| daemon.request_with("GET", path, headers).status;
    for path in ["/", "/readyz", "/readyz?verbose", "/metrics", "/api/v1/checks", "/nowhere"] {
        let answer = daemon.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.head.to_lowercase().contains("www-authenticate: bearer"), "{}", answer.head);
    }
    assert_eq!(daemon.get("/api/v1/checks").json()["type"], "urn:siaga:problem:no-token");
    assert_eq!((status("/-/healthy", ""), status("/-/ready", "")), (200, 200));
    assert_eq!(daemon.request("POST", "/-/reload").status, 401);

    // No reload between: the file is another, and that is seen.
    let (reads, operates) = (made(at, "Budi Pembaca", "read", &[]), made(at, "Siti", "operate", &[]));
    let short = made(at, "Tamu", "read", &["--expires", "1ms"]);
    let far = made(at, "Aula", "reflect", &[]);
    for path in ["/", "/api/v1/profiles", "/metrics", "/readyz", "/api/v1/agenda.ics"] {
        assert_eq!(status(path, &shows(&far)), 403, "{path}: a reflector's token is good for nothing here");
    }
    assert_eq!(daemon.request_with("POST", "/-/reload", &shows(&far)).status, 403);
    let form = format!("Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://{}\r\n", daemon.address());
    assert_eq!(daemon.send("POST", "/login", &form, &format!("token={far}")).status, 401);
    assert_eq!(daemon.send("POST", "/login", &form, &format!("token={reads}")).status, 303);
    for path in ["/", "/api/v1/profiles", "/metrics", "/api/v1/checks"] {
        assert_eq!((status(path, &shows(&reads)), status(path, &shows(&operates))), (200, 200), "{path}");
    }
    let expired = daemon.request_with("GET", "/api/v1/profiles", &shows(&short));
    assert!(expired.status == 401 && expired.body.contains("this token has expired"), "{}", expired.body);
    // A supervisor whose token has run out does not take the daemon for dead.
    assert_eq!((status("/-/healthy", &shows(&short)), status("/-/ready", &shows(&short))), (200, 200));
    assert_eq!(status("/-/healthy", "Authorization: Negotiate x\r\n"), 200, "nor with what is no token");
    let asked = |token: Option<&str>| {
        let mut command = siaga();
        command.args(["status", "--lang", "en", "--url", &format!("http://{}", daemon.address()), "--config"]);
        command.arg(at.join("siaga.toml"));
        if let Some(token) = token {
            std::fs::write(at.join("token"), format!("{token}\n")).unwrap();
            command.arg("--token-file").arg(at.join("token"));
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = asked(None);
    assert!(code == Some(3) && said.contains("--token-file FILE"), "{said}");
    let (_, said) = asked(Some(&reads));
    assert_eq!(said, "", "a verdict, and nothing to complain of");
    let reload = |token: &str| daemon.request_with("POST", "/-/reload", &shows(token));
    assert_eq!(reload(&reads).json()["type"], "urn:siaga:problem:scope");
    assert_eq!((reload(&reads).status, reload(&operates).status), (403, 200));
    for wrong in ["Authorization: Basic YTpi\r\n", "Authorization: Bearer siaga_x\r\n", &shows(&format!("{reads}x"))] {
        assert_eq!(status("/api/v1/profiles", wrong), 401, "{wrong}");
    }
    revoke(at, "Budi Pembaca");
    assert_eq!(status("/api/v1/profiles", &shows(&reads)), 401);

    // A damaged file takes nothing from those who were let in before, and says so once.
    let file = at.join("state/tokens.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "Siti").unwrap();
    assert_eq!(
        (status("/api/v1/profiles", &shows(&operates)), status("/api/v1/profiles", &shows(&operates))),
        (200, 200)
    );
    let unknown = daemon.request_with("GET", "/api/v1/profiles", &shows(&reads));
    assert_eq!((unknown.status, unknown.json()["type"].as_str()), (503, Some("urn:siaga:problem:tokens")));
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(status("/api/v1/profiles", &shows(&reads)), 401);
    wait_until(|| daemon.log().contains("the tokens can be read again"));
    assert_eq!(daemon.log().matches("the tokens cannot be read").count(), 1, "{}", daemon.log());

    // Whom it is open to is the config's, and follows it.
    for (open_to, without) in [("this_machine", 200), ("nobody", 401), ("everyone", 200)] {
        write_config(at, &closed(open_to));
        assert_eq!(daemon.request_with("POST", "/-/reload", &shows(&operates)).status, 200);
        wait_until(|| status("/api/v1/profiles", "") == without);
        assert_eq!(status("/api/v1/profiles", &shows(&reads)), 401, "a wrong token is told, open or not");
    }
    let metrics = daemon.get("/metrics").body;
    let log = daemon.stop();
    for name in ["Budi", "Siti", "Tamu", &reads, &operates] {
        assert!(!log.contains(name) && !metrics.contains(name), "{name}\n{log}");
    }
}

#[test]
fn where_everybody_may_read_a_reload_from_elsewhere_still_needs_a_token() {
    if !inside("tokens::where_everybody_may_read_a_reload_from_elsewhere_still_needs_a_token") {
        return;
    }
    ip(&["address add 192.0.2.1/32 dev lo"]);
    let there = format!("{NOTHING}[web]\nlisten = \"192.0.2.1:0\"\n");
    let folder = room(&there);
    let at = folder.path();
    std::fs::create_dir_all(at.join("state")).unwrap();
    let (reads, operates) = (made(at, "Budi", "read", &[]), made(at, "Siti", "operate", &[]));
    let daemon = Daemon::start(at);
    // From an address that is not of loopback, as from another machine: that it may be reached says nothing of who may read.
    assert_eq!(daemon.get("/api/v1/profiles").status, 401);
    assert_eq!(daemon.request_with("GET", "/api/v1/profiles", &shows(&reads)).status, 200);
    assert_eq!(daemon.get("/-/healthy").status, 200);
    write_config(at, &format!("{there}open_to = \"everyone\"\n"));
    assert_eq!(daemon.request_with("POST", "/-/reload", &shows(&operates)).status, 200);
    wait_until(|| daemon.get("/api/v1/profiles").status == 200);
    let without = daemon.request("POST", "/-/reload");
    assert_eq!((without.status, without.json()["type"].as_str()), (401, Some("urn:siaga:problem:no-token")));
    assert_eq!(daemon.request_with("POST", "/-/reload", &shows(&reads)).status, 403);
    assert_eq!(daemon.request_with("POST", "/-/reload", &shows(&operates)).status, 200);
    daemon.stop();
}

#[test]
fn alerts_of_other_systems_come_in_by_their_own_token_also_where_the_room_is_closed() {
    let secret = "rahasia-0123456789";
    let inbound = "[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n\
         [inbound]\nreceivers = [\"desk\"]\nsecret_file = \"secret\"\n";
    let folder = room(&format!("{NOTHING}[web]\nlisten = \"127.0.0.1:0\"\nopen_to = \"nobody\"\n{inbound}"));
    let at = folder.path();
    std::fs::write(at.join("secret"), secret).unwrap();
    let daemon = Daemon::start(at);
    let operates = made(at, "Siti", "operate", &[]);
    let send = |headers: &str| daemon.send("POST", "/api/v1/alertmanager", headers, "{}").status;
    assert_eq!(send(&shows(secret)), 400, "let in, and not understood");
    assert_eq!((send(""), send(&shows(&operates))), (401, 401), "a person's token is another thing");
    assert_eq!(daemon.request_with("GET", "/api/v1/alertmanager", &shows(secret)).status, 401);
    assert_eq!(daemon.request_with("GET", "/api/v1/profiles", &shows(secret)).status, 401, "it opens nothing else");
}

#[test]
fn in_a_closed_room_a_calendar_program_the_sheet_and_the_report_take_a_token_too() {
    let folder = room(&format!("{NOTHING}[web]\nlisten = \"127.0.0.1:0\"\nopen_to = \"nobody\"\n"));
    let at = folder.path();
    let daemon = Daemon::start(at);
    let (reads, books) = (made(at, "Kalender", "read", &[]), made(at, "jadwal", "schedule", &[]));
    daemon.wait_for("/-/ready", "it is ready", |answer| answer.status == 200);
    let meeting = meeting("Rapat Dinkes", ahead(MINUTE * 600), MINUTE * 60).to_string();
    let json = format!("Content-Type: application/json\r\n{}", shows(&books));
    let booked = daemon.send("PUT", "/api/v1/sessions/m1", &json, &meeting);
    assert_eq!(booked.status, 201, "{}", booked.body);

    // A calendar program, which sends its password where Basic is asked for (RFC 7617), and there alone.
    let subscribes = |path: &str, token: &str| {
        let program = "import sys\nfrom urllib import request as r\nurl, token = sys.argv[1:]\nknown = r.HTTPPasswordMgrWithDefaultRealm()\n\
                       known.add_password(None, url, 'kalender', token)\n\
                       sys.stdout.write(r.build_opener(r.HTTPBasicAuthHandler(known)).open(url).read().decode())";
        let mut python = std::process::Command::new("/usr/bin/python3");
        let url = format!("http://{}{path}", daemon.address());
        let told = python.args(["-c", program, &url, token]).output().unwrap();
        (told.status.success(), String::from_utf8([told.stdout, told.stderr].concat()).unwrap())
    };
    let (let_in, said) = subscribes("/api/v1/agenda.ics", &reads);
    assert!(let_in && said.contains("SUMMARY:Rapat Dinkes"), "{said}");
    assert!(!subscribes("/api/v1/agenda.ics", &format!("{reads}x")).0);
    assert!(!subscribes("/api/v1/agenda", &reads).0, "a password is taken for the feed alone");
    assert_eq!(daemon.get("/api/v1/agenda").head.to_lowercase().matches("www-authenticate").count(), 1);

    // The sheet, as the status is asked for.
    let sheet = |token: Option<&str>| {
        let mut command = siaga();
        command.args(["sheet", "m1", "--lang", "en", "--url", &format!("http://{}", daemon.address()), "--config"]);
        command.arg(at.join("siaga.toml"));
        if let Some(token) = token {
            std::fs::write(at.join("token"), format!("{token}\n")).unwrap();
            command.arg("--token-file").arg(at.join("token"));
        }
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(sheet(None).contains("--token-file FILE"), "{}", sheet(None));
    assert!(sheet(Some(&reads)).starts_with("Rapat Dinkes, "), "{}", sheet(Some(&reads)));

    // The report is for those who act or book, and says so; the form to come in speaks as it was asked to.
    let report = daemon.request_with("GET", "/api/v1/sessions/m1/report", &shows(&reads));
    assert_eq!((report.status, &report.json()["allowed"]), (403, &serde_json::json!(["operate", "schedule"])));
    assert_eq!(daemon.request_with("GET", "/api/v1/sessions/m1/report", &shows(&books)).status, 200);
    for (lang, other) in [("en", "id"), ("id", "en")] {
        let form = daemon.request_with(
            "GET",
            &format!("/sessions/m1/report?lang={lang}"),
            &format!("Accept-Language: {other}\r\n"),
        );
        assert_eq!(form.status, 401);
        assert!(form.body.contains(&format!("<html lang=\"{lang}\"")), "{}", form.body);
    }
    let log = daemon.stop();
    assert!(!log.contains(&reads) && !log.contains(&books), "{log}");
}

#[test]
fn a_token_that_runs_out_soon_is_told_on_the_page_and_not_whose_it_is() {
    let folder = room(NOTHING);
    let daemon = Daemon::start(folder.path());
    // Whoever shows one has the file looked at; under a profile that is named the page is made anew for each.
    let page = |shown: &str| daemon.request_with("GET", "/?lang=en&profile=zoom_group_720", &shows(shown)).body;
    let far = made(folder.path(), "Budi", "read", &["--expires", "90d"]);
    assert!(!page(&far).contains("A token runs out"));
    let near = made(folder.path(), "Siti", "read", &["--expires", "3d"]);
    assert!(!page(&near).contains("A token runs out"), "one for a visit");
    // It has been good for long.
    let file = folder.path().join("state/tokens.toml");
    let kept = std::fs::read_to_string(&file).unwrap();
    let made_at = |line: &str| {
        if line.starts_with("made_at") { "made_at = \"2026-01-01T00:00:00Z\"".to_owned() } else { line.to_owned() }
    };
    std::fs::write(&file, kept.lines().map(made_at).collect::<Vec<_>>().join("\n")).unwrap();
    let told = page(&near);
    assert!(told.contains("A token runs out") && told.contains("siaga token list"), "{told}");
    assert!(!told.contains("Siti"), "{told}");
    daemon.stop();
}
