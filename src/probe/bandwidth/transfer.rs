//! The two transfers themselves.

use std::net::SocketAddr;
use std::ops::Range;
use std::pin::pin;
use std::time::Duration;

use hyper::Uri;
use hyper::body::Body as _;

use super::Config;
use super::counter::{Counter, Way};
use super::meter::{Meter, Rate, SUSTAINED, bits};
use super::pulse::{Delay, Pulse};
use super::talk::Talk;
use super::wire::Wire;
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, Period, ProbeError};
use crate::probe::budget::Ledger;
use crate::probe::call::given_up;
use crate::probe::dial;
use crate::probe::egress::Egress;

/// How long a connection and the first answer may take; not counted in the rate.
pub(super) const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Less than this within less than [`LONG`] is slow start alone, and says nothing of the line.
const LEAST: u64 = 256_000;
const LONG: Duration = Duration::from_secs(1);
/// A rate that is this well known is known.
const SURE: f64 = 0.007;
/// Unless so much was spent on it: then this is good enough, because more costs more than it tells.
const DEAR: u64 = 850_000;
const NEARLY_SURE: f64 = 0.02;
/// How much is thrown away at a time, bytes.
const GULP: usize = 64 * 1024;
/// The first steps of an upload: about what TCP sends without waiting for anything (RFC 6928), so that even a line of
/// 50 kbit/s brings it over in time; and what passes most token buckets.
const FIRST_STEPS: [u64; 2] = [16_000, 256_000];
/// The steps after them: as much as comes over in this time, but between these.
const STEP: Duration = Duration::from_millis(250);
const LARGE_STEPS: [u64; 2] = [608_000, 1_600_000];
/// An upload whose answer says less than this share of the rate by acknowledgements belies them: somebody on the way gave those.
const BELIED: f64 = 0.75;
/// By what share a rate by the answer alone may be wrong.
const BY_ANSWER: f64 = 0.1;
/// How often is looked how much has come, there or here.
const GLANCE: Duration = Duration::from_millis(2);
/// What is shorter than this says nothing beside the server's own time.
const BESIDE_SERVER: Duration = Duration::from_millis(100);

/// So much longer than it may take, and the time was not the transfer's: the machine slept in the middle, or had no turn for us.
const ASTRAY: Duration = Duration::from_secs(1);

/// What one direction sustained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Of content.
    pub(super) rate: Rate,
    /// What the line carries for a byte of content.
    pub(super) overhead: f64,
    /// Both ends of the connection.
    pub(super) peer: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    /// What it did to the delay, where that could be measured.
    pub(super) delay: Option<Delay>,
}

/// One test's transfers.
pub(super) struct Transfer<'a> {
    pub(super) config: &'a Config,
    pub(super) ledger: &'a Ledger,
    pub(super) egress: &'a Egress,
    pub(super) clock: Clock,
    /// Whether the rate is wanted where it is beyond `enough` too.
    pub(super) thorough: bool,
}

