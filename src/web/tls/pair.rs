//! A certificate and its key, read from their files and held against each other before anybody is shown them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Config;
use crate::domain::SecretFile;

/// The longest file that is read, bytes: more than any chain has.
const LONGEST: u64 = 256 * 1024;

/// The cryptography in use: ring, named here rather than installed for the process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static RING: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(RING.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// A certificate and its key, which belong together.
#[derive(Debug)]
pub struct Pair {
    pub(super) key: CertifiedKey,
    /// From when on all of the chain is valid.
    begins_at: Timestamp,
    /// When the first of the chain ceases to be valid.
    pub(super) expires_at: Timestamp,
    /// The key's file, where everybody on this machine can read it.
    open: Option<PathBuf>,
    /// The certificate's file, where the server's own names no host and no address.
    nameless: Option<PathBuf>,
}

/// What is wrong with one of the files. Nothing of a key is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct Wrong {
    /// The config's key that names it.
    pub key: &'static str,
    /// In words.
    pub why: String,
}

impl Pair {
    /// Reads both. `credentials` is the folder that systemd made for this service. Blocks.
    ///
    /// # Errors
    /// A file that is not there or cannot be read, that is none in PEM, a key with a passphrase or of a kind that ring does not know, or one
    /// that is not the certificate's. One that has expired is no error: whoever comes is told by their own program.
    pub fn read(config: &Config, credentials: Option<&Path>) -> Result<Self, Wrong> {
        let (certificate, key) = ("certificate_file", "key_file");
        let (certificate_at, text, _) = load(certificate, &config.certificate_file, credentials)?;
        let chain = chain(&text).map_err(|why| wrong(certificate, &certificate_at, &why))?;
        let (begins_at, expires_at) = valid(&chain).map_err(|why| wrong(certificate, &certificate_at, &why))?;
        let nameless = (!chain.first().is_some_and(names_a_place)).then(|| certificate_at.clone());
        let (key_at, text, mode) = load(key, &config.key_file, credentials)?;
        let private = private(&text).map_err(|why| wrong(key, &key_at, &why))?;
        let pair = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
            let why = match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
                    "is not the key of the first certificate in {}; the server's own stands first there, then those between it and its \
                     authority",
                    certificate_at.display()
                ),
                Error::InvalidCertificate(why) => return wrong(certificate, &certificate_at, &format!("is no certificate of a server ({why:?})")),
                _ => "has a key of a kind that is not served: RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, and Ed25519 are".to_owned(),
            };
            wrong(key, &key_at, &why)
        })?;
        let open = (mode & 0o004 != 0).then_some(key_at);
        Ok(Self { key: pair, begins_at, expires_at, open, nameless })
    }

    /// What does not keep it from being shown, and somebody should know all the same.
    pub fn doubts(&self, now: Timestamp) -> Vec<String> {
        let mut doubts = Vec::new();
        if now > self.expires_at {
            doubts.push(format!(
                "the certificate of [web] tls expired at {}; browsers and scrapers refuse it",
                self.expires_at
            ));
        } else if now < self.begins_at {
            doubts.push(format!(
                "the certificate of [web] tls is valid from {} on; is this clock right?",
                self.begins_at
            ));
        }
        if let Some(file) = &self.nameless {
            doubts.push(format!(
                "the certificate in {} names no host and no address (subjectAltName); browsers and scrapers refuse it whatever its subject says",
                file.display()
            ));
        }
        if let Some(file) = &self.open {
            doubts.push(format!("everybody on this machine can read the key in {}: chmod o-r", file.display()));
        }
        doubts
    }
}

fn wrong(key: &'static str, file: &Path, why: &str) -> Wrong {
    Wrong { key, why: format!("{} {why}", file.display()) }
}

/// Where a file is, what is in it, and who may read it.
fn load(key: &'static str, said: &SecretFile, credentials: Option<&Path>) -> Result<(PathBuf, Vec<u8>, u32), Wrong> {
    let file = said.place(credentials).map_err(|why| Wrong { key, why })?;
    let read = || -> io::Result<(Vec<u8>, u32)> {
        let found = std::fs::metadata(&file)?;
        // A pipe would wait for its writer for ever.
        if !found.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut text = Vec::new();
        File::open(&file)?.take(LONGEST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LONGEST {
            return Err(io::Error::other("it is longer than any certificate or key"));
        }
        Ok((text, found.permissions().mode()))
    };
    match read() {
        Ok((text, mode)) => Ok((file, text, mode)),
        Err(error) => Err(Wrong { key, why: format!("cannot read {}: {error}", file.display()) }),
    }
}

/// The certificates in a file, in its order.
pub(super) fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Err(error) if !matches!(error, pem::Error::NoItemsFound) => Err(format!("is damaged ({error})")),
        _ => Err("has no certificate in it; one in PEM begins with -----BEGIN CERTIFICATE-----".to_owned()),
    }
}

/// From when until when all of a chain is valid (RFC 5280 §4.1.2.5).
pub(super) fn valid(chain: &[CertificateDer<'_>]) -> Result<(Timestamp, Timestamp), String> {
    let mut valid = (Timestamp::MIN, Timestamp::MAX);
    for (place, certificate) in chain.iter().enumerate() {
        let unread = || format!("has a certificate (the {}. in it) that is none of X.509", place + 1);
        let (_, read) = X509Certificate::from_der(certificate).map_err(|_| unread())?;
        let validity = read.validity();
        let begins = Timestamp::from_second(validity.not_before.timestamp()).unwrap_or(Timestamp::MIN);
        // 99991231235959Z is one without an end, a day later than the last moment that we can tell.
        let ends = Timestamp::from_second(validity.not_after.timestamp()).unwrap_or(Timestamp::MAX);
        (valid.0, valid.1) = (valid.0.max(begins), valid.1.min(ends));
    }
    Ok(valid)
}

/// Whether a certificate says of which host or address it is, where alone that is looked for (RFC 9525 §6.1: not in the subject).
pub(super) fn names_a_place(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, read)) = X509Certificate::from_der(certificate) else { return false };
    let names = read.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| {
        let mut all = names.value.general_names.iter();
        all.any(|name| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_)))
    })
}

/// The private key in a file.
pub(super) fn private(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    // RFC 7468 §11, and the older way, a header inside (RFC 1421 §4.6.1.1).
    if [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"].iter().any(|mark| has(text, mark)) {
        let why = "is locked with a passphrase, for which a daemon can ask nobody; openssl pkey -in THIS -out NEW takes it off";
        return Err(why.to_owned());
    }
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => {
            Err("has no private key in it; one in PEM begins with -----BEGIN PRIVATE KEY-----".to_owned())
        }
        // What the error repeats may be of the key.
        Err(_) => Err("is damaged".to_owned()),
    }
}

fn has(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|window| window == mark)
}
