//! The radio's sound card (a loop whose other end is what the channel hears) and its key (a UART's lines, as the kernel tells them).
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

use std::f64::consts::TAU;

use crate::guest::Lab;
use crate::hearing::sine;

const RATE: usize = 48_000;

/// Each phrase of the test message, as a tone of its own: in what order they are heard is then seen.
const PHRASES: [(&str, f64); 7] = [
    ("perhatian", 500.0),
    ("di_sini", 700.0),
    ("media_center", 900.0),
    ("ini_pesan_uji", 1100.0),
    ("mohon_dijawab_bila_terdengar", 1300.0),
    ("ganti", 1500.0),
    ("saya_ulangi", 1700.0),
];

/// What is heard, phrase by phrase, in each transmission.
const HEARD: [[f64; 6]; 2] =
    [[500.0, 700.0, 900.0, 1100.0, 1300.0, 1500.0], [1700.0, 700.0, 900.0, 1100.0, 1300.0, 1500.0]];

/// Where the kernel tells which lines of the UARTs are up.
pub(crate) const LINES: &str = "grep '^0:' /proc/tty/driver/serial";

/// Whether RTS is up, by the shell alone: a look that starts programs takes longer than what is looked for.
const KEYED: &str = "keyed() { while read -r line; do case \"$line\" in 0:*RTS*) return 0;; esac; done \
                     </proc/tty/driver/serial; return 1; }";

/// A key of a UART.
pub(crate) const RTS: &str = "ptt = { method = 'serial', port = '/dev/ttyS0', line = 'rts' }\n";

/// A room's radio: clips in the guest, no synthesis, and how it is keyed.
pub(crate) fn radio(lab: &Lab, key: &str) -> String {
    for (at, (name, frequency)) in PHRASES.iter().enumerate() {
        // Some are recorded 30 dB softer than others, and all with the hum and the hiss of a desk.
        let amplitude = if at % 2 == 0 { 0.8 } else { 0.025 };
        let tone = sine(*frequency, amplitude);
        let noise = (sine(50.0, amplitude * 0.1), sine(7000.0, amplitude * 0.1));
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data".to_vec();
        let frames = 22_050_u32 / 2;
        wav.extend((frames * 2).to_le_bytes());
        for frame in 0..frames {
            let time = f64::from(frame) / 22_050.0;
            let sample = tone(time) + noise.0(time) + noise.1(time);
            #[allow(clippy::cast_possible_truncation, reason = "within 16 bits")]
            wav.extend(((sample * 32_767.0) as i16).to_le_bytes());
        }
        lab.push(&wav, &format!("{name}.wav"));
    }
    let config = format!(
        "frequency = '162.475 MHz'\nlicence = '01234567-000SU/2020262031'\nstation = 'Media Center'\n\
         play = 'plughw:CARD=Loop,DEV=0'\n{key}clips = '.'\nsynthesis = false\n"
    );
    lab.push(config.as_bytes(), "radio.toml")
}

/// The frequency of which there is most, in Hz, among those of the phrases; and its share of all, in dB.
#[allow(clippy::cast_precision_loss, reason = "seconds of samples")]
fn loudest(samples: &[f64]) -> (f64, f64) {
    let all: f64 = samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64;
    let power = |frequency: f64| {
        let turn = |at: usize| TAU * frequency * at as f64 / RATE as f64;
        let (re, im) = samples
            .iter()
            .enumerate()
            .fold((0.0, 0.0), |(re, im), (at, s)| (re + s * turn(at).cos(), im + s * turn(at).sin()));
        2.0 * (re * re + im * im) / (samples.len() as f64).powi(2)
    };
    let found = PHRASES.iter().map(|(_, frequency)| (*frequency, power(*frequency)));
    let (frequency, power) = found.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
    (frequency, 10.0 * (power / all).log10())
}

fn decibels(size: f64) -> f64 {
    20.0 * size.max(1e-9).log10()
}

/// From which sample until which something is heard, with gaps of more than `gap` between.
fn spans(samples: &[f64], gap: usize) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, _) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > 0.02) {
        match spans.last_mut() {
            Some((_, end)) if at - *end < gap => *end = at,
            _ => spans.push((at, at)),
        }
    }
    spans
}

