//! Pages over TLS in a real browser: led to `https://`, kept true by the live stream, and entered by a cookie that is never in the clear.
//! Debian packages: `chromium`, `openssl`.

use std::process::Command;

use rustix::process::Signal;

use super::live::{GONE, go};
use super::support::browser::Browser;
use super::support::certificates::{Authority, Certificate};
use super::support::child::wait_until;
use super::support::daemon::{Daemon, room};
use super::support::namespace::{inside, ip};
use super::tokens::{NOTHING, made};
use super::web_tls::issue;

/// What a browser shows in the place of a page that it does not trust.
const DISTRUSTED: &str = "chrome-error://chromewebdata/";

fn browser(flags: &[&str]) -> Browser {
    Browser::start(Command::new("sh"), tempfile::tempdir().unwrap(), flags, "<title>begin</title>")
}

/// By what a browser is told to trust a certificate's key, and no other: the hash of it (RFC 7469 §2.4).
fn pin(pair: &Certificate) -> String {
    let program = "openssl x509 -noout -pubkey -in \"$0\" | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64";
    let output = Command::new("sh").args(["-c", program]).arg(&pair.file).output().unwrap();
    format!("--ignore-certificate-errors-spki-list={}", String::from_utf8(output.stdout).unwrap().trim_end())
}

#[test]
fn a_browser_is_led_to_https_stays_true_there_and_its_cookie_is_for_tls_alone() {
    if !inside("web_tls_browser::a_browser_is_led_to_https_stays_true_there_and_its_cookie_is_for_tls_alone") {
        return;
    }
    // As from another machine: by loopback the clear is spoken too.
    ip(&["address add 192.0.2.1/32 dev lo"]);
    let authority = Authority::new();
    let [own, foreign] = ["own", "foreign"].map(|name| issue(&authority, name, 30));
    let folder = room(&format!(
        "{NOTHING}[web]\nlisten = \"192.0.2.1:0\"\nopen_to = \"everyone\"\ntls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n",
        own.file.display(),
        own.key.display()
    ));
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let shown = made(folder.path(), "Siti", "operate", &[]);
    let daemon = Daemon::start(folder.path());
    let (clear, sealed) = (format!("http://{}", daemon.address()), format!("https://{}", daemon.address()));

    let mut wary = browser(&[&pin(&foreign)]);
    wary.look(&format!("location.href = '{sealed}/'"));
    wait_until(|| wary.look("location.href") == DISTRUSTED);
    drop(wary);

    let mut browser = browser(&[&pin(&own)]);
    browser.look(&format!("location.href = '{clear}/?lang=id'"));
    wait_until(|| browser.look("location.protocol") == "https:");
    go(&mut browser, &format!("{sealed}/?lang=id"));
    assert_eq!(browser.look("isSecureContext"), true);
    // The live stream goes over TLS: its silence is seen, and its return, and the page is not loaded anew.
    daemon.signal(Signal::STOP);
    browser.wait_for(GONE);
    daemon.signal(Signal::CONT);
    wait_until(|| browser.look(GONE) == false);
    assert_eq!(browser.look("window.kept"), 1, "it was loaded anew");

    browser.look(&format!("location.href = '{sealed}/act?lang=id'"));
    let come_in = format!(
        "(field => {{ if (field && !field.value) {{ field.value = '{shown}'; document.querySelector('form button').click() }} }})\
         (document.querySelector('#token'))"
    );
    wait_until(|| {
        browser.look(&come_in);
        browser.look(
            "document.readyState == 'complete' && location.pathname == '/act' && !document.querySelector('#token')",
        ) == true
    });
    let cookies = browser.cookies();
    let cookies = cookies.as_array().unwrap();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let [secure, hidden, site] = ["secure", "httpOnly", "sameSite"].map(|what| &cookies[0][what]);
    assert!(secure == true && hidden == true && site == "Strict", "{cookies:?}");
    assert_eq!(browser.look("document.cookie"), "", "no script sees it");
    // Asked for in the clear, it is not shown before the browser is led on.
    browser.look(&format!("location.href = '{clear}/act?lang=id'"));
    wait_until(|| browser.look("location.protocol + location.pathname") == "https:/act");
    let log = daemon.stop();
    assert!(!log.contains("Siti") && !log.contains(&shown), "{log}");
}
