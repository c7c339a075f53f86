//! `frames`: does a picture come out of the camera, and can anything be seen in it?
//!
//! Every now and then, and never while the room or the camera is in use, a child that can be killed ([`super::child`]) streams a
//! few seconds as the camera is set, and says numbers: no frame leaves it. It disturbs whoever wants the camera in that time, so
//! it ends at once when the room comes into use or another opens the camera.

#[cfg(debug_assertions)]
pub mod fuzz;
mod judge;
pub(super) mod look;
mod opens;
mod reasons;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::camera::holder::{self, Ours, Purpose};
use super::camera::nodes::Node;
use super::camera::place::Place;
use super::camera::query;
use super::child::Program;
use super::range::{share, within};
use super::schedule::{Refusal, Schedule};
use super::{Context, Defaults, until};
use crate::domain::check::LossRule;
use crate::domain::{Level, Observation, Period, ProbeError, Quantity, Reading, Rule, Unit, Verdict};
use judge::Sight;
use look::{FIRST, Plan};
use opens::Opens;
pub use reasons::{ERRORS, REASONS};

/// A camera that dies in an idle hour is found within a quarter of one, early enough to fetch another before a meeting; its light
/// is on for four seconds of each. Two looks may fail or be late. What lasted through a look of seconds needs no hold, and the next
/// word comes minutes later.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_mins(15),
    fresh_for: Duration::from_mins(35),
    bad_for: Duration::ZERO,
    good_for: Duration::ZERO,
    active: true,
};

/// How soon a picture that was not good is looked at again: somebody is at work on it.
const AGAIN: Duration = Duration::from_mins(1);

/// How soon a camera that is not there is looked for again: that reads sysfs and touches nothing.
const SOUGHT: Duration = Duration::from_secs(5);

/// What a look takes beside waiting for frames: a child's start, and a driver's own slowness at both ends of a stream.
const SPARE: Duration = Duration::from_secs(3);

/// Whose turn it is: two looks at one camera would be in each other's way.
static TURN: Mutex<()> = Mutex::const_new(());

static DELIVERED: Quantity = Quantity::gauge(
    "frames_delivered_ratio",
    Unit::Ratio,
    "Frames that came, of those that the rate to which the camera is set promises.",
)
.by("device")
.called("Gambar yang sampai", "Pictures that were delivered");
static REPEATED: Quantity = Quantity::gauge(
    "frames_repeated_seconds",
    Unit::Seconds,
    "The longest time in which each frame was the same as the one before, to the byte.",
)
.by("device")
.called("Waktu gambar tidak berubah", "Time without a change of picture");
static DAMAGE: Quantity =
    Quantity::gauge("frames_damaged_ratio", Unit::Ratio, "Frames that are not whole, of those that were looked at.")
        .by("device")
        .called("Gambar yang rusak", "Pictures that were damaged");
static LUMA: Quantity = Quantity::gauge("frames_luma_ratio", Unit::Ratio, "Mean brightness: 0 is black, 1 is white.")
    .by("device")
    .called("Terang gambar", "Brightness of the picture");
static CONTRAST: Quantity = Quantity::gauge(
    "frames_contrast_ratio",
    Unit::Ratio,
    "Standard deviation of the brightness over the picture, of full scale.",
)
.by("device")
.called("Kontras gambar", "Contrast of the picture");
static BLACKNESS: Quantity =
    Quantity::gauge("frames_black_ratio", Unit::Ratio, "The part of the picture that was black all the time.")
        .by("device")
        .called("Bagian gambar yang hitam", "Part of the picture that is black");
static DROWNED: Quantity = Quantity::gauge(
    "frames_underexposed_ratio",
    Unit::Ratio,
    "The part of the picture that was too dark to show anything all the time.",
)
.by("device")
.called("Bagian gambar yang terlalu gelap", "Part of the picture that is too dark");
static BURNT: Quantity = Quantity::gauge(
    "frames_overexposed_ratio",
    Unit::Ratio,
    "The part of the picture that was too bright to show anything all the time.",
)
.by("device")
.called("Bagian gambar yang terlalu terang", "Part of the picture that is too bright");
static LEFT_BEHIND: Quantity = Quantity::gauge(
    "frames_children_left_behind",
    Unit::Count,
    "Killed device children that still hang in the kernel, each on one camera's stream.",
)
.called("Pembaca gambar yang macet", "Picture readers that hang");

