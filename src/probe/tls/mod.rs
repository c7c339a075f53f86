//! A TLS handshake, and what the certificate is worth: its expiry, its names, its issuer.

mod certificate;
#[cfg(debug_assertions)]
pub mod fuzz;
mod reasons;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::dial::{self, Role, tls};
use super::range::{patience, within};
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    Arg, ErrorKind, Finding, Level, Observation, Period, ProbeError, Quantity, Reading, Rule, Unit, Verdict,
};
use certificate::{Fault, Recorder, Shown};
pub use reasons::{ERRORS, REASONS};

/// A handshake a minute costs nothing; the hold is a little longer, so that a second failure must confirm the first.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_mins(1),
    fresh_for: Duration::from_secs(200),
    bad_for: Duration::from_secs(65),
    good_for: Duration::from_mins(1),
    active: false,
};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&EXPIRY, &HANDSHAKE];

static EXPIRY: Quantity = Quantity::gauge(
    "tls_certificate_expiry_timestamp_seconds",
    Unit::Timestamp,
    "When the server's own certificate ceases to be valid (notAfter, RFC 5280, 4.1.2.5).",
)
.called("Sertifikat berlaku sampai", "The certificate is valid until");
static HANDSHAKE: Quantity =
    Quantity::gauge("tls_handshake_seconds", Unit::Seconds, "Time of the TLS handshake, without connecting.")
        .called("Lama jabat tangan TLS", "Time of the TLS handshake");

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server's name or address; the certificate must be for it.
    pub host: String,
    /// Its TCP port.
    #[serde(default = "https", deserialize_with = "port")]
    pub port: u16,
    /// A certificate that expires within this is degraded: renewing one may take an office two weeks.
    #[serde(default = "two_weeks", deserialize_with = "years")]
    pub expires_within: Period,
    /// How long name, connection and handshake may take together.
    #[serde(default = "five_seconds", deserialize_with = "patience")]
    pub timeout: Period,
    /// Whom the target stands for: "platform" (the meeting platform itself) or "`far_end`".
    #[serde(default)]
    pub role: Role,
    /// A PEM file with the certificates to trust instead of the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn port<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    within(deserializer, 1..=u16::MAX)
}

/// Certificates of an office's own authority may last ten years.
fn years<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::ZERO)..=Period(Duration::from_hours(3650 * 24)))
}

const fn https() -> u16 {
    443
}

const fn two_weeks() -> Period {
    Period(Duration::from_hours(14 * 24))
}

