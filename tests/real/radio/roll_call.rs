//! The call of a working morning on the channel: said once when the room is ready, and not again after a restart.
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use crate::receivers::config;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::on_air::Card;
use crate::support::rigctld::Rigctld;
use crate::support::upsd::Upsd;

/// A zone in which it is neither just before nor just after midnight, and the time of day there.
fn daytime() -> (String, String) {
    let now = jiff::Timestamp::now();
    // Etc/GMT-7 is seven hours before Greenwich.
    let zones = (0..12).map(|hours| format!("Etc/GMT-{hours}"));
    let local = zones.map(|zone| (now.in_tz(&zone).unwrap(), zone)).find(|(local, _)| (2..22).contains(&local.hour()));
    let (local, zone) = local.unwrap();
    (zone, local.strftime("%H:%M").to_string())
}

#[test]
fn the_roll_is_called_once_on_the_radio_whatever_is_restarted() {
    let (card, rig, mut upsd, folder) = (Card::start(), Rigctld::start(), Upsd::start(), room(""));
    let (zone, at) = daytime();
    let rest = format!(
        "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"01234567-000SU/2020262031\"\n\
         station = \"Media Center\"\nplay = \"{}\"\nptt = {{ method = \"rigctld\", address = \"{}\" }}\nmin_gap = \"5s\"\n\
         [roll_call]\nreceivers = [\"channel\"]\nat = \"{at}\"\nwithin = \"1h\"\n\
         days = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \"sunday\"]\n",
        Card::PCM,
        rig.address
    );
    let text = config(&upsd, &rest).replace("[room]\n", &format!("[room]\ntime_zone = \"{zone}\"\n"));
    write_config(folder.path(), &text);
    let start = || {
        let mut command = siaga();
        card.at_home(&mut command);
        Daemon::start_by(command, folder.path())
    };
    let delivered = |daemon: &Daemon, count: u32| {
        let line = format!("siaga_notifications_delivered_total{{receiver=\"channel\"}} {count}\n");
        daemon.wait_for("/metrics", &format!("{count} were said"), |answer| answer.body.contains(&line));
    };
    // A room in which all is well, and nothing happens any more, hears of it by a reload.
    write_config(folder.path(), text.split("[roll_call]").next().unwrap());
    let daemon = start();
    daemon.wait_for_check("ups", "ready", "");
    let at = || daemon.get("/api/v1/readiness").json()["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let begun = at();
    // It settles for a quarter of a minute, for which it looks at itself all the time.
    daemon.wait_for("/readyz", "it has settled", |_| at().duration_since(begun).as_secs() > 16);
    write_config(folder.path(), &text);
    daemon.signal(rustix::process::Signal::HUP);
    let mut radio = rig.onlooker();
    wait_until(|| radio.keyed());
    delivered(&daemon, 1);
    assert!(!radio.keyed());
    assert!(!daemon.log().contains("incident opened"), "nothing was wrong: {}", daemon.log());
    daemon.stop();

    // The next thing that is said is a fault, and no second call before it.
    let daemon = start();
    daemon.wait_for_check("ups", "ready", "");
    upsd.set("ups.status", "OB LB");
    delivered(&daemon, 1);
    assert_eq!(daemon.log().matches("said on the radio").count(), 1, "{}", daemon.log());
    assert!(daemon.log().contains("incident opened"));
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("siaga_notifications_withheld_total{reason=\"roll_call_missed\"} 0"), "{metrics}");
    daemon.stop();
}
