//! What is answered, and what is not. Pure: bytes, addresses and moments in, bytes out.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use super::Settings;
use super::limits::{Limited, Limits};
use super::pass::Pass;
use super::session::Session;
use super::table::Table;
use crate::domain::Now;
use crate::probe::stamp::codec::{Malformed, Reply, Request, read_request, write_reply};
use crate::probe::stamp::moment::{Estimate, Stamp};

/// A session that was silent so long may begin anew, with any number.
const ENDED: Duration = Duration::from_mins(1);
/// Sets of the table of sessions.
const SETS: usize = 512;
/// Below it servers listen, and no sender sends from there: whoever is answered there did not ask.
const FIRST_PORT: u16 = 1024;

/// How a datagram arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// From where.
    pub(super) from: SocketAddr,
    /// To which address of ours.
    pub(super) to: IpAddr,
    /// When, by the kernel.
    pub(super) at: Option<Timestamp>,
    /// With which TTL or hop limit.
    pub(super) ttl: Option<u8>,
}

/// Why a datagram is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It comes from a server's port.
    Port,
    /// It is no request of ours.
    Malformed(Malformed),
    /// It is a request, and signed by nobody whom we know.
    Stranger,
    /// It is signed by a token whose time is over.
    Expired,
    /// It was answered already.
    Replay,
    /// Enough was answered.
    Limited(Limited),
}

/// Counts, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered.
    pub answered: u64,
    /// Not answered, because they were no requests.
    pub foreign: u64,
    /// Not answered, because nobody whom we know had signed them.
    pub strangers: u64,
    /// Not answered, because the token that had signed them has expired.
    pub expired: u64,
    /// Not answered, because they were answered before.
    pub replayed: u64,
    /// Not answered, because enough was.
    pub limited: u64,
    /// How often nothing could be received, because the kernel refused.
    pub unreceived: u64,
}

/// Who is who: a sender's address and port, its session's number, and our address.
type Who = (SocketAddr, u16, IpAddr);

pub(super) struct Reflector {
    passes: Option<Vec<Pass>>,
    stateless: bool,
    limits: Limits,
    sessions: Table<Who, Session>,
    counts: Counts,
}

impl Reflector {
    pub(super) fn new(settings: Settings, now: Now) -> Self {
        let limits = Limits::new(settings.rate, settings.rate_per_source, now.mono);
        Self {
            passes: settings.passes,
            stateless: settings.stateless,
            limits,
            sessions: Table::new(SETS),
            counts: Counts::default(),
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Answers these from now on, and nobody else. Sessions go on.
    pub(super) fn know(&mut self, passes: Vec<Pass>) {
        self.passes = Some(passes);
    }

    /// Counts that nothing could be received.
    pub(super) const fn not_received(&mut self) {
        self.counts.unreceived += 1;
    }

    /// Writes the answer over the request.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn answer(&mut self, packet: &mut [u8], arrival: &Arrival, now: Now) -> Result<(), Refusal> {
        let answered = self.try_answer(packet, arrival, now);
        let count = match answered {
            Ok(()) => &mut self.counts.answered,
            Err(Refusal::Port | Refusal::Malformed(_)) => &mut self.counts.foreign,
            Err(Refusal::Stranger) => &mut self.counts.strangers,
            Err(Refusal::Expired) => &mut self.counts.expired,
            Err(Refusal::Replay) => &mut self.counts.replayed,
            Err(Refusal::Limited(_)) => &mut self.counts.limited,
        };
        *count += 1;
        answered
    }

    fn try_answer(&mut self, packet: &mut [u8], arrival: &Arrival, now: Now) -> Result<(), Refusal> {
        if arrival.from.port() < FIRST_PORT {
            return Err(Refusal::Port);
        }
        // The signature first: nobody uses up another's share without a key.
        let (request, place) = self.read(packet, now.wall)?;
        let (who, since) = ((arrival.from, request.session, arrival.to), now.mono.before(ENDED));
        let known = if self.stateless { None } else { self.sessions.get(&who, since) };
        if known.is_some_and(|session| session.is_replay(request.sequence)) {
            return Err(Refusal::Replay);
        }
        let bytes = packet.len() + if arrival.from.is_ipv4() { 28 } else { 48 };
        self.limits.admit(arrival.from.ip(), bytes, now.mono).map_err(Refusal::Limited)?;
        let lasts = |session: &Session| session.lasts();
        let sequence = if self.stateless {
            request.sequence
        } else {
            self.sessions.take(who, now.mono, since, lasts, Session::default).answer(request.sequence)
        };
        let reply = Reply {
            sequence,
            sent: Stamp::ntp(now.wall),
            estimate: Estimate::OURS,
            // Not after it leaves: the clock may have been set in between.
            received: Stamp::ntp(arrival.at.unwrap_or(now.wall).min(now.wall)),
            request,
            ttl: arrival.ttl.unwrap_or(u8::MAX),
        };
        let pass = self.passes.as_ref().zip(place).and_then(|(passes, place)| passes.get(place));
        write_reply(packet, &reply, pass.map(|pass| &pass.key)).map_err(Refusal::Malformed)
    }

    /// A request, and by which pass it is signed. As many signatures are made as there are passes, at most.
    fn read(&self, packet: &[u8], now: Timestamp) -> Result<(Request, Option<usize>), Refusal> {
        let Some(passes) = &self.passes else {
            return read_request(packet, None).map(|request| (request, None)).map_err(Refusal::Malformed);
        };
        for (place, pass) in passes.iter().enumerate() {
            match read_request(packet, Some(&pass.key)) {
                Ok(_) if pass.has_expired(now) => return Err(Refusal::Expired),
                Ok(request) => return Ok((request, Some(place))),
                Err(Malformed::Signature) => {}
                // Of the same for all of them. One that is not signed at all is a request none the less.
                Err(_) if read_request(packet, None).is_ok() => break,
                Err(why) => return Err(Refusal::Malformed(why)),
            }
        }
        Err(Refusal::Stranger)
    }
}

#[cfg(test)]
mod tests;
