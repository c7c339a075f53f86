//! One DNS question to each resolver of the machine, or to a named one.
//!
//! The question goes straight to the resolver, past the system's own library, so that a dead resolver is seen even where
//! a living one behind it hides it from programs, at the price of seconds each time.

#[cfg(debug_assertions)]
pub mod fuzz;
pub(super) mod query;
mod reasons;
pub(super) mod resolvers;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

use super::range::patience;
use super::{Context, Defaults, host};
use crate::domain::check::LossRule;
use crate::domain::{
    ErrorKind, Finding, Level, Observation, Period, ProbeError, Quantity, Reading, ReasonDef, Rule, Unit, Verdict,
};
use crate::named_file;
use query::{Reply, ask};
pub use reasons::{ERRORS, REASONS};
use resolvers::Resolvers;
pub use resolvers::{Resolver, ResolverError};

/// A packet may be lost, and the second one too: the hold is a little longer than the interval, so that a second silence must confirm
/// the first.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(15),
    fresh_for: Duration::from_mins(1),
    bad_for: Duration::from_secs(20),
    good_for: Duration::from_secs(30),
    active: false,
};

/// How long an answer is waited for before the question is sent once more, where that is no more than half of the time there is.
/// A name that a resolver has to ask others for takes a tenth of a second, or a few.
const AGAIN: Duration = Duration::from_millis(700);

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&DURATION, &ANSWERS];

static DURATION: Quantity = Quantity::gauge(
    "dns_duration_seconds",
    Unit::Seconds,
    "Time until a resolver had answered, by its place in the list of resolvers.",
)
.by("resolver")
.called("Lama jawaban DNS", "Time of a DNS answer");
static ANSWERS: Quantity =
    Quantity::gauge("dns_answers", Unit::Count, "Records of the wanted type in the first good answer.")
        .by("record")
        .called("Alamat dalam jawaban DNS", "Records in the DNS answer");

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name to ask for: best the meeting platform's own.
    #[serde(deserialize_with = "name")]
    pub query: String,
    /// Which records: "a" (IPv4), "aaaa" (IPv6) or "both", of which one must be there.
    #[serde(default)]
    pub record: Record,
    /// Whom to ask: an address with or without a port, or "auto": each nameserver of `resolv_conf`, read anew each time.
    #[serde(default)]
    pub resolver: Resolver,
    /// How long a resolver may take.
    #[serde(default = "two_seconds", deserialize_with = "patience")]
    pub timeout: Period,
    /// The file that names the machine's resolvers.
    #[serde(default = "etc")]
    pub resolv_conf: PathBuf,
}

/// A resolver may be asked only for what can be a name.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    match host::fault(&name) {
        Some(why) => Err(D::Error::custom(format!("{name:?} {why}; write a name, such as \"meet.example.org\""))),
        None => Ok(name),
    }
}

const fn two_seconds() -> Period {
    Period(Duration::from_secs(2))
}

fn etc() -> PathBuf {
    "/etc/resolv.conf".into()
}

/// Which records are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// IPv4 addresses.
    #[default]
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Of either.
    Both,
}

impl Record {
    const fn types(self) -> &'static [RecordType] {
        match self {
            Self::A => &[RecordType::A],
            Self::Aaaa => &[RecordType::AAAA],
            Self::Both => &[RecordType::A, RecordType::AAAA],
        }
    }
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::FarEnd
    }

    /// It has no limits of its own: names are looked up before a call, not in it.
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

/// An asker of one question.
pub struct Probe {
    config: Config,
    context: Context,
    ticker: Option<tokio::time::Interval>,
}

/// What one resolver made of the question.
struct Asked {
    resolver: SocketAddr,
    /// Until the last of its replies.
    took: Duration,
    /// A reply for each wanted type, or the first failure; where one of them has what was asked for, those that came.
    outcome: Result<Vec<(RecordType, Reply)>, ProbeError>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub const fn new(config: Config, context: Context) -> Self {
        Self { config, context, ticker: None }
    }

    /// Waits until the next question is due and asks it.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        let began = self.context.clock.mono();
        match self.run().await {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }

    async fn run(&self) -> Result<Reading, ProbeError> {
        let mut name = Name::from_utf8(&self.config.query)
            .map_err(|error| ProbeError::new(ErrorKind::Protocol, format!("{}: {error}", self.config.query)))?;
        // As it is written: no search domain is added.
        name.set_fqdn(true);
        let resolvers = self.resolvers().await?;
        let asked = join_all(resolvers.addresses.iter().map(|resolver| self.ask_one(*resolver, &name))).await;
        judge(&self.config.query, &resolvers, &asked)
    }

    /// The machine's resolvers, or those that the uplink has of its own; or the one that the config names.
    async fn resolvers(&self) -> Result<Resolvers, ProbeError> {
        let Config { resolver, resolv_conf, .. } = &self.config;
        let sys = self.context.roots.sys.clone();
        if *resolver != Resolver::Auto {
            // Nothing is read.
            return resolver.list(resolv_conf, &sys);
        }
        if let Some(own) = self.context.egress.own_resolvers() {
            return Ok(Resolvers { addresses: own.to_vec(), assumed: false });
        }
        let read = named_file::read(resolv_conf, move |file| Ok(Resolver::Auto.list(file, &sys))).await;
        read.map_err(|why| ProbeError::new(ErrorKind::Internal, why))?
    }

