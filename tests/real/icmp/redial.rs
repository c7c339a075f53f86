//! An uplink's interface that goes and comes back under its old name, as by a redial or a modem that fell off its bus.

use std::sync::Arc;
use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Mono, Observation, Uplink, Verdict};
use siaga::probe::Context;
use siaga::probe::egress::Egress;
use siaga::probe::icmp::Probe;

use super::peer::{Peer, run};
use super::{LONG, context, until, value};
use crate::support::namespace::inside;

/// The interface as it is made anew: another number, the same name.
fn plug() -> Peer {
    let peer = Peer::new("ppp0", "192.0.2.1/24", "192.0.2.2/24");
    peer.address("2001:db8::1/64", "2001:db8::2/64");
    peer
}

fn unplug(peer: Peer) {
    run("ip", &["link", "delete", "ppp0"]);
    drop(peer);
}

/// Whether an echo that left after `moment` was answered.
fn answered(moment: Mono) -> impl Fn(&Observation) -> bool {
    move |seen| {
        let is_after = seen.at.mono.since(moment) > seen.took;
        is_after && seen.error.is_none() && value(seen, "icmp_rtt_seconds").is_some()
    }
}

#[tokio::test]
async fn echoes_leave_again_by_an_interface_that_was_made_anew() {
    if !inside("icmp::redial::echoes_leave_again_by_an_interface_that_was_made_anew") {
        return;
    }
    let clock = Clock::start();
    for target in ["192.0.2.2", "2001:db8::2"] {
        let uplink = Uplink {
            name: "backup".into(),
            interface: Some("ppp0".into()),
            source: None,
            resolvers: Vec::new(),
            backup: None,
            metered: true,
            daily_budget: None,
        };
        let egress = Egress::by(Some(Arc::new(uplink)));
        let config = toml::from_str(&format!("target = {target:?}\nburst = 0")).unwrap();
        let mut probe = Probe::new(config, Context { egress, ..context(clock, Duration::from_millis(200)) });
        let peer = plug();
        until(&mut probe, clock, LONG, answered(clock.mono())).await;

        // Seen while it is gone: no way out, which speaks of the line and not of our eyes.
        unplug(peer);
        let (seen, _) = until(&mut probe, clock, LONG, |seen| seen.error.is_some()).await;
        let error = seen.error.as_ref().unwrap();
        assert_eq!((error.kind, seen.reading.findings[0].verdict), (ErrorKind::Unreachable, Verdict::NotReady));
        assert!(error.detail.contains("ppp0"), "which interface: {error:?}");
        let peer = plug();
        until(&mut probe, clock, LONG, answered(clock.mono())).await;

        // Gone and back between two echoes: this thread has made both, so nobody has looked meanwhile.
        unplug(peer);
        let peer = plug();
        until(&mut probe, clock, LONG, answered(clock.mono())).await;
        unplug(peer);
    }
}
