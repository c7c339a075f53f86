//! What lies in `/etc/siaga` for root and the service's user alone: the config with a webhook's address in it, and the tokens.
//!
//! Debian package: `util-linux`. Needs root: it has an `/etc` of its own, and users in it.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::support::daemon::{Daemon, room};
use super::support::namespace::inside;
use super::tokens::{NOTHING, shows};

const SERVICE: (u32, u32) = (4242, 4343);
const SOMEBODY: (u32, u32) = (4444, 4545);

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An `/etc` whose changes are this test's own, with the service's user and the group `operators`; no service has run here yet. The copy
/// of the program lies where others may look.
fn machine(folder: &Path) -> PathBuf {
    let at = |name: &str| folder.join(name).display().to_string();
    std::fs::create_dir(at("over")).unwrap();
    run("mount", &["-t", "tmpfs", "tmpfs", &at("over")]);
    for name in ["over/written", "over/work"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    let layers = format!("lowerdir=/etc,upperdir={},workdir={}", at("over/written"), at("over/work"));
    run("mount", &["-t", "overlay", "overlay", "-o", &layers, "/etc"]);
    for empty in ["/run", "/var/lib"] {
        run("mount", &["-t", "tmpfs", "tmpfs", empty]);
    }
    let more = |file: &str, lines: &str| {
        let known = std::fs::read_to_string(file).unwrap();
        let others = known.lines().filter(|line| !line.starts_with("siaga:")).map(|line| format!("{line}\n"));
        std::fs::write(file, others.collect::<String>() + lines).unwrap();
    };
    more("/etc/passwd", "siaga:x:4242:4343::/:/bin/false\n");
    more("/etc/group", "siaga:x:4343:\noperators:x:4545:\n");
    _ = std::fs::remove_dir_all("/etc/siaga");
    for (made, owner) in [("/etc/siaga", 0), ("/run/siaga", SERVICE.0), (&*at("state"), SERVICE.0)] {
        std::fs::create_dir(made).unwrap();
        chown(made, Some(owner), None).unwrap();
        std::fs::set_permissions(made, Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    let program = folder.join("siaga");
    std::fs::copy(env!("CARGO_BIN_EXE_siaga"), &program).unwrap();
    program
}

/// The program as a user of the machine.
fn of((user, group): (u32, u32), program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
    command.args(["--clear-groups", "env", "-i"]).arg(program);
    command
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let [said, noted] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), said, noted)
}

#[test]
fn who_may_not_read_the_usual_config_asks_the_daemon_where_it_usually_is() {
    if !inside("service_user::who_may_not_read_the_usual_config_asks_the_daemon_where_it_usually_is") {
        return;
    }
    let text = format!(
        "{NOTHING}[web]\nlisten = \"127.0.0.1:10153\"\n[control]\nsocket = \"/run/siaga/control.sock\"\ngroup = \"operators\"\n"
    );
    let folder = room(&text);
    let program = machine(folder.path());
    let usual = Path::new("/etc/siaga/siaga.toml");
    std::fs::write(usual, &text).unwrap();
    chown(usual, Some(0), Some(SERVICE.1)).unwrap();
    std::fs::set_permissions(usual, Permissions::from_mode(0o640)).unwrap();
    let asked = |arguments: &[&str]| {
        let mut command = of(SOMEBODY, &program);
        told(&command.args(arguments).current_dir("/").stdin(Stdio::null()).output().unwrap())
    };
    let note = "siaga.toml is not for this user to read; the daemon is asked where it is by default";
    let (code, _, noted) = asked(&["status", "--lang", "en"]);
    assert!(code == Some(3) && noted.contains(note) && noted.contains("127.0.0.1:10153"), "no daemon yet: {noted}");

    let daemon = Daemon::start(folder.path());
    let (_, said, noted) = asked(&["status", "--json", "--lang", "en"]);
    assert!(said.contains("\"verdict\"") && noted.lines().count() == 1 && noted.contains(note), "{said}{noted}");
    let (code, _, noted) = asked(&["alert", "silences", "--lang", "en"]);
    assert!(code == Some(0) && noted.contains(note), "{code:?} {noted}");
    // The others reach it too, whatever it answers them.
    for arguments in [
        &["test", "microphone"][..],
        &["drill", "internet"],
        &["sheet", "a"],
        &["radio", "check", "--heard-by", "Budi"],
    ] {
        let (code, said, noted) = asked(arguments);
        let (note, rest) = noted.split_once('\n').unwrap_or_default();
        assert!(note.contains("siaga.toml tidak boleh dibaca pengguna ini"), "{arguments:?}: {code:?} {said}{noted}");
        let nowhere = ["no daemon", "not for this user", "required"];
        assert!(!nowhere.iter().any(|word| rest.contains(word)), "{arguments:?}: {code:?} {said}{noted}");
    }
    // One that is named is meant; and by the defaults nothing is measured.
    // Whoever listens there may be anybody: no token is shown to them.
    let shown = &["status", "--token-file", "/dev/null"][..];
    for arguments in [&["status", "--config", "/etc/siaga/siaga.toml"][..], &["check"], shown] {
        let (code, _, noted) = asked(arguments);
        assert!(code == Some(3) && noted.contains("Permission denied") && noted.lines().count() == 1, "{noted}");
    }
    daemon.stop();
}

#[test]
fn tokens_that_root_makes_beside_the_config_are_the_services_to_read_or_it_is_said_that_they_are_not() {
    if !inside(
        "service_user::tokens_that_root_makes_beside_the_config_are_the_services_to_read_or_it_is_said_that_they_are_not",
    ) {
        return;
    }
    let text = format!("{NOTHING}[web]\nlisten = \"127.0.0.1:0\"\ntokens = \"/etc/siaga/tokens.toml\"\n");
    let folder = room(&text);
    let program = machine(folder.path());
    let file = Path::new("/etc/siaga/tokens.toml");
    let config = folder.path().join("siaga.toml");
    let token = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["token", "--lang", "en", "--config"]).arg(&config).args(arguments);
        let (code, said, noted) = told(&command.stdin(Stdio::null()).output().unwrap());
        assert_eq!(code, Some(0), "{noted}");
        (said.trim_end().to_owned(), noted)
    };
    let given = |user: u32, group: u32, mode: u32| {
        chown(file, Some(user), Some(group)).unwrap();
        std::fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    };
    // What a check of the config says of them.
    let checked = |user: (u32, u32)| {
        let (code, _, noted) = told(&of(user, &program).args(["config", "check"]).arg(&config).output().unwrap());
        assert_eq!(code, Some(0), "{noted}");
        let (said, _) = noted.split_once("siaga: there is neither a check").unwrap();
        said.to_owned()
    };
    let cannot = "the service's user (systemd) cannot read /etc/siaga/tokens.toml";
    assert_eq!(checked((0, 0)), "", "nobody has a token yet");

    let daemon = Daemon::start_by(of(SERVICE, &program), folder.path());
    let status = |token: &str| daemon.request_with("GET", "/api/v1/profiles", &shows(token)).status;
    let (budi, noted) = token(&["add", "Budi", "--scope", "read"]);
    let made = std::fs::metadata(file).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o777), (0, SERVICE.1, 0o640));
    assert!(status(&budi) == 200 && !noted.contains(cannot), "{noted}");
    assert_eq!(checked(SERVICE), "");

    // As it was made before, and by somebody's hand.
    given(0, 0, 0o600);
    let (siti, noted) = token(&["add", "Siti", "--scope", "read"]);
    assert!(status(&siti) == 503 && noted.contains(cannot), "{noted}");
    assert!(token(&["revoke", "Budi"]).1.contains(cannot));
    assert_eq!(status(&budi), 200, "which is why it is said");
    assert!(checked((0, 0)).contains(cannot));
    let noted = checked(SERVICE);
    assert!(noted.contains("tokens.toml: Permission denied"), "{noted}");
    assert!(noted.contains("siaga.toml:") && noted.contains("no token is good"), "{noted}");
    given(0, SERVICE.1, 0o640);
    assert_eq!((status(&siti), status(&budi)), (200, 401));

    // Whoever the file belongs to may write what they like into it.
    given(SOMEBODY.0, SERVICE.1, 0o640);
    let (ani, noted) = token(&["add", "Ani", "--scope", "read"]);
    assert!(noted.contains("neither root's nor the service's user's"), "{noted}");
    assert_eq!((status(&ani), std::fs::metadata(file).unwrap().uid()), (503, SOMEBODY.0));
    given(SERVICE.0, SERVICE.1, 0o600);
    assert_eq!(status(&ani), 200);
    let log = daemon.stop();
    assert!(log.contains("belongs to user 4444") && log.contains("to user 4242"), "{log}");
}
