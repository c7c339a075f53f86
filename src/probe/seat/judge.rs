//! From what the agent said to a reading. No input, no output.

use super::reasons as told;
use super::report::{Device, Report};
use super::{CONNECTED, Config, IN_USE, MUTED, VOLUME};
use crate::domain::{Equipment, Finding, Reading, ReasonDef, Verdict, enrolled};

/// The seat as the newest message has it.
pub(super) fn reading(config: &Config, report: &Report) -> Reading {
    let mut reading = Reading::default();
    reading.measure(&CONNECTED, 1.0);
    match report {
        Report::Sound { source, sink, recorders, players } => {
            // While somebody records, a mute is a person's choice: shown, and no reason to call the meeting off.
            let off = if recorders.is_empty() { Verdict::NotReady } else { Verdict::Degraded };
            direction(&SOURCE, source.as_ref(), &config.source, (config.source_volume_degraded, off), &mut reading);
            direction(&SINK, sink.as_ref(), &config.sink, (config.sink_volume_degraded, off), &mut reading);
            for (part, programs) in [("capture", recorders), ("playback", players)] {
                reading.measure_part(&IN_USE, part, f64::from(u8::from(!programs.is_empty())));
            }
            // Who only plays (a film, a ringing program) holds no meeting; who records does.
            reading.in_use = Some(!recorders.is_empty());
            if !recorders.is_empty() {
                reading.find(Finding::new(&told::IN_USE_BY, Verdict::Ready).with("holder", recorders.join(", ")));
            }
        }
        Report::Unanswering => reading.find(Finding::new(&told::UNANSWERING, Verdict::NotReady)),
        Report::Absent => {
            // Where there is no server, nobody records by it.
            reading.in_use = Some(false);
            reading.find(Finding::new(&told::NO_SERVER, Verdict::NotReady));
        }
        // No word of the seat, but an answer to another probe.
        Report::Tested(_) => {}
        Report::Blind { detail } => {
            reading.find(Finding::new(&told::BLIND, Verdict::Unknown).with("detail", detail.as_str()));
        }
    }
    reading
}

/// Holds the defaults against those that were recorded, where the config names none: that goes before.
pub(super) fn compare(config: &Config, report: &Report, enrolled: &[enrolled::Device], reading: &mut Reading) {
    let Report::Sound { source, sink, .. } = report else { return };
    let directions =
        [(Equipment::Source, source, &config.source, &SOURCE), (Equipment::Sink, sink, &config.sink, &SINK)];
    for (kind, device, wanted, words) in directions {
        // That there is none is told already.
        let Some(device) = device.as_ref().filter(|device| !device.virtual_only && wanted == "auto") else { continue };
        let recorded = enrolled.iter().find(|recorded| recorded.kind == kind && !recorded.absent);
        if let Some(recorded) = recorded.filter(|recorded| !recorded.is(&device.enrolled(kind))) {
            let other = Finding::new(words.other, Verdict::Degraded).with("device", device.enrolled(kind).name);
            reading.find(other.with("wanted", recorded.name.as_str()));
        }
    }
}

/// No agent has come, or it has left.
pub(super) fn alone() -> Reading {
    let mut reading = Reading::default();
    reading.measure(&CONNECTED, 0.0);
    reading.find(Finding::new(&told::NO_AGENT, Verdict::Unknown));
    reading
}

/// What is said of one direction.
struct Words {
    part: &'static str,
    none: &'static ReasonDef,
    other: &'static ReasonDef,
    muted: &'static ReasonDef,
    quiet: &'static ReasonDef,
}

static SOURCE: Words = Words {
    part: "capture",
    none: &told::NO_SOURCE,
    other: &told::OTHER_SOURCE,
    muted: &told::SOURCE_MUTED,
    quiet: &told::SOURCE_QUIET,
};

static SINK: Words = Words {
    part: "playback",
    none: &told::NO_SINK,
    other: &told::OTHER_SINK,
    muted: &told::SINK_MUTED,
    quiet: &told::SINK_QUIET,
};

/// `quiet` is the volume under which it is degraded, `off` what one is that is muted or at 0.
fn direction(
    words: &Words,
    device: Option<&Device>,
    wanted: &str,
    (quiet, off): (f64, Verdict),
    reading: &mut Reading,
) {
    let Some(device) = device.filter(|device| !device.virtual_only) else {
        reading.find(Finding::new(words.none, Verdict::NotReady));
        return;
    };
    let about = |reason, verdict| Finding::new(reason, verdict).with("device", device.description.as_str());
    reading.measure_part(&VOLUME, words.part, device.volume);
    reading.measure_part(&MUTED, words.part, f64::from(u8::from(device.muted)));
    if wanted != "auto" && !is(device, wanted) {
        reading.find(about(words.other, Verdict::Degraded).with("wanted", wanted));
    }
    if device.muted {
        reading.find(about(words.muted, off));
    } else if device.volume <= 0.0 {
        reading.find(about(words.quiet, off));
    } else if device.volume < quiet {
        reading.find(about(words.quiet, Verdict::Degraded));
    }
}