/// Says the test message twice, while what the channel hears and the line's moves are recorded, until it went out whole: the station
/// tells where the emulated card ran dry, or where the guard waited for a processor as long as for a daemon that stands still.
fn sent_whole(lab: &Lab, config: &str) -> String {
    for _ in 0..5 {
        lab.spawn("heard", "arecord -q -D hw:Loop,1,0 -f S16_LE -c 2 -r 48000 --buffer-time=4000000 --period-time=500000 -t raw /tmp/heard.raw");
        lab.wait_for("grep -q RUNNING /proc/asound/Loop/pcm1c/sub0/status");
        // Each move of the line with the guest's uptime.
        let lines = lab.spawn(
            "lines",
            &format!(
                "dash -c '{KEYED}; was=; while :; do if keyed; then now=1; else now=0; fi
                 [ $now = \"$was\" ] || {{ read -r up rest </proc/uptime; echo $up $now; was=$now; }}; done'"
            ),
        );
        let program = lab.spawn("radio", &format!("/built/siaga radio test {config} --twice"));
        lab.wait_for(&format!("[ ! -d /proc/{program} ]"));
        let said = lab.log("radio");
        assert!(lab.run(&format!("{LINES} | grep RTS")).code != 0, "the key is still down");
        lab.sh(&format!("kill {lines}; killall -INT arecord; cp /tmp/heard.raw /share"));
        lab.wait_for("grep -q closed /proc/asound/Loop/pcm1c/sub0/status");
        if said.matches(", 0 gaps").count() == 2 {
            return said;
        }
        let is_told = said.contains(" gaps") || said.contains("the guard cut the transmission off: Silence");
        assert!(is_told, "{said}");
        print!("not whole, and told: {said}");
    }
    panic!("five times not whole");
}

#[test]
#[allow(clippy::cast_precision_loss, reason = "a minute of samples")]
fn what_the_channel_hears_is_the_message_in_order_twice_and_the_key_is_down_for_it() {
    let lab = Lab::start();
    let config = radio(&lab, RTS);
    let said = sent_whole(&lab, &config);
    print!("{said}");
    assert!(said.contains("Saya ulangi. Di sini Media Center. Ini pesan uji"), "{said}");
    let raw = lab.bytes("heard.raw");
    let heard: Vec<f64> =
        raw.chunks_exact(4).map(|frame| f64::from(i16::from_le_bytes([frame[0], frame[1]])) / 32_768.0).collect();
    let transmissions = spans(&heard, RATE);
    assert_eq!(transmissions.len(), 2, "{transmissions:?}");
    for ((from, to), order) in transmissions.iter().zip(HEARD) {
        let samples = &heard[*from..*to];
        let phrases = spans(samples, RATE / 40);
        let found: Vec<f64> = phrases
            .iter()
            .map(|(from, to)| {
                let middle = &samples[from + (to - from) / 4..to - (to - from) / 4];
                let (frequency, share) = loudest(middle);
                let loud = decibels((middle.iter().map(|s| s * s).sum::<f64>() / middle.len() as f64).sqrt());
                println!(
                    "{frequency} Hz, {loud:.1} dB, {share:.2} dB of all, {:.2} s",
                    (to - from) as f64 / RATE as f64
                );
                // Hum and hiss were 17 dB below all together; the band takes them out. A phrase lasts half a second.
                assert!(share > -0.05, "{share} dB");
                assert!((-16.5..=-13.5).contains(&loud), "{loud} dB");
                assert!((to - from).abs_diff(RATE / 2) < RATE / 20, "{} samples", to - from);
                frequency
            })
            .collect();
        assert_eq!(found, order);
        let peak = decibels(samples.iter().fold(0.0, |most, sample| sample.abs().max(most)));
        assert!(peak <= -2.9, "peak {peak} dB");
    }
    let between = (transmissions[1].0 - transmissions[0].1) as f64 / RATE as f64;
    println!("{between:.2} s between");
    assert!(between > 2.0 + 0.5 + 0.25, "{between} s");
    let looks = lab.log("lines");
    // The console has the line up before the guard takes it.
    let moves: Vec<(f64, bool)> = looks
        .lines()
        .filter_map(|line| line.split_once(' '))
        .skip_while(|look| look.1 == "1")
        .map(|look| (look.0.parse().unwrap(), look.1 == "1"))
        .collect();
    let pressed: Vec<f64> =
        moves.windows(2).filter(|pair| pair[0].1 && !pair[1].1).map(|pair| pair[1].0 - pair[0].0).collect();
    println!("the line was up for {pressed:.2?} s");
    let long: Vec<_> = pressed.iter().filter(|length| **length > 1.0).collect();
    assert_eq!(long.len(), 2, "{moves:?}");
    for (length, (from, to)) in long.iter().zip(&transmissions) {
        assert!(**length > (to - from) as f64 / RATE as f64 + 0.7, "{length}");
    }
}

#[test]
fn a_killed_daemon_lets_the_line_fall() {
    let lab = Lab::start();
    let config = radio(&lab, RTS);
    for _ in 0..3 {
        let program = lab.spawn("radio", &format!("/built/siaga radio test {config}"));
        // The guard has released the line before the card is opened: up with a card that runs is pressed.
        lab.wait_for(&format!("grep -q RUNNING /proc/asound/Loop/pcm0p/sub0/status && {LINES} | grep RTS"));
        // In the guest itself, without a way between: the kill, and looks until the line is down, in hundredths of a second.
        let took = lab.sh(&format!(
            "{KEYED}; read -r began rest </proc/uptime; kill -9 {program}
             while keyed; do :; done
             read -r ended rest </proc/uptime; echo $began $ended"
        ));
        let (began, ended) = took.split_once(' ').unwrap();
        let took = ended.parse::<f64>().unwrap() - began.parse::<f64>().unwrap();
        println!("{took:.2} s");
        // 200 ms, and five times that in an emulated machine.
        assert!(took <= 1.0, "{took} s");
        lab.wait_for("! grep -q RUNNING /proc/asound/Loop/pcm0p/sub0/status");
    }
}
