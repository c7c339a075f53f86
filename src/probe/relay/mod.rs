//! Whether the line carries the call through a TURN server (RFC 8656), as a call does that finds no straight way: a call without
//! content to one's own relayed address, so that each packet goes to the server and comes back.
//!
//! It disturbs a call, so it waits while the room is in use and ends at once when that begins, its allocation given back. It
//! takes turns with the other tests of the line, and draws on one budget with them.

mod catalogue;
mod config;
mod credentials;
mod flight;
#[cfg(debug_assertions)]
pub mod fuzz;
mod reach;
mod session;
mod wire;

use std::net::IpAddr;
use std::time::Duration;

pub(super) use self::catalogue::ACCOUNTS;
pub use self::catalogue::{ERRORS, QUANTITIES, REASONS};
pub use self::config::Config;
use self::credentials::Credentials;
use self::flight::{fly, round_trip};
use self::reach::Transport;
use self::session::{LEAVING, LEAVING_AT_ONCE, Session, Trouble};
use super::call::{Flow, Phase, is_given_up, plan};
use super::gate::{Entry, Gate};
use super::lookup::Lookup;
use super::{Context, Defaults, far_end_is_self, until, voice};
use crate::domain::reason::DETAIL;
use crate::domain::{ErrorKind, Finding, Observation, ProbeError, Reading, Sample, Verdict};

/// Four tests a day, as of the other tests of the line.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_hours(6),
    fresh_for: Duration::from_hours(13),
    bad_for: Duration::ZERO,
    good_for: Duration::ZERO,
    active: true,
};

/// How long one test may take: three ways are tried to the server, and the packets go for nine seconds and are waited for.
const AT_MOST: Duration = Duration::from_mins(1);

/// A tester of the way through one TURN server.
pub struct Probe {
    config: Config,
    context: Context,
    gate: Gate,
    lookup: Lookup,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let (gate, lookup) = (Gate::new(&context), Lookup::new(&config.server.host, context.egress.clone()));
        Self { config, context, gate, lookup }
    }

    /// Waits until a test is due, the room is free and the ledger gives leave, and makes it. A test that the room's use
    /// cuts off is no observation: what was known before stands.
    pub async fn next(&mut self) -> Observation {
        let mut in_use = self.context.in_use.clone();
        loop {
            let (began, _turn) = match self.gate.enter(&self.config.allowance()).await {
                Entry::Now(began, turn) => (began, turn),
                Entry::Spent(began, error) => {
                    return self.gate.accounted(self.context.failed(began, error, &ERRORS), &ACCOUNTS);
                }
            };
            self.gate.begins(AT_MOST);
            let mut session = None;
            let outcome = tokio::select! {
                biased;
                () = until(&mut in_use, true) => None,
                outcome = self.test(&mut session) => Some(outcome),
            };
            if let Some(session) = &mut session {
                let patience = if outcome.is_some() { LEAVING } else { LEAVING_AT_ONCE };
                tokio::select! {
                    biased;
                    // Dropping it then says the same, once.
                    () = until(&mut in_use, true), if outcome.is_some() => {}
                    () = session.release(patience) => {}
                }
            }
            let Some(outcome) = outcome else {
                self.gate.cut_off();
                continue;
            };
            let interval = self.context.interval;
            let soon = interval.min(self.config.min_gap.0);
            let (measured, observation) = match outcome {
                Ok(reading) => {
                    let measured = reading.sample.is_some_and(|sample| !sample.outage);
                    (measured, self.context.read(began, reading))
                }
                Err(error) if is_given_up(&error) => {
                    tracing::info!(check = %self.context.check, why = error.detail, "a test was given up");
                    if !self.gate.given_up(began, soon) {
                        continue;
                    }
                    return self.gate.accounted(self.context.failed(began, error, &ERRORS), &ACCOUNTS);
                }
                Err(error) => (false, self.context.failed(began, error, &ERRORS)),
            };
            if measured {
                self.gate.made(began, interval);
            } else {
                self.lookup.target_failed();
                self.gate.failed(began, interval, self.config.min_gap.0);
            }
            return self.gate.accounted(observation, &ACCOUNTS);
        }
    }

    /// The talk is left in `held`, so that it can be ended whatever becomes of this.
    async fn test(&mut self, held: &mut Option<Session>) -> Result<Reading, ProbeError> {
        let credentials = Credentials::read(&self.config.username, &self.config.password_file)
            .await
            .map_err(|why| ProbeError::new(ErrorKind::Internal, why))?;
        let now = self.context.clock.now().wall;
        let credentials = if self.config.shared_secret { credentials.for_a_while(now) } else { credentials };
        let ip = self.lookup.address_of_today(self.context.clock).await?;
        let mut reading = Reading::default();
        if let Some(finding) = far_end_is_self(ip) {
            reading.find(finding);
        }
        let mut failures = Vec::new();
        for transport in self.config.transports() {
            let session = match self.open(transport, ip, &credentials, held).await {
                Ok(session) => session,
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Silent(why)) => {
                    failures.push((transport, why));
                    continue;
                }
            };
            show_ways(&mut reading, &failures, Some(transport));
            let flow = fly(session, &plan::steps(self.config.rate())).await?;
            tell(&mut reading, &flow);
            return Ok(reading);
        }
        show_ways(&mut reading, &failures, None);
        let why: Vec<_> = failures.iter().map(|(transport, why)| format!("{transport}: {why}")).collect();
        let server = self.config.server.host.as_str();
        let blocked = Finding::new(&catalogue::BLOCKED, Verdict::NotReady).with("server", server);
        reading.find(blocked.with(DETAIL, why.join("; ")));
        reading.sample = Some(Sample { sent: 0, lost: 0, outage: true });
        Ok(reading)
    }

    async fn open<'a>(
        &mut self,
        transport: Transport,
        ip: IpAddr,
        credentials: &Credentials,
        held: &'a mut Option<Session>,
    ) -> Result<&'a mut Session, Trouble> {
        let clock = self.context.clock;
        let wire =
            transport.reach(&self.context.egress, ip, &self.config, clock).await.map_err(|error| match error.kind {
                // Of this computer, and no other way would be better.
                ErrorKind::Internal => Trouble::Failed(error),
                _ => Trouble::Silent(error.detail),
            })?;
        let session = held.insert(Session::new(wire, credentials.clone(), self.gate.ledger.clone(), clock));
        session.open().await?;
        Ok(session)
    }
}

