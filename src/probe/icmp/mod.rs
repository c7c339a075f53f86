//! `icmp`: echo requests (RFC 792, RFC 4443). Round trip, jitter, loss, and silence noticed within a few round trips.
//!
//! `machine` decides, purely; `socket` and its `line`s send and tell fates, by `packet` and `stamp`; this file only waits and
//! carries between them.

mod catalogue;
mod config;
#[cfg(debug_assertions)]
pub mod fuzz;
mod line;
mod machine;
mod packet;
mod sequence;
mod socket;
mod stamp;
mod target;
#[cfg(test)]
mod tests;
mod words;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt, pending};
use futures_util::stream::{FuturesUnordered, StreamExt};

pub use self::catalogue::{ERRORS, QUANTITIES, REASONS};
pub use self::config::{Config, Role};
use self::machine::Machine;
use self::socket::Sockets;
use self::target::{Destination, Target};
use self::words::{EchoId, Fate, News, Order, Report};
use super::voice::{self, Asked};
use super::{Context, Defaults, far_end_is_self, link};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Finding, Mono, Observation, ProbeError, Reading, Sample, Verdict};

/// What this kind does unless the config says otherwise.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(1),
    fresh_for: Duration::from_secs(10),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_mins(1),
    active: false,
};

/// How long the first look-up of a name may take before it is told that there is no address yet.
const FIRST_LOOKUP: Duration = Duration::from_secs(2);

type Flight = Pin<Box<dyn Future<Output = (EchoId, Fate)> + Send>>;

/// A probe of this kind: one target.
pub struct Probe {
    aim: Aim,
    /// Begun by the first call of [`Probe::next`].
    run: Option<Run>,
}

/// What stays the same: at what, how, for whom.
struct Aim {
    config: Config,
    context: Context,
    target: Target,
    payload: Arc<[u8]>,
}

/// What goes on.
struct Run {
    sockets: Arc<Sockets>,
    machine: Machine,
    asked: Asked,
    destination: Option<Destination>,
    flights: FuturesUnordered<Flight>,
    /// When it is told next that there is nowhere to send to.
    nowhere: Mono,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let target = Target::new(&config.target, &context.egress);
        let payload = vec![0; usize::from(config.size)].into();
        Self { aim: Aim { config, context, target, payload }, run: None }
    }

    /// Waits until there is something to tell and tells it. The first observation comes with the first echo's fate.
    /// Safe to drop half way and to call again.
    pub async fn next(&mut self) -> Observation {
        let run = self.run.get_or_insert_with(|| self.aim.begin());
        self.aim.until_told(run).await
    }
}

impl Aim {
    fn begin(&self) -> Run {
        let now = self.context.clock.mono();
        let grace = if matches!(self.target, Target::Host(_)) { FIRST_LOOKUP } else { Duration::ZERO };
        Run {
            sockets: Sockets::of_this_runtime(),
            machine: Machine::new(self.config.plan(self.context.interval, self.context.bad_for), now),
            asked: Asked::default(),
            destination: None,
            flights: FuturesUnordered::new(),
            nowhere: now.after(grace),
        }
    }

    async fn until_told(&mut self, run: &mut Run) -> Observation {
        loop {
            let now = self.context.clock.mono();
            self.take_aim(run, now);
            if run.destination.is_none() && run.nowhere <= now {
                run.nowhere = now.after(self.context.interval);
                return self.nowhere(run, now);
            }
            if let Some(to) = run.destination {
                run.machine.be_gentle(*self.context.in_use.borrow());
                match run.machine.poll(now) {
                    Some(Order::Send(id)) => self.send(run, id, to),
                    Some(Order::Report(report)) => return self.tell(run, report, to),
                    None => self.wait(run).await,
                }
            } else {
                self.wait(run).await;
            }
        }
    }

    /// Brings the destination up to date.
    fn take_aim(&mut self, run: &mut Run, now: Mono) {
        let needed = match &mut self.target {
            Target::Host(lookup) => {
                lookup.ask_when_due(now);
                true
            }
            // The routing table is read when an echo is due, not at each wake-up.
            Target::Gateway(_) | Target::Scoped(..) => run.destination.is_none() || run.machine.due() <= now,
        };
        if !needed {
            return;
        }
        let destination = self.target.destination(&self.context.roots);
        if destination == run.destination {
            return;
        }
        // A name's new address while the old one answers is the same target, told of by another name server's list; a
        // new gateway is another box.
        let is_name = matches!(self.target, Target::Host(_));
        if !(is_name && run.machine.is_up() && destination.is_some()) {
            run.flights.clear();
            run.asked = Asked::default();
            if is_name {
                run.machine.turned(now);
            } else {
                run.machine.moved(now);
            }
        }
        run.destination = destination;
    }

    fn send(&self, run: &mut Run, id: EchoId, to: Destination) {
        let (payload, timeout, clock) = (Arc::clone(&self.payload), self.config.timeout.0, self.context.clock);
        let echo = Arc::clone(&run.sockets).echo(self.context.egress.clone(), to, payload, timeout, clock);
        run.flights.push(Box::pin(async move { (id, echo.await) }));
        // A future does nothing until it is polled: the echo leaves now, not when this probe next waits.
        run.hear(self.context.clock);
    }

