//! The certificate with which pages, API and metrics are served over TLS, and the key to it. Without one HTTP goes in the clear.
//!
//! rustls with ring, TLS 1.2 and 1.3 alone, HTTP/1.1 inside (ALPN, RFC 7301). No HSTS (RFC 6797): it would bind a name at every port, and
//! a room's certificate is often an office's own, or for an address.

#[cfg(debug_assertions)]
pub mod fuzz;
mod pair;
mod shake;

use std::sync::Arc;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::sign::SingleCertAndKey;
use serde::Deserialize;

use crate::domain::SecretFile;

pub use pair::{Pair, Wrong};
pub(super) use shake::{Unmet, Wire, meet};

/// The certificate and its key, with which pages, API and metrics are served over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WebTls")]
pub struct Config {
    /// A PEM file: the server's own certificate first, then those between it and its authority. Relative to this file, or
    /// `credential:NAME`, one of systemd's.
    #[schemars(with = "String")]
    pub certificate_file: SecretFile,
    /// A PEM file with the certificate's private key, without a passphrase; the same.
    #[schemars(with = "String")]
    pub key_file: SecretFile,
}

impl Config {
    /// The files that it names, by key.
    pub fn files(&mut self) -> [(&'static str, &mut SecretFile); 2] {
        [("certificate_file", &mut self.certificate_file), ("key_file", &mut self.key_file)]
    }
}

/// What whoever connects is shown.
#[derive(Debug)]
pub struct Tls {
    /// None where there is nothing to show, and nothing may go in the clear all the same.
    settings: Option<Arc<ServerConfig>>,
    chain: Vec<CertificateDer<'static>>,
    /// When the first certificate of the chain ceases to be valid.
    pub expires_at: Option<Timestamp>,
}

impl Tls {
    /// Settings that show `pair`.
    ///
    /// # Errors
    /// Never in practice: ring speaks both versions.
    pub fn new(pair: Pair) -> Result<Self, String> {
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let builder = ServerConfig::builder_with_provider(pair::provider())
            .with_protocol_versions(&versions)
            .map_err(|error| error.to_string())?;
        let chain = pair.key.cert.clone();
        let shown = Arc::new(SingleCertAndKey::from(pair.key));
        let mut settings = builder.with_no_client_auth().with_cert_resolver(shown);
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { settings: Some(Arc::new(settings)), chain, expires_at: Some(pair.expires_at) })
    }

    /// Nothing to show, because what the config names is broken: no handshake comes to anything.
    pub const fn without_any() -> Self {
        Self { settings: None, chain: Vec::new(), expires_at: None }
    }

    /// Whether there is nothing to show.
    pub const fn is_broken(&self) -> bool {
        self.settings.is_none()
    }

    /// Whether it shows the same certificates as another, and so has the same key.
    pub fn is_same(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}
