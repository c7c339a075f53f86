//! What a round's end leads to, with sockets on loopback.

use super::*;
use crate::probe::fixture::Machine;

/// Asks once a second.
fn probe(machine: &Machine, config: &str) -> Probe {
    Probe::new(toml::from_str(config).unwrap(), Context { interval: Duration::from_secs(1), ..machine.context() })
}

#[tokio::test]
async fn another_address_is_asked_after_one_that_refuses() {
    let machine = Machine::bare();
    // Nobody listens there any more.
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut probe = probe(&machine, &format!("server = 'far.example:{}'\ntcp_port = {0}", closed.port()));
    let addresses = ["127.0.0.1", "127.0.0.2"].map(|address| address.parse().unwrap());
    probe.lookup = Some(Lookup::known("far.example", addresses.into()));
    let began = probe.context.clock.mono();
    for next in [addresses[1], addresses[0]] {
        let told = probe.next().await;
        assert_eq!(told.error.as_ref().map(|error| error.kind), Some(ErrorKind::Refused), "{told:?}");
        assert_eq!(probe.lookup.as_ref().and_then(Lookup::address), Some(next));
        assert!(probe.due >= began.after(Duration::from_secs(1)), "no sooner than it is due");
        probe.due = Mono::ZERO;
    }
}

#[test]
fn a_first_round_that_fails_at_once_is_not_decided_before_a_second_has_ended() {
    let Defaults { interval, bad_for, .. } = DEFAULTS;
    let timeout = toml::from_str::<Config>("").unwrap().timeout.0;
    assert!(bad_for > interval + timeout, "{bad_for:?}");
}

#[tokio::test]
async fn whatever_failed_is_followed_by_a_burst() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, "");
    probe.burst_due = false;
    let told = probe.next().await;
    assert_eq!(told.error.map(|error| error.kind), Some(ErrorKind::Internal), "no far end of its own runs here");
    assert!(probe.burst_due);
}

#[test]
fn in_a_meeting_a_burst_is_slow_and_a_round_as_ever() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, "");
    let mut pace = |left: u32, in_use: bool| {
        machine.in_use.send_replace(in_use);
        probe.burst_left = left;
        let Pace { requests, spacing, .. } = probe.pace();
        (requests, spacing.as_millis())
    };
    assert_eq!([pace(250, false), pace(0, false)], [(12, 20), (5, 20)]);
    assert_eq!([pace(250, true), pace(0, true)], [(5, 200), (5, 20)]);
}

#[test]
fn after_an_outage_shorter_than_the_hold_the_burst_goes_on_and_does_not_begin_anew() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, "");
    let seen = SocketAddr::from(([192, 0, 2, 7], 4000));
    for (due, away, left) in
        [(true, None, 250), (false, Some((2, 0)), 0), (false, Some((2, 40)), 40), (false, Some((3, 40)), 250)]
    {
        let now = probe.context.clock.mono();
        probe.burst_left = 0;
        probe.burst_due = due;
        probe.away = away.map(|(seconds, left)| (now.before(Duration::from_secs(seconds)), left));
        let tally = Tally { sent: 1, trips: vec![Duration::from_millis(20)], mapped: Some(seen), ..Tally::default() };
        probe.alive(&mut Reading::default(), tally, seen.ip()).unwrap();
        assert_eq!((probe.burst_left, probe.burst_due, probe.away), (left, false, None), "{away:?}");
    }
    // What goes on is not lost sight of.
    probe.burst_left = 40;
    probe.goes_away();
    let began = probe.away;
    probe.goes_away();
    assert!(began.is_some_and(|(_, left)| left == 40) && probe.away == began);
}
