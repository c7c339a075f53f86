//! A private upsd with one simulated UPS, and the plainest question to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::lab::Lab;
use crate::process::Process;

pub(crate) const ADDRESS: &str = "127.0.0.1:3493";

/// Running: the driver, then the server.
pub(crate) struct Upsd {
    folder: PathBuf,
    /// How often the state was written: `dummy-ups` looks at the file's age in whole seconds, so each writing gets its own.
    writings: u64,
    // Ended in this order.
    _server: Process,
    _driver: Process,
}

impl Upsd {
    pub(crate) fn start(lab: &Lab) -> Result<Self, String> {
        let folder = lab.folder("nut")?;
        let file =
            |name: &str, text: &str| fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"));
        file("nut.conf", "MODE=standalone\n")?;
        file(
            "ups.conf",
            "maxretry = 1\npollinterval = 1\n[lab]\n driver = dummy-ups\n port = lab.dev\n mode = dummy-once\n",
        )?;
        file("upsd.conf", &format!("LISTEN 127.0.0.1 3493\nMAXAGE 15\nSTATEPATH {}\n", folder.display()))?;
        file("upsd.users", crate::alerting::UPSMON_USER)?;
        file("lab.dev", &status("OL"))?;
        let nut = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).args(["-F", "-u", "root"]);
            for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH"] {
                command.env(name, &folder);
            }
            command
        };
        let mut driver =
            Process::start("dummy-ups", &mut nut("/lib/nut/dummy-ups", &["-a", "lab"]), &folder, lab.clock)?;
        let socket = folder.join("dummy-ups-lab");
        driver.wait_until("at its socket", PATIENCE, || socket.exists().then_some(()))?;
        let mut server = Process::start("upsd", &mut nut("/lib/nut/upsd", &[]), &folder, lab.clock)?;
        server.wait_until("answering", PATIENCE, || {
            let mut line = Line::open().ok()?;
            (line.status().ok()? == "OL").then_some(())
        })?;
        Ok(Self { folder, writings: 0, _server: server, _driver: driver })
    }

    /// Puts the UPS into another state; the driver sees it within its poll interval of 1 s.
    pub(crate) fn set(&mut self, words: &str) -> Result<(), String> {
        let new = self.folder.join("new");
        self.writings += 1;
        let age = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + self.writings);
        File::create(&new)
            .and_then(|mut file| file.write_all(status(words).as_bytes()).and_then(|()| file.set_modified(age)))
            .and_then(|()| fs::rename(&new, self.folder.join("lab.dev")))
            .map_err(|error| format!("lab.dev: {error}"))
    }
}

const PATIENCE: Duration = Duration::from_secs(15);

fn status(words: &str) -> String {
    format!(
        "ups.mfr: Lab\nups.status: {words}\nups.load: 23\nbattery.charge: 100\nbattery.charge.low: 20\n\
         battery.runtime: 1800\ninput.voltage: 221\n"
    )
}

/// A connection to upsd, on which one variable is asked for again and again.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    pub(crate) fn open() -> Result<Self, String> {
        let stream = TcpStream::connect(ADDRESS).map_err(|error| format!("upsd: {error}"))?;
        let ready = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(5))));
        ready.map_err(|error| format!("upsd: {error}"))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// What upsd says the UPS's status is, now.
    pub(crate) fn status(&mut self) -> Result<String, String> {
        let mut answer = String::new();
        self.stream
            .get_mut()
            .write_all(b"GET VAR lab ups.status\n")
            .and_then(|()| self.stream.read_line(&mut answer))
            .map_err(|error| format!("upsd: {error}"))?;
        let value = answer.trim().strip_prefix("VAR lab ups.status \"").and_then(|rest| rest.strip_suffix('"'));
        value.map(str::to_owned).ok_or_else(|| format!("upsd: {}", answer.trim()))
    }
}
