//! Capturing and playing, in the device child: one ALSA PCM by cpal, with the hour of every frame.
//!
//! The host is always ALSA's and the PCM always the one that is named: nothing here asks for a "default" device, which exists
//! also where no equipment does. Listing what there is opens mixers and no stream. All calls block for as long as a driver
//! or a sound server likes, and a stream's end may block too: only for the child, which says its answer and exits instead.

use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{BufferSize, Device, DeviceId, HostId, StreamConfig, StreamInstant};

use super::hardware;
use crate::clock::Clock;
use crate::domain::{ErrorKind, ProbeError};

/// What is asked for, in Hz; a card that cannot is read through ALSA's own conversion, and its true rate is told.
pub(crate) const RATE: u32 = 48_000;
/// A microphone in one of two channels is common, more than two are not: the first two are listened to.
const CHANNELS: u16 = 2;
/// Frames in a period. The largest first: a processor that is busy loses nothing for 0.4 s. Cards with less memory take less.
const PERIODS: [u32; 4] = [9600, 4800, 2400, 1200];
/// Periods under way between cpal's thread and ours. Of playback the first so many are all that is wanted.
const UNDER_WAY: usize = 64;
/// How long a stream that has just been opened may take to make sense.
const FIRST_MOMENT: Duration = Duration::from_secs(2);

/// When a frame of a stream passed the converter: its number, and cpal's time of it and of the call, on the stream's own scale,
/// with this process's time of the call. All in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamp {
    frame: usize,
    passed: f64,
    called: f64,
    now: f64,
}

enum Event {
    /// Interleaved samples (none of playback), and when the first of them passed.
    Samples(Vec<i32>, Stamp),
    /// It goes no further: who waits for samples need not wait on. Why stands in [`Faults`].
    Failed,
}

/// What went wrong. Beside the events, so that none of it is lost where nobody takes those.
#[derive(Default)]
struct Faults {
    /// How often frames were lost: the driver ran over or dry, or nobody took them in time.
    losses: AtomicU32,
    /// Why it goes no further; the first is the cause of others.
    failed: OnceLock<cpal::Error>,
}

/// What came out of a microphone.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    /// One list a channel, full scale is 1.
    pub(crate) channels: Vec<Vec<f64>>,
    /// The rate at which the hardware itself ran, in Hz, where the kernel tells.
    pub(crate) hardware_rate: Option<u32>,
    /// How often frames were lost before or between those that came: the driver ran over, or we were late to take them.
    pub(crate) overruns: u32,
    stamps: Vec<Stamp>,
}

impl Captured {
    /// Frames captured over frames expected in the time that they took, by the kernel's stamps. `None` for fewer than two
    /// periods.
    #[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
    pub(crate) fn delivered(&self) -> Option<f64> {
        let (first, last) = (self.stamps.first()?, self.stamps.last()?);
        let expected = (last.passed - first.passed) * f64::from(RATE);
        (expected > 0.0).then(|| (last.frame - first.frame) as f64 / expected)
    }

    /// When the first frame passed the converter, in seconds by this process's clock.
    pub(crate) fn began(&self) -> Option<f64> {
        began(&self.stamps)
    }
}

/// A stream that runs until this process ends. It is never dropped: with some servers gone, that waits for ever.
struct Running {
    events: Events,
    _stream: ManuallyDrop<cpal::Stream>,
}

/// Our end of what a stream tells.
struct Events {
    name: String,
    receiver: Receiver<Event>,
    faults: Arc<Faults>,
}

