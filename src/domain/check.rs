//! A check: a configured use of a probe, with rules, freshness and holds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::component::{Component, Requirement};
use super::quantity::Quantity;
use super::reason::ReasonDef;
use super::uplink::Uplink;

/// A check's name, unique in its room. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckName(Arc<str>);

impl CheckName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for CheckName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for CheckName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for CheckName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What kind of probe a check uses.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A network interface.
    Link,
    /// Echo requests (RFC 792, RFC 4443).
    Icmp,
    /// Binding requests over UDP (RFC 8489).
    Stun,
    /// One HTTP request, timed by phase.
    Http,
    /// A TLS handshake and the certificate's expiry.
    Tls,
    /// A DNS query.
    Dns,
    /// Download and upload by HTTP.
    Bandwidth,
    /// A call without content against a reflector (RFC 8762).
    Stamp,
    /// The same through a TURN server (RFC 8656).
    Relay,
    /// A platform's ports, at a far end.
    Ports,
    /// A UPS read from NUT's upsd.
    Ups,
    /// A sound card.
    Audio,
    /// The desktop session's sound settings.
    Seat,
    /// What comes out of a microphone.
    Microphone,
    /// Loudspeakers and microphone, heard together.
    Loopback,
    /// A V4L2 capture device.
    Camera,
    /// A few frames of a V4L2 capture device.
    Frames,
    /// A DRM connector.
    Display,
    /// This machine's own health.
    Computer,
    /// USB controllers and hubs.
    Usb,
    /// The two-way radio.
    Radio,
    /// Recorded observations.
    Replay,
}

impl Kind {
    /// All kinds, in the order in which lists show them.
    pub const ALL: [Self; 22] = [
        Self::Link,
        Self::Icmp,
        Self::Stun,
        Self::Http,
        Self::Tls,
        Self::Dns,
        Self::Bandwidth,
        Self::Stamp,
        Self::Relay,
        Self::Ports,
        Self::Ups,
        Self::Audio,
        Self::Seat,
        Self::Microphone,
        Self::Loopback,
        Self::Camera,
        Self::Frames,
        Self::Display,
        Self::Computer,
        Self::Usb,
        Self::Radio,
        Self::Replay,
    ];

    /// The word used in config, API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Icmp => "icmp",
            Self::Stun => "stun",
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Bandwidth => "bandwidth",
            Self::Stamp => "stamp",
            Self::Relay => "relay",
            Self::Ports => "ports",
            Self::Ups => "ups",
            Self::Audio => "audio",
            Self::Seat => "seat",
            Self::Microphone => "microphone",
            Self::Loopback => "loopback",
            Self::Camera => "camera",
            Self::Frames => "frames",
            Self::Display => "display",
            Self::Computer => "computer",
            Self::Usb => "usb",
            Self::Radio => "radio",
            Self::Replay => "replay",
        }
    }

    /// The component that checks of this kind speak for; a replay says its own.
    pub const fn component(self) -> Option<Component> {
        Some(match self {
            Self::Link
            | Self::Icmp
            | Self::Stun
            | Self::Http
            | Self::Tls
            | Self::Dns
            | Self::Bandwidth
            | Self::Stamp
            | Self::Relay
            | Self::Ports => Component::Internet,
            Self::Ups => Component::Power,
            Self::Audio | Self::Seat | Self::Microphone | Self::Loopback => Component::Audio,
            Self::Camera | Self::Frames | Self::Display => Component::Video,
            Self::Computer | Self::Usb => Component::Computer,
            Self::Radio => Component::Radio,
            Self::Replay => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a check stands in the fixed tree of root causes:
/// power › computer › link › gateway › far end › platform, computer › USB bus › device, and computer › onboard.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Mains, UPS, stabilizer.
    Power,
    /// The machine.
    Computer,
    /// The interface and its cable.
    Link,
    /// The first router.
    Gateway,
    /// Somebody far away: an operator's anycast address, a resolver, a STUN server.
    FarEnd,
    /// The meeting platform itself.
    Platform,
    /// The USB bus.
    UsbBus,
    /// A camera, a sound card, a radio's interface.
    Device,
    /// What hangs on the computer without a bus between: a connector for displays.
    Onboard,
}

impl Level {
    /// The level whose failure explains failures at this one.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Power => None,
            Self::Computer => Some(Self::Power),
            Self::Link | Self::UsbBus | Self::Onboard => Some(Self::Computer),
            Self::Gateway => Some(Self::Link),
            Self::FarEnd => Some(Self::Gateway),
            Self::Platform => Some(Self::FarEnd),
            Self::Device => Some(Self::UsbBus),
        }
    }
}

/// Checks that stand for one thing together: `need` of them must be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's name, unique in its room.
    pub name: Arc<str>,
    /// How many members must be at least as good as the group is said to be.
    pub need: usize,
}

/// How long a change must last before it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// For a change to the worse.
    pub bad_for: Duration,
    /// For a change to the better.
    pub good_for: Duration,
}

