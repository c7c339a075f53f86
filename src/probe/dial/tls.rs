//! TLS with a certificate check by the machine's roots or a named file, at the time that our own clock says.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{kind_of, roots};
use crate::clock::Clock;
use crate::domain::{ErrorKind, ProbeError};
use crate::named_file;

/// The cryptography in use: ring, named here rather than installed for the process.
fn provider() -> Arc<CryptoProvider> {
    static RING: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(RING.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// What checks certificates: by `ca_file` (PEM) or by the machine's own roots; of both what stands there now counts.
///
/// # Errors
/// [`ErrorKind::Internal`]: there are no roots to check by.
pub(in crate::probe) async fn verifier(ca_file: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, ProbeError> {
    let internal = |detail: String| ProbeError::new(ErrorKind::Internal, detail);
    let Some(file) = ca_file else {
        let verifier = roots::by_the_machine(&provider());
        return verifier.map_err(|error| internal(format!("this machine's root certificates: {error}")));
    };
    named_file::read(file, by_file).await.map_err(internal)
}

/// What checks by the certificates in a file (PEM). The error is what is wrong with it, and where it is.
fn by_file(file: &Path) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
        roots.add(certificate.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| failed(&error))?;
    Ok(verifier)
}

/// A client's TLS settings with `verifier`, on our clock; `alpn` is what is spoken inside (RFC 7301).
///
/// # Errors
/// [`ErrorKind::Internal`]: never in practice; ring speaks both versions.
pub(in crate::probe) fn client(
    verifier: Arc<dyn ServerCertVerifier>,
    clock: Clock,
    alpn: &[&[u8]],
) -> Result<ClientConfig, ProbeError> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(WallTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|error| ProbeError::new(ErrorKind::Internal, error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    // Each handshake is a whole one: a resumed session would show no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// The name that the certificate must bear.
///
/// # Errors
/// [`ErrorKind::Protocol`]: no server can have that name.
pub(in crate::probe) fn server_name(host: &str) -> Result<ServerName<'static>, ProbeError> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| ProbeError::new(ErrorKind::Protocol, format!("{host}: {error}")))
}

/// Shakes hands.
///
/// # Errors
/// [`ErrorKind::Tls`], or what happened to the connection.
pub(in crate::probe) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    config: ClientConfig,
    name: ServerName<'static>,
    stream: S,
) -> Result<TlsStream<S>, ProbeError> {
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        // An end in the middle of a handshake is what a peer does that does not like us, or speaks no TLS.
        let kind = match kind_of(&error) {
            ErrorKind::Protocol => ErrorKind::Tls,
            kind => kind,
        };
        ProbeError::new(kind, format!("TLS handshake: {error}"))
    })
}

/// Our wall clock, as rustls asks for it.
#[derive(Debug)]
struct WallTime(Clock);

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().wall.as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