impl Running {
    /// Opens the PCM with the largest period that it takes, and starts it.
    fn start(
        name: &str,
        clock: Clock,
        mut open: impl FnMut(&Device, StreamConfig, &Teller) -> Result<cpal::Stream, cpal::Error>,
    ) -> Result<Self, ProbeError> {
        let failed = |error| failure(name, &error);
        let host = cpal::host_from_id(HostId::Alsa).map_err(failed)?;
        let device = host.device_by_id(&DeviceId::new(HostId::Alsa, name));
        let device =
            device.ok_or_else(|| ProbeError::new(ErrorKind::Gone, format!("{name}: ALSA knows no such PCM")))?;
        let (teller, events) = between(name, clock);
        let mut opened = Err(cpal::Error::new(cpal::ErrorKind::UnsupportedConfig));
        for frames in PERIODS {
            let config = StreamConfig { channels: CHANNELS, sample_rate: RATE, buffer_size: BufferSize::Fixed(frames) };
            opened = open(&device, config, &teller);
            if opened.as_ref().err().is_none_or(|error| error.kind() != cpal::ErrorKind::UnsupportedConfig) {
                break;
            }
        }
        let stream = ManuallyDrop::new(opened.map_err(failed)?);
        stream.play().map_err(failed)?;
        Ok(Self { events, _stream: stream })
    }
}

/// Both ends of what a stream of that name tells.
fn between(name: &str, clock: Clock) -> (Teller, Events) {
    let (events, receiver) = sync_channel(UNDER_WAY);
    let faults: Arc<Faults> = Arc::default();
    let teller = Teller { events, faults: Arc::clone(&faults), flows: Arc::default(), clock };
    (teller, Events { name: name.to_owned(), receiver, faults })
}

/// The end of a stream's events that cpal's thread has.
#[derive(Clone)]
struct Teller {
    events: SyncSender<Event>,
    faults: Arc<Faults>,
    /// Whether a frame has passed.
    flows: Arc<AtomicBool>,
    clock: Clock,
}

impl Teller {
    /// Samples that were captured. Where they are not taken in time they are lost, as with a driver that runs over.
    fn captured(&self, samples: &[i32], stamp: Stamp) {
        self.flows.store(true, Ordering::Relaxed);
        if let Err(TrySendError::Full(_)) = self.events.try_send(Event::Samples(samples.to_vec(), stamp)) {
            self.lost();
        }
    }

    /// When what is played passes. Once there is no room for more, enough is known.
    fn played(&self, stamp: Stamp) {
        self.flows.store(true, Ordering::Relaxed);
        _ = self.events.try_send(Event::Samples(Vec::new(), stamp));
    }

    fn lost(&self) {
        self.faults.losses.fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&self, error: cpal::Error) {
        _ = self.faults.failed.set(error);
        // Full: nobody waits, and whoever takes the next sees what stands there.
        _ = self.events.try_send(Event::Failed);
    }

    /// Tells what is wrong. Not what is wrong before the first frame, for a while: in its first moment a stream of a sound
    /// server has no delay to tell, and ALSA's plugin calls that an error, a hundred times a millisecond.
    fn errors(&self) -> impl FnMut(cpal::Error) + Send + use<> {
        let teller = self.clone();
        let mut since = None;
        move |error| match error.kind() {
            cpal::ErrorKind::Xrun => teller.lost(),
            cpal::ErrorKind::DeviceNotAvailable => teller.failed(error),
            _ => {
                let now = teller.clock.elapsed();
                let lasts = now.saturating_sub(*since.get_or_insert(now)) >= FIRST_MOMENT;
                if lasts || teller.flows.load(Ordering::Relaxed) {
                    teller.failed(error);
                }
            }
        }
    }
}

/// A microphone that is open and being listened to.
pub(crate) struct Microphone(Running);

impl Microphone {
    /// Opens and starts it.
    ///
    /// # Errors
    /// What opening came to; `Busy` where another program has it.
    pub(crate) fn open(name: &str, clock: Clock) -> Result<Self, ProbeError> {
        let running = Running::start(name, clock, |device, config, teller| {
            let (told, mut frame) = (teller.clone(), 0);
            let take = move |samples: &[i32], info: &cpal::InputCallbackInfo| {
                let time = info.timestamp();
                let stamp = stamp(frame, time.capture, time.callback, clock);
                frame += samples.len() / usize::from(CHANNELS);
                told.captured(samples, stamp);
            };
            device.build_input_stream(config, take, teller.errors(), None)
        })?;
        Ok(Self(running))
    }

    /// Listens until so many frames have come.
    ///
    /// # Errors
    /// `Gone` when the card was pulled out, `Protocol` when the stream broke.
    pub(crate) fn listen(&self, frames: usize) -> Result<Captured, ProbeError> {
        self.0.events.listen(frames)
    }
}

