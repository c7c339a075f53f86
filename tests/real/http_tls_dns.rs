//! The http, tls and dns probes against real servers on the loopback: nginx, certificates by openssl, dnsmasq.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use jiff::Timestamp;
use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Observation, Verdict};
use siaga::probe::{OwnFarEnd, dns, http, tls};

use crate::support::certificates::Authority;
use crate::support::child::free_port;
use crate::support::daemon::{Daemon, room, siaga};
use crate::support::dnsmasq::Dnsmasq;
use crate::support::namespace::inside;
use crate::support::nginx::Nginx;
use crate::support::probe::{findings, idle, soon, value};

/// Every target here is this very machine, which the probes say.
const SELF: (&str, Verdict) = ("internet.far_end_is_self", Verdict::Degraded);
const BAD: Verdict = Verdict::NotReady;

async fn http(config: &str) -> Observation {
    soon(http::Probe::new(toml::from_str(config).unwrap(), idle("http")).next()).await
}

async fn tls(config: &str) -> Observation {
    soon(tls::Probe::new(toml::from_str(config).unwrap(), idle("tls")).next()).await
}

async fn dns(config: &str) -> Observation {
    soon(dns::Probe::new(toml::from_str(config).unwrap(), idle("dns")).next()).await
}

fn days(from_now: i64) -> Timestamp {
    let now = Clock::start().now().wall;
    Timestamp::from_second(now.as_second() + from_now * 86_400).unwrap()
}

/// A socket that takes connections and never says a word.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn a_request_is_timed_by_phase_and_judged_by_its_status() {
    let nginx = Nginx::start(&[(
        None,
        "location = / { return 200 ready; } location = /moved { return 302 /; } location = /busy { return 503; }",
    )]);
    let url = |path: &str| format!("url = \"http://127.0.0.1:{}{path}\"", nginx.port(0));

    let good = http(&url("/")).await;
    assert_eq!(findings(&good), [SELF]);
    assert_eq!(value(&good, "http_status", None), Some(200.0));
    let phase = |phase| value(&good, "http_phase_seconds", Some(phase));
    let sum: f64 = ["resolve", "connect", "first_byte"].map(|name| phase(name).unwrap()).iter().sum();
    assert!(sum > 0.0 && sum <= value(&good, "http_duration_seconds", None).unwrap(), "{sum}");
    assert_eq!(phase("tls"), None, "there was no handshake");

    assert_eq!(findings(&http(&url("/moved")).await), [SELF], "a redirection is an answer");
    let busy = http(&url("/busy")).await;
    assert_eq!(findings(&busy), [("internet.http_status_bad", BAD), SELF]);
    assert_eq!(value(&busy, "http_status", None), Some(503.0));
    let strict = http(&format!("{}\nexpect_status = \"204\"", url("/"))).await;
    assert_eq!(findings(&strict), [("internet.http_status_bad", BAD), SELF]);
}

#[tokio::test]
async fn a_request_that_fails_says_where() {
    let (_listener, port) = silent();
    let mute = http(&format!("url = \"http://127.0.0.1:{port}/\"\ntimeout = \"300ms\"")).await;
    assert_eq!(findings(&mute), [("internet.http_timeout", BAD)]);
    assert!(mute.error.unwrap().detail.contains("first_byte"));
    assert!(mute.reading.measurements.is_empty(), "what failed measured nothing");

    let refused = http(&format!("url = \"http://127.0.0.1:{}/\"", free_port())).await;
    assert_eq!(findings(&refused), [("internet.connect_failed", BAD)]);

    // Something that speaks, but not HTTP, says nothing about the line.
    let (listener, port) = silent();
    let nonsense = std::thread::spawn(move || {
        use std::io::Write as _;
        listener.accept().unwrap().0.write_all(b"SSH-2.0-lab\r\n").unwrap();
    });
    let odd = http(&format!("url = \"http://127.0.0.1:{port}/\"")).await;
    assert_eq!(findings(&odd), [("siaga.http_unreadable", Verdict::Unknown)]);
    nonsense.join().unwrap();

    let nowhere = http("url = \"self\"").await;
    assert_eq!(nowhere.error.unwrap().kind, ErrorKind::Gone, "no far end of our own was given");
}