    /// Waits for whatever comes first: a fate, an address, a deadline.
    async fn wait(&mut self, run: &mut Run) {
        let clock = self.context.clock;
        let lookup = match &mut self.target {
            Target::Host(lookup) => Some(lookup),
            Target::Gateway(_) | Target::Scoped(..) => None,
        };
        let asks = lookup.as_ref().map_or(Mono::NEVER, |lookup| lookup.next_deadline());
        let acts = if run.destination.is_some() { run.machine.next_deadline() } else { run.nowhere };
        let answered = async {
            match lookup {
                Some(lookup) => lookup.answered().await,
                None => pending().await,
            }
        };
        tokio::select! {
            Some((id, fate)) = run.flights.next() => run.machine.fate(id, fate, clock.mono()),
            // No address after all: told at once, not at the end of the grace.
            () = answered => run.nowhere = run.nowhere.min(clock.mono()),
            () = clock.sleep_until(asks.min(acts)) => {
                // Replies may lie in the socket while this process had no turn: they are heard before silence is judged.
                tokio::task::yield_now().await;
                run.hear(clock);
            }
        }
    }

    fn nowhere(&self, run: &Run, began: Mono) -> Observation {
        match &self.target {
            // There is a way out, and nobody on it who could be asked.
            Target::Gateway(by) if link::is_way_straight_out(&self.context.roots, by.as_deref()) => {
                let mut reading = Reading::default();
                reading.find(Finding::new(&catalogue::NO_ROUTER, Verdict::Unknown));
                run.count(&mut reading);
                self.context.read(began, reading)
            }
            Target::Gateway(_) => {
                self.outage(run, began, ErrorKind::Gone, "the routing table has no default gateway".to_owned())
            }
            Target::Scoped(_, interface) => {
                self.outage(run, began, ErrorKind::Unreachable, format!("this computer has no interface {interface:?}"))
            }
            Target::Host(lookup) => self.failed(run, began, ErrorKind::Dns, lookup.trouble()),
        }
    }

    fn tell(&mut self, run: &mut Run, report: Report, to: Destination) -> Observation {
        let Report { began, news } = report;
        if let (News::Silent(_) | News::Unreachable(_), Target::Host(lookup)) = (&news, &mut self.target) {
            lookup.target_failed();
        }
        match news {
            News::Alive(sample) => {
                let mut reading = run.reading(to, sample, true);
                // A call goes further than to the router, and one to this very computer is none.
                if self.config.role() != Role::Gateway && far_end_is_self(to.address).is_none() {
                    run.foresee_call(&mut reading);
                }
                self.context.read(began, reading)
            }
            News::Silent(sample) => {
                let mut reading = run.reading(to, sample, false);
                let target = self.target_words(to);
                reading.find(Finding::new(&catalogue::TARGET_SILENT, Verdict::NotReady).with("target", target));
                self.context.read(began, reading)
            }
            News::Unreachable(detail) => {
                run.asked = Asked::default();
                self.outage(run, began, ErrorKind::Unreachable, detail)
            }
            News::Fault(kind, detail) => self.failed(run, began, kind, detail),
        }
    }

    /// No way there is an outage as silence is, of one echo more.
    fn outage(&self, run: &Run, began: Mono, kind: ErrorKind, detail: String) -> Observation {
        let mut failed = self.failed(run, began, kind, detail);
        failed.reading.sample = Some(Sample { sent: 1, lost: 1, outage: true });
        failed
    }

    /// A failure, with the counters all the same: a series that ends while it counts shows no rate of what it was made for.
    fn failed(&self, run: &Run, began: Mono, kind: ErrorKind, detail: String) -> Observation {
        let mut failed = self.context.failed(began, ProbeError::new(kind, detail), &ERRORS);
        run.count(&mut failed.reading);
        failed
    }

    /// For people: a name with its address, so that a wrong answer of DNS can be seen.
    fn target_words(&self, to: Destination) -> String {
        match &self.target {
            Target::Gateway(_) => format!("router ({})", to.address),
            _ if self.config.target == to.address.to_string() => self.config.target.clone(),
            _ => format!("{} ({})", self.config.target, to.address),
        }
    }
}

impl Run {
    /// Takes the fates that are known by now, without waiting.
    fn hear(&mut self, clock: Clock) {
        while let Some(Some((id, fate))) = self.flights.next().now_or_never() {
            self.machine.fate(id, fate, clock.mono());
        }
    }

    /// What is known, as numbers; round trips only while the target answers.
    fn reading(&mut self, to: Destination, sample: Sample, answers: bool) -> Reading {
        self.asked.push(sample);
        let mut reading = Reading { sample: Some(sample), ..Reading::default() };
        if let Some(trips) = self.machine.trips().summary().filter(|_| answers) {
            reading.measure(&catalogue::RTT, trips.last);
            reading.measure(&catalogue::RTT_MIN, trips.min);
            reading.measure(&catalogue::RTT_MEDIAN, trips.median);
            reading.measure(&catalogue::RTT_P95, trips.p95);
            if let Some(jitter) = trips.jitter {
                reading.measure(&catalogue::RTT_JITTER, jitter);
            }
        }
        self.count(&mut reading);
        if let Some(finding) = far_end_is_self(to.address) {
            reading.find(finding);
        }
        reading
    }

    /// The counters, since the process began.
    fn count(&self, reading: &mut Reading) {
        let totals = self.machine.totals();
        for (quantity, total) in [
            (&catalogue::ECHOES, totals.echoes),
            (&catalogue::LOST, totals.lost),
            (&catalogue::CONFIRMING, totals.confirming),
            (&catalogue::FAULTS, totals.errors),
        ] {
            #[allow(clippy::cast_precision_loss, reason = "2^53 echoes take longer than the hardware lasts")]
            reading.measure(quantity, total as f64);
        }
    }

    /// What a reference voice call to there would be.
    fn foresee_call(&self, reading: &mut Reading) {
        let Some(trips) = self.machine.trips().summary() else { return };
        let line = trips.jitter.and_then(|jitter| self.asked.line(trips.median, jitter));
        if let Some(line) = line {
            voice::tell(reading, (&catalogue::VOICE_R_FACTOR, &catalogue::VOICE_MOS), line);
        }
    }
}
