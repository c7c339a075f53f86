//! Pages, API and metrics over TLS: with certificates of a real authority, asked by curl, openssl and Prometheus.
//! Debian packages: `curl`, `openssl`, `prometheus`.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use siaga::clock::Clock;

use super::support::certificates::{Authority, Certificate};
use super::support::child::wait_until;
use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::namespace::{inside, ip};
use super::tokens::{NOTHING, made, shows};

fn now() -> Timestamp {
    Clock::start().now().wall
}

/// A certificate for this machine and for a name of the lab's, that is valid for so many days from now.
pub(crate) fn issue(authority: &Authority, name: &str, days: i64) -> Certificate {
    let now = now();
    let end = now + SignedDuration::from_hours(24 * days);
    let begin = now.min(end) - SignedDuration::from_hours(24);
    authority.issue(name, "DNS:siaga.example.net,DNS:localhost,IP:127.0.0.1,IP:192.0.2.1", begin, end)
}

/// A folder whose config serves over TLS, with the pair put there as `siaga.pem` and `siaga.key`.
fn sealed_room(pair: &Certificate, listen: &str) -> tempfile::TempDir {
    let folder = room(&config(listen));
    put(pair, folder.path());
    folder
}

fn config(listen: &str) -> String {
    format!(
        "{NOTHING}[web]\nlisten = \"{listen}\"\nopen_to = \"everyone\"\nhosts = [\"siaga.example.net\"]\n\
         tls = {{ certificate_file = \"siaga.pem\", key_file = \"siaga.key\" }}\n"
    )
}

fn put(pair: &Certificate, folder: &Path) {
    fs::copy(&pair.file, folder.join("siaga.pem")).unwrap();
    fs::copy(&pair.key, folder.join("siaga.key")).unwrap();
}

/// What curl makes of it: its exit code, and what came with its head.
fn curl(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--max-time", "30", "--noproxy", "*"]).args(arguments);
    let output = command.output().expect("curl cannot be started: install Debian's package curl");
    let both = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&both).into_owned())
}