#[tokio::test]
async fn the_built_in_target_is_our_own_far_end() {
    let nginx = Nginx::start(&[(None, "location = / { return 200 own; }")]);
    let mut context = idle("http");
    let http = SocketAddr::from((Ipv4Addr::LOCALHOST, nginx.port(0)));
    context.own_far_end = Some(std::sync::Arc::new(OwnFarEnd { stun: http, http }));
    let mut probe = http::Probe::new(http::Config::default(), context);
    assert_eq!(findings(&soon(probe.next()).await), [SELF]);
}

#[test]
fn a_name_that_does_not_resolve_is_a_matter_of_dns() {
    // In a network without any resolver, so that nobody is asked.
    if !inside("http_tls_dns::a_name_that_does_not_resolve_is_a_matter_of_dns") {
        return;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let lost = http("url = \"http://meet.example.net/\"\ntimeout = \"20s\"").await;
        assert_eq!(findings(&lost), [("internet.dns_failed", BAD)]);
        let lost = tls("host = \"meet.example.net\"\ntimeout = \"20s\"").await;
        assert_eq!(findings(&lost), [("internet.dns_failed", BAD)]);
        let away = http("url = \"http://192.0.2.1/\"").await;
        assert_eq!(findings(&away), [("internet.connect_failed", BAD)]);
    });
}

#[tokio::test]
async fn a_secure_request_checks_the_certificate() {
    let authority = Authority::new();
    let certificate = authority.issue("localhost", "IP:127.0.0.1", days(-1), days(90));
    let nginx = Nginx::start(&[(Some(&certificate), "location = / { return 200 ready; }")]);
    let url = format!("url = \"https://127.0.0.1:{}/\"", nginx.port(0));
    let good = http(&format!("{url}\nca_file = {:?}", authority.file)).await;
    assert_eq!(findings(&good), [SELF]);
    assert!(value(&good, "http_phase_seconds", Some("tls")).unwrap() > 0.0);

    let stranger = Authority::new();
    let untrusted = http(&format!("{url}\nca_file = {:?}", stranger.file)).await;
    assert_eq!(findings(&untrusted), [("internet.tls_failed", BAD)]);
    // Another authority's file that is missing is our own fault, not the line's.
    let no_file = http(&format!("{url}\nca_file = \"/nonexistent/ca.pem\"")).await;
    assert_eq!(findings(&no_file), [("siaga.http_unreadable", Verdict::Unknown)]);
}

/// As an update of Debian's `ca-certificates` changes what the machine trusts.
#[test]
fn roots_that_the_machine_has_anew_count_without_a_restart() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let certificate = authority.issue("localhost", "IP:127.0.0.1", days(-1), days(90));
    let nginx = Nginx::start(&[(Some(&certificate), "return 200 ready;")]);
    let folder = room(&format!(
        "[[check]]\nname = \"web\"\nkind = \"http\"\nurl = \"https://127.0.0.1:{}/\"\ninterval = \"1s\"\ngood_for = \"1s\"\n",
        nginx.port(0)
    ));
    let roots = folder.path().join("roots.pem");
    std::fs::copy(&stranger.file, &roots).unwrap();
    let mut command = siaga();
    command.env("SSL_CERT_FILE", &roots).env_remove("SSL_CERT_DIR");
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("web", "not_ready", "internet.tls_failed");
    let new = folder.path().join("new.pem");
    std::fs::copy(&authority.file, &new).unwrap();
    std::fs::rename(&new, &roots).unwrap();
    daemon.wait_for_check("web", "degraded", "internet.far_end_is_self");
    daemon.stop();
}

