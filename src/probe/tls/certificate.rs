//! What a server showed, and what is wrong with it.
//!
//! A verifier that stops at the first fault would leave us without the expiry of a certificate that has expired. So the
//! handshake takes any certificate and keeps it, with the proof that the server has its key; the judgement comes after.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A verifier that keeps what it sees and accepts it for now.
pub(super) struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone)]
struct Seen {
    own: CertificateDer<'static>,
    between: Vec<CertificateDer<'static>>,
    ocsp: Vec<u8>,
}

impl Recorder {
    /// A recorder that will judge by `inner`.
    pub(super) fn new(inner: Arc<dyn ServerCertVerifier>) -> Self {
        Self { inner, seen: Mutex::new(None) }
    }

    /// What the server showed; `None` before a handshake, or when it is no certificate.
    pub(super) fn shown(&self, name: &ServerName<'static>) -> Option<Shown> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let (_, certificate) = X509Certificate::from_der(&seen.own).ok()?;
        let validity = certificate.validity();
        // 99991231235959Z is a certificate without an end (RFC 5280 §4.1.2.5), a day later than the last moment that we can tell.
        let not_before = Timestamp::from_second(validity.not_before.timestamp()).unwrap_or(Timestamp::MIN);
        let not_after = Timestamp::from_second(validity.not_after.timestamp()).unwrap_or(Timestamp::MAX);
        let other_name =
            ParsedCertificate::try_from(&seen.own).is_ok_and(|parsed| verify_server_name(&parsed, name).is_err());
        Some(Shown { not_before, not_after, other_name, seen, name: name.clone(), inner: Arc::clone(&self.inner) })
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let between = between.iter().map(|certificate| certificate.clone().into_owned()).collect();
        let seen = Seen { own: own.clone().into_owned(), between, ocsp: ocsp.to_vec() };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// A certificate that a server showed.
pub(super) struct Shown {
    not_before: Timestamp,
    /// When it ceases to be valid.
    pub(super) not_after: Timestamp,
    other_name: bool,
    seen: Seen,
    name: ServerName<'static>,
    inner: Arc<dyn ServerCertVerifier>,
}

/// Something wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Expired,
    NotYetValid,
    OtherName,
    /// And why, in English.
    Untrusted(String),
}

impl Shown {
    /// All that is wrong with it at `now`, each fault by itself: renewing an expired certificate does not help where its
    /// issuer is not trusted either.
    pub(super) fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults = Vec::new();
        if now > self.not_after {
            faults.push(Fault::Expired);
        } else if now < self.not_before {
            faults.push(Fault::NotYetValid);
        }
        if self.other_name {
            faults.push(Fault::OtherName);
        }
        // The issuer's chain is judged at the moment nearest to now at which this certificate itself is valid.
        let moment = now.clamp(self.not_before, self.not_after.max(self.not_before));
        let seconds = u64::try_from(moment.as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let Seen { own, between, ocsp } = &self.seen;
        match self.inner.verify_server_cert(own, between, &self.name, ocsp, at) {
            Ok(_) => {}
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.other_name => {}
            Err(error) => faults.push(Fault::Untrusted(error.to_string())),
        }
        faults
    }
}
