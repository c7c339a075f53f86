//! A sound card that a radio could hang on: a private `PulseAudio` with a sink, whose monitor is what the channel hears. Debian
//! packages: `pulseaudio`, `pulseaudio-utils`, `libasound2-plugins`.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::child::Child;

/// The rate of what is heard, in Hz.
pub(crate) const RATE: usize = 48_000;

/// The card, and its folder.
pub(crate) struct Card {
    folder: TempDir,
    _server: Child,
}

impl Card {
    /// ALSA's name of it.
    pub(crate) const PCM: &'static str = "radio";

    /// ALSA's name of what is heard on the channel.
    pub(crate) const EAR: &'static str = "channel";

    /// ALSA's name of a second set, which hears what is sent.
    pub(crate) const SECOND: &'static str = "second";

    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let asoundrc = "pcm.radio { type pulse device \"air\" hint { show on description \"radio\" } }\n\
                        pcm.channel { type pulse device \"heard.monitor\" hint { show on description \"channel\" } }\n\
                        pcm.second { type pulse device \"air.monitor\" hint { show on description \"second\" } }\n";
        std::fs::write(home.join(".asoundrc"), asoundrc).unwrap();
        let mut server = Child::start("pulseaudio", "pulseaudio", &home.join("pulse.log"), |command| {
            at_home(command, home).args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
            command.args(["--disable-shm=yes", "--log-level=error"]);
            for module in [
                "module-null-sink sink_name=air rate=48000 channels=2",
                "module-null-sink sink_name=heard rate=48000 channels=2",
                "module-native-protocol-unix",
            ] {
                command.args(["-L", module]);
            }
        });
        server.wait_until(|| {
            let mut command = Command::new("pactl");
            let output = at_home(&mut command, home).args(["list", "short", "sinks"]).output();
            output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("heard"))
        });
        Self { folder, _server: server }
    }

    /// The folder of the card's session.
    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a command one of the session.
    pub(crate) fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        at_home(command, self.home())
    }

    /// Somebody speaks on the channel, for as long as the child lives.
    pub(crate) fn speaker(&self) -> Child {
        // Noise as loud as a voice.
        let log = self.home().join("speaker.log");
        let mut child = Child::start("sh", "dash", &log, |command| {
            let noise = "exec pacat --raw --rate=48000 --channels=2 --format=s16le --device=heard /dev/urandom";
            self.at_home(command).args(["-c", noise]);
        });
        child.wait_until(|| {
            let mut command = Command::new("pactl");
            let output = self.at_home(&mut command).args(["list", "short", "sink-inputs"]).output();
            output.is_ok_and(|output| !output.stdout.is_empty())
        });
        child
    }

    /// Records what is sent, from now on until it is dropped.
    pub(crate) fn record(&self) -> Recorder {
        let file = self.home().join("sent.raw");
        std::fs::write(&file, "").unwrap();
        let mut child = Child::start("parec", "pulseaudio-utils", &self.home().join("parec.log"), |command| {
            self.at_home(command).args([
                "--raw",
                "--rate=48000",
                "--channels=1",
                "--format=s16le",
                "--latency-msec=20",
            ]);
            command.args(["--device=air.monitor", file.to_str().unwrap()]);
        });
        child.wait_until(|| std::fs::metadata(&file).is_ok_and(|found| found.len() > 0));
        Recorder { file, _child: child }
    }
}

/// What is sent, as it comes.
pub(crate) struct Recorder {
    file: std::path::PathBuf,
    _child: Child,
}

impl Recorder {
    /// What has come so far, full scale is 1.
    pub(crate) fn heard(&self) -> Vec<f64> {
        let bytes = std::fs::read(&self.file).unwrap();
        bytes.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect()
    }
}

fn at_home<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env_remove("PULSE_SERVER")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
}

/// A folder of clips, each a tone of its own: what is said is known by it.
pub(crate) fn tones(clips: &[(&str, f64)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, frequency) in clips {
        let rate = u32::try_from(RATE).unwrap();
        let sample = |at: u32| {
            let turn = std::f64::consts::TAU * frequency * f64::from(at) / f64::from(rate);
            #[allow(clippy::cast_possible_truncation, reason = "within 16 bits")]
            let sample = (turn.sin() * 16_000.0).round() as i16;
            sample
        };
        let samples: Vec<u8> = (0..rate).flat_map(|at| sample(at).to_le_bytes()).collect();
        let length = u32::try_from(samples.len()).unwrap();
        let mut wav = Vec::new();
        wav.extend(b"RIFF");
        wav.extend((36 + length).to_le_bytes());
        wav.extend(b"WAVEfmt ");
        wav.extend(16_u32.to_le_bytes());
        wav.extend([1_u16, 1].into_iter().flat_map(u16::to_le_bytes));
        wav.extend([rate, 2 * rate].into_iter().flat_map(u32::to_le_bytes));
        wav.extend([2_u16, 16].into_iter().flat_map(u16::to_le_bytes));
        wav.extend(b"data");
        wav.extend(length.to_le_bytes());
        wav.extend(samples);
        std::fs::write(folder.path().join(format!("{name}.wav")), wav).unwrap();
    }
    folder
}

/// How many fifths of a second of it are that tone and hardly anything else.
#[allow(clippy::cast_precision_loss, reason = "a fifth of a second of samples")]
pub(crate) fn of_tone(heard: &[f64], frequency: f64) -> usize {
    let is_tone = |look: &&[f64]| {
        let turn = |at: usize| std::f64::consts::TAU * frequency * at as f64 / RATE as f64;
        let along = |wave: fn(f64) -> f64| look.iter().enumerate().map(|(at, one)| one * wave(turn(at))).sum::<f64>();
        let (sine, cosine) = (along(f64::sin), along(f64::cos));
        let power = look.iter().map(|one| one * one).sum::<f64>() * look.len() as f64 / 2.0;
        power > 1.0 && (sine * sine + cosine * cosine) / power > 0.8
    };
    heard.chunks_exact(RATE / 5).filter(is_tone).count()
}
