//! The ways of reaching a TURN server, tried one after the other: by UDP, else by TCP, else by TLS.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::config::Config;
use super::wire::Wire;
use crate::clock::Clock;
use crate::domain::{ErrorKind, ProbeError};
use crate::probe::dial::{self, kind_of, tls};
use crate::probe::egress::Egress;

/// How long a connection, and the handshake after it, may take.
const CONNECT: Duration = Duration::from_secs(2);
const HANDSHAKE: Duration = Duration::from_secs(3);

/// A way, with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp(u16),
    Tcp(u16),
    Tls(u16),
}

impl Transport {
    /// As a label.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Udp(_) => "udp",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Udp(port) | Self::Tcp(port) | Self::Tls(port) => port,
        }
    }

    /// Reaches that port of the server.
    ///
    /// # Errors
    /// Of TCP and TLS; UDP knows nothing yet.
    pub(super) async fn reach(
        self,
        egress: &Egress,
        ip: IpAddr,
        config: &Config,
        clock: Clock,
    ) -> Result<Wire, ProbeError> {
        let to = SocketAddr::new(ip, self.port());
        let broken = |error: std::io::Error| ProbeError::new(kind_of(&error), error.to_string());
        if matches!(self, Self::Udp(_)) {
            return Wire::udp(egress, to, clock).await.map_err(broken);
        }
        let stream = dial::connect(egress, &[to], CONNECT).await?;
        dial::ends_at_once(&stream).map_err(broken)?;
        if matches!(self, Self::Tcp(_)) {
            return Ok(Wire::tcp(stream, to, clock));
        }
        let settings = tls::client(tls::verifier(config.ca_file.as_deref()).await?, clock, &[])?;
        let handshake = tls::handshake(settings, tls::server_name(&config.server.host)?, stream);
        let stream = tokio::time::timeout(HANDSHAKE, handshake)
            .await
            .map_err(|_| ProbeError::new(ErrorKind::Timeout, "TLS handshake: no answer"))??;
        Ok(Wire::tls(stream, to, clock))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.label().to_uppercase(), self.port())
    }
}
