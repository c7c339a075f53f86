//! Receivers and pushes, and the authorities that the machine knows: none yet, and others than when the daemon began.
//! Debian packages: `nginx`, `openssl`.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::receivers::alert_test;
use super::support::certificates::{Authority, Certificate};
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::nginx::Nginx;
use super::tokens::NOTHING;
use super::web_tls::issue;

/// It takes whatever is posted, and each time over a new connection.
const TAKES: &str = "keepalive_timeout 0; location / { return 204; }";

/// A daemon that knows the authorities of `roots`, whose receiver and whose pushes are at `url`.
fn start(folder: &Path, roots: &Path, url: &str, more: &str) -> Daemon {
    let desk = format!("[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"{url}\"\n");
    let pushes = format!("[remote_write]\nurl = \"{url}\"\ninterval = \"1s\"\nrate = \"100 Mbit/s\"\n");
    write_config(folder, &format!("{NOTHING}{desk}{more}{pushes}"));
    let mut command = siaga();
    command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    Daemon::start_by(command, folder)
}

/// Waits until a counter of `/metrics` is above `least`.
fn above(daemon: &Daemon, series: &str, least: f64) -> f64 {
    let number = |metrics: &str| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).unwrap_or("0");
        value.parse::<f64>().unwrap()
    };
    let answer = daemon.wait_for("/metrics", series, |answer| number(&answer.body) > least);
    number(&answer.body)
}

const DELIVERED: &str = "siaga_notifications_delivered_total{receiver=\"desk\"}";
const PUSHED: &str = "siaga_remote_write_sent_samples_total";
const UNPUSHED: &str = "siaga_remote_write_failed_attempts_total{reason=\"connect\"}";

/// What the command says of a message that has not arrived.
fn complaint(asked: &Output) -> String {
    assert_eq!(asked.status.code(), Some(2), "{}", String::from_utf8_lossy(&asked.stdout));
    String::from_utf8_lossy(&asked.stderr).into_owned()
}

#[test]
fn what_waits_for_a_machine_without_authorities_goes_out_when_it_has_some() {
    let far = Nginx::start(&[(None, TAKES)]);
    let folder = room("");
    let (at, roots) = (folder.path(), folder.path().join("roots.pem"));
    fs::write(&roots, "").unwrap();
    let daemon = start(at, &roots, &format!("http://127.0.0.1:{}/", far.port(0)), "");
    let said = complaint(&alert_test(at, &["desk"]));
    assert!(said.contains("desk: not arrived (local: the HTTP client cannot be made: "), "{said}");
    assert!(said.contains("it is tried again and again"), "{said}");
    above(&daemon, UNPUSHED, 0.0);
    // The package is installed; nobody restarts the daemon.
    fs::copy(Authority::new().file, &roots).unwrap();
    above(&daemon, DELIVERED, 0.0);
    above(&daemon, PUSHED, 0.0);
    let log = daemon.stop();
    assert!(log.contains("this receiver cannot be told yet") && !log.contains("given up"), "{log}");
}

#[test]
fn a_far_end_whose_authority_came_after_the_start_is_believed() {
    let folder = room("");
    let (at, roots) = (folder.path(), folder.path().join("roots.pem"));
    let authorities = [Authority::new(), Authority::new()];
    // First the authorities, which nobody reads without need; then the far end's certificate and key, in one step.
    let change = |to: &Authority| {
        fs::copy(&to.file, &roots).unwrap();
        let shown = issue(to, "far", 30);
        let both = fs::read_to_string(shown.file).unwrap() + &fs::read_to_string(shown.key).unwrap();
        fs::write(at.join("new.pem"), both).unwrap();
        fs::rename(at.join("new.pem"), at.join("localhost.pem")).unwrap();
    };
    change(&authorities[0]);
    // A name with a variable in it is opened at each handshake.
    let shown = || at.join("$ssl_server_name.pem");
    // A session that is resumed shows no certificate.
    let body = format!("ssl_session_cache off; ssl_session_tickets off; {TAKES}");
    let far = Nginx::start(&[(Some(&Certificate { file: shown(), key: shown() }), &body)]);
    let port = far.port(0);
    // No server of letters: after the handshake it says nothing.
    let letters = format!(
        "[[receiver]]\nname = \"letters\"\nkind = \"email\"\nserver = \"localhost\"\nport = {port}\nsecurity = \"tls\"\n\
         timeout = \"2s\"\nfrom = \"siaga@example.org\"\nto = [\"it@example.org\"]\n"
    );
    let daemon = start(at, &roots, &format!("https://localhost:{port}/"), &letters);
    let asked = alert_test(at, &["desk"]);
    assert!(asked.status.success(), "{}; the log:\n{}", String::from_utf8_lossy(&asked.stderr), daemon.log());
    let said = complaint(&alert_test(at, &["letters"]));
    assert!(said.contains("letters: not arrived (timeout: "), "{said}");
    above(&daemon, PUSHED, 0.0);

    change(&authorities[1]);
    let said = complaint(&alert_test(at, &["desk"]));
    assert!(said.contains("desk: not arrived (connect: "), "{said}");
    above(&daemon, DELIVERED, 1.0);
    above(&daemon, UNPUSHED, 0.0);
    let pushed = above(&daemon, PUSHED, 0.0);
    above(&daemon, PUSHED, pushed);
    let of_letters =
        |why: &str| format!("siaga_notifications_failed_attempts_total{{receiver=\"letters\",reason=\"{why}\"}}");
    above(&daemon, &of_letters("connect"), 0.0);
    let timeouts = above(&daemon, &of_letters("timeout"), 0.0);
    above(&daemon, &of_letters("timeout"), timeouts);
    daemon.stop();
}
