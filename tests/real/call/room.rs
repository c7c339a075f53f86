//! A room at this end of the line, as Siaga watches it: what the daemon says of the line before a call, and during one.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use siaga::clock::Clock;
use tempfile::TempDir;

use super::far_web;
use crate::support::child::Child;
use crate::support::daemon::{self, Daemon, said_of, siaga};
use crate::support::line::{FAR, Line};
use crate::support::pulse::Pulse;
use crate::support::reflector::Reflector;

/// Of the far end's web server.
const PORT: u16 = 8080;
/// What is said of a test that was not made yet, or that this machine was too busy to make.
const UNTOLD: [&str; 2] = ["siaga.no_evidence", "siaga.stamp_failed"];
/// How long a test is waited for on a busy machine.
const HOPE: Duration = Duration::from_mins(3);

/// The room, its daemon, and whom it measures against.
pub(super) struct Room {
    pub(super) daemon: Daemon,
    _agent: Option<Child>,
    folder: TempDir,
    _reflector: Reflector,
}

/// What was said of the line before a call.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Told {
    pub(super) verdict: String,
    /// Each check's name, verdict and reasons.
    pub(super) checks: Vec<(String, String, Vec<String>)>,
    /// Of the call-like test, by way: out, in. What was not measured is missing.
    pub(super) loss: [Option<f64>; 2],
    pub(super) overtaken: [Option<f64>; 2],
    pub(super) variation: [Option<f64>; 2],
    pub(super) rate: [Option<f64>; 2],
    pub(super) rtt: Option<f64>,
    /// One TCP connection's, if it was tested: out, in.
    pub(super) tcp: [Option<f64>; 2],
}

impl Told {
    /// Whether a reason was given.
    pub(super) fn says(&self, code: &str) -> bool {
        self.checks.iter().any(|(.., reasons)| reasons.iter().any(|said| said == code))
    }
}

impl Room {
    /// Starts it: echoes, the call-like test every `interval`, and the session's microphone if there is a session.
    pub(super) fn open(session: Option<&Pulse>, interval: &str) -> Self {
        Self::with(session, interval, "")
    }

    /// The same with a test of what one TCP connection carries.
    pub(super) fn open_with_bandwidth(session: Option<&Pulse>) -> Self {
        far_web::serve(PORT);
        let bandwidth = format!(
            "[[check]]\nname = \"tcp\"\nkind = \"bandwidth\"\nmin_gap = \"3s\"\n\
             down_url = \"http://{FAR}:{PORT}/down?bytes={{bytes}}\"\nup_url = \"http://{FAR}:{PORT}/up\"\n"
        );
        Self::with(session, "6h", &bandwidth)
    }

    fn with(session: Option<&Pulse>, interval: &str, more: &str) -> Self {
        let mut command = Line::far(env!("CARGO_BIN_EXE_siaga"));
        command.args(["reflect", "--listen", &format!("{FAR}:10862")]);
        let reflector = Reflector::start_by(command, 1);
        let mut config =
            String::from("[room]\nlanguage = \"en\"\n[profiles]\ndefault = \"zoom_group_720\"\n[components]\n");
        for absent in ["computer", "video", "power", "radio"] {
            _ = writeln!(config, "{absent} = {{ absent = true }}");
        }
        let folder = Pulse::new_folder();
        let seat = folder.path().join("seat.sock");
        config += if session.is_some() { "" } else { "audio = { absent = true }\n" };
        _ = write!(
            config,
            "[[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{FAR}\"\n\
             [[check]]\nname = \"call\"\nkind = \"stamp\"\nreflector = \"{FAR}\"\ninterval = \"{interval}\"\nmin_gap = \"3s\"\n\
             {more}"
        );
        if session.is_some() {
            let (user, socket) = (Pulse::user(), seat.display());
            _ = write!(config, "[[check]]\nname = \"seat\"\nkind = \"seat\"\nuser = {user}\nsocket = \"{socket}\"\n");
        }
        daemon::write_config(folder.path(), &config);
        let agent = session
            .map(|session| session.spawn(env!("CARGO_BIN_EXE_siaga"), &["seat", "--socket", seat.to_str().unwrap()]));
        Self { daemon: Daemon::start(folder.path()), _agent: agent, folder, _reflector: reflector }
    }

    /// What is said of the line, once the tests are made and the echoes' loss is decided, or cannot be.
    pub(super) fn told(&self) -> Told {
        let answer = self.daemon.get("/api/v1/checks").json();
        let checks = answer.as_array().unwrap().iter();
        let names: Vec<String> = checks.map(|check| check["name"].as_str().unwrap().to_owned()).collect();
        let began = Clock::start();
        for test in names.iter().filter(|name| ["call", "tcp"].contains(&name.as_str())) {
            // One that a busy machine gave up is made again, as long as there is hope.
            while self.daemon.check(test).1.iter().any(|code| UNTOLD.contains(&code.as_str())) && began.elapsed() < HOPE
            {
                std::thread::park_timeout(Duration::from_millis(100));
            }
        }
        let answer = self.daemon.wait_for("/api/v1/readiness", "what the echoes say", |answer| {
            let echoes = self.of("far", "icmp_echoes_total", None).unwrap_or(0.0);
            said_of(&answer.json(), "far").0 != "unknown" || echoes >= 260.0
        });
        let answer = answer.json();
        let checks = names.into_iter().map(|name| {
            let (verdict, reasons) = said_of(&answer, &name);
            (name, verdict, reasons)
        });
        let ways = |quantity: &str| ["up", "down"].map(|way| self.of("call", quantity, Some(way)));
        let rates = |check, kind: &str| {
            ["up", "down"].map(|way| self.of(check, &format!("{kind}_{way}_bits_per_second"), None))
        };
        Told {
            verdict: answer["verdict"].as_str().unwrap().to_owned(),
            checks: checks.collect(),
            loss: ways("stamp_loss_ratio"),
            overtaken: ways("stamp_reordered_ratio"),
            variation: ways("stamp_delay_variation_seconds"),
            rate: rates("call", "stamp"),
            rtt: self.of("call", "stamp_rtt_seconds", None),
            tcp: rates("tcp", "bandwidth"),
        }
    }

    /// Asks for a test, now, as somebody in the room would.
    pub(super) fn asked_for(&self, check: &str) -> (Option<i32>, String) {
        let mut command = siaga();
        command.args(["--lang", "en", "test", check, "--socket"]).arg(self.folder.path().join("state/control.sock"));
        let output = command.env_remove("SIAGA_CONFIG").output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// The newest value of a check's quantity.
    pub(super) fn of(&self, check: &str, quantity: &str, part: Option<&str>) -> Option<f64> {
        let check = self.daemon.get(&format!("/api/v1/checks/{check}")).json();
        let is = |measured: &&Value| measured["quantity"] == quantity && measured["part"].as_str() == part;
        check["measurements"].as_array()?.iter().find(is)?["value"].as_f64()
    }
}