/// On which side of a limit a value is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Bad when above the limit.
    Above,
    /// Bad when below the limit.
    Below,
    /// The value is a lower bound of what is judged: when it is below the limit nothing is known, and the verdict is unknown. At or
    /// above the limit of not ready it adds nothing where another of the check's measurements is beyond its limit.
    AtLeast,
}

/// A limit: fixed by the check, or taken from the profile that is asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// There is none.
    None,
    /// The same for every profile, in the quantity's unit.
    Fixed(f64),
    /// As the profile says.
    Profile(ProfileLimit),
    /// Of a share l that the profile allows each way, what it comes to there and back: 1 - (1 - l)².
    ThereAndBack(ProfileLimit),
}

/// The limits that a profile gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProfileLimit {
    /// Round trip beyond which conversation suffers, s.
    RttDegraded,
    /// Round trip beyond which no conversation is held, s.
    RttNotReady,
    /// Jitter (RFC 3550) that calls for attention, s.
    JitterDegraded,
    /// Share of packets lost that calls for attention, ratio.
    LossDegraded,
    /// Share of packets lost that no call survives, ratio.
    LossNotReady,
    /// Download for full quality, bit/s.
    DownNeed,
    /// Download under which no call survives, bit/s.
    DownFloor,
    /// Upload for full quality, bit/s.
    UpNeed,
    /// Upload under which no call survives, bit/s.
    UpFloor,
    /// The larger of the two needs, for what goes there and back by the same line, bit/s.
    EitherNeed,
    /// The larger of the two floors, bit/s.
    EitherFloor,
    /// Usable battery runtime that the policy asks for, s.
    Runtime,
    /// A flag's limit (0.5) where the profile requires UDP; none where UDP is advisory.
    UdpRequired,
    /// The same where the profile is of that platform, or of none that it names.
    UdpRequiredBy(&'static str),
}

/// A rule: what a measurement beyond a limit makes of the check, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Which quantity is compared.
    pub quantity: &'static Quantity,
    /// Which part of it, where the quantity has parts; `None` compares each part.
    pub part: Option<&'static str>,
    /// On which side it is bad.
    pub test: Test,
    /// Beyond this it is degraded.
    pub degraded: Limit,
    /// Beyond this it is not ready.
    pub not_ready: Limit,
    /// The reason told; its message may use `{value}`, `{limit}` and `{part}`, and `{reported}` of what was reckoned from it.
    pub reason: &'static ReasonDef,
}

/// How packet loss is decided: by Wilson's interval over a window of packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossRule {
    /// Beyond this it is degraded.
    pub degraded: Limit,
    /// Beyond this it is not ready.
    pub not_ready: Limit,
    /// The reason told; its message may use `{value}` and `{limit}`.
    pub reason: &'static ReasonDef,
    /// The reason told while nothing can be decided yet.
    pub undecided: &'static ReasonDef,
    /// How many of the newest packets are counted.
    pub window: u32,
}

/// A configured use of a probe, as the judge sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSpec {
    /// Unique in the room.
    pub name: CheckName,
    /// Which probe.
    pub kind: Kind,
    /// What it speaks for.
    pub component: Component,
    /// Where it stands in the tree of root causes.
    pub level: Level,
    /// Whether it counts.
    pub requirement: Requirement,
    /// The group it stands in, if any.
    pub group: Option<Group>,
    /// The uplink by which it measures; `None`: as the machine's routes lead.
    pub uplink: Option<Arc<Uplink>>,
    /// Whether its probe disturbs a meeting, so that it is held while the room is in use.
    pub active: bool,
    /// How often it is observed.
    pub interval: Duration,
    /// How old its evidence may be.
    pub fresh_for: Duration,
    /// How long a change must last.
    pub holds: Holds,
    /// A digest of what its probe is told to look at: evidence of another target under the same name is not believed.
    pub looks_at: u64,
    /// The limits.
    pub rules: Vec<Rule>,
    /// The loss decision, for kinds that count packets.
    pub loss: Option<LossRule>,
}

impl CheckSpec {
    /// Whether it looks at the same as `other`, in the same way and as often, so that what was seen by the one holds for the other. By
    /// which limits and holds that is judged, how long it counts and for what, may be another thing.
    pub fn sees_as(&self, other: &Self) -> bool {
        let looks =
            |spec: &Self| (spec.kind, spec.looks_at, spec.active, spec.interval, spec.loss.map(|loss| loss.window));
        looks(self) == looks(other)
    }

    /// Whether its probe is told the same as that of `other`, beside its own keys, so that the one that runs goes on. How long a fault
    /// must last is of interest to echoes; a test that began anew would not know that what its last one found stands.
    pub fn runs_as(&self, other: &Self) -> bool {
        let waits_alike = self.active || self.holds.bad_for == other.holds.bad_for;
        self.sees_as(other) && waits_alike && self.uplink == other.uplink
    }

    /// The uplink by which it measures, if that is a backup.
    pub fn backup(&self) -> Option<&Uplink> {
        self.uplink.as_deref().filter(|uplink| uplink.backup.is_some())
    }
}
