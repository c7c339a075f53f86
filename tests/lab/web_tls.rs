//! Pages over TLS by the service that is shipped: the key is root's alone, and systemd hands it over. Packages of this machine: `curl`,
//! `openssl`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::daemon::room;
use crate::guest::Lab;
use crate::service::Service;
use crate::waiting::until;

const TLS: &str = "tls = { certificate_file = \"/etc/siaga/web.pem\", key_file = \"credential:web.key\" }\n";

/// A certificate of its own for `localhost`, named NAME.pem and NAME.key.
fn issue(folder: &Path, name: &str) {
    let mut openssl = Command::new("openssl");
    openssl
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost".split(' '));
    openssl.args(["-addext", "subjectAltName=DNS:localhost", "-keyout", &format!("{name}.key")]);
    let output = openssl.args(["-out", &format!("{name}.pem")]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Puts a pair where the unit and the config look for it; the key for root alone.
fn put(lab: &Lab, folder: &Path, name: &str) {
    let [pair, key] = ["pem", "key"].map(|end| lab.push(&fs::read(folder.join(format!("{name}.{end}"))).unwrap(), end));
    lab.sh(&format!("install -m 644 {pair} /etc/siaga/web.pem && install -m 600 {key} /etc/siaga/web.key"));
}

/// What curl is answered that trusts one certificate: the status, or nothing.
fn asked(service: &Service<'_>, folder: &Path, trusted: &str, path: &str) -> Option<String> {
    let url = format!("https://localhost:{}{path}", service.daemon.port());
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--max-time",
        "30",
        "--noproxy",
        "*",
        "--ipv4",
        "--write-out",
        "\n%{http_code}",
        "--cacert",
    ]);
    let output =
        curl.arg(folder.join(format!("{trusted}.pem"))).arg(url).output().expect("install Debian's package curl");
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_key_is_roots_and_comes_by_systemd_and_a_renewed_pair_with_a_restart() {
    let (lab, folder) = (Lab::start_system(), tempfile::tempdir().unwrap());
    for name in ["old", "new"] {
        issue(folder.path(), name);
    }
    put(&lab, folder.path(), "old");
    let config = room(&["video"], &[("camera", "interval = \"500ms\"\nrequery = \"1s\"\n")]);
    let service = lab.service_with(&config, "[Service]\nLoadCredential=web.key:/etc/siaga/web.key\n");
    let asked = |trusted, path| asked(&service, folder.path(), trusted, path);
    let comes = |trusted| {
        let come = || asked(trusted, "/-/healthy").filter(|said| said.ends_with("\n200"));
        until(&format!("served by the {trusted} one"), come, || service.journal())
    };
    // The credential is there since the start: a reload is enough to serve by it.
    service.configure_with(&config, TLS);
    lab.sh("systemctl reload siaga.service");
    comes("old");
    assert_eq!(asked("new", "/-/healthy"), None, "it is verified");
    assert!(asked("old", "/?lang=id").unwrap().contains("<html lang=\"id\""));
    let process = service.process();
    let user = lab.sh(&format!("stat -c %u /proc/{process}"));
    assert_eq!((lab.sh("stat -c '%a %u' /etc/siaga/web.key"), user == "0"), ("600 0".to_owned(), false));
    let reads = |user: &str| {
        let read = format!("setpriv --reuid {user} --clear-groups cat /etc/siaga/web.key >/dev/null 2>&1");
        lab.sh(&format!("{read} && echo read || echo refused"))
    };
    assert_eq!((&*reads("0"), &*reads(&user)), ("read", "refused"), "it is root's alone");
    // In the clear nothing is told of the room over a network.
    assert_eq!(service.daemon.get("/readyz").0, 307);

    // Its copy is the old key still: the pair does not fit, is not taken, and the old one is served on.
    put(&lab, folder.path(), "new");
    assert_ne!(lab.run("systemctl reload siaga.service").code, 0, "whoever asks is told");
    let refused = || {
        let metrics = asked("old", "/metrics")?;
        metrics.contains("\nsiaga_config_last_reload_successful 0\n").then_some(())
    };
    until("the pair that does not fit is refused", refused, || service.journal());
    assert_eq!(service.process(), process);
    lab.sh("systemctl restart siaga.service");
    comes("new");
    assert_eq!(asked("old", "/-/healthy"), None);
    assert!(!service.journal().contains("PRIVATE KEY"));
}
