//! Every kind of receiver but the webhook (`webhook.rs`), told by the real daemon: a real Alertmanager, a real SMTP server,
//! a real gammu-smsd with gammu's dummy telephone, a program. Telegram and ntfy have no part to be had: they are tested at
//! the wire. Debian packages: `prometheus-alertmanager`, `python3-aiosmtpd`, `gammu-smsd`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::support::certificates::Authority;
use super::support::child::{Child, free_port, wait_until};
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::site::get;
use super::support::upsd::Upsd;

/// A room whose only check is a UPS.
pub(crate) fn config(upsd: &Upsd, receivers: &str) -> String {
    let absent = ["computer", "internet", "audio", "video", "radio"];
    let absent: String = absent.map(|component| format!("{component} = {{ absent = true }}\n")).concat();
    format!(
        "[room]\nname = \"room_a\"\ntitle = \"Ruang “A”\"\n[components]\n{absent}\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"100ms\"\nbad_for = \"0s\"\ngood_for = \"0s\"\n\
         {receivers}",
        upsd.address()
    )
}

/// Tells receivers of a daemon something, by the command.
pub(crate) fn alert_test(folder: &Path, names: &[&str]) -> Output {
    let socket = folder.join("state/control.sock");
    let mut command = siaga();
    command
        .args(["alert", "test", "--lang", "en", "--config"])
        .arg(folder.join("siaga.toml"))
        .arg("--socket")
        .arg(socket);
    command.args(names).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The alerts that an Alertmanager has.
fn alerts(port: u16) -> Vec<Value> {
    let answer = get(port, "/api/v2/alerts").unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn alertmanager(folder: &Path) -> (Child, u16) {
    fs::write(folder.join("alertmanager.yml"), "route: {receiver: none}\nreceivers: [{name: none}]\n").unwrap();
    let port = free_port();
    let mut child =
        Child::start("prometheus-alertmanager", "prometheus-alertmanager", &folder.join("am.log"), |command| {
            command.arg(format!("--config.file={}", folder.join("alertmanager.yml").display()));
            command.arg(format!("--storage.path={}", folder.join("am").display()));
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        });
    child.wait_until(|| get(port, "/-/ready").is_some());
    (child, port)
}

/// What the SMTP server does with each mailbox and each letter.
const MAILBOXES: &str = r#"
from aiosmtpd.handlers import Mailbox

class Mailboxes(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return f"550 5.1.1 <{address}>: Recipient address rejected"
        if address.startswith("later"):
            return f"450 4.2.0 <{address}>: Greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"
"#;

/// An SMTP server that puts letters into a Maildir, but takes none for who is `gone`, and none yet for who is `later`; with a certificate
/// it asks for STARTTLS.
fn smtp(folder: &Path, certificate: Option<(&Path, &Path)>) -> (Child, u16) {
    let port = free_port();
    fs::write(folder.join("mailboxes.py"), MAILBOXES).unwrap();
    let mut child = Child::start("/usr/bin/python3", "python3-aiosmtpd", &folder.join("smtp.log"), |command| {
        command.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["-m", "aiosmtpd", "-n", "-l"]).arg(format!("127.0.0.1:{port}"));
        if let Some((file, key)) = certificate {
            command.arg("--tlscert").arg(file).arg("--tlskey").arg(key);
        }
        command.args(["-c", "mailboxes.Mailboxes"]).arg(folder.join("letters"));
    });
    child.wait_until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    (child, port)
}

/// The letters that came, oldest first.
fn letters(folder: &Path) -> Vec<String> {
    let Ok(files) = fs::read_dir(folder.join("letters/new")) else { return Vec::new() };
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort_by_key(|file| fs::metadata(file).unwrap().modified().unwrap());
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn smsd(folder: &Path) -> Child {
    for name in ["phone", "inbox", "outbox", "sent", "failed"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let at = folder.display();
    let rc = format!(
        "[gammu]\ndevice = {at}/phone\nconnection = none\nmodel = dummy\n[smsd]\nservice = files\nlogfile = {at}/smsd.log\n\
         inboxpath = {at}/inbox/\noutboxpath = {at}/outbox/\nsentsmspath = {at}/sent/\nerrorsmspath = {at}/failed/\n\
         commtimeout = 1\nloopsleep = 1\n"
    );
    fs::write(folder.join("smsdrc"), rc).unwrap();
    Child::start("gammu-smsd", "gammu-smsd", &folder.join("smsd.out"), |command| {
        command.arg("-c").arg(folder.join("smsdrc"));
    })
}

/// The text messages that the telephone has sent, oldest first.
fn sent(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(folder.join("sent")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn every_kind_is_told_what_is_wrong_and_when_it_is_over() {
    let mut upsd = Upsd::start();
    let folder = room("");
    let at = folder.path();
    let (_alertmanager, alertmanager_port) = alertmanager(at);
    let (_smtp, smtp_port) = smtp(at, None);
    let _smsd = smsd(at);
    let program = at.join("tell");
    fs::write(&program, format!("#!/bin/sh\ncat >> {0}\necho \"$SIAGA_EVENT $1\" >> {0}\n", at.join("told").display()))
        .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let receivers = format!(
        "[[receiver]]\nname = \"manager\"\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:{alertmanager_port}\"\n\
         [[receiver]]\nname = \"letters\"\nkind = \"email\"\nserver = \"127.0.0.1\"\nport = {smtp_port}\nsecurity = \"none\"\n\
         from = \"Siaga <siaga@example.org>\"\nto = [\"it@example.org\", \"Piket <duty@example.org>\"]\nlanguage = \"en\"\n\
         [[receiver]]\nname = \"phones\"\nkind = \"sms\"\nto = [\"+6281200000001\"]\noutbox = \"{outbox}\"\n\
         [[receiver]]\nname = \"program\"\nkind = \"command\"\ncommand = [\"{program}\", \"desk\"]\n",
        outbox = at.join("outbox").display(),
        program = program.display(),
    );
    write_config(at, &config(&upsd, &receivers));
    let daemon = Daemon::start(at);
    daemon.wait_for_check("ups", "ready", "");

    // All are those that the daemon knows: of one that it has not read yet there is no answer to wait for.
    let later = "[[receiver]]\nname = \"later\"\nkind = \"command\"\ncommand = [\"/bin/true\"]\n";
    write_config(at, &config(&upsd, &[&receivers, later].concat()));
    let asked = alert_test(at, &[]);
    assert!(asked.status.success(), "{}{}; the log:\n{}", text(&asked.stdout), text(&asked.stderr), daemon.log());
    for name in ["manager", "letters", "phones", "program"] {
        assert!(text(&asked.stdout).contains(&format!("{name}: arrived")), "{}", text(&asked.stdout));
    }
    assert!(alerts(alertmanager_port).iter().any(|alert| alert["labels"]["alertname"] == "SiagaTest"));

    upsd.set("ups.status", "OB LB");
    let ours = |alert: &&Value| alert["labels"]["component"] == "power";
    wait_until(|| alerts(alertmanager_port).iter().any(|alert| ours(&alert)));
    let alert = alerts(alertmanager_port).iter().find(ours).unwrap().clone();
    assert_eq!((&alert["labels"]["room"], &alert["annotations"]["verdict"]), (&"room_a".into(), &"not_ready".into()));
    assert!(alert["annotations"]["incident"].as_str().unwrap().starts_with("power-"), "{alert:#}");
    // Who the alert is: the next incident of the component is the same one.
    let labels: Vec<_> = alert["labels"].as_object().unwrap().keys().collect();
    assert_eq!(labels, ["alertname", "component", "room"]);
    assert!(alert["annotations"]["reasons"].as_str().unwrap().contains("power.battery_low"), "{alert:#}");
    let moment = |key: &str| alert[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    let stands = moment("endsAt").duration_since(moment("startsAt"));
    assert!(stands.as_hours() >= 7 * 24 - 1, "an alert that nobody renews stands: {stands:?}");
    wait_until(|| letters(at).len() == 2 && sent(at).len() == 2);

    upsd.set("ups.status", "OL");
    wait_until(|| !alerts(alertmanager_port).iter().any(|alert| ours(&alert)));
    wait_until(|| letters(at).len() == 3 && sent(at).len() == 3);
    wait_until(|| fs::read_to_string(at.join("told")).unwrap().contains("incident_closed desk"));

    let letters = letters(at);
    for letter in &letters {
        let headers = letter.split("\n\n").next().unwrap();
        assert!(
            headers.contains("From: \"Siaga\" <siaga@example.org>")
                || headers.contains("From: Siaga <siaga@example.org>"),
            "{headers}"
        );
        assert!(headers.contains("it@example.org") && headers.contains("duty@example.org"), "{headers}");
        assert!(headers.contains("Message-ID: <") && headers.contains("Subject: "), "{headers}");
    }
    let messages = sent(at);
    assert!(messages.iter().all(|message| message.is_ascii() && message.len() <= 2 * 153), "{messages:?}");
    assert!(messages[1].starts_with("Ruang \"A\": UPS dan stabilizer - Tidak siap."), "{messages:?}");
    assert!(messages[2].contains("sudah pulih"), "{messages:?}");
    let told = fs::read_to_string(at.join("told")).unwrap();
    let documents: Vec<Value> =
        told.lines().filter_map(|line| serde_json::from_str(line.trim_end_matches(|c| c != '}')).ok()).collect();
    let events: Vec<_> = documents.iter().map(|document| document["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["test", "incident_opened", "incident_closed"], "{told}");
    daemon.stop();
}

#[test]
fn a_letter_goes_encrypted_or_not_at_all() {
    let authority = Authority::new();
    let now = siaga::clock::Clock::start().now().wall;
    let day = Duration::from_hours(24);
    let ours = authority.issue("mail", "DNS:localhost", now - day, now + day);
    let folder = room("");
    let at = folder.path();
    let (_smtp, encrypted) = smtp(at, Some((&ours.file, &ours.key)));
    let plain = tempfile::tempdir().unwrap();
    let (_plain, in_the_clear) = smtp(plain.path(), None);
    let letters_to = |name: &str, server: &str, port: u16| {
        format!(
            "[[receiver]]\nname = \"{name}\"\nkind = \"email\"\nserver = \"{server}\"\nport = {port}\n\
             from = \"siaga@example.org\"\nto = [\"it@example.org\"]\n"
        )
    };
    let receivers = [
        letters_to("good", "localhost", encrypted),
        // Its certificate is for another name.
        letters_to("other_name", "127.0.0.1", encrypted),
        letters_to("clear", "localhost", in_the_clear),
    ];
    write_config(at, &config(&Upsd::start(), &receivers.concat()));
    let mut command = siaga();
    command.env("SSL_CERT_FILE", &authority.file);
    let daemon = Daemon::start_by(command, at);
    let good = alert_test(at, &["good"]);
    assert!(good.status.success(), "{}; the log:\n{}", text(&good.stderr), daemon.log());
    assert_eq!(letters(at).len(), 1);
    for name in ["other_name", "clear"] {
        let bad = alert_test(at, &[name]);
        assert_eq!(bad.status.code(), Some(2), "{name}: {}", text(&bad.stdout));
        assert!(text(&bad.stderr).contains("not arrived ("), "{name}: {}", text(&bad.stderr));
    }
    assert_eq!((letters(at).len(), letters(plain.path()).len()), (1, 0));
    daemon.stop();
}

#[test]
fn a_mailbox_that_is_refused_keeps_the_letter_from_none_of_the_others() {
    let folder = room("");
    let at = folder.path();
    let (_smtp, port) = smtp(at, None);
    let letters_to = |name: &str, to: &[&str]| {
        format!(
            "[[receiver]]\nname = \"{name}\"\nkind = \"email\"\nserver = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n\
             from = \"siaga@example.org\"\nto = {to:?}\n"
        )
    };
    let receivers = [
        letters_to("desk", &["it@example.org", "gone@example.org", "duty@example.org"]),
        letters_to("left", &["gone@example.org", "gone.too@example.org"]),
        letters_to("slow", &["it@example.org", "later@example.org", "gone@example.org"]),
    ];
    write_config(at, &config(&Upsd::start(), &receivers.concat()));
    let daemon = Daemon::start(at);
    let desk = alert_test(at, &["desk"]);
    assert!(desk.status.success(), "{}; the log:\n{}", text(&desk.stderr), daemon.log());
    let came = letters(at);
    assert_eq!(came.len(), 1, "one letter for both: {came:?}");
    assert!(came[0].contains("X-RcptTo: it@example.org, duty@example.org\n"), "{}", came[0]);
    let told = "without one of the mailboxes in `to`: refused";
    assert!(
        daemon.log().contains(told) && daemon.log().contains("the server answered 550: 5.1.1 <…>"),
        "{}",
        daemon.log()
    );
    assert!(!daemon.log().contains("gone@"), "nobody's address is in the log: {}", daemon.log());
    // Where nobody is taken nobody has it; and who may be taken later is waited for, so that nobody has it twice.
    for (name, code) in [("left", "550"), ("slow", "450")] {
        let bad = alert_test(at, &[name]);
        assert_eq!(bad.status.code(), Some(2), "{name}: {}", text(&bad.stdout));
        assert!(text(&bad.stderr).contains(&format!("the server answered {code}: ")), "{name}: {}", text(&bad.stderr));
    }
    assert_eq!(letters(at).len(), 1);
    daemon.stop();
}

#[test]
fn a_test_message_says_what_keeps_it_from_arriving() {
    let folder = room("");
    let at = folder.path();
    for (name, script) in
        [("fails", "echo 'the modem is off' >&2; exit 3"), ("refuses", "exit 65"), ("hangs", "exec sleep 600")]
    {
        fs::write(at.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(at.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    // The one that is silent is not waited for; the others may take their time to start.
    let command = |name: &str| {
        let timeout = if name == "hangs" { "timeout = \"1s\"\n" } else { "" };
        format!(
            "[[receiver]]\nname = \"{name}\"\nkind = \"command\"\n{timeout}command = [\"{}/{name}\"]\n",
            at.display()
        )
    };
    let spool = format!(
        "[[receiver]]\nname = \"phones\"\nkind = \"sms\"\nto = [\"112\"]\noutbox = \"{}/none\"\n",
        at.display()
    );
    let receivers = ["fails", "refuses", "hangs", "gone"].map(command).concat() + &spool;
    write_config(at, &config(&Upsd::start(), &receivers));
    let daemon = Daemon::start(at);
    let asked = alert_test(at, &[]);
    assert_eq!(asked.status.code(), Some(2));
    let said = text(&asked.stderr);
    for words in [
        "fails: not arrived (local: exit status: 3: the modem is off); it is tried again and again",
        "refuses: not arrived (refused: exit status: 65)",
        "hangs: not arrived (timeout: no answer within 1s); it is tried again and again",
        "gone: not arrived (local: No such file or directory (os error 2)); it is tried again and again",
        "phones: not arrived (local: ",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let unknown = alert_test(at, &["nobody"]);
    assert!(
        text(&unknown.stderr).contains("There is no receiver \"nobody\"; those that there are: fails,"),
        "{}",
        text(&unknown.stderr)
    );
    // Who asked stands in the audit, with what came of it.
    let audit = siaga()
        .args(["audit", "--config"])
        .arg(at.join("siaga.toml"))
        .arg("--state-dir")
        .arg(at.join("state"))
        .output()
        .unwrap();
    let audit = text(&audit.stdout);
    assert!(
        audit.contains("test_alert") && audit.contains("not delivered") && audit.contains("no such receiver"),
        "{audit}"
    );
    daemon.stop();
}
