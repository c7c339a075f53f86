//! What makes a server's streams beat: at changes of what the room's page shows, and when nothing changed for [`BEAT`].

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use crate::domain::{Lang, Mono};

use super::super::site::Site;
use super::super::telling::on_the_clock;
use super::super::{kiosk, page};
use super::{BEAT, Beat};

/// The shortest time between two looks at what changed: measurements come more often than anybody reads.
const PACE: Duration = Duration::from_millis(500);

/// Beats until the server drops it; what it holds ends the streams then.
pub(in crate::web) async fn beat(site: Arc<Site>, beats: watch::Sender<Beat>) {
    let (mut snapshot, mut handling) = (site.state.snapshot.clone(), site.state.handling.clone());
    let clock = site.state.clock;
    let mut seen: Option<(u64, Timestamp)> = None;
    let mut beaten = Mono::NEVER;
    loop {
        // One receiver is the site's own.
        if beats.receiver_count() <= 1 {
            site.pulse.come.notified().await;
            beaten = Mono::NEVER;
        }
        snapshot.borrow_and_update();
        handling.borrow_and_update();
        let (now, looks) = (clock.now(), looks(&site));
        let changed = match seen {
            Some((before, at)) if before == looks => at,
            _ => now.wall,
        };
        let is_new = seen.replace((looks, changed)) != Some((looks, changed));
        if is_new || beaten == Mono::NEVER || now.mono.since(beaten) >= BEAT {
            beats.send_replace(Beat { at: Some(now.mono), bytes: said(&site, changed) });
            beaten = now.mono;
        }
        let looked = now.mono;
        tokio::select! {
            () = clock.sleep_until(beaten.after(BEAT)) => {}
            Ok(()) = snapshot.changed() => clock.sleep_until(looked.after(PACE)).await,
            Ok(()) = handling.changed() => {}
            () = site.pulse.come.notified() => beaten = Mono::NEVER,
        }
    }
}

/// What the room's page and the wall screen show, without the ages: as a number, to be compared.
fn looks(site: &Site) -> u64 {
    let mut hasher = DefaultHasher::new();
    for html in [page::without_ages(site, Lang::Id), kiosk::without_ages(site, Lang::Id)] {
        html.hash(&mut hasher);
    }
    let (agenda, now) = (site.state.bookings.agenda(), site.now().wall);
    let phase = agenda.phase(now);
    (phase.phase.as_str(), phase.session.map(|session| session.revision)).hash(&mut hasher);
    for session in agenda.booked() {
        (&*session.id, session.revision).hash(&mut hasher);
    }
    for view in &site.rendered().believed.profiles {
        (view.verdict.as_str(), &*view.profile.name).hash(&mut hasher);
    }
    hasher.finish()
}

/// A beat as it goes over the wire.
fn said(site: &Site, changed: Timestamp) -> Bytes {
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
        "changed": changed.as_millisecond(),
        "clock": { "id": clock[0], "en": clock[1] },
        "ages": ages,
    });
    Bytes::from(format!("data: {told}\n\n"))
}