/// A card that takes nothing for so long has stopped: two of the longest periods come in less than half a second.
const STOPPED: Duration = Duration::from_secs(5);

/// So many periods of silence must have been taken before a card is said to be held: what fails, fails at the first ones.
const HELD: u32 = 4;

/// In the place of the silent periods taken so far: no more silence, the sound.
const BEGUN: u32 = u32::MAX;

/// Loudspeakers that play what they were given, and silence after it.
pub(crate) struct Loudspeakers {
    running: Running,
    frames: usize,
    silence: Arc<AtomicU32>,
}

impl Loudspeakers {
    /// Opens them and begins to play, the same in both channels. Full scale is 1.
    ///
    /// # Errors
    /// What opening came to; `Busy` where another program has them.
    pub(crate) fn open(name: &str, sound: &[f64], clock: Clock) -> Result<Self, ProbeError> {
        Self::start(name, sound, clock, BEGUN)
    }

    /// The same, and plays silence until [`Self::begin`]. Returns once the card has taken some of it.
    ///
    /// # Errors
    /// As [`Self::open`]; `Protocol` when it takes none.
    pub(crate) fn hold(name: &str, sound: &[f64], clock: Clock) -> Result<Self, ProbeError> {
        let held = Self::start(name, sound, clock, 0)?;
        let (began, mut look) = (clock.elapsed(), Duration::from_millis(10));
        while held.silence.load(Ordering::Relaxed) < HELD {
            look = look.min(STOPPED.saturating_sub(clock.elapsed().saturating_sub(began)));
            match held.running.events.receiver.recv_timeout(look) {
                Ok(_) | Err(RecvTimeoutError::Timeout) if !look.is_zero() => held.running.events.go_on()?,
                _ => return Err(held.running.events.takes_nothing()),
            }
        }
        Ok(held)
    }

    fn start(name: &str, sound: &[f64], clock: Clock, silence: u32) -> Result<Self, ProbeError> {
        let (silence, frames) = (Arc::new(AtomicU32::new(silence)), sound.len());
        let sound: Arc<[i32]> = sound.iter().map(|sample| integer(*sample)).collect();
        let running = Running::start(name, clock, |device, config, teller| {
            let (told, sound, silence, mut frame) = (teller.clone(), Arc::clone(&sound), Arc::clone(&silence), 0);
            let fill = move |samples: &mut [i32], info: &cpal::OutputCallbackInfo| {
                let count = |taken: u32| (taken != BEGUN).then(|| (taken + 1).min(HELD));
                if silence.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok() {
                    told.flows.store(true, Ordering::Relaxed);
                    samples.fill(0);
                    return;
                }
                let time = info.timestamp();
                told.played(stamp(frame, time.playback, time.callback, clock));
                for frame_of in samples.chunks_mut(usize::from(CHANNELS)) {
                    frame_of.fill(sound.get(frame).copied().unwrap_or(0));
                    frame += 1;
                }
            };
            device.build_output_stream(config, fill, teller.errors(), None)
        })?;
        Ok(Self { running, frames, silence })
    }

    /// Begins to play after [`Self::hold`]: the next period that is asked for is the first.
    pub(crate) fn begin(&self) {
        self.silence.store(BEGUN, Ordering::Relaxed);
    }

