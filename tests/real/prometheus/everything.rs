//! A daemon of which every dashboard has something to show: real where the real thing can be had on any machine (UPS, loopback, TLS,
//! names, a reflector, the agenda, a receiver that is gone), and played by the `replay` probe where equipment is needed.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use siaga::clock::Clock;

use crate::sessions::{MINUTE, Scheduler, ahead, meeting};
use crate::support::certificates::{Authority, Certificate};
use crate::support::child::free_port;
use crate::support::daemon::{Daemon, room};
use crate::support::dnsmasq::Dnsmasq;
use crate::support::nginx::Nginx;
use crate::support::reflector::Reflector;
use crate::support::upsd::Upsd;

/// What only equipment could say, a line that a test fills, or a computer that is not busy: by the component that it speaks of.
const PLAYED: [(&str, &str); 4] = [
    (
        "internet",
        "bandwidth_capacity_bits_per_second = { up = 11e6, down = 22e6 }\n\
         bandwidth_capacity_low_bits_per_second = { up = 10e6, down = 21e6 }\n\
         bandwidth_capacity_high_bits_per_second = { up = 12e6, down = 23e6 }\n\
         bandwidth_idle_delay_seconds = { up = 0.02, down = 0.02 }\n\
         bandwidth_loaded_delay_seconds = { up = 0.2, down = 0.1 }\n\
         stamp_loss_ratio = { up = 0.01, down = 0 }\nstamp_burst_loss_ratio = { up = 0.005, down = 0 }\nstamp_rtt_seconds = 0.04\n\
         stamp_up_bits_per_second = 4.4e6\nstamp_down_bits_per_second = 4.4e6\n\
         relay_loss_ratio = 0.01\nrelay_rtt_seconds = 0.05\nrelay_udp_blocked = 0\nports_udp_blocked = { zoom = 0 }\n\
         link_receive_bits_per_second = { eth0 = 8000 }\nlink_transmit_bits_per_second = { eth0 = 4000 }\n\
         link_receive_errors_total = { eth0 = 1 }\nlink_transmit_errors_total = { eth0 = 0 }\n\
         link_receive_dropped_total = { eth0 = 3 }\n",
    ),
    (
        "audio",
        "audio_cards = 1\naudio_in_use = { capture = 0, playback = 0 }\naudio_capture_switched_on = { Device = 1 }\n\
         audio_children_left_behind = 0\nseat_connected = 1\nseat_volume_ratio = { capture = 0.8, playback = 0.5 }\n\
         seat_muted = { capture = 0, playback = 0 }\nseat_in_use = { capture = 0, playback = 0 }\n\
         microphone_rms_decibels = -42\nmicrophone_peak_decibels = -20\nmicrophone_hum_decibels = 3\n\
         loopback_delay_seconds = 0.04\nloopback_level_decibels = -12\nloopback_snr_decibels = 25\n",
    ),
    (
        "video",
        "camera_devices = 1\ncamera_in_use = { video0 = 0 }\ncamera_children_left_behind = 0\n\
         frames_delivered_ratio = { video0 = 1 }\nframes_damaged_ratio = { video0 = 0 }\nframes_luma_ratio = { video0 = 0.4 }\n\
         frames_black_ratio = { video0 = 0.1 }\nframes_overexposed_ratio = { video0 = 0 }\n\
         display_connected = { HDMI-A-1 = 1 }\n",
    ),
    ("radio", "radio_airtime_seconds = 12\n"),
];

/// The daemon, and what it watches. Dropping it ends all of them.
pub(super) struct Everything {
    pub(super) daemon: Daemon,
    _folder: tempfile::TempDir,
    _authority: Authority,
    _nginx: Nginx,
    _dnsmasq: Dnsmasq,
    _reflector: Reflector,
    _upsd: Upsd,
}