impl Transfer<'_> {
    /// Downloads until the rate is known or enough is proven, the time or the bytes are used up, or the server has no more.
    ///
    /// # Errors
    /// The transfer broke, or was too small to be one.
    pub(super) async fn down(&self, url: &Uri) -> Result<Measured, ProbeError> {
        let url = url.to_string().replace("{bytes}", &self.config.max_bytes.0.to_string());
        let url: Uri =
            url.parse().map_err(|_| ProbeError::new(ErrorKind::Internal, "no address is left of down_url"))?;
        let asked = async {
            let mut talk = Talk::begin(&url, self.egress, self.ledger, FIRST_ANSWER, self.clock).await?;
            let answer = talk.get().await?;
            Ok((talk, answer))
        };
        let (talk, answer) = in_time(FIRST_ANSWER, asked).await?;
        let wire = &talk.wire;
        let mut pulse = wire.peer().map(|peer| Pulse::new(peer, self.egress.clone(), self.ledger.clone(), self.clock));
        let taken = self.take(wire, talk.round_trip, answer.body().size_hint().exact());
        let (rate, full) = match &mut pulse {
            Some(pulse) => pulse.during(taken, || wire.noted()).await?,
            None => taken.await?,
        };
        let (overhead, peer, local) = (wire.overhead(), wire.peer(), wire.local());
        // The rest that the server still has is not wanted: with the connection goes what is on its way.
        drop((answer, talk));
        let delay = match pulse {
            Some(pulse) => pulse.after(full).await,
            None => None,
        };
        Ok(Measured { rate, overhead, peer, local, delay })
    }

    /// Takes what comes down, as long as it tells something. Gives the rate, and when the line was full.
    async fn take(
        &self,
        wire: &Wire,
        round_trip: Duration,
        length: Option<u64>,
    ) -> Result<(Rate, Range<Mono>), ProbeError> {
        let began = self.clock.mono();
        let (most, length_or_more) = (self.config.max_bytes.0, length.unwrap_or(u64::MAX));
        let mut watch = Watch::on(wire, Way::Down, self.ledger, self.clock);
        let with_head = wire.taken();
        let (mut total, mut look, mut ended, mut nowhere) = (with_head, LEAST, false, vec![0; GULP]);
        loop {
            let now = self.clock.mono().since(began);
            let left = self.config.duration.0.saturating_sub(now);
            // Asked of the clock, not only of the timer: what is always ready would never let it fire.
            if left.is_zero() || total >= length_or_more || total.max(wire.paid()) >= most {
                break;
            }
            watch.glance(total);
            if total >= look {
                if self.is_told(watch.meter.rate(round_trip, now), total) {
                    break;
                }
                look = total + total / 16;
            }
            match tokio::time::timeout(left.min(GLANCE), wire.gulp(&mut nowhere)).await {
                Ok(Ok(0)) => {
                    ended = true;
                    break;
                }
                Ok(Ok(bytes)) => total += bytes,
                Ok(Err(error)) => {
                    awake(self.clock.mono().since(began), self.config.duration.0)?;
                    return Err(ProbeError::new(dial::kind_of(&error), error.to_string()));
                }
                Err(_) => {}
            }
        }
        let took = awake(self.clock.mono().since(began), self.config.duration.0)?;
        let whole = ended || length.is_some_and(|length| total >= length);
        if whole && total < LEAST.min(self.config.max_bytes.0) && took < LONG {
            let detail = format!("the server gave only {total} bytes, too few for a measurement");
            return Err(ProbeError::new(ErrorKind::Protocol, detail));
        }
        if ended && length.is_some_and(|length| total < length) {
            return Err(ProbeError::new(ErrorKind::Protocol, "the server broke off in the middle"));
        }
        watch.look(total);
        // What was over before anybody looked has come all the same, and so has what still lies in the kernel: a busy machine may
        // not have taken it.
        let come = (total - with_head).max(watch.meter.total());
        let rate = watch.meter.rate(round_trip, took).or_at_least(bits(come, took.max(SUSTAINED)));
        // As with the rate: the first part is the slow start.
        Ok((rate, began.after(took / 3)..Mono::NEVER))
    }

    /// Whether more bytes would tell no more.
    fn is_told(&self, rate: Rate, spent: u64) -> bool {
        let proven = !self.thorough && rate.at_least() >= self.config.enough.0;
        proven || rate.unsure() <= if spent >= DEAR { NEARLY_SURE } else { SURE }
    }

    /// Uploads in growing steps over one connection. Early steps are the slow start; the last is the result.
    ///
    /// # Errors
    /// A step failed, or did not end in time.
    pub(super) async fn up(&self, url: &Uri) -> Result<Measured, ProbeError> {
        let begun = async {
            let mut talk = Talk::begin(url, self.egress, self.ledger, FIRST_ANSWER, self.clock).await?;
            self.step(&mut talk, 1, FIRST_ANSWER).await?;
            Ok(talk)
        };
        let mut talk = in_time(FIRST_ANSWER, begun).await?;
        let wire = talk.wire.clone();
        let mut pulse = wire.peer().map(|peer| Pulse::new(peer, self.egress.clone(), self.ledger.clone(), self.clock));
        let given = self.give(&mut talk);
        let (rate, full) = match &mut pulse {
            Some(pulse) => pulse.during(given, || wire.noted()).await?,
            None => given.await?,
        };
        let (overhead, peer, local) = (wire.overhead(), wire.peer(), wire.local());
        drop((wire, talk));
        let delay = match pulse {
            Some(pulse) => pulse.after(full).await,
            None => None,
        };
        Ok(Measured { rate, overhead, peer, local, delay })
    }

    /// The steps, over a connection that is open. Gives the rate, and when the line was full.
    async fn give(&self, talk: &mut Talk) -> Result<(Rate, Range<Mono>), ProbeError> {
        let began = self.clock.mono();
        let limit = self.config.duration.0;
        // On an open connection a single byte costs one round trip and the server's own time: no part of a transfer.
        let (idle, _) = self.step(talk, 1, limit).await?;
        let mut steps = FIRST_STEPS.into_iter();
        let (mut size, mut sent) = (steps.next().unwrap_or(1).min(self.config.max_bytes.0), 0);
        let mut best = Rate::AtLeast(0.0);
        loop {
            let step = self.clock.mono();
            let (took, meter) = self.step(talk, size, limit).await?;
            sent += size;
            // Never less than a quarter of what was seen: the idle trip itself may have been a slow one.
            let moving = took.saturating_sub(idle).max(took / 4);
            let answered = bits(size, moving);
            let delivered = (meter.total() > 0).then(|| meter.rate(talk.round_trip, took));
            best = best.or_surer(believed(delivered, size, moving, took));
            let left = limit.saturating_sub(self.clock.mono().since(began));
            // What would fill half of the time that is left, at the rate seen.
            let fits = bytes(answered, (left / 2).saturating_sub(idle))
                .min(self.config.max_bytes.0.saturating_sub(sent.max(talk.wire.paid())));
            let larger = if size < LARGE_STEPS[1] { size } else { size * 2 };
            // What came there says more of the line than an answer, which has the server's own time in it.
            let seen = best.at_least().max(answered);
            let by_rate = || bytes(seen, STEP).clamp(LARGE_STEPS[0], LARGE_STEPS[1]).max(larger);
            let next = steps.next().unwrap_or_else(by_rate).min(fits);
            let told = sent >= LEAST && self.is_told(best, sent);
            if told || next < size && next < LARGE_STEPS[0] {
                // Later in a step there is nothing more to send, and the queue runs dry.
                return Ok((best, step.after(GLANCE)..step.after(took / 2)));
            }
            size = next;
        }
    }

    /// One `POST` of `size` bytes: how long it took from its beginning to the end of the answer, and when how much of it had
    /// come to the far end, where the kernel tells.
    async fn step(&self, talk: &mut Talk, size: u64, limit: Duration) -> Result<(Duration, Meter), ProbeError> {
        Box::pin(in_time(FIRST_ANSWER, talk.reopen_if_closed())).await?;
        let began = self.clock.mono();
        let wire = talk.wire.clone();
        let mut watch = Watch::on(&wire, Way::Up, self.ledger, self.clock);
        let mut exchange = pin!(in_time(limit, talk.post(size)));
        loop {
            match tokio::time::timeout(GLANCE, &mut exchange).await {
                Ok(outcome) => {
                    // How a test ends that the machine slept through says nothing.
                    let took = awake(self.clock.mono().since(began), limit)?;
                    outcome?;
                    return Ok((took, std::mem::take(&mut watch.meter)));
                }
                // What was given to the kernel says nothing.
                Err(_) => watch.glance(0),
            }
        }
    }
}

