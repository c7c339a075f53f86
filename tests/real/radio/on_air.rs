//! A whole message through a real sound server's sink, keyed by Hamlib's dummy radio: what the channel would have heard.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::child::{PATIENCE, wait_until};
use crate::support::on_air::{Card, RATE};
use crate::support::rigctld::Rigctld;

/// Starts `siaga radio test` with the rest of a config.
fn start(card: &Card, rig: &Rigctld, rest: &str, args: &[&str]) -> Child {
    let config = format!(
        "frequency = '162.475 MHz'\nlicence = '01234567-000SU/2020262031'\nstation = 'Media Center'\nplay = '{}'\n\
         ptt = {{ method = 'rigctld', address = '{}' }}\n{rest}",
        Card::PCM,
        rig.address
    );
    let file = card.home().join(format!("radio-{}.toml", rig.address.port()));
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_siaga"));
    card.at_home(&mut command).args(["radio", "test"]).arg(file).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn decibels(size: f64) -> f64 {
    20.0 * size.max(1e-9).log10()
}

/// From when until when, in s, something is heard, with pauses of more than a second between.
#[allow(clippy::cast_precision_loss, reason = "a minute of samples")]
fn spoken(samples: &[f64]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, _) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > 0.01) {
        match spans.last_mut() {
            Some((_, end)) if at - *end < RATE => *end = at,
            _ => spans.push((at, at)),
        }
    }
    spans.into_iter().map(|(from, to)| (from as f64 / RATE as f64, to as f64 / RATE as f64)).collect()
}

