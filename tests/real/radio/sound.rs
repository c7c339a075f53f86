//! A message made audible, with a real `espeak-ng` (Debian's package) and clips that the test writes.

#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

use std::path::Path;

use siaga::domain::{Component, Verdict};
use siaga::radio::config::Ending;
use siaga::radio::message::{Fault, MOST_WORDS, Manner, Message, Session};
use siaga::radio::sound::{Voices, load};
use siaga::radio::words::{Part, Pause, Script, count, text};
use siaga_signal::treatment::{BAND, LOUDNESS, PEAK, RATE, loudness, peak};

fn voices(clips: Option<&Path>, synthesis: bool) -> Voices {
    Voices { clips: clips.map(Path::to_owned), synthesis }
}

/// The longest of a real day.
fn message() -> Script {
    let at = |text: &str| text.parse().unwrap();
    let message = Message::Fault(Fault {
        room: "Ruang Media Center".to_owned(),
        component: Component::Internet,
        verdict: Verdict::NotReady,
        code: Some("internet.target_silent".to_owned()),
        since: at("2026-11-26T10:15"),
        now: at("2026-11-26T10:20"),
        session: Some(Session { title: "Dinas Kesehatan".to_owned(), start: at("2026-11-26T11:00") }),
        remedy: None,
    });
    let manner = Manner { station: "Media Center", ending: Ending::Selesai, titles: true };
    message.transmissions(manner).remove(0).remove(0)
}

/// A tone as a file of 16 bits.
fn clip(frequency: f64, amplitude: f64, rate: u32, seconds: u32) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    out.extend(rate.to_le_bytes());
    out.extend((rate * 2).to_le_bytes());
    out.extend(b"\x02\0\x10\0data");
    out.extend((rate * seconds * 2).to_le_bytes());
    for at in 0..rate * seconds {
        let value = amplitude * (std::f64::consts::TAU * frequency * f64::from(at) / f64::from(rate)).sin();
        #[allow(clippy::cast_possible_truncation, reason = "within 16 bits")]
        out.extend(((value * 32_767.0) as i16).to_le_bytes());
    }
    out
}

/// The power in a band over the whole, in dB, looked at tone by tone in windows of 100 ms.
fn share(samples: &[f64], low: f64, high: f64) -> f64 {
    let power = |low: f64, high: f64| {
        let mut sum = 0.0;
        for window in samples.chunks_exact(RATE as usize / 10).step_by(3) {
            let mut frequency = low;
            while frequency < high {
                let turn = std::f64::consts::TAU * frequency / f64::from(RATE);
                let (mut re, mut im) = (0.0, 0.0);
                for (at, sample) in (0_u32..).zip(window) {
                    let hann = 0.5 - 0.5 * (std::f64::consts::TAU * f64::from(at) / 4800.0).cos();
                    let (sin, cos) = (turn * f64::from(at)).sin_cos();
                    re += sample * hann * cos;
                    im += sample * hann * sin;
                }
                sum += re * re + im * im;
                frequency += 20.0;
            }
        }
        sum
    };
    10.0 * (power(low, high) / power(20.0, 12_000.0)).log10()
}

#[tokio::test]
async fn a_whole_message_by_espeak_is_short_enough_loud_enough_and_in_the_band() {
    let script = message();
    assert!(count(&script) <= MOST_WORDS);
    let sound = voices(None, true).speak(&script).await.unwrap();
    let (long, loud, most) = (sound.seconds(), loudness(&sound.samples).unwrap(), peak(&sound.samples));
    assert!((8.0..20.0).contains(&long), "{long} s of {} words", count(&script));
    assert!((loud - LOUDNESS).abs() < 0.5, "{loud} dB");
    assert!(most <= PEAK + 1e-6 && most > PEAK - 1.0, "{most} dB");
    let below = share(&sound.samples[..5 * RATE as usize], 20.0, BAND.0 / 2.0);
    let above = share(&sound.samples[..5 * RATE as usize], BAND.1 * 1.5, 12_000.0);
    println!(
        "{} words, {long:.1} s, {loud:.2} dB, peak {most:.2} dB; below {below:.1} dB, above {above:.1} dB",
        count(&script)
    );
    assert!(below < -30.0 && above < -30.0, "{below} dB below the band, {above} dB above it");
    assert_eq!(sound.synthesised.len(), script.len());
}

#[tokio::test]
async fn what_has_a_clip_is_the_clip_in_its_place_and_as_loud() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(format!("{name}.wav")), bytes).unwrap();
    put("satu", &clip(1000.0, 0.9, 44_100, 1));
    put("tiga", &clip(2000.0, 0.02, 16_000, 1));
    let script: Script = ["satu", "tiga"].map(|word| text(word, Pause::Word)).to_vec();
    let sound = voices(Some(folder.path()), false).speak(&script).await.unwrap();
    assert!(sound.synthesised.is_empty(), "{:?}", sound.synthesised);
    assert!((2.0..2.4).contains(&sound.seconds()), "{} s", sound.seconds());
    let second = RATE as usize;
    let (first, last) = (&sound.samples[4800..second - 4800], &sound.samples[second + 9600..2 * second]);
    let shares = (share(first, 900.0, 1100.0), share(last, 1900.0, 2100.0));
    assert!(shares.0 > -0.5 && shares.1 > -0.5, "{shares:?} dB");
    // One was recorded 33 dB louder than the other.
    let apart = loudness(first).unwrap() - loudness(last).unwrap();
    assert!(apart.abs() < 1.0, "{apart} dB");

    // One that is missing, broken or silent is said by the program, or the message is not sent.
    let script: Script = ["satu", "dua", "tiga", "empat"].map(|word| text(word, Pause::Word)).to_vec();
    put("dua", b"no sound");
    put("empat", &clip(1000.0, 0.0, 16_000, 1));
    let error = voices(Some(folder.path()), false).speak(&script).await.unwrap_err();
    assert_eq!(error.detail, "synthesis is off, and there is no dua: it is no WAV file, empat: it is silent");
    let sound = voices(Some(folder.path()), true).speak(&script).await.unwrap();
    assert_eq!(sound.synthesised, ["dua: it is no WAV file", "empat: it is silent"]);
    assert!((2.5..6.0).contains(&sound.seconds()), "{} s", sound.seconds());
    // A name that leads out of the folder leads nowhere: clips are named by words alone.
    assert_eq!(load(folder.path(), "lima").unwrap_err(), "no clip");
}

#[tokio::test]
async fn text_is_never_a_switch_or_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("written");
    // Not as words::text would have it: straight to the program.
    let part = Part {
        clip: "x".to_owned(),
        text: format!("-w{0}; touch {0} $(touch {0})", file.display()),
        pause: Pause::Sentence,
    };
    let sound = voices(None, true).speak(&[part]).await.unwrap();
    assert!(sound.seconds() > 1.0);
    assert!(!file.exists());
}
