//! The daemon itself, as people run it: the real binary, its own state folder, its own port, ended by its own handle.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for anything before it says that it did not come.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running daemon.
pub(crate) struct Daemon {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    /// Ends with what it writes.
    reader: Option<std::thread::JoinHandle<()>>,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// The siaga binary under test.
pub(crate) fn siaga() -> Command {
    Command::new(env!("CARGO_BIN_EXE_siaga"))
}

/// A folder with `siaga.toml` in it, which listens where the kernel finds room.
pub(crate) fn room(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), config);
    folder
}

/// Writes `siaga.toml` whole, as an editor does: a daemon never reads half of it.
pub(crate) fn write_config(folder: &Path, config: &str) {
    let text = if config.contains("[web]") {
        config.to_owned()
    } else {
        format!("{config}\n[web]\nlisten = \"127.0.0.1:0\"\n")
    };
    std::fs::write(folder.join("siaga.toml.new"), text).unwrap();
    std::fs::rename(folder.join("siaga.toml.new"), folder.join("siaga.toml")).unwrap();
}

impl Daemon {
    /// Starts it on the folder's config and state, and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_by(siaga(), folder)
    }

    /// Starts it by a command that ends in the binary.
    pub(crate) fn start_by(mut command: Command, folder: &Path) -> Self {
        command.stdin(Stdio::null());
        Self::start_by_keeping_stdin(command, folder)
    }

    /// The same, where its standard input is the command's own matter.
    pub(crate) fn start_by_keeping_stdin(mut command: Command, folder: &Path) -> Self {
        command.args(["run", "--config"]).arg(folder.join("siaga.toml")).arg("--state-dir").arg(folder.join("state"));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).env_remove("SIAGA_CONFIG");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = std::sync::mpsc::sync_channel(1);
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let said = line.replace("https://", "http://");
                if let Some(address) = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()) {
                    _ = found.try_send(address.parse::<SocketAddr>().unwrap());
                }
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let address = address.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            _ = child.kill();
            panic!("the daemon did not listen within {PATIENCE:?}; its log:\n{}", log.lock().unwrap())
        });
        Self { child, address, log, reader: Some(reader) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// One GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path)
    }

    /// One request without a body.
    pub(crate) fn request(&self, method: &str, path: &str) -> Answer {
        self.request_with(method, path, "")
    }

    /// One request without a body, with headers (each ended by a line's end).
    pub(crate) fn request_with(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.send(method, path, headers, "")
    }

    /// One request with a body, with headers (each ended by a line's end).
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let asked = self.try_send(method, path, headers, body);
        asked.unwrap_or_else(|error| panic!("{method} {path}: {error}; the log:\n{}", self.log()))
    }

    /// One request; an error if there is no answer.
    pub(crate) fn try_send(&self, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<Answer> {
        send(self.address, method, path, headers, body)
    }

    /// Asks until `good` says so; panics with the last answer if it never does.
    #[allow(clippy::disallowed_methods, reason = "a test's own deadline; the code under test takes a Clock")]
    pub(crate) fn wait_for(&self, path: &str, what: &str, mut good: impl FnMut(&Answer) -> bool) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.get(path);
            if good(&answer) {
                return answer;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}; the last answer:\n{}\n{}\nthe log:\n{}",
                answer.head,
                answer.body,
                self.log()
            );
            // The pace of asking, not a way to synchronise.
            std::thread::park_timeout(Duration::from_millis(25));
        }
    }

    /// What is said of a check now: its verdict and its reasons' codes.
    pub(crate) fn check(&self, name: &str) -> (String, Vec<String>) {
        said_of(&self.get("/api/v1/readiness").json(), name)
    }

    /// Waits until a check has a verdict and one of its reasons is `code`.
    pub(crate) fn wait_for_check(&self, name: &str, verdict: &str, code: &str) {
        self.wait_for("/api/v1/readiness", &format!("{name} {verdict} because of {code}"), |answer| {
            let (said, codes) = said_of(&answer.json(), name);
            said == verdict && (code.is_empty() || codes.iter().any(|known| known == code))
        });
    }

    /// Ends it as a supervisor does, and waits until it has gone. Gives its log.
    pub(crate) fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        // To the last line.
        self.reader.take().unwrap().join().unwrap();
        assert!(status.success(), "{status}; the log:\n{}", self.log());
        self.log()
    }

    /// Ends it at whatever instruction it is at.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.is_running() {
            _ = self.child.kill();
            _ = self.child.wait();
        }
    }
}

/// One request to a server; an error if there is no whole answer's head.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<Answer> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A server that refuses early may close while we still write: what it answered counts.
    _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => return Err(error),
        _ => {}
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {text:?}")))?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body) } else { body.to_owned() };
    Ok(Answer { status, head: head.to_owned(), body })
}

/// A check's verdict and its reasons' codes in a readiness answer.
pub(crate) fn said_of(readiness: &Value, name: &str) -> (String, Vec<String>) {
    let components = readiness["components"].as_array().into_iter().flatten();
    let check = components
        .flat_map(|component| component["checks"].as_array().into_iter().flatten())
        .find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no check {name:?} in {readiness:#}"));
    let codes =
        check["reasons"].as_array().into_iter().flatten().map(|reason| reason["code"].as_str().unwrap().to_owned());
    (check["verdict"].as_str().unwrap().to_owned(), codes.collect())
}

/// The body of a chunked answer (RFC 9112 §7.1).
fn unchunk(body: &str) -> String {
    let (mut out, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || size > after.len() {
            break;
        }
        out.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    out
}
