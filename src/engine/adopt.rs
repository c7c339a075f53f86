//! A reload of the config: what is known goes on under another plan.

use std::collections::HashMap;
use std::sync::Arc;

use super::Engine;
use super::check::CheckState;
use crate::domain::plan::Plan;
use crate::domain::{CheckName, Component, Now};

impl Engine {
    /// Judges by another plan from now on (a reload). A check that looks at the same as before keeps all that is known of it, judged
    /// anew by what it is told otherwise, as a restart does; one that looks at something else begins anew. Of one that is there no more, or has another name, the word that the room is in use counts
    /// for as long as it would have: who looks in its place has not looked yet. Incidents stay open until their component is ready
    /// again, or is no longer asked for. The profile in force stays, if there is still one of its name.
    pub fn adopt(&mut self, plan: Plan, now: Now) {
        let mut old: HashMap<CheckName, CheckState> =
            self.checks.drain(..).map(|check| (check.spec().name.clone(), check)).collect();
        self.checks = plan
            .checks
            .iter()
            .map(|spec| match old.remove(&spec.name) {
                Some(check) if !check.spec().sees_as(spec) => {
                    CheckState::new(Arc::clone(spec), &plan.profiles, now).used_as(&check)
                }
                Some(check) => check.under(spec, &self.plan.profiles, &plan.profiles, now),
                None => CheckState::new(Arc::clone(spec), &plan.profiles, now),
            })
            .collect();
        self.left_use = old.values().filter_map(CheckState::used_until).chain(self.left_use).max();
        self.by_name = plan.checks.iter().enumerate().map(|(at, spec)| (spec.name.clone(), at)).collect();
        self.tell_gone(old.into_keys().collect(), now);
        let places: Vec<Option<usize>> = self.plan.profiles.iter().map(|old| plan.profile(&old.name)).collect();
        self.since = moved(std::mem::take(&mut self.since), &places);
        self.on_backup = moved(std::mem::take(&mut self.on_backup), &places);
        // Of a meeting that goes on no moment is judged by another kind's needs: what opens and closes in it would be told.
        self.current = places[self.current].unwrap_or(plan.default_profile);
        self.plan = plan;
        // These are of the old plan's places.
        self.rolled_up.clear();
        self.told_of = None;
        self.pass_time(now);
    }
}

/// What was kept under each profile, by the places that they have now; of one that is there no more nothing is.
fn moved<T>(kept: HashMap<(usize, Component), T>, places: &[Option<usize>]) -> HashMap<(usize, Component), T> {
    kept.into_iter().filter_map(|((place, component), one)| Some(((places[place]?, component), one))).collect()
}
