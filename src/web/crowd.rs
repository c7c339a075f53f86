//! Who is connected, over all addresses that are listened on, and who makes room when it is full.
//!
//! This machine has places of its own, so that its supervisor and its screens are answered whoever floods the network. When all places are
//! taken the source that has most of them gives one up: first a connection over which nothing was asked yet, then one that rests after its
//! answer, then one that has been answered for long (a page's stream, which comes again); of each the oldest. The
//! young ones ([`YOUNG`], [`SETTLED`]) of a source that has at most one more than whoever comes are spared; who finds only such is refused.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::large::Large;
use crate::domain::Mono;

/// Connections at once from elsewhere, and on this machine, where a proxy may bring everybody. A room has a handful of readers. Together
/// with what else the daemon has open they stay below the 1024 files that a process may have open unless somebody says otherwise.
const PLACES: [usize; 2] = [256, 256];

/// An answer that is younger is not cut for somebody who comes.
const YOUNG: Duration = Duration::from_secs(5);

/// Nor a connection without one that is younger: who comes again and again is refused, which costs less than the handshake of each. On
/// this machine whoever comes last is let in.
const SETTLED: [Duration; 2] = [Duration::from_secs(2), Duration::ZERO];

/// The words for where somebody comes from, as a label.
pub(super) const FROM: [&str; 2] = ["elsewhere", "this_machine"];

/// Who is connected.
pub struct Crowd {
    pools: [Pool; 2],
    /// Handshakes that came to nothing: those that were too slow, and others.
    unmet: [AtomicU64; 2],
    /// Whose turn it is to read much of the past.
    pub(super) long_reads: Arc<tokio::sync::Mutex<()>>,
    /// The large answers that are under way.
    pub(super) large: Arc<Large>,
}

/// Those from elsewhere, or those of this machine.
struct Pool {
    guests: Mutex<Vec<Arc<Guest>>>,
    /// Whose turn it is to shake hands over TLS.
    turn: Semaphore,
    cut: AtomicU64,
    refused: AtomicU64,
}

/// One connection.
pub(super) struct Guest {
    pub(super) source: IpAddr,
    doing: Mutex<(Doing, Mono)>,
    cut: Notify,
}

/// What a connection does; those that are first make room first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// Nothing was asked over it yet.
    Silent,
    /// All that was asked is answered.
    Resting,
    /// It is being answered.
    Answered,
}

/// What the crowd is, for the metrics: of each, from elsewhere and on this machine.
pub(super) struct Counts {
    pub(super) open: [usize; 2],
    pub(super) cut: [u64; 2],
    pub(super) refused: [u64; 2],
    /// Handshakes that were too slow, and that came to nothing otherwise.
    pub(super) unmet: [u64; 2],
}

/// A place in the crowd, given back when it is dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    pool: usize,
    pub(super) guest: Arc<Guest>,
}

/// What came of asking for a place.
pub(super) struct Asked {
    /// The place, if there is one.
    pub(super) place: Option<Place>,
    /// It is full, and was not a moment ago.
    pub(super) newly_full: bool,
}

impl Default for Crowd {
    fn default() -> Self {
        let pool = || Pool {
            guests: Mutex::default(),
            turn: Semaphore::new(1),
            cut: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self { pools: [pool(), pool()], unmet: Default::default(), long_reads: Arc::default(), large: Arc::default() }
    }
}

impl Pool {
    fn guests(&self) -> MutexGuard<'_, Vec<Arc<Guest>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd {
    /// A place for who comes from `peer`, on this machine if that is by loopback; somebody else's, where all are taken.
    pub(super) fn ask(self: &Arc<Self>, peer: IpAddr, now: Mono) -> Asked {
        let peer = peer.to_canonical();
        let at = usize::from(peer.is_loopback());
        let pool = &self.pools[at];
        let source = source(peer);
        let mut guests = pool.guests();
        let full = guests.len() >= PLACES[at];
        let newly_full = full && pool.cut.load(Ordering::Relaxed) + pool.refused.load(Ordering::Relaxed) == 0;
        if full {
            let Some(leaves) = who_leaves(&guests, source, SETTLED[at], now) else {
                pool.refused.fetch_add(1, Ordering::Relaxed);
                return Asked { place: None, newly_full };
            };
            pool.cut.fetch_add(1, Ordering::Relaxed);
            guests.remove(leaves).make_room();
        }
        let guest = Arc::new(Guest { source, doing: Mutex::new((Doing::Silent, now)), cut: Notify::new() });
        guests.push(Arc::clone(&guest));
        drop(guests);
        Asked { place: Some(Place { crowd: Arc::clone(self), pool: at, guest }), newly_full }
    }