const fn five_seconds() -> Period {
    Period(Duration::from_secs(5))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub const fn level(&self) -> Level {
        self.role.level()
    }

    /// Its limit is a date, which the probe holds against the clock itself.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A reader of one server's certificate.
pub struct Probe {
    config: Config,
    context: Context,
    ticker: Option<tokio::time::Interval>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub const fn new(config: Config, context: Context) -> Self {
        Self { config, context, ticker: None }
    }

    /// Waits until the next handshake is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        // Root certificates are loaded before the clock is looked at: the line is what is measured.
        let verifier = tls::verifier(self.config.ca_file.as_deref()).await;
        let recorder = verifier.map(|inner| Arc::new(Recorder::new(inner)));
        let began = self.context.clock.mono();
        let outcome = match recorder {
            Ok(recorder) => self.within_patience(&recorder).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }

    /// A name that is not answered in time is no fault of the server that it names.
    async fn within_patience(&self, recorder: &Arc<Recorder>) -> Result<Reading, ProbeError> {
        let Config { host, port, timeout, .. } = &self.config;
        let began = self.context.clock.mono();
        let late = |kind| ProbeError::new(kind, format!("{host}: no end within {timeout}"));
        let resolved = tokio::time::timeout(timeout.0, dial::resolve(&self.context.egress, host, *port)).await;
        let addresses = resolved.unwrap_or_else(|_| Err(late(ErrorKind::Dns)))?;
        let left = timeout.0.saturating_sub(self.context.clock.mono().since(began));
        let shaken = tokio::time::timeout(left, self.shake(recorder, &addresses, left)).await;
        shaken.unwrap_or_else(|_| Err(late(ErrorKind::Timeout)))
    }

    /// The name has had its part of the time: a dead address may take half of what is left, not of all.
    async fn shake(
        &self,
        recorder: &Arc<Recorder>,
        addresses: &[SocketAddr],
        left: Duration,
    ) -> Result<Reading, ProbeError> {
        let name = tls::server_name(&self.config.host)?;
        let settings = tls::client(Arc::<Recorder>::clone(recorder), self.context.clock, &[])?;
        let stream = dial::connect(&self.context.egress, addresses, left).await?;
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        let began = self.context.clock.mono();
        // Dropped at once: nothing is said over a connection whose certificate has not been judged yet.
        drop(tls::handshake(settings, name.clone(), stream).await?);
        let took = self.context.clock.mono().since(began);
        let shown = recorder.shown(&name).ok_or_else(|| ProbeError::new(ErrorKind::Tls, "no certificate was shown"))?;
        Ok(self.reading(&shown, took, peer))
    }

    fn reading(&self, shown: &Shown, took: Duration, peer: Option<IpAddr>) -> Reading {
        let now = self.context.clock.now().wall;
        let host = self.config.host.as_str();
        let mut reading = Reading::default();
        reading.measure(&HANDSHAKE, took.as_secs_f64());
        reading.measure(&EXPIRY, seconds(shown.not_after));
        for fault in shown.faults(now) {
            let finding = match fault {
                Fault::Expired => Finding::new(&reasons::EXPIRED, Verdict::NotReady),
                Fault::NotYetValid => Finding::new(&reasons::NOT_YET_VALID, Verdict::NotReady),
                Fault::OtherName => Finding::new(&reasons::OTHER_NAME, Verdict::NotReady),
                Fault::Untrusted(why) => Finding::new(&reasons::UNTRUSTED, Verdict::NotReady).with("detail", why),
            };
            reading.find(finding.with("host", host));
        }
        let left = shown.not_after.duration_since(now);
        if !left.is_negative() && left.unsigned_abs() < self.config.expires_within.0 {
            let days = (left.as_secs_f64() / 86_400.0).floor();
            let finding = Finding::new(&reasons::EXPIRING, Verdict::Degraded).with("host", host);
            reading.find(finding.with("days", Arg::Number(days, Unit::Count)));
        }
        if let Some(finding) = peer.and_then(super::far_end_is_self) {
            reading.find(finding);
        }
        reading
    }
}

/// Whole seconds since 1970, as X.509 has them.
#[allow(clippy::cast_precision_loss, reason = "exact for a hundred million years")]
fn seconds(moment: jiff::Timestamp) -> f64 {
    moment.as_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fixture::Machine;

    #[tokio::test]
    async fn a_dead_address_takes_half_of_what_the_name_has_left() {
        // Of a queue that is full nobody hears a word; the other ends each connection at once.
        let dead = tokio::net::TcpSocket::new_v4().unwrap();
        dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let dead = dead.listen(1).unwrap();
        let address = dead.local_addr().unwrap();
        let mut queue = Vec::new();
        let full = Duration::from_millis(200);
        while let Ok(one) = tokio::time::timeout(full, tokio::net::TcpStream::connect(address)).await {
            queue.push(one.unwrap());
        }
        let living = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [address, living.local_addr().unwrap()];
        let ended = tokio::spawn(async move { drop(living.accept().await) });

        let config = toml::from_str("host = 'far.example'\ntimeout = '10s'").unwrap();
        let probe = Probe::new(config, Machine::bare().context());
        let recorder = Arc::new(Recorder::new(tls::verifier(None).await.unwrap()));
        let left = Duration::from_secs(2);
        let shaken = tokio::time::timeout(left, probe.shake(&recorder, &addresses, left)).await;
        assert!(shaken.is_ok_and(|shaken| shaken.is_err()), "the living one was not come to");
        ended.await.unwrap();
    }
}
