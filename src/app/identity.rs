//! Whether a check is still the one whose evidence was stored: a name may have been given to another target since.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Config;
use crate::domain::{CheckName, Subject};
use crate::engine::Restored;

/// Beside the database: each check's name, and a digest of what it was told to look at.
const FILE: &str = "checks.json";

/// Leaves out what is known of checks that look at something else than the process before did. Without a word of what
/// that was, nothing is believed.
pub fn keep_the_same(restored: &mut Restored, folder: &Path, config: &Config) {
    let before: BTreeMap<String, u64> =
        std::fs::read(folder.join(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let now = digests(config);
    let same =
        |name: &CheckName| before.get(name.as_str()).is_some_and(|digest| now.get(name.as_str()) == Some(digest));
    restored.observations.retain(|observation| same(&observation.check));
    restored.standings.retain(|standing| match &standing.subject {
        Subject::Check(name) => same(name),
        Subject::Room | Subject::Component(_) => true,
    });
}

/// Remembers what the checks of `config` look at. What cannot be written costs the next start its stored evidence, and
/// nothing else.
pub fn remember(folder: &Path, config: &Config) {
    let Ok(text) = serde_json::to_string(&digests(config)) else { return };
    let (new, file) = (folder.join("checks.json.new"), folder.join(FILE));
    if let Err(error) = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &file)) {
        tracing::debug!(%error, "what the checks look at is not remembered");
    }
}

/// Holds and limits are judged anew from the same evidence; only what the probe itself is told counts.
fn digests(config: &Config) -> BTreeMap<String, u64> {
    config.plan.checks.iter().map(|spec| (spec.name.as_str().to_owned(), spec.looks_at)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Source;
    use crate::domain::{Component, Mono, Now, Observation, Reading, Standing, Verdict};

    fn config(target: &str) -> Config {
        let text = format!(
            "[[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{target}\"\n[[check]]\nname = \"pc\"\nkind = \"computer\"\n"
        );
        Config::parse(&Source::new("test", text)).unwrap()
    }

    #[test]
    fn evidence_of_another_target_under_the_same_name_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let now =
            Now { mono: Mono::from_elapsed(Duration::from_secs(9)), wall: "2026-11-23T02:00:00Z".parse().unwrap() };
        let observed = |name: &str| Observation::read(name.into(), now, Duration::ZERO, Reading::default());
        let stood = |subject| Standing {
            subject,
            profile: "standard".into(),
            verdict: Verdict::Ready,
            since: now.wall,
            reasons: Vec::new(),
        };
        let names = |config: &Config| -> Vec<String> {
            let names = ["far", "pc", "gone"];
            let mut standings: Vec<_> = names.map(|name| stood(Subject::Check(name.into()))).to_vec();
            standings.push(stood(Subject::Component(Component::Internet)));
            let mut restored =
                Restored { observations: names.map(observed).to_vec(), standings, ..Restored::default() };
            keep_the_same(&mut restored, folder.path(), config);
            let left: Vec<String> = restored.observations.iter().map(|seen| seen.check.to_string()).collect();
            assert_eq!(restored.standings.len(), left.len() + 1, "a component is not one check's");
            left
        };
        assert!(names(&config("192.0.2.1")).is_empty(), "nothing is known of the process before");
        remember(folder.path(), &config("192.0.2.1"));
        assert_eq!(names(&config("192.0.2.1")), ["far", "pc"]);
        assert_eq!(names(&config("192.0.2.2")), ["pc"]);
    }
}