    /// Waits until all of it has passed the converter, and tells how often the driver ran dry meanwhile.
    ///
    /// # Errors
    /// `Gone` when the card was pulled out, `Protocol` when it takes nothing any more.
    pub(crate) fn finish(&self, clock: Clock) -> Result<u32, ProbeError> {
        let events = &self.running.events;
        // What was lost of the silence before it harms nobody.
        let before = events.losses();
        loop {
            let event = events.receiver.recv_timeout(STOPPED);
            events.go_on()?;
            match event {
                Ok(Event::Samples(_, stamp)) if stamp.frame >= self.frames => {
                    // The first frame of silence passes then.
                    let end = stamp.now + (stamp.passed - stamp.called).max(0.0);
                    let left = end - clock.elapsed().as_secs_f64();
                    std::thread::sleep(Duration::try_from_secs_f64(left).unwrap_or_default().min(STOPPED));
                    return Ok(events.losses() - before);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(events.takes_nothing()),
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
    }

    /// When the first frame passed the converter, in seconds by this process's clock, as far as can be told by now.
    ///
    /// # Errors
    /// `Gone` when the card was pulled out, `Internal` when the stream ran dry or has hardly begun.
    pub(crate) fn began(&self) -> Result<f64, ProbeError> {
        self.running.events.play_began()
    }
}

impl Events {
    fn listen(&self, frames: usize) -> Result<Captured, ProbeError> {
        let mut captured = Captured { channels: vec![Vec::new(); usize::from(CHANNELS)], ..Captured::default() };
        while captured.channels[0].len() < frames {
            match self.receiver.recv() {
                Ok(Event::Samples(samples, stamp)) => {
                    self.go_on()?;
                    if captured.stamps.is_empty() {
                        captured.hardware_rate = hardware::rate(Path::new("/proc"), &self.name);
                    }
                    captured.stamps.push(stamp);
                    for (at, sample) in samples.into_iter().enumerate() {
                        captured.channels[at % usize::from(CHANNELS)].push(f64::from(sample) / 2_f64.powi(31));
                    }
                }
                Ok(Event::Failed) => self.go_on()?,
                Err(_) => return Err(ended()),
            }
        }
        captured.overruns = self.losses();
        Ok(captured)
    }

    fn play_began(&self) -> Result<f64, ProbeError> {
        self.go_on()?;
        if self.losses() > 0 {
            return Err(ProbeError::new(ErrorKind::Internal, "playback ran dry"));
        }
        let stamp_of = |event| match event {
            Event::Samples(_, stamp) => Some(stamp),
            Event::Failed => None,
        };
        let stamps: Vec<Stamp> = self.receiver.try_iter().filter_map(stamp_of).collect();
        // Playback begins once two periods are filled; what is said of those is not yet true.
        began(stamps.get(3..).unwrap_or_default())
            .ok_or_else(|| ProbeError::new(ErrorKind::Internal, "playback has hardly begun"))
    }

    /// How often frames were lost since it was opened.
    fn losses(&self) -> u32 {
        self.faults.losses.load(Ordering::Relaxed)
    }

    fn takes_nothing(&self) -> ProbeError {
        ProbeError::new(ErrorKind::Protocol, format!("{}: the card takes no sound", self.name))
    }

    /// That it has not come to an end.
    fn go_on(&self) -> Result<(), ProbeError> {
        self.faults.failed.get().map_or(Ok(()), |error| Err(failure(&self.name, error)))
    }
}

/// The hour of a stream's frame 0 by this process's clock. The median, because a stamp may be a timer's tick off; and the two
/// scales are set side by side by the call that came soonest after its stamp.
#[allow(clippy::cast_precision_loss, reason = "a few seconds of frames")]
fn began(stamps: &[Stamp]) -> Option<f64> {
    let scales = stamps.iter().map(|stamp| stamp.now - stamp.called).min_by(f64::total_cmp)?;
    let mut begins: Vec<f64> = stamps.iter().map(|stamp| stamp.passed - stamp.frame as f64 / f64::from(RATE)).collect();
    begins.sort_by(f64::total_cmp);
    Some(begins[begins.len() / 2] + scales)
}

fn stamp(frame: usize, passed: StreamInstant, called: StreamInstant, clock: Clock) -> Stamp {
    let seconds = |instant: StreamInstant| instant.duration_since(StreamInstant::ZERO).as_secs_f64();
    Stamp { frame, passed: seconds(passed), called: seconds(called), now: clock.elapsed().as_secs_f64() }
}

#[allow(clippy::cast_possible_truncation, reason = "a float's conversion ends at the type's ends")]
fn integer(sample: f64) -> i32 {
    (sample * 2_f64.powi(31)).round() as i32
}

fn ended() -> ProbeError {
    ProbeError::new(ErrorKind::Internal, "the stream's thread ended")
}

fn failure(name: &str, error: &cpal::Error) -> ProbeError {
    let kind = match error.kind() {
        cpal::ErrorKind::DeviceBusy => ErrorKind::Busy,
        cpal::ErrorKind::DeviceNotAvailable => ErrorKind::Gone,
        cpal::ErrorKind::PermissionDenied => ErrorKind::Permission,
        cpal::ErrorKind::ResourceExhausted => ErrorKind::Internal,
        _ => ErrorKind::Protocol,
    };
    ProbeError::new(kind, format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::cast_precision_loss, reason = "a few frames")]
    fn stamps(late: &[f64]) -> Vec<Stamp> {
        let at = |number: usize| number as f64 * 0.2;
        let each = |(number, late): (usize, &f64)| Stamp {
            frame: number * 9600,
            passed: 0.5 + at(number),
            called: 0.7 + at(number),
            now: 100.7 + at(number) + late,
        };
        late.iter().enumerate().map(each).collect()
    }

    #[test]
    fn a_stream_began_when_its_frames_say_however_late_the_calls_were() {
        let told = began(&stamps(&[0.03, 0.0, 0.5])).unwrap();
        assert!((told - 100.5).abs() < 1e-9, "{told}");
        assert_eq!(began(&[]), None);
    }

    #[test]
    fn what_is_lost_is_missing_in_what_was_delivered() {
        let mut captured = Captured { stamps: stamps(&[0.0; 11]), ..Captured::default() };
        assert!((captured.delivered().unwrap() - 1.0).abs() < 1e-9);
        // A tenth of a second is lost on the way.
        captured.stamps.last_mut().unwrap().passed += 0.1;
        assert!((captured.delivered().unwrap() - 2.0 / 2.1).abs() < 1e-9);
        captured.stamps.truncate(1);
        assert_eq!(captured.delivered(), None);
    }

    const PERIOD: [i32; 2] = [1 << 30; 2];

    #[test]
    fn playback_that_ran_dry_or_broke_off_is_told_however_full_the_events_are() {
        let play = |periods: usize| {
            let (teller, events) = between("hw:0", Clock::start());
            for stamp in stamps(&vec![0.0; periods]) {
                teller.played(stamp);
            }
            (teller, events)
        };
        let (_teller, well) = play(3 * UNDER_WAY);
        assert!((well.play_began().unwrap() - 100.5).abs() < 1e-9, "more than have room are no loss");
        let (teller, dry) = play(3 * UNDER_WAY);
        teller.errors()(cpal::Error::new(cpal::ErrorKind::Xrun));
        assert_eq!(dry.play_began().unwrap_err().detail, "playback ran dry");
        let (teller, pulled) = play(3 * UNDER_WAY);
        teller.errors()(cpal::Error::new(cpal::ErrorKind::DeviceNotAvailable));
        assert_eq!(pulled.play_began().unwrap_err().kind, ErrorKind::Gone);
    }

    #[test]
    fn samples_that_nobody_took_in_time_are_counted_as_lost() {
        let (teller, events) = between("hw:0", Clock::start());
        let hear = |periods: usize| {
            for stamp in stamps(&vec![0.0; periods]) {
                teller.captured(&PERIOD, stamp);
            }
        };
        hear(UNDER_WAY);
        assert_eq!(events.listen(1).unwrap().overruns, 0);
        hear(3);
        assert_eq!(events.listen(1).unwrap().overruns, 2, "one of the three had room");
        teller.errors()(cpal::Error::new(cpal::ErrorKind::Xrun));
        assert_eq!(events.listen(1).unwrap().overruns, 3);
        hear(UNDER_WAY);
        teller.errors()(cpal::Error::new(cpal::ErrorKind::DeviceNotAvailable));
        assert_eq!(events.listen(UNDER_WAY).unwrap_err().kind, ErrorKind::Gone, "though there was no room to say so");
    }

    #[test]
    fn a_pcm_that_nobody_knows_is_gone_and_no_stream_is_opened() {
        let error = Microphone::open("plughw:CARD=Nowhere,DEV=0", Clock::start()).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Gone, "{error}");
    }
}
