//! `stun`: binding requests over UDP (RFC 8489). Round trip, loss, and whether UDP gets through where TCP does.

mod catalogue;
pub(crate) mod codec;
mod config;
#[cfg(debug_assertions)]
pub mod fuzz;
pub(crate) mod integrity;
mod round;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::select_ok;
use tokio::net::UdpSocket;

pub use self::catalogue::{ERRORS, QUANTITIES, REASONS};
pub use self::config::{Config, Server};
use self::round::{Pace, Tally};
use super::egress::Egress;
use super::lookup::Lookup;
use super::round_trips::RoundTrips;
use super::voice::{self, Asked};
use super::{Context, Defaults, far_end_is_self};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Finding, Mono, Observation, ProbeError, Reading, Sample, Verdict};

/// What this kind does unless the config says otherwise. The hold is longer than the interval and a round's timeout, so that a second
/// round must confirm the first.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(5),
    fresh_for: Duration::from_secs(20),
    bad_for: Duration::from_secs(7),
    good_for: Duration::from_mins(1),
    active: false,
};

/// While a burst goes on, something is told so often.
const TOGETHER: Duration = Duration::from_millis(250);

/// Between two requests of a burst while the room is in use: who tests then may not be heard.
const GENTLE: Duration = Duration::from_millis(200);

