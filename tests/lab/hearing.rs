//! What a microphone hears, and what loudspeakers play to it: signals that a test makes, through a card whose capture hears its
//! playback to the sample.

use std::f64::consts::TAU;

use crate::daemon::{Daemon, room};
use crate::guest::Lab;
use crate::waiting::until;

/// The end of the loop that hears what is played into the other one.
pub(crate) const EAR: &str = "pcm = \"plughw:CARD=Loop,DEV=1\"\ninterval = \"2s\"\nretry = \"1s\"\n";

/// A call, with a buffer of seconds: recorders end themselves when they lose too much, and an emulated processor is slow.
pub(crate) const CALL: &str =
    "arecord -q -D hw:Dummy,0 -f S16_LE -c 1 -r 8000 --buffer-time=3000000 --period-time=500000 -t raw /dev/null";

/// Where the kernel says who has that end.
const EAR_STATUS: &str = "/proc/asound/Loop/pcm1c/sub0/status";

/// Four seconds, which go on without a seam. Full scale is 1.
pub(crate) fn signal(of: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..192_000).map(|at| of(f64::from(at) / 48_000.0)).collect()
}

pub(crate) fn sine(frequency: f64, amplitude: f64) -> impl Fn(f64) -> f64 {
    move |time| amplitude * (TAU * frequency * time).sin()
}

/// A room's noise: of an even spread in ±`amplitude`, the same each time.
pub(crate) fn noise(amplitude: f64) -> Vec<f64> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        amplitude * (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0)
    };
    signal(|_| 0.0).into_iter().map(|_| next()).collect()
}

/// A player at one end of the loop. It is started once and goes on to the test's end, whatever it plays: the end of a loop that
/// is made ready first decides the format of both, and two that open at the same moment may each decide, so that what is captured
/// is refused (EIO) for as long as the player runs.
pub(crate) struct Player<'lab> {
    lab: &'lab Lab,
}

impl<'lab> Player<'lab> {
    /// Plays a signal over and over.
    pub(crate) fn start(lab: &'lab Lab, signal: &[f64], rate: u32) -> Self {
        Self::buffering(lab, signal, rate, 2)
    }

    /// The same, never changed and without a gap: a guest without a processor for some seconds finds as many in the buffer.
    pub(crate) fn unbroken(lab: &'lab Lab, signal: &[f64]) -> Self {
        Self::buffering(lab, signal, 48_000, 10)
    }

    fn buffering(lab: &'lab Lab, signal: &[f64], rate: u32, seconds: u32) -> Self {
        let player = Self { lab };
        player.load(signal);
        lab.spawn(
            "play",
            &format!(
                "dash -c 'while :; do cat /run/signal.raw; done | \
                 aplay -q -D hw:Loop,0,0 -t raw -f S16_LE -c 1 -r {rate} --buffer-time={seconds}000000 --period-time=250000'"
            ),
        );
        lab.wait_for("grep -q RUNNING /proc/asound/Loop/pcm0p/sub0/status");
        player
    }

    /// Nothing but zeros, at 48 kHz.
    fn hushed(lab: &'lab Lab) -> Self {
        Self::start(lab, &signal(|_| 0.0), 48_000)
    }

    /// Goes over to another signal, which is heard when what is buffered has been played.
    pub(crate) fn play(&self, signal: &[f64]) {
        self.load(signal);
        // Where none runs at this moment, the next one reads the new file.
        self.lab.run("kill $(pidof cat)");
    }

    /// Goes over to zeros.
    pub(crate) fn hush(&self) {
        self.play(&signal(|_| 0.0));
    }

    fn load(&self, signal: &[f64]) {
        #[allow(clippy::cast_possible_truncation, reason = "a float's conversion ends at the type's ends")]
        let bytes: Vec<u8> =
            signal.iter().flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes()).collect();
        let file = self.lab.push(&bytes, "signal.raw");
        self.lab.sh(&format!("cp {file} /run/next.raw && mv /run/next.raw /run/signal.raw"));
    }
}

/// The value of a metric.
fn metric(daemon: &Daemon<'_>, name: &str) -> f64 {
    let metrics = daemon.get("/metrics").1;
    value(&metrics, name).unwrap_or_else(|| panic!("no {name} in\n{metrics}"))
}

fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(&format!("siaga_{name}{{")))?;
    Some(line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

#[test]
fn what_a_microphone_hears_is_told() {
    let lab = Lab::start();
    let player = Player::hushed(&lab);
    let daemon = lab.daemon(&room(&["audio"], &[("microphone", EAR)]));
    daemon.only("microphone", "not_ready", &["audio.microphone_silent"]);
    let with = |tone: &dyn Fn(f64) -> f64| -> Vec<f64> {
        noise(0.005).iter().zip(signal(tone)).map(|(noise, tone)| noise + tone).collect()
    };
    for (played, verdict, codes) in [
        (noise(0.005), "ready", &[][..]),
        (noise(2.0 / 32_768.0), "degraded", &["audio.microphone_quiet"]),
        (signal(|time| sine(440.0, 4.0)(time).clamp(-1.0, 1.0)), "degraded", &["audio.microphone_clipped"]),
        (with(&|_| 0.05), "degraded", &["audio.microphone_offset"]),
        (with(&sine(50.0, 0.01)), "degraded", &["audio.microphone_hum"]),
        (with(&sine(440.0, 0.1)), "ready", &[]),
    ] {
        // No two in a row are told alike.
        player.play(&played);
        daemon.only("microphone", verdict, codes);
    }
    daemon.looks("microphone", 1);
    // A look in which the emulated card lost frames says so, and measures others.
    let delivered = || {
        let told = daemon.get("/metrics").1;
        let all = value(&told, "microphone_delivered_ratio").is_some_and(|delivered| (delivered - 1.0).abs() < 0.02);
        all.then(|| value(&told, "microphone_rms_decibels").unwrap())
    };
    let level = until("a look to which all was delivered", delivered, || lab.log("siaga"));
    assert!((level + 23.0).abs() < 0.1, "{level}");
}

#[test]
fn hardware_that_runs_at_another_rate_is_told() {
    let lab = Lab::start();
    // The end of the loop that is open first decides the rate of both.
    Player::start(&lab, &noise(0.005), 44_100);
    let daemon = lab.daemon(&room(&["audio"], &[("microphone", EAR)]));
    daemon.only("microphone", "degraded", &["audio.microphone_rate"]);
    assert!((metric(&daemon, "microphone_rate_hertz") - 44_100.0).abs() < 0.5);
}

#[test]
fn a_recording_that_runs_is_left_alone_and_loses_nothing() {
    let lab = Lab::start();
    // Each sample is one more than the last.
    let ramp: Vec<f64> = (0..65_536).map(|at| f64::from(at - 32_768) / 32_768.0).collect();
    Player::unbroken(&lab, &ramp);
    lab.spawn("record", "arecord -q -D hw:Loop,1,0 -t raw -f S16_LE -c 1 -r 48000 --buffer-time=10000000 --period-time=500000 /tmp/heard.raw");
    lab.wait_for(&format!("grep -q RUNNING {EAR_STATUS}"));
    let daemon = lab.daemon(&room(&["audio"], &[("microphone", EAR)]));
    daemon.only("microphone", "ready", &["audio.microphone_not_heard"]);
    assert!(daemon.get("/api/v1/readiness?lang=en").1.contains("\"detail\":\"arecord\""));
    lab.wait_for("[ $(stat -c %s /tmp/heard.raw) -gt 960000 ]");
    daemon.only("microphone", "ready", &["audio.microphone_not_heard"]);
    lab.sh("killall -INT arecord; cp /tmp/heard.raw /share");
    lab.wait_for(&format!("grep -q closed {EAR_STATUS}"));
    let heard = lab.bytes("heard.raw");
    let samples: Vec<i16> = heard.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let jumps = samples.windows(2).filter(|pair| pair[0].wrapping_add(1) != pair[1]).count();
    assert_eq!(jumps, 0, "samples were lost among {}", samples.len());
    // And once it has ended, the microphone is listened to: a ramp is no sound of a room, but it is one.
    daemon.wait_for("/api/v1/readiness", "it is listened to", |_, body| !body.contains("microphone_not_heard"));
}

#[test]
fn a_card_pulled_out_while_it_is_listened_to_is_missed_and_found_again() {
    let lab = Lab::start();
    let card = lab.card();
    card.mute(false);
    let keys = "card = \"Dummy\"\ninterval = \"2s\"\nretry = \"1s\"\n";
    let daemon = lab.daemon(&room(&["audio"], &[("microphone", keys)]));
    // That card's capture is silence.
    daemon.only("microphone", "not_ready", &["audio.microphone_silent"]);
    lab.wait_for("grep -q RUNNING /proc/asound/Dummy/pcm0c/sub0/status");
    card.unplug();
    daemon.only("microphone", "not_ready", &["audio.microphone_gone"]);
    card.replug();
    daemon.only("microphone", "not_ready", &["audio.microphone_silent"]);
    assert!(metric(&daemon, "microphone_children_left_behind") < 0.5);
}

/// A safety deadline: 100 ms after the room is seen to be in use, and that is at the next look at the cards, 50 ms later at
/// most; five times that, because of the guest's slowness.
#[test]
fn the_microphone_is_given_back_at_once_when_the_room_comes_into_use() {
    let lab = Lab::start_alone();
    lab.card().mute(false);
    Player::start(&lab, &noise(0.005), 48_000);
    let seen = "card = \"Dummy\"\nmixer = false\ninterval = \"50ms\"\n";
    let daemon = lab.daemon(&room(&["audio"], &[("microphone", EAR), ("audio", seen)]));
    daemon.ready();
    for _ in 0..3 {
        // Our own listening is no use of the room: it is listened to again and again.
        lab.wait_for(&format!("grep -q RUNNING {EAR_STATUS}"));
        lab.spawn("call", CALL);
        let took = lab.sh(&format!(
            "until read -r state </proc/asound/Dummy/pcm0c/sub0/status && [ \"$state\" = 'state: RUNNING' ]; do :; done
             read -r begin rest </proc/uptime
             until read -r state <{EAR_STATUS} && [ \"$state\" = closed ]; do :; done
             read -r end rest </proc/uptime
             echo $begin $end"
        ));
        let times: Vec<f64> = took.split(' ').map(|time| time.parse().unwrap()).collect();
        let took = times[1] - times[0];
        assert!(took < 0.75, "given back after {took} s");
        // What was known stands, and nothing is opened.
        for stands in daemon.looks("audio", 10) {
            let of = stands.iter().find(|(name, ..)| name == "microphone").unwrap();
            assert_eq!((of.1.as_str(), of.2.len()), ("ready", 0), "{stands:?}");
            assert_eq!(lab.sh(&format!("cat {EAR_STATUS}")), "closed");
        }
        lab.sh("killall arecord");
    }
}

#[test]
fn what_is_played_is_heard_with_its_level_and_delay() {
    let lab = Lab::start();
    lab.card().mute(false);
    let keys = |play: &str, capture: &str| {
        format!("play = \"plughw:{play}\"\ncapture = \"plughw:{capture}\"\ninterval = \"3s\"\nretry = \"1s\"\n")
    };
    let daemon = lab.daemon(&room(&["audio"], &[("loopback", &keys("CARD=Loop,DEV=0", "CARD=Loop,DEV=1"))]));
    daemon.only("loopback", "ready", &[]);
    for _ in 0..3 {
        daemon.looks("loopback", 1);
        // A look in which the emulated card lost frames measures nothing and says so; what is measured must be right.
        let measured =
            || Some(daemon.get("/metrics").1).filter(|told| value(told, "loopback_level_decibels").is_some());
        let told = until("a look that measured", measured, || lab.log("siaga"));
        let of = |name: &str| value(&told, name).unwrap();
        let level = of("loopback_level_decibels");
        assert!(level.abs() < 0.5, "to the sample it is as loud as it was played: {level}");
        let delay = of("loopback_delay_seconds");
        assert!(delay.abs() < 0.03, "no room is in between: {delay}");
        let spread = of("loopback_delay_spread_seconds");
        assert!(spread < 0.01, "{spread}");
        assert!(of("loopback_distortion_ratio") < 0.01);
        daemon.only("loopback", "ready", &[]);
    }
}

#[test]
fn what_is_played_and_not_heard_is_told_apart() {
    let lab = Lab::start();
    lab.card().mute(false);
    Player::start(&lab, &noise(0.005), 48_000);
    let keys = |name: &str, capture: &str| {
        format!(
            "name = \"{name}\"\nplay = \"plughw:CARD=Dummy,DEV=0\"\ncapture = \"plughw:{capture}\"\ninterval = \"3s\"\nretry = \"1s\"\n"
        )
    };
    let checks = [keys("noise", "CARD=Loop,DEV=1"), keys("nothing", "CARD=Dummy,DEV=0")];
    let daemon = lab.daemon(&room(&["audio"], &checks.each_ref().map(|keys| ("loopback", keys.as_str()))));
    daemon.check("noise", "unknown", "audio.loopback_uncertain");
    daemon.check("nothing", "not_ready", "audio.loopback_silent");
}