#[test]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a minute of samples"
)]
fn a_message_is_heard_twice_with_the_key_down_and_two_seconds_between() {
    let (card, rig) = (Card::start(), Rigctld::start());
    let (recorder, mut radio) = (card.record(), rig.onlooker());
    let mut siaga = start(&card, &rig, "", &["--twice"]);
    // The key, by an onlooker's clock: down, up, down, up.
    let mut edges = Vec::new();
    while siaga.try_wait().unwrap().is_none() {
        if radio.keyed() != (edges.len() % 2 == 1) {
            edges.push(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = siaga.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{said}");
    for words in [
        "Perhatian. Di sini Media Center. Ini pesan uji. Mohon dijawab bila terdengar. Ganti.",
        "Saya ulangi. Di sini Media Center. Ini pesan uji. Mohon dijawab bila terdengar. Ganti.",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(edges.len(), 4, "the key moved {} times", edges.len());
    assert!(!radio.keyed());
    wait_until(|| recorder.heard().iter().rev().take(RATE / 2).all(|sample| sample.abs() < 0.001));
    let heard = recorder.heard();
    let spans = spoken(&heard);
    println!("heard {spans:.2?} s; key {:.2?}", edges.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>());
    assert_eq!(spans.len(), 2, "{spans:?}");
    for ((from, to), key) in spans.iter().zip(edges.chunks(2)) {
        let keyed = key[1].duration_since(key[0]).as_secs_f64();
        let long = to - from;
        assert!((3.0..20.0).contains(&long), "{long} s");
        // Lead-in and tail are within.
        assert!(keyed > long + 0.7 && keyed < long + 4.0, "key down {keyed} s for {long} s");
        let samples = &heard[(from * RATE as f64) as usize..(to * RATE as f64) as usize];
        let peak = decibels(samples.iter().fold(0.0, |most, sample| sample.abs().max(most)));
        let loud: Vec<f64> =
            samples.chunks(RATE / 50).map(|look| look.iter().map(|s| s * s).sum::<f64>() / look.len() as f64).collect();
        let most = loud.iter().copied().fold(0.0, f64::max);
        let voice: Vec<f64> = loud.into_iter().filter(|power| *power > most / 1000.0).collect();
        let rms = decibels((voice.iter().sum::<f64>() / voice.len() as f64).sqrt());
        println!("{long:.2} s, key down {keyed:.2} s, peak {peak:.2} dB, voice {rms:.2} dB");
        assert!((-4.0..=-2.9).contains(&peak), "peak {peak} dB");
        assert!((-16.0..=-14.0).contains(&rms), "voice {rms} dB");
    }
    // What an onlooker sees late may look shorter than it was; what is recorded does not.
    let listened = spans[1].0 - spans[0].1;
    // Between them: the tail of the first (0.25 s), two seconds of listening, the lead-in of the second (0.5 s).
    assert!(listened >= 2.7, "{listened} s between the transmissions");
}

/// Until when the key is down after `end` was called in mid-message.
fn until_released(card: &Card, rig: &Rigctld, end: impl FnOnce(&mut Child)) -> Duration {
    let mut radio = rig.onlooker();
    let mut siaga = start(card, rig, "", &[]);
    wait_until(|| {
        if siaga.try_wait().unwrap().is_some() {
            let mut why = String::new();
            siaga.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            panic!("nothing was said: {why}");
        }
        radio.keyed()
    });
    end(&mut siaga);
    let began = Instant::now();
    let deadline = began + PATIENCE;
    while radio.keyed() {
        assert!(Instant::now() < deadline, "the key stays down");
    }
    let took = began.elapsed();
    _ = siaga.kill();
    _ = siaga.wait();
    took
}

/// A safety deadline, on a machine that does nothing else.
const RELEASED: Duration = Duration::from_millis(200);

/// So many kills, four stations at a time on one card: most of a message's time is listening. How long each key stayed down, in order.
fn killed(times: usize) -> Vec<Duration> {
    let card = Card::start();
    let rigs = [(); 4].map(|()| Rigctld::start());
    let one = |rig| -> Vec<Duration> {
        (0..times / 4).map(|_| until_released(&card, rig, |siaga| siaga.kill().unwrap())).collect()
    };
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let four: Vec<_> = rigs.iter().map(|rig| scope.spawn(|| one(rig))).collect();
        four.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    took.sort();
    println!("{times} kills: median {:?}, longest {:?}", took[times / 2], took[times - 1]);
    took
}

#[test]
fn whoever_is_killed_in_mid_message_leaves_no_key_down() {
    let took = killed(20);
    // Beside other tests the guard, the radio and the onlooker may each have to wait for a processor, now and then.
    assert!(took[10] <= RELEASED && took[19] < Duration::from_secs(2), "{took:?}");
}

#[test]
#[ignore = "minutes: make chaos"]
fn whoever_is_killed_a_hundred_times_leaves_no_key_down() {
    let took = killed(100);
    assert!(took[99] <= RELEASED, "{took:?}");
}

#[test]
fn a_guard_that_is_killed_itself_is_followed_by_one_that_releases() {
    let (card, rig) = (Card::start(), Rigctld::start());
    let took = until_released(&card, &rig, |siaga| {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", siaga.id())).unwrap();
        let guard = children
            .split_whitespace()
            .map(|pid| pid.parse::<i32>().unwrap())
            .find(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().contains("radio-guard"));
        let guard = rustix::process::Pid::from_raw(guard.expect("it has a guard")).unwrap();
        rustix::process::kill_process(guard, rustix::process::Signal::KILL).unwrap();
    });
    println!("released {took:?} after the guard was killed");
    // Starting a process, and a second of a busy machine.
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_channel_on_which_somebody_speaks_is_left_to_him() {
    let (card, rig) = (Card::start(), Rigctld::start());
    let mut radio = rig.onlooker();
    let rest = format!("wait = '5s'\nbusy = {{ method = 'audio', capture = '{}' }}\n", Card::EAR);
    let speaker = card.speaker();
    let mut siaga = start(&card, &rig, &rest, &[]);
    while siaga.try_wait().unwrap().is_none() {
        assert!(!radio.keyed(), "it speaks over somebody");
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = siaga.wait_with_output().unwrap();
    assert!(told(&output).contains("the channel was busy for 5s"), "{}", told(&output));
    drop(speaker);
    let output = start(&card, &rig, &rest, &[]).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_second_receiver_that_hears_the_message_is_believed_and_silence_or_another_voice_is_not() {
    let card = Card::start();
    let said = |monitor: &str, rest: &str| {
        for _ in 0..5 {
            let rig = Rigctld::start();
            let output = start(&card, &rig, &format!("monitor = '{monitor}'\n{rest}"), &[]).wait_with_output().unwrap();
            // A machine that stands still for as long as the guard waits for a beat has it cut off, as it should.
            if !told(&output).contains("the guard cut the transmission off: Silence") {
                assert!(output.status.success(), "{}", told(&output));
                return told(&output);
            }
        }
        panic!("five times cut off as if the daemon stood still");
    };
    let believed = |monitor: &str, rest: &str, what: &str| {
        let said = said(monitor, rest);
        let line = said.lines().find(|line| line.contains("the second receiver")).unwrap();
        println!("{monitor}: {}", line.trim());
        assert!(line.contains(what), "{said}");
    };
    believed(Card::SECOND, "", "receiver heard it");
    // The same set that tells whether the channel is busy is opened once.
    believed(
        Card::SECOND,
        &format!("busy = {{ method = 'audio', capture = '{}' }}", Card::SECOND),
        "receiver heard it",
    );
    believed(Card::EAR, "", "heard nothing");
    // Somebody speaks meanwhile: that is not the message.
    let _speaker = card.speaker();
    believed(Card::EAR, "", "may have heard it (likeness");
    // That no such input is there keeps nothing from being said.
    believed("nowhere", "", "may have heard it (the channel is not heard");
}

#[test]
fn a_card_that_is_not_there_keys_nothing() {
    let (card, rig) = (Card::start(), Rigctld::start());
    let mut radio = rig.onlooker();
    std::fs::write(card.home().join(".asoundrc"), "").unwrap();
    let mut siaga = start(&card, &rig, "", &[]);
    while siaga.try_wait().unwrap().is_none() {
        assert!(!radio.keyed(), "it keys without a card");
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = siaga.wait_with_output().unwrap();
    assert!(told(&output).contains("the words cannot be spoken: gone: radio"), "{}", told(&output));
}