/// A probe of this kind: one server.
pub struct Probe {
    config: Config,
    context: Context,
    lookup: Option<Lookup>,
    port: u16,
    /// Kept from round to round, so that a NAT keeps its mapping.
    socket: Option<(SocketAddr, UdpSocket)>,
    due: Mono,
    /// Whether the next answer begins a burst: at the start, after our own trouble, and after an outage as long as the hold.
    burst_due: bool,
    burst_left: u32,
    /// While nobody answers: since when, and how much of the burst was left then.
    away: Option<(Mono, u32)>,
    requests: u64,
    lost: u64,
    /// The server's, since the last outage.
    trips: RoundTrips,
    asked: Asked,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let (lookup, port) = match (&config.server, &context.own_far_end) {
            (Some(server), _) => (Some(Lookup::new(&server.host, context.egress.clone())), server.port),
            (None, Some(own)) => (Some(Lookup::new(&own.stun.ip().to_string(), Egress::default())), own.stun.port()),
            (None, None) => (None, 0),
        };
        Self {
            config,
            context,
            lookup,
            port,
            socket: None,
            due: Mono::ZERO,
            burst_due: true,
            burst_left: 0,
            away: None,
            requests: 0,
            lost: 0,
            trips: RoundTrips::default(),
            asked: Asked::default(),
        }
    }

    /// Waits until the next round is due and runs it. The first call observes at once.
    pub async fn next(&mut self) -> Observation {
        self.wait_until_due().await;
        let began = self.context.clock.mono();
        self.due = began.after(self.context.interval);
        self.observe(began).await.unwrap_or_else(|error| {
            let outage = matches!(error.kind, ErrorKind::Refused | ErrorKind::Unreachable);
            self.socket = None;
            if outage {
                self.goes_away();
            } else {
                // What was decided of loss is forgotten.
                (self.away, self.burst_left, self.burst_due) = (None, 0, true);
            }
            self.forget();
            // The address is there, and not what was asked for: another of the name's may have it.
            if let Some(lookup) = self.lookup.as_mut().filter(|_| outage || error.kind == ErrorKind::Protocol) {
                lookup.target_failed();
            }
            let mut failed = self.context.failed(began, error, &ERRORS);
            // No way there is an outage as silence is, of one round more.
            let lost = self.config.requests;
            failed.reading.sample = outage.then_some(Sample { sent: lost, lost, outage });
            self.count(&mut failed.reading);
            failed
        })
    }

    /// The counters, since the process began: also where it failed, for a series that ends shows no rate.
    fn count(&self, reading: &mut Reading) {
        #[allow(clippy::cast_precision_loss, reason = "2^53 requests take longer than the hardware lasts")]
        for (quantity, total) in [(&catalogue::REQUESTS, self.requests), (&catalogue::LOST, self.lost)] {
            reading.measure(quantity, total as f64);
        }
    }

    /// Meanwhile a name's answer is taken when it comes.
    async fn wait_until_due(&mut self) {
        let clock = self.context.clock;
        while self.burst_left == 0 && clock.mono() < self.due {
            let Some(lookup) = &mut self.lookup else { return clock.sleep_until(self.due).await };
            lookup.ask_when_due(clock.mono());
            let until = self.due.min(lookup.next_deadline());
            tokio::select! {
                () = lookup.answered() => {}
                () = clock.sleep_until(until) => {}
            }
        }
    }

    async fn observe(&mut self, began: Mono) -> Result<Observation, ProbeError> {
        let to = self.address().await?;
        if self.socket.as_ref().is_none_or(|(open, _)| *open != to) {
            self.socket = Some((to, round::open(&self.context.egress, to).await?));
            self.forget();
        }
        let Some((_, socket)) = &self.socket else {
            return Err(ProbeError::new(ErrorKind::Internal, "no socket"));
        };
        let tally = round::run(socket, to, self.pace(), self.context.clock).await?;
        // A line that rejects them loses none.
        if tally.rejected.is_none() {
            self.requests += u64::from(tally.sent);
            self.lost += u64::from(tally.lost());
        }
        self.burst_left = self.burst_left.saturating_sub(tally.sent);

        let mut reading = Reading::default();
        if tally.trips.is_empty() {
            self.silent(&mut reading, to, &tally).await?;
        } else {
            self.alive(&mut reading, tally, to.ip())?;
        }
        self.count(&mut reading);
        if let Some(finding) = far_end_is_self(to.ip()) {
            reading.find(finding);
        }
        Ok(self.context.read(began, reading))
    }

    async fn address(&mut self) -> Result<SocketAddr, ProbeError> {
        let Some(lookup) = &mut self.lookup else {
            return Err(ProbeError::new(ErrorKind::Internal, "no server is configured, and there is no own far end"));
        };
        let address = lookup.address_in_time(self.context.clock).await?;
        Ok(SocketAddr::new(address, self.port))
    }

    /// A round is never of fewer requests than confirm each other's silence. While the room is in use a burst goes slowly.
    fn pace(&self) -> Pace {
        let Config { requests, spacing, timeout, .. } = self.config;
        let is_gentle = self.burst_left > 0 && *self.context.in_use.borrow();
        let spacing = if is_gentle { spacing.0.max(GENTLE) } else { spacing.0 };
        let handful = u32::try_from(TOGETHER.as_millis() / spacing.as_millis().max(1)).unwrap_or(requests);
        let requests = if self.burst_left > 0 { handful.min(self.burst_left).max(requests) } else { requests };
        Pace { requests, spacing, timeout: timeout.0 }
    }

    fn alive(&mut self, reading: &mut Reading, mut tally: Tally, far_end: IpAddr) -> Result<(), ProbeError> {
        let (sent, lost) = (tally.sent, tally.lost());
        let Some(mapped) = tally.mapped else {
            let complaint = tally.complaint.take().unwrap_or_else(|| "no answer was understood".to_owned());
            return Err(ProbeError::new(ErrorKind::Protocol, complaint));
        };
        let now = self.context.clock.mono();
        match self.away.take() {
            // It was loss, and would drown in a burst after each.
            Some((since, left)) if now.since(since) < self.context.bad_for => self.burst_left = left,
            Some(_) => self.burst_due = true,
            None => {}
        }
        if std::mem::take(&mut self.burst_due) {
            self.burst_left = self.config.burst;
        }
        if let Some((min, median)) = tally.min_and_median() {
            reading.measure(&catalogue::RTT, median.as_secs_f64());
            reading.measure(&catalogue::RTT_MIN, min.as_secs_f64());
        }
        reading.measure(&catalogue::UDP_BLOCKED_FLAG, 0.0);
        let sample = Sample { sent, lost, outage: false };
        reading.sample = Some(sample);
        self.foresee_call(reading, &tally, sample, far_end);
        // A note, not a label: it would make a new series of each address. From this very machine nothing is seen outside.
        if !mapped.ip().to_canonical().is_loopback() {
            reading.find(Finding::new(&catalogue::MAPPED, Verdict::Ready).with("address", mapped.to_string()));
        }
        Ok(())
    }

    /// What a reference voice call to there would be. One to this very computer is none.
    fn foresee_call(&mut self, reading: &mut Reading, tally: &Tally, sample: Sample, far_end: IpAddr) {
        self.asked.push(sample);
        tally.trips.iter().for_each(|trip| self.trips.push(*trip));
        let Some((median, jitter)) = self.trips.summary().and_then(|trips| Some((trips.median, trips.jitter?))) else {
            return;
        };
        reading.measure(&catalogue::JITTER, jitter);
        if let Some(line) = self.asked.line(median, jitter).filter(|_| far_end_is_self(far_end).is_none()) {
            voice::tell(reading, (&catalogue::VOICE_R_FACTOR, &catalogue::VOICE_MOS), line);
        }
    }

    /// Nobody answers: what is left of a burst waits.
    fn goes_away(&mut self) {
        let left = std::mem::take(&mut self.burst_left);
        self.away.get_or_insert((self.context.clock.mono(), left));
    }

    /// After an outage, or at another server, everything is measured anew.
    fn forget(&mut self) {
        (self.trips, self.asked) = (RoundTrips::default(), Asked::default());
    }

    /// All requests of a round are silent, or the first was rejected: is it UDP, or the line? A firewall may say that there is nobody, or no
    /// way, as well as nothing.
    async fn silent(&mut self, reading: &mut Reading, to: SocketAddr, tally: &Tally) -> Result<(), ProbeError> {
        self.socket = None;
        self.forget();
        if let Some(complaint) = &tally.complaint {
            return Err(ProbeError::new(ErrorKind::Protocol, complaint.clone()));
        }
        let clock = self.context.clock;
        let deadline = clock.mono().after(self.config.timeout.0);
        let blocked =
            connects_by_tcp(&self.context.egress, to.ip(), self.config.tcp_ports(to.port()), clock, deadline).await;
        if let Some(error) = tally.rejected.clone().filter(|_| !blocked) {
            return Err(error);
        }
        self.goes_away();
        if let Some(lookup) = &mut self.lookup {
            lookup.target_failed();
        }
        reading.sample = Some(Sample { sent: tally.sent, lost: tally.sent, outage: true });
        reading.measure(&catalogue::UDP_BLOCKED_FLAG, f64::from(u8::from(blocked)));
        if !blocked {
            let server = self.config.server.as_ref().map_or_else(|| to.to_string(), |server| server.host.clone());
            reading.find(Finding::new(&catalogue::STUN_SILENT, Verdict::NotReady).with("server", server));
        }
        Ok(())
    }
}

/// Whether any of these ports takes a TCP connection before `deadline`.
async fn connects_by_tcp(egress: &Egress, ip: IpAddr, ports: Vec<u16>, clock: Clock, deadline: Mono) -> bool {
    let connect = |port: u16| Box::pin(egress.tcp(SocketAddr::new(ip, port)));
    tokio::select! {
        connected = select_ok(ports.into_iter().map(connect)) => connected.is_ok(),
        () = clock.sleep_until(deadline) => false,
    }
}
