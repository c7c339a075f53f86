//! One look at a camera, in the device child: a few seconds of its stream as it is set, of which numbers remain.

use std::io;
use std::path::Path;
use std::time::Duration;

use linuxvideo::{BufType, CapabilityFlags, Device};
use serde::{Deserialize, Serialize};
use siaga_capture::{Camera, Format, Frame, Stream};
use siaga_signal::light::{Light, difference};
use siaga_signal::luma::{self, Form, Grid, Sample};

use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};
use crate::probe::camera::judge::is_equipment;
use crate::probe::camera::query;
use crate::probe::child::word;

/// How long a first frame may take: a camera that was asleep needs a second or two.
pub(super) const FIRST: Duration = Duration::from_secs(5);

/// Light is looked at five times a second: it costs more than counting, and neither a hand nor a lamp is quicker.
const PACE: Duration = Duration::from_millis(200);

/// How long to look.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probe) struct Plan {
    /// From the first frame on, until the camera has found its exposure. What comes meanwhile is not looked at.
    pub(super) settle: Duration,
    /// From then on.
    pub(super) duration: Duration,
    /// Whether the config names the camera.
    pub(super) named: bool,
    /// Whether one is looked at that sees no colours.
    pub(super) grey: bool,
}

/// Formats without colours (`linux/videodev2.h`, "Grey formats" and "Grey bit-packed formats"), two such pictures in one, and
/// distances: those of a camera that sees by infrared, to know a face again, and is dark to whoever looks.
const GREY: [&str; 18] = [
    "GREY", "Y04", "Y06", "Y10", "Y12", "Y012", "Y14", "Y16", "Y10B", "Y10P", "Y12P", "Y14P", "ip3y", "Y8I", "Y12I",
    "Y16I", "Z16", "INZI",
];

/// Whether a camera with these formats sees no colours.
pub(super) fn is_grey(formats: &[String]) -> bool {
    !formats.is_empty() && formats.iter().all(|format| GREY.contains(&format.as_str()))
}

/// What a look came to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probe) struct Seen {
    /// Whether frames come out of this node at all; a camera has others (metadata).
    pub(super) captures: bool,
    /// Whether it sees no colours, and was left alone for that.
    #[serde(default)]
    pub(super) grey: bool,
    /// Four-character code.
    pub(super) format: String,
    /// Frames a second that the camera is set to.
    pub(super) promised: Option<f64>,
    /// Frames that came, without those that the driver calls damaged.
    pub(super) frames: u32,
    /// Of how many it was looked at whether they are whole.
    pub(super) looked: u32,
    /// Of these, how many are not.
    pub(super) damaged: u32,
    /// Frames a second that came.
    pub(super) delivered: f64,
    /// The longest time, in seconds, in which one frame was the same as the next, to the byte.
    pub(super) repeated: f64,
    /// What the light was like, if it could be looked at.
    pub(super) light: Option<Light>,
    /// How much it changed at most (0 to 1).
    pub(super) change: Option<f64>,
    /// What ended the stream before its time.
    pub(super) failure: Option<String>,
}

impl Seen {
    /// The part of its frames that are not whole; `None` where that was not looked at.
    pub(super) fn damage(&self) -> Option<f64> {
        (self.looked > 0).then(|| f64::from(self.damaged) / f64::from(self.looked))
    }
}

/// Looks at the camera at `path`. Blocks for as long as the driver likes: only for the child.
///
/// # Errors
/// `Busy` when another has the stream, `Gone`, `Permission`, `Timeout` as the driver says them; `Protocol` for what is no camera.
/// A stream that fails otherwise is the camera's failure, and an answer.
pub(in crate::probe) fn look(path: &Path, plan: Plan) -> Result<Seen, ProbeError> {
    let failed = |error: io::Error| ProbeError::new(query::kind(&error), format!("{}: {error}", path.display()));
    let device = Device::open(path).map_err(failed)?;
    let capabilities = device.capabilities().map_err(failed)?;
    if !is_equipment(plan.named, capabilities.driver()) {
        return Ok(Seen::default());
    }
    let flags = capabilities.device_capabilities();
    if !flags.contains(CapabilityFlags::VIDEO_CAPTURE) {
        if flags.contains(CapabilityFlags::VIDEO_CAPTURE_MPLANE) {
            let several = format!("{}: frames in several planes", path.display());
            return Err(ProbeError::new(ErrorKind::Protocol, several));
        }
        return Ok(Seen::default());
    }
    // What does not tell its formats is looked at.
    let is_grey = |formats: Vec<String>| is_grey(&formats);
    if !plan.grey && query::formats(&device, BufType::VIDEO_CAPTURE).is_ok_and(is_grey) {
        return Ok(Seen { captures: true, grey: true, ..Seen::default() });
    }
    drop(device);
    let camera = Camera::open(path).map_err(failed)?;
    // It opens nothing from here on: who does is another.
    word().map_err(failed)?;
    let mut seen = Seen { captures: true, ..Seen::default() };
    if let Err(error) = camera.start().and_then(|mut camera| stream(&mut camera, plan, &mut seen)) {
        match query::kind(&error) {
            ErrorKind::Protocol => seen.failure = Some(error.to_string()),
            _ => return Err(failed(error)),
        }
    }
    Ok(seen)
}