    /// Counts a handshake that came to nothing.
    pub(super) fn unmet(&self, late: bool) {
        self.unmet[usize::from(!late)].fetch_add(1, Ordering::Relaxed);
    }

    /// What it is now, and was since the process began.
    pub(super) fn counts(&self) -> Counts {
        let each = |of: fn(&Pool) -> &AtomicU64| [0, 1].map(|at: usize| of(&self.pools[at]).load(Ordering::Relaxed));
        Counts {
            open: [0, 1].map(|at: usize| self.pools[at].guests().len()),
            cut: each(|pool| &pool.cut),
            refused: each(|pool| &pool.refused),
            unmet: [0, 1].map(|at: usize| self.unmet[at].load(Ordering::Relaxed)),
        }
    }
}

/// Of IPv6 a whole /64 is one source: whoever has one address there has them all (RFC 4291 §2.5.1). This machine is one.
fn source(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        here if here.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

/// Who makes room for somebody of `newcomer`; nobody, where all are young.
fn who_leaves(guests: &[Arc<Guest>], newcomer: IpAddr, settled: Duration, now: Mono) -> Option<usize> {
    let mut has: HashMap<IpAddr, usize> = HashMap::new();
    for guest in guests {
        *has.entry(guest.source).or_default() += 1;
    }
    let own = has.get(&newcomer).copied().unwrap_or_default();
    let may_leave = guests.iter().enumerate().filter_map(|(at, guest)| {
        let (doing, since) = guest.doing();
        let weight = has.get(&guest.source).copied().unwrap_or_default();
        let young = if doing == Doing::Answered { YOUNG } else { settled };
        // Of who has more than the newcomer would have then, a young one too.
        let spared = now.since(since) < young && weight <= own + 1;
        // Nobody makes room for who has as many already, but their own.
        let is_theirs = weight <= own && guest.source != newcomer;
        (!spared && !is_theirs).then_some((std::cmp::Reverse(weight), doing, since, at))
    });
    may_leave.min().map(|(.., at)| at)
}

impl Guest {
    fn doing(&self) -> (Doing, Mono) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn does(&self, doing: Doing, now: Mono) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = (doing, now);
    }

    /// Something is asked over it.
    pub(super) fn asks(&self, now: Mono) {
        self.does(Doing::Answered, now);
    }

    /// It is answered.
    pub(super) fn rests(&self, now: Mono) {
        self.does(Doing::Resting, now);
    }

    /// Cuts it.
    pub(super) fn make_room(&self) {
        self.cut.notify_one();
    }

    /// Waits until it has to make room.
    pub(super) async fn is_cut(&self) {
        self.cut.notified().await;
    }
}

impl Place {
    /// Whether it is one of this machine's.
    pub(super) const fn is_here(&self) -> bool {
        self.pool == 1
    }

