//! Pages that are the same for everybody, rendered once for each change and language: many who look at a change at once are given the
//! same bytes. And what the room looks like, as a number.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;

use crate::domain::doing::Doings;
use crate::domain::snapshot::ProfileView;
use crate::domain::{Handling, Lang, Mono, Reason};
use crate::engine::agenda::Agenda;

use super::super::own::Keeping;
use super::super::problem::Problem;
use super::super::site::{Rendered, Site};
use super::super::{Voice, kiosk, page};

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
    doing: Arc<Doings>,
    voice: Arc<Voice>,
    agenda: Arc<Agenda>,
    newest_config: bool,
    store: Keeping,
}

impl Of {
    /// Taken before the page is made: what is made of newer things then is only made once more.
    fn now(site: &Site) -> Self {
        Self {
            rendered: site.rendered(),
            handling: Arc::clone(&site.state.handling.borrow()),
            doing: Arc::clone(&site.state.doing.borrow()),
            voice: site.voice(),
            agenda: site.state.bookings.agenda(),
            store: site.state.own.now().store,
            newest_config: site.state.reloaded.borrow().newest,
        }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rendered, &other.rendered)
            && Arc::ptr_eq(&self.handling, &other.handling)
            && Arc::ptr_eq(&self.doing, &other.doing)
            && Arc::ptr_eq(&self.voice, &other.voice)
            && Arc::ptr_eq(&self.agenda, &other.agenda)
            && self.newest_config == other.newest_config
            && self.store.healthy == other.store.healthy
            && self.store.set_aside == other.store.set_aside
    }
}

/// The pages that were rendered.
#[derive(Default)]
pub(in crate::web) struct Shelf {
    pages: Mutex<HashMap<(View, Lang), Made>>,
    looks: Mutex<Option<(Of, Mono, u64)>>,
}

/// A rendered page, and when it was rendered.
struct Made {
    of: Of,
    at: Mono,
    html: Bytes,
}

impl Shelf {
    /// What the room's page and the wall screen show, without the ages, what is said under the other profiles, and what the agenda has: as a
    /// number, to be compared.
    pub(in crate::web) fn looks(&self, site: &Site) -> u64 {
        let (of, now) = (Of::now(site), site.state.clock.mono());
        let mut kept = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, looks)) = kept.as_ref().filter(|(old, at, _)| old.is(&of) && now.since(*at) < FOR) {
            return *looks;
        }
        let looks = looks(site);
        *kept = Some((of, now, looks));
        looks
    }

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
        let mut all = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = all.get(&(view, lang)).filter(lies) {
            return Ok(made.html.clone());
        }
        let html = Bytes::from(make()?);
        all.insert((view, lang), Made { of, at: now, html: html.clone() });
        Ok(html)
    }
}

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
        told_under(view, &mut hasher);
    }
    hasher.finish()
}

/// What is said under a profile. Of those that are not in force no page is made here: what is wrong and why, without the figures in it.
fn told_under(view: &ProfileView, hasher: &mut impl Hasher) {
    (view.verdict.as_str(), &*view.profile.name).hash(hasher);
    why(&view.reasons, hasher);
    for component in view.components.iter() {
        component.verdict.as_str().hash(hasher);
        why(&component.reasons, hasher);
    }
    for judged in view.checks.iter() {
        (judged.verdict.as_str(), judged.pending.map(|pending| pending.to.as_str())).hash(hasher);
        why(&judged.reasons, hasher);
    }
}

fn why(reasons: &[Reason], hasher: &mut impl Hasher) {
    reasons.len().hash(hasher);
    for reason in reasons {
        reason.def.code.hash(hasher);
    }
}