impl Everything {
    /// Starts all of it; returns once the rate was tested, a meeting of an hour is about to begin, another is booked, and the
    /// UPS is nearly empty.
    pub(super) fn start() -> Self {
        let mut upsd = Upsd::start();
        for (variable, value) in [
            ("input.frequency", "50.1"),
            ("output.voltage", "220.4"),
            ("battery.voltage", "27.1"),
            ("ups.temperature", "31.5"),
            ("battery.date", "2026/01/05"),
        ] {
            upsd.set(variable, value);
        }
        let authority = Authority::new();
        let nginx = Nginx::start(&[(Some(&certificate(&authority)), "return 200 ready;")]);
        let records = ["--host-record=room.example.net,192.0.2.10".to_owned()];
        let dnsmasq = Dnsmasq::start((Ipv4Addr::LOCALHOST, free_port()), &records);
        let reflector = Reflector::start(&["--listen", "127.0.0.1:0"], 1);
        let config = config(&upsd, &authority, nginx.port(0), &dnsmasq, &reflector);
        let folder = room(&config);
        std::fs::write(folder.path().join("played.toml"), played()).unwrap();
        let daemon = Daemon::start(folder.path());
        // They are held in a meeting, so they come first.
        daemon.wait_for("/metrics", "a test of the rate has run", |answer| {
            answer.body.contains("\nsiaga_bandwidth_up_bytes_per_second{check=\"speed\"}")
        });
        let jadwal = Scheduler::of(folder.path());
        for (id, start) in [("now", Duration::from_secs(1)), ("later", MINUTE * 180)] {
            let body: Value = meeting("Rapat", ahead(start), MINUTE * 60);
            let answer = jadwal.send(&daemon, "PUT", &format!("/api/v1/sessions/{id}"), &body);
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        upsd.set("ups.status", "OB LB");
        Self {
            daemon,
            _folder: folder,
            _authority: authority,
            _nginx: nginx,
            _dnsmasq: dnsmasq,
            _reflector: reflector,
            _upsd: upsd,
        }
    }
}

fn certificate(authority: &Authority) -> Certificate {
    let now = Clock::start().now().wall.as_second();
    let day = |from_now: i64| Timestamp::from_second(now + from_now * 86_400).unwrap();
    authority.issue("localhost", "IP:127.0.0.1", day(-1), day(90))
}

fn played() -> String {
    PLAYED.iter().fold("title = \"A room that is whole\"\n".to_owned(), |mut text, (check, measurements)| {
        _ = writeln!(text, "[[observe]]\ncheck = \"{check}\"\nat = \"0s\"\nevery = \"1s\"\nuntil = \"10m\"");
        _ = writeln!(text, "[observe.measurements]\n{measurements}");
        text
    })
}

fn config(upsd: &Upsd, authority: &Authority, tls: u16, dnsmasq: &Dnsmasq, reflector: &Reflector) -> String {
    let mut checks = format!(
        "[[check]]\nname = \"computer\"\nkind = \"computer\"\n\
         [[check]]\nname = \"near\"\nkind = \"icmp\"\ntarget = \"127.0.0.1\"\nuplink = \"main\"\ninterval = \"100ms\"\n\
         [[check]]\nname = \"stun\"\nkind = \"stun\"\nserver = \"self\"\ninterval = \"1s\"\n\
         [[check]]\nname = \"http\"\nkind = \"http\"\nurl = \"self\"\ninterval = \"1s\"\n\
         [[check]]\nname = \"tls\"\nkind = \"tls\"\nhost = \"127.0.0.1\"\nport = {tls}\nca_file = \"{}\"\ninterval = \"1s\"\n\
         [[check]]\nname = \"names\"\nkind = \"dns\"\nquery = \"room.example.net\"\nresolver = \"{}\"\ninterval = \"1s\"\n\
         [[check]]\nname = \"speed\"\nkind = \"bandwidth\"\ndown_url = \"self\"\nup_url = \"self\"\nrequirement = \"advisory\"\n\
         [[check]]\nname = \"call\"\nkind = \"stamp\"\nreflector = \"{}\"\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"200ms\"\nbad_for = \"0s\"\n",
        authority.file.display(),
        dnsmasq.address,
        reflector.addresses()[0],
        upsd.address(),
    );
    // Checks of sound cards that no machine has: nothing is opened, and their limits are told.
    for kind in ["microphone", "loopback"] {
        _ = writeln!(checks, "[[check]]\nname = \"{kind}\"\nkind = \"{kind}\"\ncard = \"no such card\"");
    }
    for (component, _) in PLAYED {
        _ = writeln!(
            checks,
            "[[check]]\nname = \"played_{component}\"\nkind = \"replay\"\ncomponent = \"{component}\"\n\
             plays = \"{component}\"\nfile = \"played.toml\""
        );
    }
    format!(
        "[room]\nname = \"rapat_1\"\n[profiles]\ndefault = \"zoom_group_720\"\n\
         [[uplink]]\nname = \"main\"\ninterface = \"lo\"\ndaily_budget = \"100 MB\"\n{checks}\
         [[receiver]]\nname = \"gone\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\n",
        free_port()
    )
}