/// Whether `wanted` (a config's `source` or `sink`) means this device.
fn is(device: &Device, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    [&device.name, &device.description].iter().any(|name| name.to_lowercase().contains(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(change: impl FnOnce(&mut Device)) -> Device {
        let mut device = Device {
            name: "alsa_input.usb-Room_Mic".into(),
            description: "Room Mic".into(),
            virtual_only: false,
            muted: false,
            volume: 0.8,
        };
        change(&mut device);
        device
    }

    fn found(config: &str, source: Option<Device>, sink: Option<Device>) -> Vec<(&'static str, Verdict)> {
        let config: Config = toml::from_str(&format!("user = 1000\n{config}")).unwrap();
        let report = Report::Sound { source, sink, recorders: Vec::new(), players: Vec::new() };
        reading(&config, &report).findings.iter().map(|finding| (finding.reason.code, finding.verdict)).collect()
    }

    #[test]
    fn each_fault_of_the_seat_is_its_own_reason() {
        let good = || Some(device(|_| {}));
        assert_eq!(found("", good(), good()), []);
        let source = |change: fn(&mut Device)| found("", Some(device(change)), good());
        let sink = |change: fn(&mut Device)| found("", good(), Some(device(change)));
        let (degraded, not_ready) = (Verdict::Degraded, Verdict::NotReady);
        assert_eq!(found("", None, good()), [("audio.no_default_source", not_ready)]);
        assert_eq!(source(|device| device.virtual_only = true), [("audio.no_default_source", not_ready)]);
        assert_eq!(sink(|device| device.virtual_only = true), [("audio.no_default_sink", not_ready)]);
        assert_eq!(source(|device| device.muted = true), [("audio.default_source_muted", not_ready)]);
        assert_eq!(sink(|device| device.muted = true), [("audio.default_sink_muted", not_ready)]);
        assert_eq!(source(|device| device.volume = 0.05), [("audio.default_source_quiet", degraded)]);
        assert_eq!(sink(|device| device.volume = 0.0), [("audio.default_sink_quiet", not_ready)]);
        assert_eq!(found("source = \"jabra\"", good(), good()), [("audio.default_source_other", degraded)]);
        assert_eq!(found("sink = \"hdmi\"", good(), good()), [("audio.default_sink_other", degraded)]);
        assert_eq!(
            found("source = \"ROOM\"\nsink = \"usb-room\"", good(), good()),
            [],
            "a part of either name will do"
        );
    }

    /// What is done to a device, and what is then told of the source and of the sink.
    type Change = (fn(&mut Device), [&'static str; 2]);

    #[test]
    fn a_mute_within_a_call_is_a_persons_choice() {
        let config: Config = toml::from_str("user = 1000").unwrap();
        let told = |recorders: &[&str], players: &[&str], change: fn(&mut Device)| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let (recorders, players) = (names(recorders), names(players));
            let (source, sink) = (Some(device(change)), Some(device(change)));
            let reading = reading(&config, &Report::Sound { source, sink, recorders, players });
            let of = reading.findings.iter().filter(|finding| finding.reason != &told::IN_USE_BY);
            of.map(|finding| (finding.reason.code, finding.verdict)).collect::<Vec<_>>()
        };
        let changes: [Change; 2] = [
            (|device| device.muted = true, ["audio.default_source_muted", "audio.default_sink_muted"]),
            (|device| device.volume = 0.0, ["audio.default_source_quiet", "audio.default_sink_quiet"]),
        ];
        for (change, codes) in changes {
            let both = |verdict| codes.map(|code| (code, verdict));
            assert_eq!(told(&["zoom"], &["zoom"], change), both(Verdict::Degraded));
            // Who only plays holds no meeting, and the next one would not be heard.
            assert_eq!(told(&[], &["film"], change), both(Verdict::NotReady));
        }
    }

    #[test]
    fn who_records_holds_the_room_and_who_plays_does_not() {
        let config: Config = toml::from_str("user = 1000").unwrap();
        let said = |recorders: &[&str], players: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let (recorders, players) = (names(recorders), names(players));
            reading(
                &config,
                &Report::Sound { source: Some(device(|_| {})), sink: Some(device(|_| {})), recorders, players },
            )
        };
        assert_eq!(said(&["zoom"], &["zoom"]).in_use, Some(true));
        assert_eq!(said(&["zoom"], &[]).findings[0].reason.code, "audio.seat_in_use");
        assert_eq!(said(&[], &["film"]).in_use, Some(false));
        assert_eq!(reading(&config, &Report::Unanswering).in_use, None, "what is not seen is not said");
    }
}