fn stream(camera: &mut Stream, plan: Plan, seen: &mut Seen) -> io::Result<()> {
    let clock = Clock::start();
    let Format { width, height, code, line, colorspace, quantization, .. } = camera.format()?;
    let form = Form { width, height, code, line, colorspace, quantization };
    seen.format = query::code(code);
    seen.promised = camera.rate();
    let mut until = clock.mono().after(FIRST);
    let mut first = None;
    let mut account = Account::default();
    let result = loop {
        let now = clock.mono();
        if now >= until {
            break Ok(());
        }
        let next = camera.frame(until.since(now), |frame| {
            let now = clock.mono();
            let begun = *first.get_or_insert(now);
            if now >= begun.after(plan.settle) {
                account.add(&form, &frame, now);
            }
        });
        if let Some(begun) = first {
            until = begun.after(plan.settle + plan.duration);
        }
        if let Err(error) = next {
            break Err(error);
        }
    };
    account.close(clock.mono(), plan, seen);
    result
}

/// What is kept from frame to frame: counts, moments, a hash, and one small grid.
#[derive(Default)]
pub(super) struct Account {
    frames: u32,
    /// The first and the last frame, by the driver's clock; when the last one came, by ours.
    span: Option<(Duration, Duration)>,
    came: Option<Mono>,
    /// The newest frame's hash, and since when it has been the same.
    same: Option<(u64, Duration)>,
    repeated: Duration,
    judged: Option<Mono>,
    looked: u32,
    damaged: u32,
    grid: Option<Grid>,
    light: Option<Sum>,
    change: Option<f64>,
}

/// Light over several grids: what holds for all of them.
struct Sum {
    light: Light,
    mean: f64,
    count: f64,
}

impl Account {
    fn add(&mut self, form: &Form, frame: &Frame, now: Mono) {
        if frame.bytes.is_empty() {
            return;
        }
        if self.judged.is_none_or(|judged| now.since(judged) >= PACE) {
            self.judged = Some(now);
            match luma::sample(form, frame.bytes) {
                Sample::Unread => {}
                _ if frame.damaged => self.judge(Sample::Broken),
                sample => self.judge(sample),
            }
        }
        if frame.damaged {
            return;
        }
        self.frames += 1;
        self.span = Some((self.span.map_or(frame.at, |(first, _)| first), frame.at));
        self.came = Some(now);
        let hash = luma::fingerprint(frame.bytes);
        let since = self.same.filter(|(same, _)| *same == hash).map_or(frame.at, |(_, since)| since);
        self.same = Some((hash, since));
        self.repeated = self.repeated.max(frame.at.saturating_sub(since));
    }

    pub(super) fn judge(&mut self, sample: Sample) {
        let damaged = matches!(sample, Sample::Torn(_) | Sample::Broken);
        self.looked += 1;
        self.damaged += u32::from(damaged);
        let (Sample::Whole(grid) | Sample::Torn(grid)) = sample else { return };
        if let Some(before) = &self.grid {
            let change = difference(before, &grid);
            self.change = Some(self.change.map_or(change, |most| most.max(change)));
        }
        let light = Light::of(&grid);
        let sum = self.light.get_or_insert(Sum { light, mean: 0.0, count: 0.0 });
        sum.light = sum.light.always(&light);
        (sum.mean, sum.count) = (sum.mean + light.mean, sum.count + 1.0);
        self.grid = Some(grid);
    }

    pub(super) fn close(self, now: Mono, plan: Plan, seen: &mut Seen) {
        (seen.frames, seen.repeated, seen.change) = (self.frames, self.repeated.as_secs_f64(), self.change);
        (seen.looked, seen.damaged) = (self.looked, self.damaged);
        seen.light = self.light.map(|sum| Light { mean: sum.mean / sum.count, ..sum.light });
        let (Some((first, last)), Some(came)) = (self.span, self.came) else { return };
        if self.frames < 2 {
            seen.delivered = f64::from(self.frames) / plan.duration.as_secs_f64();
            return;
        }
        let gaps = f64::from(self.frames - 1);
        let span = last.saturating_sub(first).as_secs_f64();
        // Frames that stopped coming before the end: the silence counts too, beyond what a slow camera's pace explains.
        let silence = now.since(came).as_secs_f64();
        let span = if silence > 2.0 * span / gaps { span + silence } else { span };
        seen.delivered = gaps / span.max(f64::MIN_POSITIVE);
    }
}