/// What openssl's client says of a handshake.
fn s_client(address: SocketAddr, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string()]).args(arguments.split_ascii_whitespace());
    let output =
        command.stdin(Stdio::null()).output().expect("openssl cannot be started: install Debian's package openssl");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn number(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn over_a_network_only_tls_is_spoken_and_on_this_machine_both() {
    if !inside("web_tls::over_a_network_only_tls_is_spoken_and_on_this_machine_both") {
        return;
    }
    ip(&["address add 192.0.2.1/32 dev lo"]);
    let authority = Authority::new();
    let folder = sealed_room(&issue(&authority, "one", 30), "0.0.0.0:0");
    let at = folder.path();
    fs::create_dir_all(at.join("state")).unwrap();
    let token = made(at, "Siti", "operate", &[]);
    let daemon = Daemon::start(at);
    wait_until(|| daemon.log().contains("look at https://0.0.0.0:"));
    let port = daemon.address().port();
    let outside: SocketAddr = format!("192.0.2.1:{port}").parse().unwrap();
    let ca = authority.file.to_str().unwrap();

    let name = format!("https://siaga.example.net:{port}");
    let resolve = format!("siaga.example.net:{port}:192.0.2.1");
    let named = |more: &[&str]| curl(&[&["--cacert", ca, "--resolve", &resolve][..], more].concat());
    let (code, text) = named(&[&format!("{name}/-/healthy")]);
    assert!(code == 0 && text.starts_with("HTTP/1.1 200 "), "{text}");
    assert!(!text.to_lowercase().contains("strict-transport-security"), "{text}");
    let (code, text) = named(&["--http2", &format!("{name}/readyz")]);
    assert!(code == 0 && text.starts_with("HTTP/1.1 "), "by ALPN it is HTTP/1.1: {text}");
    // Whoever does not know the authority, or asks for another name, is stopped by their own program.
    assert_eq!(curl(&[&format!("https://192.0.2.1:{port}/-/healthy")]).0, 60);
    let (code, _) = curl(&[
        "--cacert",
        ca,
        "--resolve",
        &format!("other.example:{port}:192.0.2.1"),
        &format!("https://other.example:{port}/"),
    ]);
    assert_eq!(code, 60);

    for (version, spoken) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false), ("-tls1", false)] {
        let said = s_client(outside, &format!("{version} -cipher DEFAULT@SECLEVEL=0 -CAfile {ca} -alpn h2,http/1.1"));
        let good = said.contains("Verify return code: 0 (ok)") && said.contains("ALPN protocol: http/1.1");
        assert_eq!(good, spoken, "{version}: {said}");
        assert!(spoken || said.contains("SSL alert number"), "it is told why: {said}");
    }
    assert!(s_client(outside, "-alpn h2").contains("no application protocol"));

    // A cookie that was given within TLS is shown within TLS alone.
    let come_in = |scheme: &str, host: &str| {
        let place = format!("{scheme}://{host}:{port}/login");
        curl(&["--cacert", ca, "--data-urlencode", &format!("token={token}"), &place]).1
    };
    let cookie = |text: &str| {
        text.lines().find(|line| line.to_lowercase().starts_with("set-cookie:")).unwrap().trim().to_owned()
    };
    assert!(cookie(&come_in("https", "192.0.2.1")).ends_with("; Secure"));
    assert!(!cookie(&come_in("http", "127.0.0.1")).contains("Secure"), "on this machine both are spoken");
    assert!(cookie(&come_in("https", "127.0.0.1")).ends_with("; Secure"));
    // The answer says nothing of the room, and a token that came in the clear is good for nothing there.
    let clear = |more: &[&str]| curl(&[more, &[&format!("http://192.0.2.1:{port}/readyz?verbose")]].concat()).1;
    let text = clear(&[]);
    assert!(text.starts_with("HTTP/1.1 307 "), "{text}");
    assert!(text.contains(&format!("location: https://192.0.2.1:{port}/readyz?verbose")), "{text}");
    let text = clear(&["--header", shows(&token).trim()]);
    assert!(text.starts_with("HTTP/1.1 400 ") && text.contains("urn:siaga:problem:in-clear"), "{text}");
    assert!(clear(&["--request", "POST"]).starts_with("HTTP/1.1 400 "));
    assert!(clear(&["--header", "Host: evil.example"]).starts_with("HTTP/1.1 421 "), "nobody is led to another name");

    // The daemon's own commands.
    let status = |more: &[&str]| {
        let mut command = siaga();
        command.args(["status", "--lang", "en", "--config"]).arg(at.join("siaga.toml")).args(more);
        let output = command.env_remove("SIAGA_CONFIG").output().unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let url = format!("https://192.0.2.1:{port}");
    let (code, text) = status(&["--url", &url]);
    assert!(
        code == 3
            && text.contains("https://192.0.2.1")
            && text.contains("is not trusted")
            && text.to_lowercase().contains("issuer"),
        "{text}"
    );
    let (_, text) = status(&["--url", &url, "--ca-file", ca]);
    assert!(!text.contains("no daemon"), "{text}");
    let key = at.join("siaga.key");
    let (code, text) = status(&["--url", &url, "--ca-file", key.to_str().unwrap()]);
    assert!(code == 3 && text.contains("has no certificate in it"), "{text}");
    let (_, text) = status(&["--url", &format!("http://127.0.0.1:{port}")]);
    assert!(!text.contains("no daemon"), "{text}");
    daemon.stop();
}

#[test]
fn a_renewed_pair_is_shown_after_a_reload_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let (first, second) = (issue(&authority, "first", 13), issue(&authority, "second", 60));
    let folder = sealed_room(&first, "127.0.0.1:0");
    let at = folder.path();
    let daemon = Daemon::start(at);
    let ca = authority.file.to_str().unwrap();
    let shown = || {
        s_client(daemon.address(), &format!("-CAfile {ca}"))
            .lines()
            .find_map(|line| line.strip_prefix("subject=CN = ").map(str::to_owned))
    };
    let expiry = || number(&daemon.get("/metrics").body, "siaga_web_certificate_expiry_timestamp_seconds").unwrap();
    let good = || number(&daemon.get("/metrics").body, "siaga_config_last_reload_successful").unwrap() > 0.5;
    assert_eq!(shown().as_deref(), Some("first"));
    let before = expiry();
    let days = before / 86_400.0 - now().duration_since(Timestamp::UNIX_EPOCH).as_secs_f64() / 86_400.0;
    assert!((12.0..13.1).contains(&days), "{days}");
    let page_tells = || daemon.get("/?lang=en").body.contains("This page&#39;s certificate runs out");
    assert!(page_tells(), "{}", daemon.get("/?lang=en").body);

    // A certificate without the key that is its: as it is between two copies, or after a slip.
    fs::copy(&second.file, at.join("siaga.pem")).unwrap();
    daemon.signal(Signal::HUP);
    wait_until(|| daemon.log().contains("is not the key of the first certificate in"));
    wait_until(|| !good());
    assert_eq!((shown().as_deref(), expiry().to_bits()), (Some("first"), before.to_bits()));
    assert_eq!(daemon.get("/-/healthy").status, 200);
    let answer = daemon.request("POST", "/-/reload");
    assert!(answer.status >= 400 && answer.body.contains("siaga.key"), "{}", answer.body);

    // One who is connected meanwhile goes on until their answer is whole, and then sees the new one.
    fs::copy(&second.key, at.join("siaga.key")).unwrap();
    daemon.signal(Signal::HUP);
    wait_until(good);
    assert_eq!(shown().as_deref(), Some("second"));
    assert!(expiry() > before + 46.0 * 86_400.0);
    assert!(!page_tells());

    // Without the key in the config it goes in the clear, and the series ends; and back.
    write_config(at, &config("127.0.0.1:0").replace("tls =", "#tls ="));
    assert_eq!(daemon.request("POST", "/-/reload").status, 200);
    assert_eq!(shown(), None);
    assert_eq!(number(&daemon.get("/metrics").body, "siaga_web_certificate_expiry_timestamp_seconds"), None);
    write_config(at, &config("127.0.0.1:0"));
    assert_eq!(daemon.request("POST", "/-/reload").status, 200);
    assert_eq!(shown().as_deref(), Some("second"));
    daemon.stop();
}