#[tokio::test]
async fn a_certificate_is_judged_and_its_expiry_told_whatever_is_wrong_with_it() {
    let authority = Authority::new();
    let here = "DNS:localhost,IP:127.0.0.1";
    let issued = [
        ("good", here, days(-1), days(90)),
        ("expiring", here, days(-80), days(5)),
        ("expired", here, days(-90), days(-2)),
        ("future", here, days(3), days(90)),
        ("othername", "DNS:other.example.net", days(-1), days(90)),
        ("wreck", "DNS:other.example.net", days(-90), days(-2)),
    ];
    let certificates = issued.map(|(name, subject, from, to)| authority.issue(name, subject, from, to));
    let servers: Vec<_> = certificates.iter().map(|certificate| (Some(certificate), "return 200 ready;")).collect();
    let nginx = Nginx::start(&servers);
    let look = async |place: usize, file: &std::path::Path| {
        tls(&format!("host = \"localhost\"\nport = {}\nca_file = {file:?}", nginx.port(place))).await
    };
    let expected: [&[(&str, Verdict)]; 6] = [
        &[SELF],
        &[("internet.certificate_expiring", Verdict::Degraded), SELF],
        &[("internet.certificate_expired", BAD), SELF],
        &[("internet.certificate_not_yet_valid", BAD), SELF],
        &[("internet.certificate_wrong_name", BAD), SELF],
        &[("internet.certificate_expired", BAD), ("internet.certificate_wrong_name", BAD), SELF],
    ];
    #[allow(clippy::cast_precision_loss, reason = "exact for a date")]
    for (place, (name, _, _, to)) in issued.iter().enumerate() {
        let seen = look(place, &authority.file).await;
        assert_eq!(findings(&seen), expected[place], "{name}");
        let expiry = value(&seen, "tls_certificate_expiry_timestamp_seconds", None);
        assert_eq!(expiry, Some(to.as_second() as f64), "{name}");
        assert!(value(&seen, "tls_handshake_seconds", None).unwrap() > 0.0, "{name}");
    }
    let stranger = Authority::new();
    let untrusted = look(2, &stranger.file).await;
    assert_eq!(
        findings(&untrusted),
        [("internet.certificate_expired", BAD), ("internet.certificate_untrusted", BAD), SELF],
        "renewing alone would not help"
    );
}

#[tokio::test]
async fn a_handshake_that_fails_says_how() {
    let authority = Authority::new();
    let config = |port: u16| format!("host = \"localhost\"\nport = {port}\nca_file = {:?}", authority.file);
    let plain = Nginx::start(&[(None, "return 200 ready;")]);
    assert_eq!(findings(&tls(&config(plain.port(0))).await), [("internet.tls_failed", BAD)]);
    let (_listener, port) = silent();
    let soon = format!("host = \"127.0.0.1\"\nport = {port}\ntimeout = \"300ms\"\nca_file = {:?}", authority.file);
    assert_eq!(findings(&tls(&soon).await), [("internet.tls_timeout", BAD)]);
    assert_eq!(findings(&tls(&config(free_port())).await), [("internet.connect_failed", BAD)]);
}

/// A note: the resolver is this very machine.
const NOTE: (&str, Verdict) = ("internet.resolver_is_self", Verdict::Ready);