/// What was tried in vain, and what works.
fn show_ways(reading: &mut Reading, failures: &[(Transport, String)], works: Option<Transport>) {
    for label in ["udp", "tcp", "tls"] {
        let is = |transport: Transport| transport.label() == label;
        if works.is_some_and(is) {
            reading.measure_part(&catalogue::WORKS, label, 1.0);
        } else if failures.iter().any(|(failed, _)| is(*failed)) {
            reading.measure_part(&catalogue::WORKS, label, 0.0);
        }
    }
    if let Some(works) = works {
        reading.measure(&catalogue::UDP_BLOCKED, f64::from(u8::from(!matches!(works, Transport::Udp(_)))));
        reading.find(Finding::new(&catalogue::REACHED, Verdict::Ready).with("transport", works.to_string()));
    }
}

/// What the packets that came back say.
fn tell(reading: &mut Reading, flow: &Flow) {
    let figures = flow.figures();
    let share = |part: u32, of: u32| if of == 0 { f64::NAN } else { f64::from(part) / f64::from(of) };
    reading.measure(&catalogue::LOSS, share(figures.lost, figures.sent));
    reading.measure(&catalogue::BURSTS, share(figures.lost_in_bursts, figures.sent));
    reading.measure(&catalogue::LONGEST, f64::from(figures.longest));
    reading.measure(&catalogue::OVERTAKEN, share(figures.reordered, figures.arrived));
    let times = [
        (&catalogue::RTT, round_trip(flow, Phase::Light)),
        (&catalogue::LOADED_RTT, round_trip(flow, Phase::Full)),
        (&catalogue::VARIATION, figures.variation),
    ];
    for (quantity, time) in times {
        if let Some(time) = time {
            reading.measure(quantity, time.as_secs_f64());
        }
    }
    if let Some(line) = round_trip(flow, Phase::Light).and_then(|trip| voice::heard(&figures, trip)) {
        voice::tell(reading, (&catalogue::R_FACTOR, &catalogue::MOS), line);
    }
    if let Some(rate) = figures.carried {
        reading.measure(&catalogue::CARRIED, rate);
    }
    reading.sample = Some(Sample { sent: figures.sent, lost: figures.lost, outage: false });
}
