//! What makes a server's streams beat: at changes of what the room's page shows, and when nothing changed for [`BEAT`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::json;
use tokio::sync::watch;

use crate::domain::{Lang, Mono};

use super::super::site::Site;
use super::super::telling::on_the_clock;
use super::{BEAT, Beat};

/// The shortest time between two looks at what changed: measurements come more often than anybody reads.
const PACE: Duration = Duration::from_millis(500);

/// Beats until the server drops it; what it holds ends the streams then.
pub(in crate::web) async fn beat(site: Arc<Site>, beats: watch::Sender<Beat>) {
    let (mut snapshot, mut handling) = (site.state.snapshot.clone(), site.state.handling.clone());
    let mut doing = site.state.doing.clone();
    let clock = site.state.clock;
    let mut seen: Option<u64> = None;
    let mut beaten = Mono::NEVER;
    loop {
        // One receiver is the site's own.
        if beats.receiver_count() <= 1 {
            site.pulse.come.notified().await;
            beaten = Mono::NEVER;
        }
        snapshot.borrow_and_update();
        handling.borrow_and_update();
        doing.borrow_and_update();
        let (now, looks) = (clock.now(), site.looks());
        if seen.replace(looks) != Some(looks) || beaten == Mono::NEVER || now.mono.since(beaten) >= BEAT {
            beats.send_replace(Beat { at: Some(now.mono), bytes: said(&site, looks) });
            beaten = now.mono;
        }
        let looked = now.mono;
        tokio::select! {
            () = clock.sleep_until(beaten.after(BEAT)) => {}
            Ok(()) = snapshot.changed() => clock.sleep_until(looked.after(PACE)).await,
            Ok(()) = handling.changed() => {}
            Ok(()) = doing.changed() => {}
            () = site.pulse.come.notified() => beaten = Mono::NEVER,
        }
    }
}

/// A beat as it goes over the wire.
fn said(site: &Site, looks: u64) -> Bytes {
    let (now, rendered, voice) = (site.now(), site.rendered(), site.voice());
    let clock = [Lang::Id, Lang::En].map(|lang| on_the_clock(&voice, now.wall, lang, rendered.believed.at.wall, true));
    let ages = rendered.believed.checks.iter().filter_map(|check| {
        let tenths = check.age(now)?.as_millis() / 100;
        #[allow(clippy::cast_precision_loss, reason = "an age")]
        let age = tenths as f64 / 10.0;
        Some((check.spec.name.as_str(), age))
    });
    let ages: BTreeMap<&str, f64> = ages.collect();
    let told = json!({
        "at": now.wall.as_millisecond(),
        "looks": format!("{looks:016x}"),
        "clock": { "id": clock[0], "en": clock[1] },
        "ages": ages,
    });
    Bytes::from(format!("data: {told}\n\n"))
}