/// Looks now and then how much has come and what that has cost, and notes it.
struct Watch<'a> {
    wire: Wire,
    ledger: &'a Ledger,
    counter: Option<Counter>,
    clock: Clock,
    began: Mono,
    looked: Mono,
    before: u64,
    meter: Meter,
}

impl<'a> Watch<'a> {
    fn on(wire: &Wire, way: Way, ledger: &'a Ledger, clock: Clock) -> Self {
        let ends = wire.local().zip(wire.peer());
        let counter = ends.and_then(|(local, peer)| Counter::of(way, local, peer).ok());
        let told = counter.and_then(|counter| counter.counts().ok().map(|counts| (counter, counts.come)));
        let now = clock.mono();
        let (counter, before) = told.map_or((None, 0), |(counter, come)| (Some(counter), come));
        Self { wire: wire.clone(), ledger, counter, clock, began: now, looked: now, before, meter: Meter::default() }
    }

    /// Looks, if the last look is long enough ago. Where the kernel does not tell, what we have `seen` ourselves counts.
    fn glance(&mut self, seen: u64) {
        if self.clock.mono().since(self.looked) >= GLANCE {
            self.look(seen);
        }
    }

    fn look(&mut self, seen: u64) {
        let counts = self.counter.as_ref().map(|counter| counter.counts().ok());
        let now = counts.map_or(seen, |counts| counts.map_or(self.before, |counts| counts.come));
        let cost = counts.flatten().map_or_else(|| self.wire.content(), |counts| counts.cost);
        self.ledger.spend(self.wire.owed(cost));
        self.looked = self.clock.mono();
        let more = now.saturating_sub(self.before);
        self.before += more;
        self.wire.note(more);
        self.meter.look(self.looked.since(self.began), more);
    }
}

