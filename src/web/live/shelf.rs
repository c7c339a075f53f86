//! Pages that are the same for everybody, rendered once for each change and language: many who look at a change at once are given the
//! same bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;

use crate::domain::{Handling, Lang, Mono};
use crate::engine::agenda::Agenda;

use super::super::Voice;
use super::super::problem::Problem;
use super::super::site::{Rendered, Site};

/// How long one that is still true is given out: the ages in it are so old then.
const FOR: Duration = Duration::from_secs(1);

/// Which page, of which profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::web) enum View {
    /// The room's, under the profile at that place.
    Room(usize),
    /// The wall screen's.
    Kiosk,
}

/// What such a page is made of.
struct Of {
    rendered: Arc<Rendered>,
    handling: Arc<Handling>,
    voice: Arc<Voice>,
    agenda: Arc<Agenda>,
    kept_on_disk: bool,
}

impl Of {
    fn now(site: &Site) -> Self {
        Self {
            rendered: site.rendered(),
            handling: Arc::clone(&site.state.handling.borrow()),
            voice: site.voice(),
            agenda: site.state.bookings.agenda(),
            kept_on_disk: site.state.own.now().store.healthy,
        }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rendered, &other.rendered)
            && Arc::ptr_eq(&self.handling, &other.handling)
            && Arc::ptr_eq(&self.voice, &other.voice)
            && Arc::ptr_eq(&self.agenda, &other.agenda)
            && self.kept_on_disk == other.kept_on_disk
    }
}

/// The pages that were rendered.
#[derive(Default)]
pub(in crate::web) struct Shelf(Mutex<HashMap<(View, Lang), Made>>);

/// A rendered page, and when it was rendered.
struct Made {
    of: Of,
    at: Mono,
    html: Bytes,
}

impl Shelf {
    /// The page, rendered by `make` unless it lies here.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub(in crate::web) fn get(
        &self,
        site: &Site,
        view: View,
        lang: Lang,
        make: impl FnOnce() -> Result<String, Problem>,
    ) -> Result<Bytes, Problem> {
        let (of, now) = (Of::now(site), site.state.clock.mono());
        let lies = |made: &&Made| made.of.is(&of) && now.since(made.at) < FOR;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = all.get(&(view, lang)).filter(lies) {
            return Ok(made.html.clone());
        }
        let html = Bytes::from(make()?);
        all.insert((view, lang), Made { of, at: now, html: html.clone() });
        Ok(html)
    }
}
