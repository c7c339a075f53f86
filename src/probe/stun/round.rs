//! One round: a few binding requests, each its own transaction, sent by schedule and never sent again.
//!
//! RFC 8489 §6.2.1 would retransmit a request until it is answered; that hides the very loss that is measured here.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

use super::codec::{self, Class, Transaction};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};
use crate::probe::dial::kind_with;
use crate::probe::egress::Egress;

/// How a round goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) requests: u32,
    pub(super) spacing: Duration,
    pub(super) timeout: Duration,
}

/// What a round found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) sent: u32,
    /// Answered ones' round trips, in the order of arrival.
    pub(super) trips: Vec<Duration>,
    /// Where the server saw the requests come from.
    pub(super) mapped: Option<SocketAddr>,
    /// What an answer said that was none: the server works, but not as a STUN server for us.
    pub(super) complaint: Option<String>,
    /// Who is asked refuses, or somebody on the way does (ICMP): no more was sent.
    pub(super) rejected: Option<ProbeError>,
}

impl Tally {
    /// Requests that were not answered.
    pub(super) fn lost(&self) -> u32 {
        self.sent.saturating_sub(u32::try_from(self.trips.len()).unwrap_or(u32::MAX))
    }

    /// The shortest and the median round trip.
    pub(super) fn min_and_median(&self) -> Option<(Duration, Duration)> {
        let mut sorted = self.trips.clone();
        sorted.sort_unstable();
        // The nearest rank, as everywhere.
        Some((*sorted.first()?, *sorted.get(sorted.len().div_ceil(2) - 1)?))
    }
}

/// A socket that speaks with one server only, so that the kernel tells it of an ICMP "port unreachable".
pub(super) async fn open(egress: &Egress, to: SocketAddr) -> Result<UdpSocket, ProbeError> {
    egress.udp(to).await.map_err(|error| trouble(&error, to))
}

/// Runs a round. It ends when all are answered, the last one's time is over, or the first is rejected.
pub(super) async fn run(socket: &UdpSocket, to: SocketAddr, pace: Pace, clock: Clock) -> Result<Tally, ProbeError> {
    let mut tally = Tally::default();
    let mut waiting: Vec<(Transaction, Mono)> = Vec::new();
    let mut due = clock.mono();
    let mut buffer = [0; 1500];
    loop {
        let all_sent = tally.sent == pace.requests;
        if all_sent && waiting.is_empty() {
            return Ok(tally);
        }
        let over = waiting.last().map_or(Mono::NEVER, |(_, sent)| sent.after(pace.timeout));
        let met = tokio::select! {
            // What lies in the socket is heard before anything is judged late.
            biased;
            received = socket.recv(&mut buffer) => {
                let now = clock.mono();
                received.map(|length| hear(&mut tally, &mut waiting, &buffer[..length], now, pace.timeout))
            }
            () = clock.sleep_until(due), if !all_sent => {
                let transaction: Transaction = rand::random();
                let sent = clock.mono();
                socket.send(&codec::request(transaction)).await.map(|_| {
                    waiting.push((transaction, sent));
                    tally.sent += 1;
                    due = due.after(pace.spacing).max(sent);
                })
            }
            () = clock.sleep_until(over), if all_sent => return Ok(tally),
        };
        if let Err(error) = met.map_err(|error| trouble(&error, to)) {
            if !matches!(error.kind, ErrorKind::Refused | ErrorKind::Unreachable) {
                return Err(error);
            }
            tally.rejected = Some(error);
            return Ok(tally);
        }
    }
}

fn hear(tally: &mut Tally, waiting: &mut Vec<(Transaction, Mono)>, bytes: &[u8], now: Mono, timeout: Duration) {
    let message = match codec::parse(bytes) {
        Ok(message) => message,
        Err(malformed) => {
            tally.complaint = Some(malformed.to_string());
            return;
        }
    };
    // A stranger's, a double, or one of an earlier round: nobody waits for it.
    let Some(place) = waiting.iter().position(|(transaction, _)| *transaction == message.transaction) else { return };
    let (_, sent) = waiting[place];
    let trip = now.since(sent);
    match (message.class, message.mapped, message.error) {
        (Class::Success, Some(mapped), _) => tally.mapped = Some(mapped),
        (Class::Success, None, _) => tally.complaint = Some("an answer without an address".to_owned()),
        (Class::Error, _, Some(code)) => tally.complaint = Some(format!("error {code}")),
        (Class::Error, _, None) => tally.complaint = Some("an error without a code".to_owned()),
        (Class::Request | Class::Indication, ..) => return,
    }
    waiting.remove(place);
    if trip <= timeout {
        tally.trips.push(trip);
    }
}

fn trouble(error: &io::Error, to: SocketAddr) -> ProbeError {
    let kind = match kind_with(error, to.ip()) {
        kind @ (ErrorKind::Refused | ErrorKind::Unreachable | ErrorKind::Permission) => kind,
        _ => ErrorKind::Internal,
    };
    ProbeError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Mono {
        Mono::from_elapsed(Duration::from_millis(millis))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn answers_are_matched_by_transaction_and_counted_once() {
        let from = "192.0.2.7:4000".parse().unwrap();
        let mut tally = Tally { sent: 3, ..Tally::default() };
        let mut waiting = vec![([1; 12], at(0)), ([2; 12], at(20)), ([3; 12], at(40))];
        hear(&mut tally, &mut waiting, &codec::success([2; 12], from), at(50), SECOND);
        hear(&mut tally, &mut waiting, &codec::success([2; 12], from), at(51), SECOND);
        hear(&mut tally, &mut waiting, &codec::success([9; 12], from), at(52), SECOND);
        hear(&mut tally, &mut waiting, &codec::request([1; 12]), at(53), SECOND);
        assert_eq!((tally.trips.as_slice(), tally.lost()), ([Duration::from_millis(30)].as_slice(), 2));
        assert_eq!(tally.mapped, Some(from));
        hear(&mut tally, &mut waiting, &codec::success([1; 12], from), at(1001), SECOND);
        assert_eq!((tally.trips.len(), waiting.len()), (1, 1), "later than the timeout is lost");
        assert_eq!(tally.complaint, None);
    }

    #[test]
    fn an_answer_that_is_none_is_a_complaint() {
        let mut tally = Tally { sent: 2, ..Tally::default() };
        let mut waiting = vec![([1; 12], at(0)), ([2; 12], at(0))];
        hear(&mut tally, &mut waiting, b"hello", at(5), SECOND);
        assert_eq!(tally.complaint.as_deref(), Some("not STUN: no header with the magic cookie"));
        hear(&mut tally, &mut waiting, &codec::not_understood([1; 12], &[1]), at(5), SECOND);
        assert_eq!(tally.complaint.as_deref(), Some("error 420"));
        assert_eq!((tally.lost(), tally.mapped), (1, None));
    }

    #[test]
    fn the_median_is_that_of_the_nearest_rank() {
        let of = |millis: &[u64]| {
            let trips = millis.iter().copied().map(Duration::from_millis).collect();
            Tally { trips, ..Tally::default() }
                .min_and_median()
                .map(|(min, median)| (min.as_millis(), median.as_millis()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some((7, 7)));
        assert_eq!(of(&[9, 1]), Some((1, 1)));
        assert_eq!(of(&[9, 1, 5]), Some((1, 5)));
    }
}
