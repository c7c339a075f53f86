//! One HTTP request, its time split by phase: resolve, connect, TLS, first byte.
//!
//! The steps are made one by one, each timed, so that a slow answer says which of them was slow. Names are resolved anew
//! each time, each request has a connection of its own, redirections are not followed (what answers is what is judged),
//! and no proxy is taken from the environment.

mod request;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::dial::{self, FarUrl, Role};
use super::range::patience;
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    Arg, ErrorKind, ErrorTable, Finding, Level, Observation, Period, Quantity, Reading, ReasonDef, Rule, Text, Unit,
    Verdict,
};
use request::{Answer, Steps, Target, exchange};

/// Twice a minute is polite to somebody else's server. A single failure is no outage (echoes and STUN see those sooner):
/// the hold is a little longer than the interval, so that a second failure must confirm the first.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(30),
    fresh_for: Duration::from_secs(100),
    bad_for: Duration::from_secs(35),
    good_for: Duration::from_mins(1),
    active: false,
};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&DURATION, &PHASE, &STATUS];

static DURATION: Quantity =
    Quantity::gauge("http_duration_seconds", Unit::Seconds, "Time of one whole request, from the name to the body.")
        .called("Lama satu permintaan web", "Time of one web request");
static PHASE: Quantity = Quantity::gauge("http_phase_seconds", Unit::Seconds, "Time of one phase of a request.")
    .by("phase")
    .called("Lama tiap tahap permintaan web", "Time of each phase of a web request");
static STATUS: Quantity = Quantity::gauge("http_status", Unit::Count, "Status code of the answer (RFC 9110, 15).")
    .called("Kode jawaban web", "Status of the web answer");

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] =
    &[&dial::DNS_FAILED, &dial::CONNECT_FAILED, &dial::TLS_FAILED, &TIMEOUT, &STATUS_BAD, &UNREADABLE];

static TIMEOUT: ReasonDef = ReasonDef::new(
    "internet.http_timeout",
    Text::new("Tujuan tidak menjawab pada waktunya", "The target did not answer in time"),
    Text::new(
        "Periksa apakah internet di ruangan ini berfungsi; bila situs lain cepat, tujuan ini sedang terganggu: hubungi penyelenggaranya",
        "Check that the internet works in this room; if other sites are quick, this target is in trouble: call its operator",
    ),
);

static STATUS_BAD: ReasonDef = ReasonDef::new(
    "internet.http_status_bad",
    Text::new("Tujuan menjawab dengan galat {status}", "The target answered with error {status}"),
    Text::new(
        "Buka tujuan itu di peramban; bila di sana juga gagal, hubungi penyelenggaranya, atau minta petugas TI memeriksa url di berkas konfigurasi",
        "Open the target in a browser; if it fails there too, call its operator, or correct url in the config file",
    ),
);

static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.http_unreadable",
    Text::new("Pengukuran HTTP gagal", "The HTTP measurement failed"),
    Text::new(
        "Minta petugas TI melihat log Siaga dan memeriksa url di berkas konfigurasi",
        "Ask IT staff to read Siaga's log and to check url in the config file",
    ),
);

/// Whoever refuses, is away or says nothing is not there for a meeting either. Words that are no HTTP, a missing root
/// certificate or a socket that we may not have are ours to mend.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Dns, Verdict::NotReady, &dial::DNS_FAILED),
        (ErrorKind::Refused, Verdict::NotReady, &dial::CONNECT_FAILED),
        (ErrorKind::Unreachable, Verdict::NotReady, &dial::CONNECT_FAILED),
        (ErrorKind::Tls, Verdict::NotReady, &dial::TLS_FAILED),
        (ErrorKind::Timeout, Verdict::NotReady, &TIMEOUT),
    ],
    otherwise: &UNREADABLE,
};

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The page to get, or "self": the daemon's own far end on loopback (measured, but never ready).
    pub url: FarUrl,
    /// The status codes of a good answer. A redirection is one: who sends it is there.
    pub expect_status: StatusRange,
    /// How long the whole request may take.
    #[serde(deserialize_with = "patience")]
    pub timeout: Period,
    /// Whom the target stands for: "platform" (the meeting platform itself) or "`far_end`".
    pub role: Role,
    /// A PEM file with the certificates to trust instead of the machine's own.
    pub ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: FarUrl::Own,
            expect_status: StatusRange { from: 200, to: 399 },
            timeout: Period(Duration::from_secs(5)),
            role: Role::Platform,
            ca_file: None,
        }
    }
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub const fn level(&self) -> Level {
        self.role.level()
    }

    /// It has no limits of its own: a page's time says little about a call.
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

/// Status codes from one to another, both included: `"200-399"`, `"204"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct StatusRange {
    from: u16,
    to: u16,
}

impl StatusRange {
    const fn contains(self, status: u16) -> bool {
        self.from <= status && status <= self.to
    }
}

impl FromStr for StatusRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no range of status codes: write \"200-399\" or \"204\"");
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let code = |text: &str| text.trim().parse().ok().filter(|code| (100..=599).contains(code)).ok_or_else(wrong);
        let (from, to) = (code(from)?, code(to)?);
        if from <= to { Ok(Self { from, to }) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for StatusRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl schemars::JsonSchema for StatusRange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StatusRange".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "status codes", "examples": ["200-399", "204"] })
    }
}

/// A requester of one page.
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

    /// Waits until the next request is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        // Root certificates are loaded before the clock is looked at: the line is what is measured.
        let target = Target::of(&self.config, &self.context).await;
        let began = self.context.clock.mono();
        let mut steps = Steps::new(self.context.clock, began);
        let limit = self.config.timeout.0;
        let outcome = match target {
            Ok(target) => tokio::time::timeout(limit, exchange(target, limit, &mut steps))
                .await
                .unwrap_or_else(|_| Err(steps.too_late(limit))),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(answer) => {
                let reading = answer.reading(&self.config, &steps);
                self.context.read(began, reading)
            }
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }
}

impl Answer {
    fn reading(&self, config: &Config, steps: &Steps) -> Reading {
        let mut reading = Reading::default();
        reading.measure(&DURATION, steps.took().as_secs_f64());
        for (phase, took) in &steps.done {
            reading.measure_part(&PHASE, phase.as_str(), took.as_secs_f64());
        }
        reading.measure(&STATUS, f64::from(self.status));
        if !config.expect_status.contains(self.status) {
            let status = Arg::Number(f64::from(self.status), Unit::Count);
            reading.find(Finding::new(&STATUS_BAD, Verdict::NotReady).with("status", status));
        }
        if let Some(finding) = self.peer.and_then(super::far_end_is_self) {
            reading.find(finding);
        }
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_status_codes_is_read_or_refused() {
        assert_eq!("200-399".parse(), Ok(StatusRange { from: 200, to: 399 }));
        assert_eq!("204".parse(), Ok(StatusRange { from: 204, to: 204 }));
        for bad in ["", "ok", "399-200", "99", "200-600", "200-", "-200"] {
            assert!(bad.parse::<StatusRange>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_config_says_what_is_wrong_with_it() {
        let error = toml::from_str::<Config>("url = \"meet.example.net\"").unwrap_err().to_string();
        assert!(error.contains("is no web address"), "{error}");
        let error = toml::from_str::<Config>("adress = \"self\"").unwrap_err().to_string();
        assert!(error.contains("unknown field `adress`") && error.contains("`expect_status`"), "{error}");
        let config: Config = toml::from_str("url = \"https://meet.example.net/\"\nrole = \"far_end\"").unwrap();
        assert_eq!(config.level(), Level::FarEnd);
    }
}
