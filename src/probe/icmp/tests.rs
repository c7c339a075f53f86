//! The probe under virtual time, by a way out that is not there: each echo fails at once.

use super::*;
use crate::domain::Uplink;
use crate::probe::egress::Egress;
use crate::probe::fixture::Machine as Computer;
use crate::probe::lookup::Lookup;

#[tokio::test(start_paused = true)]
async fn addresses_that_all_fail_at_once_are_tried_one_an_interval() {
    let computer = Computer::bare();
    let uplink = Uplink {
        name: "backup".into(),
        interface: Some("nosuch0".into()),
        source: None,
        resolvers: Vec::new(),
        backup: None,
        metered: false,
        daily_budget: None,
    };
    let context = Context {
        clock: Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH),
        interval: Duration::from_secs(1),
        egress: Egress::by(Some(Arc::new(uplink))),
        ..computer.context()
    };
    let clock = context.clock;
    let mut probe = Probe::new(toml::from_str("target = 'far.example'").unwrap(), context);
    let addresses = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
    probe.aim.target = Target::Host(Lookup::known("far.example", addresses.into()));
    let began = clock.mono();
    for seconds in 0..10 {
        let told = probe.next().await;
        let kind = told.error.as_ref().map(|error| error.kind);
        // Where no socket for echoes may be opened, that is told at the same pace.
        assert!(matches!(kind, Some(ErrorKind::Unreachable | ErrorKind::Permission)), "{told:?}");
        assert_eq!(clock.mono().since(began).as_secs(), seconds, "{told:?}");
    }
}
