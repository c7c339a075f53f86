//! README's commands, typed as they stand there, in its order, in a room whose battery is nearly empty. Debian packages: `curl`,
//! `iproute2`, `nut-server`, `openssl`, `weasyprint`.

#[path = "../readme/shell.rs"]
mod shell;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::crash_daemon::Desk;
use super::sessions::{MINUTE, Scheduler, ahead, meeting};
use super::support::daemon::{Daemon, room};
use super::support::namespace::inside;
use super::support::upsd::Upsd;
use super::tokens::made;

/// Commands by how they begin, and how they may end here. What they do then has tests of its own: here, that they are understood
/// and find what README says that there is.
const ENDS: &[(&str, &[i32])] = &[
    // 503: the battery is nearly empty.
    ("curl -i localhost:10153/readyz", &[22]),
    ("curl ", &[0]),
    ("siaga sheet 2026-117 ", &[0]),
    // The session's own verdict.
    ("siaga sheet 2026-117", &[1, 2, 3]),
    ("siaga report ", &[0]),
    ("siaga token ", &[0]),
    // This room has none of the two.
    ("siaga test microphone frames", &[3]),
    ("siaga alert ", &[0]),
    ("siaga drill --list", &[0]),
    // It has no camera to be practised.
    ("siaga drill camera-unplugged", &[2]),
    ("siaga enroll --compare", &[0, 1, 2, 3]),
    // It was never recorded here.
    ("siaga enroll --absent", &[3]),
    ("siaga enroll", &[0, 3]),
    ("openssl ", &[0]),
    ("siaga radio phrases", &[0, 1]),
    // This room has no radio to speak by, or to be heard on.
    ("siaga radio test", &[2, 3]),
    ("siaga radio check", &[2]),
    ("siaga replay ", &[0, 1, 3]),
    ("siaga ledger ", &[0]),
    // Not typed here, by what runs them: `make run` and the tests of all else; `make deb-test` for what root does to a machine.
    ("make ", &[]),
    ("sudo siaga survey ", &[0]),
    ("sudo ", &[]),
    ("systemctl ", &[]),
    // It answers until it is ended.
    ("siaga reflect ", &[0]),
    // There is no line here (`survey/` has some): no meeting can be held, it says.
    ("siaga survey ", &[2]),
    // `tests/package`, `tests/lab`.
    ("apt ", &[]),
    ("cargo ", &[]),
    ("install ", &[]),
    ("cp ", &[]),
];

#[test]
fn what_readme_tells_people_to_type_is_understood_and_finds_what_it_speaks_of() {
    if !inside("typed::what_readme_tells_people_to_type_is_understood_and_finds_what_it_speaks_of") {
        return;
    }
    let (mut upsd, desk) = (Upsd::start(), Desk::start());
    let folder = room(&format!(
        "[components]\ncomputer = {{ absent = true }}\ninternet = {{ absent = true }}\naudio = {{ absent = true }}\nvideo = {{ absent = true }}\n\
         radio = {{ absent = true }}\n[web]\nlisten = \"127.0.0.1:10153\"\n\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\n",
        desk.address,
        upsd.address(),
    ));
    let at = folder.path();
    std::fs::create_dir_all(at.join("state")).unwrap();
    std::fs::create_dir_all(at.join("home/.local/state")).unwrap();
    std::os::unix::fs::symlink(at.join("state"), at.join("home/.local/state/siaga")).unwrap();
    std::fs::copy(at.join("siaga.toml"), at.join("new.toml")).unwrap();
    let scheduler = Scheduler::of(at);
    let token = made(at, "program", "operate,schedule", &[]);
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");
    upsd.set("ups.status", "OB LB");
    let incident =
        daemon.wait_for("/api/v1/incidents?open=1", "the power fails", |answer| answer.json()[0]["id"].is_string());
    let incident = incident.json()[0]["id"].as_str().unwrap().to_owned();
    // What README speaks of and nobody books in it: a meeting that is held.
    let held = meeting("Rapat", ahead(MINUTE / 60), MINUTE * 60);
    assert_eq!(scheduler.send(&daemon, "PUT", "/api/v1/sessions/rapat-17", &json!(held)).status, 201);

    let today = ahead(MINUTE).to_string();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut typed = 0;
    for block in shell::blocks(&readme, "sh") {
        let mut before = String::new();
        for command in shell::commands(block) {
            if command.is_assignment() {
                before = format!("{before}{}\n", command.text);
                continue;
            }
            let ends = ENDS.iter().find(|(begins, _)| command.text.starts_with(begins));
            let (_, ends) = ends.unwrap_or_else(|| panic!("nobody here knows how this ends: {}", command.text));
            if ends.is_empty() {
                continue;
            }
            // Its month is that of the day on which it was written, and its incident is another room's.
            let line = format!("{before}{}", command.text).replace("2026-11", &today[..7]);
            let line = line.replace("power-1764126000000", &incident).replace("curl ", "curl -sS --fail-with-body ");
            let line = of_this_place(at, &line);
            let (code, told) = type_in(at, &token, &line);
            assert!(ends.contains(&code), "{line}\nended with {code}, not with one of {ends:?}:\n{told}");
            assert!(!told.contains("For more information, try"), "{line}\nis not understood:\n{told}");
            typed += 1;
        }
    }
    assert!(typed > 35, "only {typed} were typed");
    daemon.stop();
}

/// The survey is this place's own, which watches for as long as a test has; who types is root already, and its state folder is this one's.
fn of_this_place(at: &Path, line: &str) -> String {
    if line.starts_with("siaga survey ") {
        std::fs::write(at.join("turn.password"), "geheim\n").unwrap();
        return format!("{line} --duration 1s");
    }
    let Some(line) = line.strip_prefix("sudo ") else { return line.to_owned() };
    let files = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path());
    let made = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
    let names = made.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
    let survey = names.filter(|name| name.starts_with("survey-")).max().expect("the survey that was made before");
    let (_, of_another) = line.rsplit_once(' ').unwrap();
    let id = |name: &str| name.trim_start_matches("survey-").trim_end_matches(".json").to_owned();
    line.replace(&id(of_another), &id(&survey)).replace("/var/lib/siaga", at.join("state").to_str().unwrap())
}

/// Types a line into a shell, as somebody at home in `home`; gives how it ended, and what it said.
fn type_in(at: &Path, token: &str, line: &str) -> (i32, String) {
    let programs = Path::new(env!("CARGO_BIN_EXE_siaga")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    // Whoever types it ends it by Ctrl-C, once it has said that it answers.
    let ended =
        format!(": >told; {line} 2>told & until grep -q reflecting told; do kill -0 $!; done; kill -INT $!; wait $!");
    let line = if line.starts_with("siaga reflect ") { &ended } else { line };
    let output = Command::new("sh")
        .args(["-e", "-c", line])
        .current_dir(at)
        .env("PATH", path)
        .env("HOME", at.join("home"))
        .env("SIAGA_CONFIG", at.join("siaga.toml"))
        .env("TOKEN", token)
        .env_remove("XDG_STATE_HOME")
        .env_remove("STATE_DIRECTORY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), told)
}
