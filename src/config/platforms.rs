//! Meeting platforms as dated data: what `siaga init` proposes. The daemon itself reads none of it.

use std::sync::Arc;

use super::problem::{Errors, Problems, Source};
use super::reader::{Table, read};
use super::sections::{list, tree};

const TEXT: &str = include_str!("../../config/platforms.toml");

/// Where a platform's media and signalling go, as of the day that `source` names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The word that `siaga init` takes.
    pub name: String,
    /// For people.
    pub title: String,
    /// The name of its HTTPS front; empty where it stands in the room's own house.
    pub web: String,
    /// Hosts with a port that answer STUN binding requests (RFC 8489).
    pub stun: Vec<String>,
    /// Ports of its media, for people and firewalls.
    pub media: String,
    /// The profile that such a meeting is held to.
    pub profile: String,
    /// Where this comes from, with a date.
    pub source: String,
}

/// The platforms known to this binary.
///
/// # Errors
/// Never, as long as the shipped file is sound, which a test sees to.
pub fn platforms() -> Result<Vec<Platform>, Errors> {
    let source = Source::new("platforms.toml (built in)", TEXT);
    let mut problems = Problems::new(Arc::clone(&source));
    let tree = tree(&source, &mut problems)?;
    let tables = list(Table::new(tree.get_ref(), 0..0), "platform", &mut problems);
    let all = tables.into_iter().filter_map(|table| read(table, &mut problems)).collect();
    problems.finish().map(|()| all)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn each_has_a_dated_source_and_a_shipped_profile() {
        let plan = Config::parse(&Source::new("", "")).unwrap().plan;
        let platforms = platforms().unwrap();
        let names: Vec<_> = platforms.iter().map(|platform| platform.name.as_str()).collect();
        assert_eq!(names, ["zoom", "teams", "meet", "webex", "jitsi", "bigbluebutton", "h323", "audio_only"]);
        for platform in &platforms {
            assert!(plan.profile(&platform.profile).is_some(), "{}: {}", platform.name, platform.profile);
            for stun in &platform.stun {
                assert!(stun.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()), "{stun}");
            }
        }
        assert!(TEXT.contains("2026-"));
    }
}