#[tokio::test]
async fn a_resolver_is_asked_and_its_answer_judged() {
    let mut records = vec![
        "--host-record=room.example.net,192.0.2.10,2001:db8::10".to_owned(),
        "--host-record=old.example.net,192.0.2.11".to_owned(),
        "--cname=alias.example.net,room.example.net".to_owned(),
    ];
    // More than the 512 bytes that UDP carries, so that the answer must be fetched over TCP.
    records.extend((1..=60).map(|n| format!("--host-record=large.example.net,198.51.100.{n}")));
    let dnsmasq = Dnsmasq::start((Ipv4Addr::LOCALHOST, free_port()), &records);
    let ask = async |rest: &str| dns(&format!("resolver = \"{}\"\n{rest}", dnsmasq.address)).await;

    let both = ask("query = \"room.example.net\"\nrecord = \"both\"").await;
    assert_eq!(findings(&both), [NOTE]);
    assert_eq!(value(&both, "dns_answers", Some("a")), Some(1.0));
    assert_eq!(value(&both, "dns_answers", Some("aaaa")), Some(1.0));
    assert!(value(&both, "dns_duration_seconds", Some("1")).unwrap() > 0.0);

    let alias = ask("query = \"alias.example.net\"").await;
    assert_eq!(value(&alias, "dns_answers", Some("a")), Some(1.0), "the alias itself is no address");
    let large = ask("query = \"large.example.net\"").await;
    assert_eq!((findings(&large), value(&large, "dns_answers", Some("a"))), (vec![NOTE], Some(60.0)));

    let half = ask("query = \"old.example.net\"\nrecord = \"both\"").await;
    assert_eq!(findings(&half), [NOTE], "one of both is enough");
    let empty = ask("query = \"old.example.net\"\nrecord = \"aaaa\"").await;
    assert_eq!(findings(&empty), [("internet.name_empty", BAD)]);
    let unknown = ask("query = \"nobody.example.net\"").await;
    assert_eq!(findings(&unknown), [("internet.name_unknown", BAD)]);
    // It has nobody to ask about other names, and refuses.
    let refused = ask("query = \"meet.example.org\"").await;
    assert_eq!(findings(&refused), [("internet.resolver_failing", BAD)]);
    assert!(value(&refused, "dns_duration_seconds", Some("1")).is_some(), "it did answer");

    dnsmasq.child.freeze();
    let silent = ask("query = \"room.example.net\"\ntimeout = \"300ms\"").await;
    assert_eq!(findings(&silent), [("internet.resolver_silent", BAD)]);
    assert_eq!(silent.error.unwrap().kind, ErrorKind::Timeout);
    dnsmasq.child.thaw();
    assert_eq!(findings(&ask("query = \"room.example.net\"").await), [NOTE]);

    let address = dnsmasq.address;
    drop(dnsmasq);
    let gone = dns(&format!("resolver = \"{address}\"\nquery = \"room.example.net\"")).await;
    assert_eq!(findings(&gone), [("internet.resolver_silent", BAD)]);
    assert_eq!(gone.error.unwrap().kind, ErrorKind::Refused);
}

#[test]
fn auto_asks_each_nameserver_of_the_machine() {
    // The list of nameservers has no ports, so 53 is needed: in a network of our own.
    if !inside("http_tls_dns::auto_asks_each_nameserver_of_the_machine") {
        return;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("resolv.conf");
        let list = |text: &str| std::fs::write(&file, text).unwrap();
        // Where all answer, or one is not there, nobody has to be quick.
        let told = async |timeout: &str| {
            let config = format!("query = \"room.example.net\"\nresolv_conf = {file:?}\ntimeout = \"{timeout}\"");
            findings(&soon(dns::Probe::new(toml::from_str(&config).unwrap(), idle("dns")).next()).await)
        };

        list("");
        assert_eq!(told("30s").await, [("internet.no_resolver", BAD)]);
        let records = ["--host-record=room.example.net,192.0.2.10".to_owned()];
        let first = Dnsmasq::start((Ipv4Addr::LOCALHOST, 53), &records);
        assert_eq!(told("30s").await, [NOTE], "without a list the one on this machine is meant");
        // The list is read anew each time.
        list("nameserver 127.0.0.2\nnameserver 127.0.0.1\n");
        assert_eq!(told("30s").await, [("internet.resolver_partly", Verdict::Degraded), NOTE]);
        let second = Dnsmasq::start((Ipv4Addr::new(127, 0, 0, 2), 53), &records);
        assert_eq!(told("30s").await, [NOTE]);
        drop(first);
        assert_eq!(told("30s").await, [("internet.resolver_partly", Verdict::Degraded), NOTE]);
        second.child.freeze();
        assert_eq!(told("1s").await, [("internet.resolver_silent", BAD)]);
        // Out of reach is silence too.
        list("nameserver 192.0.2.53\n");
        assert_eq!(told("1s").await, [("internet.resolver_silent", BAD)]);
    });
}
