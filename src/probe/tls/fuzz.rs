//! What `make fuzz` holds the reader of others' certificates to. Compiled where assertions are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what is wrong by panicking")]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{Fault, Recorder};

/// Who signed the seed `own`.
const ROOT: &[u8] = include_bytes!("../../../fuzz/seeds/certificate/root");

/// Whatever a server shows as its certificate (DER), at some moments.
///
/// # Panics
/// Where a reader does; where it is at once over and not begun; where it is good at a moment at which it does not hold.
pub fn certificate(bytes: &[u8]) {
    let recorder = Recorder::new(inner());
    let (own, anybody) = (CertificateDer::from(bytes), ServerName::try_from("room.example.org").expect("a name"));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(0));
    recorder.verify_server_cert(&own, &[], &anybody, &[], now).expect("it takes all that comes");
    for name in ["room.example.org", "other.example.org", "192.0.2.1"] {
        let name = ServerName::try_from(name).expect("a name");
        let Some(shown) = recorder.shown(&name) else { return };
        for moment in ["1970-01-01T00:00:00Z", "2026-12-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
            let moment: Timestamp = moment.parse().expect("a moment");
            let faults = shown.faults(moment);
            let has = |fault: Fault| faults.contains(&fault);
            assert!(!(has(Fault::Expired) && has(Fault::NotYetValid)), "{faults:?}");
            assert_eq!(has(Fault::Expired), moment > shown.not_after);
            assert!(!faults.is_empty() || name.to_str() == "room.example.org", "the seed has one name");
        }
    }
}

fn inner() -> Arc<dyn ServerCertVerifier> {
    static INNER: OnceLock<Arc<dyn ServerCertVerifier>> = OnceLock::new();
    let made = INNER.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(ROOT)).expect("the seed is one");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("it has a root")
    });
    Arc::clone(made)
}
