//! What a radio's table may say, and each mistake in its own words.

use super::*;

const GOOD: [&str; 5] = [
    "frequency = '162.475 MHz'",
    "licence = '01234567-000SU/2020262031'",
    "station = 'Media Center'",
    "play = 'plughw:CARD=Device,DEV=0'",
    "ptt = { method = 'serial', port = '/dev/ttyUSB0', line = 'rts' }",
];

fn read(lines: &[&str]) -> Result<Config, String> {
    toml::from_str(&lines.join("\n")).map_err(|error: toml::de::Error| error.message().to_owned())
}

/// The good config with a line in place of the one of the same key, or beside it.
fn with(line: &str) -> Result<Config, String> {
    let key = line.split(' ').next().unwrap();
    let mut lines: Vec<_> = GOOD.into_iter().filter(|known| !known.starts_with(key)).collect();
    lines.push(line);
    read(&lines)
}

#[test]
fn a_radio_is_read_with_its_defaults() {
    let config = read(&GOOD).unwrap();
    assert_eq!(config.frequency, Frequency(162_475_000));
    assert_eq!((config.lead_in, config.tail), (Period(Duration::from_millis(500)), tail()));
    assert_eq!((config.key_limit, config.wait, config.min_gap), (key_limit(), minute(), minute()));
    assert_eq!((config.busy, config.ending, config.synthesis), (Busy::Unseen {}, Ending::Selesai, true));
    assert_eq!(config.ptt, Ptt::Serial { port: "/dev/ttyUSB0".into(), line: Output::Rts, inverted: false });
    assert_eq!(with("ptt = { method = 'vox' }").unwrap().lead_in, Period(Duration::from_millis(700)));
    assert_eq!(with("ptt = { method = 'rigctld' }").unwrap().ptt, Ptt::Rigctld { address: rigctld() });
    let cm108 = with("ptt = { method = 'cm108', device = '/dev/hidraw1' }").unwrap().ptt;
    assert_eq!(cm108, Ptt::Cm108 { device: "/dev/hidraw1".into(), pin: 3 });
}

#[test]
fn without_its_right_it_is_off_and_says_all_that_is_missing() {
    let error = read(&GOOD[3..]).unwrap_err();
    for said in ["off without its frequency", "Izin Stasiun Radio", "off without its station's name"] {
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn each_mistake_gets_its_own_words() {
    for (line, said) in [
        ("frequency = '145.5 MHz'", "ORARI"),
        ("frequency = '142.1 MHz'", "KRAP"),
        ("frequency = '162.475'", "allowed are Hz, kHz, MHz, GHz"),
        ("licence = ' '", "off without a licence"),
        ("licence = 'menyusul'", "is no licence's number"),
        ("station = ''", "off without its station's name"),
        ("station = 'Pemantau Ruang Media Center Kabupaten'", "has 5 words"),
        ("play = ''", "play is the ALSA PCM"),
        ("ptt = { method = 'pigeon' }", "unknown variant `pigeon`"),
        ("ptt = { method = 'serial', port = '/dev/ttyS0', line = 'cts' }", "unknown variant `cts`"),
        ("ptt = { method = 'cm108', device = '/dev/hidraw0', pin = 9 }", "allowed is 1 to 8"),
        ("ptt = { method = 'rigctld', addres = '127.0.0.1:4532' }", "unknown field `addres`"),
        ("ptt = { method = 'vox', port = '/dev/ttyS0' }", "unknown field `port`"),
        ("busy = { method = 'audio', capture = 'hw:1', above = 3.0 }", "allowed is -90 to 0"),
        ("lead_in = '5s'", "allowed is 0ms to 3s"),
        ("key_limit = '5m'", "allowed is 20s to 1m"),
        ("key_limit = '21s'", "would cut a message off: lead_in, 20s of speech and tail need 21750ms"),
        ("wait = '0s'", "allowed is 5s to 10m"),
        ("min_gap = '0s'", "allowed is 5s to 1h"),
        ("airtime = '1h'", "allowed is 1m to 30m"),
        ("ending = 'roger'", "unknown variant `roger`, expected `ganti` or `selesai`"),
        ("power = '5 W'", "unknown field `power`, expected one of"),
    ] {
        let error = with(line).err().unwrap_or_else(|| panic!("{line} is taken"));
        assert!(error.contains(said), "{line}: {error}");
    }
}

#[test]
fn the_schema_is_what_may_be_written() {
    let schema = schemars::schema_for!(Config).to_value();
    assert!(schema["properties"]["lead_in"].is_object(), "{schema:#}");
    assert_eq!(schema["required"], serde_json::json!(["play", "ptt"]));
    assert_eq!(schema["additionalProperties"], serde_json::json!(false));
}
