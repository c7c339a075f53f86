//! QEMU's machine protocol: pulling cables, and the snapshot. (QEMU, "QMP Protocol Specification".)

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::waiting::{PATIENCE, until};

/// A connection to one machine's monitor.
pub(crate) struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects and ends the greeting.
    pub(crate) fn connect(path: &Path) -> Self {
        // Bound, and a moment later listened at.
        let stream = until("QEMU listens", || UnixStream::connect(path).ok(), || path.display().to_string());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut qmp = Self { stream: BufReader::new(stream) };
        // The machine is being restored already, and may tell of that before it greets.
        loop {
            let said = qmp.next();
            if said.get("QMP").is_some() {
                break;
            }
            assert!(said.get("event").is_some(), "{said}");
        }
        qmp.ask("qmp_capabilities", &json!({}));
        qmp
    }

    /// Runs a command and gives what it returns.
    pub(crate) fn ask(&mut self, command: &str, arguments: &Value) -> Value {
        let line = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream.get_mut(), "{line}").unwrap();
        loop {
            let mut said = self.next();
            if let Some(error) = said.get("error") {
                panic!("{line}: {error}");
            }
            if let Some(answer) = said.get_mut("return") {
                return answer.take();
            }
        }
    }

    /// Saves the running machine's memory and devices to a file, and waits until that is done.
    pub(crate) fn save(&mut self, file: &Path) {
        let events = json!({ "capabilities": [{ "capability": "events", "state": true }] });
        self.ask("migrate-set-capabilities", &events);
        // The default is meant for networks.
        self.ask("migrate-set-parameters", &json!({ "max-bandwidth": 1_u64 << 33 }));
        self.ask("migrate", &json!({ "uri": format!("exec:cat > {}", quoted(file)) }));
        loop {
            let said = self.next();
            match (said["event"].as_str(), said["data"]["status"].as_str()) {
                (Some("MIGRATION"), Some("completed")) => return,
                (Some("MIGRATION"), Some("failed")) => panic!("no snapshot: {}", self.ask("query-migrate", &json!({}))),
                _ => {}
            }
        }
    }

    /// The port of this machine's loopback that leads to the daemon in the guest.
    pub(crate) fn forwarded_port(&mut self) -> u16 {
        let told = self.ask("human-monitor-command", &json!({ "command-line": "info usernet" }));
        let told = told.as_str().unwrap().to_owned();
        let port = told.lines().filter(|line| line.contains("HOST_FORWARD")).find_map(|line| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "127.0.0.1");
            words.nth(1)?.parse().ok()
        });
        port.unwrap_or_else(|| panic!("no port is forwarded:\n{told}"))
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "QEMU has ended");
        serde_json::from_str(&line).unwrap()
    }
}

/// A path as one word of sh(1).
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
