//! What a kind of meeting needs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::ProfileLimit;
use super::component::{Component, Requirement};
use super::reason::Text;

/// Two limits of one quantity: where attention is due, and where the meeting would fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Beyond it: degraded. For a bitrate: the rate for full quality.
    pub degraded: f64,
    /// Beyond it: not ready. For a bitrate: the floor under which no call survives.
    pub not_ready: f64,
}

/// What a kind of meeting needs of the room.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Unique; the word used in config and API.
    pub name: std::sync::Arc<str>,
    /// For people, in both languages.
    pub title: (String, String),
    /// Where its figures come from, with a date.
    pub source: String,
    /// Download, bit/s.
    pub down: Pair,
    /// Upload, bit/s.
    pub up: Pair,
    /// Round trip, s.
    pub rtt: Pair,
    /// Jitter (RFC 3550 §6.4.1), s, that calls for attention. It never makes a room not ready: order-keeping jitter
    /// leaves a call whole.
    pub jitter_degraded: f64,
    /// Share of packets lost, ratio.
    pub loss: Pair,
    /// The platform that such a meeting is held on, by its name in the list of platforms; `None` if any may be.
    pub platform: Option<std::sync::Arc<str>>,
    /// Whether media must go by UDP.
    pub udp: Requirement,
    /// Usable runtime that the battery must have while mains is present.
    pub runtime: Duration,
    /// Which components count; one that is not named is required.
    pub components: BTreeMap<Component, Requirement>,
}

impl Profile {
    /// Whether `component` counts for this kind of meeting.
    pub fn requirement(&self, component: Component) -> Requirement {
        self.components.get(&component).copied().unwrap_or_default()
    }

    /// The title for a reader of `lang`.
    pub fn title(&self, lang: super::reason::Lang) -> &str {
        match lang {
            super::reason::Lang::Id => &self.title.0,
            super::reason::Lang::En => &self.title.1,
        }
    }

    /// The figure of one limit, in its quantity's base unit; `None` where the profile sets none.
    pub fn limit(&self, limit: ProfileLimit) -> Option<f64> {
        Some(match limit {
            ProfileLimit::RttDegraded => self.rtt.degraded,
            ProfileLimit::RttNotReady => self.rtt.not_ready,
            ProfileLimit::JitterDegraded => self.jitter_degraded,
            ProfileLimit::LossDegraded => self.loss.degraded,
            ProfileLimit::LossNotReady => self.loss.not_ready,
            ProfileLimit::DownNeed => self.down.degraded,
            ProfileLimit::DownFloor => self.down.not_ready,
            ProfileLimit::UpNeed => self.up.degraded,
            ProfileLimit::UpFloor => self.up.not_ready,
            ProfileLimit::EitherNeed => self.up.degraded.max(self.down.degraded),
            ProfileLimit::EitherFloor => self.up.not_ready.max(self.down.not_ready),
            ProfileLimit::Runtime => self.runtime.as_secs_f64(),
            ProfileLimit::UdpRequired => return (self.udp == Requirement::Required).then_some(0.5),
            ProfileLimit::UdpRequiredBy(platform) => {
                let concerns = self.platform.as_deref().is_none_or(|own| own == platform);
                return self.limit(ProfileLimit::UdpRequired).filter(|_| concerns);
            }
        })
    }
}

/// A sentence in both languages from a profile's own title.
impl From<Text> for (String, String) {
    fn from(text: Text) -> Self {
        (text.id.to_owned(), text.en.to_owned())
    }
}