/// A transfer that is cut off has cost what came until then, however long ago this process had its last turn.
impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(counts) = self.counter.as_ref().and_then(|counter| counter.counts().ok()) {
            self.ledger.spend(self.wire.owed(counts.cost));
        }
    }
}

/// What a transfer took that has a limit. The timer that ends it stands still while the machine sleeps, and our clock does not.
///
/// # Errors
/// See [`given_up`].
pub(super) fn awake(took: Duration, limit: Duration) -> Result<Duration, ProbeError> {
    if took > limit.saturating_add(ASTRAY) { Err(given_up()) } else { Ok(took) }
}

/// The rate by what was `delivered`, unless the answer came so late that the far end cannot have had the bytes by then. Where
/// the kernel told nothing, the answer alone says it, together with the time that the server took for itself.
fn believed(delivered: Option<Rate>, size: u64, moving: Duration, took: Duration) -> Rate {
    let answered = bits(size, moving);
    match delivered {
        None if moving >= SUSTAINED => Rate::about(answered, BY_ANSWER),
        Some(Rate::Known { rate, .. }) if moving >= BESIDE_SERVER && answered < rate * BELIED => {
            Rate::about(answered, 1.0 - BELIED)
        }
        Some(known @ Rate::Known { .. }) => known,
        // All of it has come, as the answer says. In no less than all of the time: on a line that loses packets the idle trip may
        // have been one that was sent twice.
        None | Some(Rate::AtLeast(_)) => Rate::AtLeast(bits(size, took.max(SUSTAINED))),
    }
}

/// As many bytes as come over in `time`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float is cut to the range")]
fn bytes(bits_per_second: f64, time: Duration) -> u64 {
    (bits_per_second / 8.0 * time.as_secs_f64()) as u64
}

async fn in_time<T>(limit: Duration, what: impl Future<Output = Result<T, ProbeError>>) -> Result<T, ProbeError> {
    tokio::time::timeout(limit, what)
        .await
        .unwrap_or_else(|_| Err(ProbeError::new(ErrorKind::Timeout, format!("no answer within {}", Period(limit)))))
}