    async fn ask_one(&self, resolver: SocketAddr, name: &Name) -> Asked {
        let clock = self.context.clock;
        let began = clock.mono();
        let limit = self.config.timeout.0;
        let egress = &self.context.egress;
        let replies = join_all(self.config.record.types().iter().map(|wanted| async move {
            let asked = tokio::time::timeout(limit, ask(egress, resolver, name, *wanted, AGAIN.min(limit / 2))).await;
            let took = clock.mono().since(began);
            match asked {
                Ok(outcome) => outcome.map(|reply| (*wanted, reply, took)),
                Err(_) => {
                    Err(ProbeError::new(ErrorKind::Timeout, format!("{resolver}: no answer within {}", Period(limit))))
                }
            }
        }))
        .await;
        let took = replies.iter().flatten().map(|(.., took)| *took).max();
        let replies = replies.into_iter().map(|reply| reply.map(|(wanted, reply, _)| (wanted, reply))).collect();
        Asked { resolver, took: took.unwrap_or_default(), outcome: together(replies) }
    }
}

/// What one resolver's answers of the wanted types come to: where one of them is what was asked for, a question that was lost beside it,
/// or that the resolver leaves without an answer (RFC 4074 §4.1: some do so with AAAA), takes nothing from it.
fn together(replies: Vec<Result<(RecordType, Reply), ProbeError>>) -> Result<Vec<(RecordType, Reply)>, ProbeError> {
    if replies.iter().flatten().any(|(_, reply)| is_good(reply)) {
        return Ok(replies.into_iter().flatten().collect());
    }
    replies.into_iter().collect()
}

/// Whether it has what was asked for.
fn is_good(reply: &Reply) -> bool {
    reply.code == ResponseCode::NoError && reply.answers > 0
}

impl Asked {
    fn good(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|replies| replies.iter().any(|(_, reply)| is_good(reply)))
    }

    /// What is wrong with its answer: the most telling fault of the wanted types. `None` if it is good, or failed.
    fn fault(&self) -> Option<(&'static ReasonDef, ResponseCode)> {
        if self.good() {
            return None;
        }
        let (_, reply) = self.outcome.as_ref().ok()?.iter().max_by_key(|(_, reply)| rank(reply.code))?;
        let reason = match reply.code {
            ResponseCode::NXDomain => &reasons::NAME_UNKNOWN,
            ResponseCode::NoError => &reasons::NAME_EMPTY,
            _ => &reasons::RESOLVER_FAILING,
        };
        Some((reason, reply.code))
    }
}

/// A resolver that knows is more telling than one that failed to find out.
const fn rank(code: ResponseCode) -> u8 {
    match code {
        ResponseCode::NXDomain => 2,
        ResponseCode::NoError => 1,
        _ => 0,
    }
}

/// What all resolvers together make of it: good if one answers, though each dead one costs every program seconds.
fn judge(name: &str, resolvers: &Resolvers, asked: &[Asked]) -> Result<Reading, ProbeError> {
    let mut reading = Reading::default();
    for (place, one) in (1..).zip(asked) {
        if one.outcome.is_ok() {
            reading.measure_part(&DURATION, &format!("{place}"), one.took.as_secs_f64());
        }
    }
    if let Some(Ok(replies)) = asked.iter().find(|one| one.good()).map(|one| &one.outcome) {
        for (wanted, reply) in replies {
            reading.measure_part(&ANSWERS, &wanted.to_string().to_ascii_lowercase(), f64::from(reply.answers));
        }
        for one in asked.iter().filter(|one| !one.good()) {
            let detail = match (&one.outcome, one.fault()) {
                (Err(error), _) => error.kind.to_string(),
                (Ok(_), Some((_, code))) => code.to_str().to_owned(),
                (Ok(_), None) => continue,
            };
            let finding = Finding::new(&reasons::RESOLVER_PARTLY, Verdict::Degraded);
            reading.find(finding.with("resolver", one.resolver.ip().to_string()).with("detail", detail));
        }
        // A resolver on this machine may answer from memory, for as long as the record lives.
        if resolvers.addresses.iter().all(|resolver| resolver.ip().to_canonical().is_loopback()) {
            reading.find(Finding::new(&reasons::RESOLVER_IS_SELF, Verdict::Ready));
        }
        return Ok(reading);
    }
    if let Some((reason, code)) = asked.iter().filter_map(Asked::fault).max_by_key(|(_, code)| rank(*code)) {
        let finding = Finding::new(reason, Verdict::NotReady).with("name", name);
        reading.find(finding.with("detail", code.to_str()));
        return Ok(reading);
    }
    if resolvers.assumed {
        reading.find(Finding::new(&reasons::NO_RESOLVER, Verdict::NotReady));
        return Ok(reading);
    }
    // All failed. A resolver's own silence says more than what only our eyes failed at.
    let errors = || asked.iter().filter_map(|one| one.outcome.as_ref().err());
    let telling = errors().find(|error| ERRORS.judge(error.kind).0 != Verdict::Unknown).or_else(|| errors().next());
    Err(telling.cloned().unwrap_or_else(|| ProbeError::new(ErrorKind::Internal, "nobody was asked")))
}