#[test]
fn what_is_wrong_with_a_pair_is_told_before_anybody_is_shown_it() {
    let authority = Authority::new();
    let (good, other) = (issue(&authority, "good", 30), issue(&authority, "other", 30));
    let at = authority.folder();
    let path = |name: &str| at.join(name);
    authority.openssl("ec -in good.key -aes128 -passout pass:geheim -out old.key");
    authority.openssl("pkcs8 -topk8 -in good.key -passout pass:geheim -out locked.key");
    authority.openssl("x509 -in good.pem -outform DER -out good.der");
    authority.openssl("ecparam -name secp521r1 -genkey -noout -out strange.key");
    authority.openssl("req -x509 -config config -key strange.key -subj /CN=strange -days 9 -out strange.pem");
    fs::write(path("empty.pem"), "").unwrap();
    fs::write(path("backwards.pem"), [fs::read(&authority.file).unwrap(), fs::read(&good.file).unwrap()].concat())
        .unwrap();
    let secret = fs::read_to_string(&good.key).unwrap().lines().nth(1).unwrap().to_owned();
    let text = fs::read_to_string(&good.file).unwrap();
    fs::write(path("torn.pem"), &text[..text.len() / 2]).unwrap();
    fs::write(path("whole.pem"), [text.into_bytes(), fs::read(&authority.file).unwrap()].concat()).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.pem"), rustix::fs::Mode::RUSR).unwrap();
    let checked = |certificate: &str, key: &str| {
        let text = format!("[web]\ntls = {{ certificate_file = \"{certificate}\", key_file = \"{key}\" }}\n");
        fs::write(path("siaga.toml"), text).unwrap();
        let output = siaga().args(["config", "check"]).arg(path("siaga.toml")).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    for (certificate, key, of_the_key, told) in [
        ("none.pem", "good.key", false, "none.pem: No such file or directory"),
        ("good.pem", "none.key", true, "none.key: No such file or directory"),
        (
            "empty.pem",
            "good.key",
            false,
            "empty.pem has no certificate in it; one in PEM begins with -----BEGIN CERTIFICATE-----",
        ),
        ("good.der", "good.key", false, "good.der has no certificate in it"),
        ("torn.pem", "good.key", false, "torn.pem is damaged"),
        ("pipe.pem", "good.key", false, "pipe.pem: it is no file"),
        (".", "good.key", false, "it is no file"),
        ("good.key", "good.key", false, "good.key has no certificate in it"),
        ("good.pem", "good.pem", true, "good.pem has no private key in it"),
        ("good.pem", "other.key", true, "other.key is not the key of the first certificate in"),
        ("backwards.pem", "good.key", true, "the server's own stands first there"),
        ("good.pem", "locked.key", true, "locked.key is locked with a passphrase"),
        ("good.pem", "old.key", true, "old.key is locked with a passphrase"),
        ("strange.pem", "strange.key", true, "strange.key has a key of a kind that is not served"),
    ] {
        let (code, said) = checked(certificate, key);
        assert!(code == 1 && said.contains(told), "{certificate}, {key}: {said}");
        // Where its path stands.
        let column = 28 + if of_the_key { certificate.len() + "\"\", key_file = ".len() } else { 0 };
        let column = said.contains(&format!("siaga.toml:2:{column}:"));
        assert!(column && said.contains("1 error"), "{certificate}, {key}: {said}");
        assert!(!said.contains("geheim") && !said.contains(&secret), "{said}");
    }
    for (certificate, key) in [(&good.file, &good.key), (&other.file, &other.key), (&path("whole.pem"), &good.key)] {
        let (code, said) = checked(certificate.to_str().unwrap(), key.to_str().unwrap());
        assert!(code == 0 && said.contains(" no error;"), "{said}");
    }
    let (code, said) = checked("credential:web.pem", "good.key");
    assert_eq!(code, 0, "a credential is there only while the service runs: {said}");
    let (code, said) = checked("credential:a/b", "good.key");
    assert!(code == 1 && said.contains("without slashes"), "{said}");

    // Told, and no reason not to run: whoever comes is warned by their own program, and alerts go out.
    issue(&authority, "late", -1);
    let (code, said) = checked("late.pem", "late.key");
    assert!(code == 0 && said.contains("expired at"), "{said}");
    fs::set_permissions(path("late.key"), fs::Permissions::from_mode(0o604)).unwrap();
    assert!(checked("late.pem", "late.key").1.contains("everybody on this machine can read the key in"));
    authority.openssl(
        "req -x509 -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=aula.example \
         -addext basicConstraints=CA:FALSE \
         -keyout bare.key -out bare.pem",
    );
    let (code, said) = checked("bare.pem", "bare.key");
    assert!(code == 0 && said.contains("bare.pem names no host and no address (subjectAltName)"), "{said}");
    assert!(!checked("good.pem", "good.key").1.contains("subjectAltName"));
    let folder = sealed_room(&Certificate { file: path("late.pem"), key: path("late.key") }, "127.0.0.1:0");
    let daemon = Daemon::start(folder.path());
    assert!(daemon.log().contains("the certificate of [web] tls expired at"), "{}", daemon.log());
    daemon.stop();

    // Without the credential that it names it watches and answers on this machine, and shows nothing over TLS; elsewhere nothing at all.
    let text = config("127.0.0.1:0").replace("\"siaga.key\"", "\"credential:key\"");
    write_config(folder.path(), &text);
    let mut command = siaga();
    command.env_remove("CREDENTIALS_DIRECTORY");
    let daemon = Daemon::start_by(command, folder.path());
    assert!(daemon.log().contains("is LoadCredential= in the unit?"), "{}", daemon.log());
    let metrics = daemon.get("/metrics").body;
    assert_eq!(number(&metrics, "siaga_config_last_reload_successful"), Some(0.0));
    assert_eq!(number(&metrics, "siaga_web_certificate_expiry_timestamp_seconds"), None);
    let said = s_client(daemon.address(), "");
    assert!(said.contains("no peer certificate available"), "{said}");
    daemon.stop();
    // As systemd hands it over.
    let handed = folder.path().join("credentials");
    fs::create_dir(&handed).unwrap();
    fs::copy(&good.key, handed.join("key")).unwrap();
    fs::copy(&good.file, folder.path().join("siaga.pem")).unwrap();
    let mut command = siaga();
    command.env("CREDENTIALS_DIRECTORY", &handed);
    let daemon = Daemon::start_by(command, folder.path());
    let said = s_client(daemon.address(), &format!("-CAfile {}", authority.file.display()));
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    daemon.stop();
}

#[test]
fn who_never_finishes_a_handshake_holds_nothing() {
    use std::io::{Read as _, Write as _};

    let authority = Authority::new();
    let folder = sealed_room(&issue(&authority, "one", 30), "127.0.0.1:0");
    let daemon = Daemon::start(folder.path());
    let failed = |reason: &str| {
        number(&daemon.get("/metrics").body, &format!("siaga_web_handshakes_failed_total{{reason=\"{reason}\"}}"))
            .unwrap()
    };
    // Silent, with half a greeting, and with nonsense that begins as one does.
    let mut held = Vec::new();
    for greeting in [&b""[..], &[22, 3, 1, 2, 0, 1, 0], &[22, 3, 1, 0, 5, 1, 2, 3, 4, 5]] {
        let mut stream = TcpStream::connect(daemon.address()).unwrap();
        stream.write_all(greeting).unwrap();
        held.push(stream);
    }
    wait_until(|| failed("other") > 0.5);
    assert_eq!(daemon.get("/-/healthy").status, 200);
    // Ten seconds, by the daemon's own clock: they end by its side, and nothing of them is left.
    for stream in &mut held {
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut rest = Vec::new();
        // Closed, or reset where what was sent was not read.
        _ = stream.read_to_end(&mut rest);
        assert!(rest.len() < 64, "an alert at most: {rest:?}");
    }
    assert!(failed("timeout") > 1.5, "{}", daemon.get("/metrics").body);
    daemon.stop();
}