/// What it measures.
pub const QUANTITIES: &[&Quantity] =
    &[&DELIVERED, &REPEATED, &DAMAGE, &LUMA, &CONTRAST, &BLACKNESS, &DROWNED, &BURNT, &LEFT_BEHIND];

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which camera, as for `camera`. With `"auto"` all are looked at, one after another, but one that sees no colours (infrared)
    /// only where there is no other.
    pub device: String,
    /// How long the camera may find its exposure before its picture is judged.
    #[serde(deserialize_with = "seconds")]
    pub settle: Period,
    /// How long its picture is judged; not under two seconds, the least in which black and frozen are told from a blink
    /// (`FFmpeg`: `blackdetect` and `freezedetect`, `d` 2).
    #[serde(deserialize_with = "long_enough")]
    pub duration: Period,
    /// Above this part of frames that are not whole it is degraded (our choice: one of the fifteen that are looked at may be); if
    /// nothing can be shown of any, it is not ready.
    #[serde(deserialize_with = "share")]
    pub damaged_degraded: f64,
    /// From this part of black points on the picture is black, not ready (`FFmpeg`: `blackdetect`, `pic_th` 0.98; a point is black
    /// below a tenth of full scale, `pix_th` 0.10).
    #[serde(deserialize_with = "share")]
    pub black_not_ready: f64,
    /// Above this part of points that are too dark to show anything it is degraded (our choice).
    #[serde(deserialize_with = "share")]
    pub dark_degraded: f64,
    /// Above this part of points that are too bright to show anything it is degraded (our choice).
    #[serde(deserialize_with = "share")]
    pub bright_degraded: f64,
    /// With a standard deviation of brightness below this (of 255) and edges below `uniform_edges`, the picture is of one shade, as
    /// of a covered lens: degraded (our choice).
    pub uniform_deviation: f64,
    /// The variance of the brightness' Laplacian; see `uniform_deviation` (our choice).
    pub uniform_edges: f64,
    /// Frames that are the same to the byte for longer than this: not ready. A sensor's noise makes every frame another one.
    pub frozen_not_ready: Period,
    /// Below this part of the frames that the camera is set to send it is degraded (our choice; under 7 a second Teams calls poor).
    #[serde(deserialize_with = "share")]
    pub delivered_degraded: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            device: "auto".to_owned(),
            settle: Period(Duration::from_secs(1)),
            duration: Period(Duration::from_secs(3)),
            damaged_degraded: 0.1,
            black_not_ready: 0.98,
            dark_degraded: 0.5,
            bright_degraded: 0.5,
            uniform_deviation: 6.0,
            uniform_edges: 10.0,
            frozen_not_ready: Period(Duration::from_secs(1)),
            delivered_degraded: 0.8,
        }
    }
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::ZERO)..=Period(Duration::from_secs(10)))
}

fn long_enough<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_secs(2))..=Period(Duration::from_secs(30)))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::Device
    }

    /// The limits to which its measurements are held: none that stands alone, see `judge`.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }

    /// How long a look at one camera may take.
    fn deadline(&self) -> Duration {
        FIRST + self.settle.0 + self.duration.0 + SPARE
    }

    fn plan(&self, grey: bool) -> Plan {
        let named = self.device != "auto";
        Plan { settle: self.settle.0, duration: self.duration.0, named, grey: grey || named }
    }
}