    /// Whose turn it is to shake hands.
    pub(super) fn turn(&self) -> &Semaphore {
        &self.crowd.pools[self.pool].turn
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.pools[self.pool].guests().retain(|guest| !Arc::ptr_eq(guest, &self.guest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_elapsed(Duration::from_secs(3600 + seconds))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Whether somebody had to make room.
    fn is_cut(place: &Place) -> bool {
        !place.crowd.pools[place.pool].guests().iter().any(|guest| Arc::ptr_eq(guest, &place.guest))
    }

    fn seated(crowd: &Arc<Crowd>, peer: &str, now: Mono) -> Place {
        crowd.ask(ip(peer), now).place.unwrap()
    }

    #[test]
    fn this_machine_has_places_of_its_own_and_each_is_given_back() {
        let crowd = Arc::new(Crowd::default());
        let flood: Vec<_> = (0..2000).filter_map(|_| crowd.ask(ip("192.0.2.1"), at(0)).place).collect();
        assert_eq!((flood.len(), crowd.counts().refused), (256, [2000 - 256, 0]));
        let again: Vec<_> = (0..10).map(|_| seated(&crowd, "192.0.2.1", at(2))).collect();
        assert!(is_cut(&flood[9]) && !is_cut(&flood[10]), "two seconds later the oldest make room");
        let here: Vec<_> =
            ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"].map(|peer| seated(&crowd, peer, at(0))).into();
        assert!(here.iter().all(|place| place.is_here() && !is_cut(place)));
        assert_eq!((crowd.counts().open, crowd.counts().cut), ([256, 4], [10, 0]));
        drop((flood, again, here));
        assert_eq!(crowd.counts().open, [0, 0]);
    }

    #[test]
    fn who_has_most_makes_room_and_first_what_is_silent_then_what_rests_then_what_is_long_answered() {
        let guest = |source: &str, doing, since| {
            let doing = Mutex::new((doing, at(since)));
            Arc::new(Guest { source: super::source(ip(source)), doing, cut: Notify::new() })
        };
        let mut guests = vec![
            guest("192.0.2.9", Doing::Silent, 0),
            guest("2001:db8::1", Doing::Answered, 18),
            guest("2001:db8::2", Doing::Answered, 3),
            guest("2001:db8::3", Doing::Answered, 2),
            guest("2001:db8::4", Doing::Resting, 5),
            guest("2001:db8::5", Doing::Resting, 4),
            guest("2001:db8::6", Doing::Silent, 17),
            guest("2001:db8::7", Doing::Silent, 16),
            guest("192.0.2.8", Doing::Silent, 0),
        ];
        let mut left = Vec::new();
        // The /64 has most places, until it has as few as the others.
        while let Some(leaves) = who_leaves(&guests, ip("192.0.2.10"), SETTLED[0], at(20)).filter(|_| left.len() < 6) {
            let (doing, since) = guests.remove(leaves).doing();
            left.push((doing, since.since(at(0)).as_secs()));
        }
        let silent = [16, 17].map(|since| (Doing::Silent, since));
        let rest = [4, 5].map(|since| (Doing::Resting, since));
        let answered = [2, 3].map(|since| (Doing::Answered, since));
        assert_eq!(left, [silent, rest, answered].concat());
        assert_eq!(
            who_leaves(&guests, ip("192.0.2.10"), SETTLED[0], at(20)),
            Some(0),
            "of those that have as many, the oldest silent one"
        );
    }

    #[test]
    fn where_all_are_in_a_young_answer_whoever_has_as_many_is_refused() {
        let crowd = Arc::new(Crowd::default());
        let all: Vec<_> = (0..256).map(|_| seated(&crowd, "127.0.0.1", at(0))).collect();
        for place in &all {
            place.guest.asks(at(10));
        }
        let asked = crowd.ask(ip("127.0.0.1"), at(11));
        assert!(asked.place.is_none() && asked.newly_full);
        assert!(!crowd.ask(ip("127.0.0.1"), at(11)).newly_full, "said once");
        assert_eq!(crowd.counts().refused, [0, 2]);
        assert!(crowd.ask(ip("127.0.0.1"), at(15)).place.is_some(), "five seconds later the oldest makes room");
        assert!(is_cut(&all[0]) && !is_cut(&all[1]));
        // Nor does who has one connection make room for who has all others, however old it is and however young those are.
        let alone = seated(&crowd, "192.0.2.7", at(0));
        let flood: Vec<_> = (1..256).map(|_| seated(&crowd, "192.0.2.1", at(15))).collect();
        assert!(crowd.ask(ip("192.0.2.1"), at(16)).place.is_none() && !is_cut(&alone));
        drop((alone, flood));
        // From elsewhere: one source with young answers makes room for another all the same.
        let all: Vec<_> = (0..256).map(|_| seated(&crowd, "192.0.2.1", at(20))).collect();
        for place in &all {
            place.guest.asks(at(20));
        }
        assert!(crowd.ask(ip("192.0.2.1"), at(21)).place.is_none());
        assert!(crowd.ask(ip("192.0.2.2"), at(21)).place.is_some() && is_cut(&all[0]));
    }
}