/// A looker at pictures.
pub struct Probe {
    config: Config,
    context: Context,
    program: Program,
    places: BTreeMap<String, Place>,
    schedule: Schedule,
    /// Whether this probe has told anything yet.
    told: bool,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let schedule = Schedule::new(&context);
        Self { config, context, program: Program::device_child(), places: BTreeMap::new(), schedule, told: false }
    }

    /// Waits until a look is due and the room is free, and looks. A look that the room's use cuts off is no observation: what was
    /// known before stands.
    pub async fn next(&mut self) -> Observation {
        let clock = self.context.clock;
        let mut in_use = self.context.in_use.clone();
        loop {
            self.schedule.wait().await;
            let _turn = TURN.lock().await;
            if *in_use.borrow() {
                self.schedule.cut_off();
                continue;
            }
            let began = clock.mono();
            let interval = self.context.interval;
            match self.look(&mut in_use).await {
                Ok(Some(reading)) => {
                    let wait = match reading.findings.iter().map(|finding| finding.verdict).max() {
                        None | Some(Verdict::Ready) => interval,
                        Some(_) if self.places.is_empty() => interval.min(SOUGHT),
                        Some(_) => interval.min(AGAIN),
                    };
                    self.schedule.made(began, began.after(wait));
                    return self.context.read(began, reading);
                }
                Ok(None) if *in_use.borrow() => self.schedule.cut_off(),
                Ok(None) => {
                    // From now: who opened it needs a while to have it.
                    self.schedule.put_off(Refusal::Busy(String::new()), clock.mono().after(interval.min(AGAIN)));
                }
                Err(error) => {
                    self.schedule.made(began, began.after(interval.min(AGAIN)));
                    return self.context.failed(began, error, &ERRORS);
                }
            }
        }
    }

    /// Looks at every camera that is meant; `None` when the room came into use meanwhile, or somebody has a camera of which
    /// something was told already.
    async fn look(&mut self, in_use: &mut watch::Receiver<bool>) -> Result<Option<Reading>, ProbeError> {
        let roots = self.context.roots.clone();
        let mut nodes = super::camera::list(&roots)?;
        nodes.retain(|node| node.is(&self.config.device, &roots));
        // A child that hangs on a camera that was pulled out is remembered until it is gone.
        self.places.retain(|name, place| nodes.iter().any(|node| node.name == *name) || place.is_left_behind());
        let all = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        if all > 0 {
            self.schedule.begins(self.config.deadline().saturating_mul(all));
        }
        let (mut sights, mut grey) = (Vec::new(), Vec::new());
        for (step, node) in (1..).zip(nodes) {
            if all > 1 {
                self.schedule.step(step, all);
            }
            match self.sight(&node, false, in_use).await {
                None => return Ok(None),
                Some(sight) if sight.is_grey() => grey.push(node),
                Some(sight) => sights.push((node, sight)),
            }
        }
        // Where there is another, nobody is shown by one that sees no colours.
        if !sights.iter().any(|(node, sight)| sight.is_cameras(node)) {
            for node in grey {
                let Some(sight) = self.sight(&node, true, in_use).await else { return Ok(None) };
                sights.push((node, sight));
            }
        }
        // Who has it now says nothing of what was seen: that stands, as it does while the room is in use.
        let told = self.told || self.schedule.is_asked() || self.context.clock.mono() < self.context.stands_until;
        if told && sights.iter().any(|(_, sight)| sight.is_taken()) {
            return Ok(None);
        }
        self.told = true;
        let mut reading = judge::reading(&self.config, &sights);
        reading.places = sights.iter().filter_map(|(node, _)| node.place()).collect();
        let left_behind = self.places.values_mut().map(Place::is_left_behind).filter(|left| *left).count();
        #[allow(clippy::cast_precision_loss, reason = "a handful")]
        reading.measure(&LEFT_BEHIND, left_behind as f64);
        Ok(Some(reading))
    }

    /// Looks at one, and sees who has it now if somebody came; `None` when the room came into use, or nobody has it.
    async fn sight(&mut self, node: &Node, grey: bool, in_use: &mut watch::Receiver<bool>) -> Option<Sight> {
        match self.look_at(node, grey, in_use).await {
            None if *in_use.borrow() => None,
            // Its new holder is there before us now, or somebody only had a look at what it is.
            None => {
                let holder = holder::of(node, &self.context.roots);
                (holder.in_use() == Some(true)).then_some(Sight::Held(holder))
            }
            sight => sight,
        }
    }

    /// Looks at one; `None` when somebody came who comes first.
    async fn look_at(&mut self, node: &Node, grey: bool, in_use: &mut watch::Receiver<bool>) -> Option<Sight> {
        let place = self.places.entry(node.name.clone()).or_default();
        if !place.is_left_behind() {
            let holder = holder::of(node, &self.context.roots);
            if holder.in_use() == Some(true) {
                return Some(Sight::Held(holder));
            }
        }
        let opens = match Opens::of(&node.path) {
            Ok(opens) => opens,
            // A look that could not give way is not begun.
            Err(error) => {
                let told = ProbeError::new(query::kind(&error), format!("inotify {}: {error}", node.path.display()));
                return Some(Sight::Looked(Err(told)));
            }
        };
        let mut spoken = place.slot().spoken();
        let plan = self.config.plan(grey);
        let told = serde_json::to_string(&plan).unwrap_or_default();
        let args = ["frames".into(), node.path.clone().into_os_string(), told.into()];
        let deadline = self.config.deadline();
        let clock = self.context.clock;
        let mut stopped = None;
        let stop = async {
            tokio::select! {
                biased;
                () = until(in_use, true) => {}
                () = opened(node, &opens, &mut spoken) => {}
            }
            stopped = Some(clock.mono());
        };
        let answer = place.ask_unless((node, Purpose::Look), &self.program, &args, deadline, stop).await;
        if let Some(stopped) = stopped {
            let took = clock.mono().since(stopped).as_millis();
            tracing::info!(check = %self.context.check, camera = node.name, "given back after {took} ms");
        }
        answer.map_or_else(|error| Some(Sight::Looked(Err(error))), |seen| Some(Sight::Looked(Ok(seen?))))
    }
}

/// Waits until another opens the camera that our child has opened, as it has `spoken` of.
async fn opened(node: &Node, opens: &Opens, spoken: &mut watch::Receiver<bool>) {
    until(spoken, true).await;
    // Our own.
    let mut outcome = opens.come().map(|_| ());
    loop {
        if outcome.is_ok() {
            outcome = opens.next().await;
        }
        if let Err(error) = &outcome {
            tracing::warn!(camera = node.name, %error, "who opens it is not seen any more: the look ends");
            return;
        }
        // A question that began before this look opens it too.
        if !Ours::has(node, Purpose::Question) {
            return;
        }
    }
}
