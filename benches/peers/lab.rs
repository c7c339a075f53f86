//! Where it all happens: namespaces of the run's own, and a far end behind a virtual cable.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use siaga::clock::Clock;

use crate::profile;

/// Set inside the namespaces.
const MARK: &str = "SIAGA_BENCH_INSIDE";

/// Whether this process is already inside its own namespaces.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Runs this program again inside network, mount and process namespaces of its own; when it ends, so does all in them.
pub(crate) fn enter(arguments: &[String]) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child", "--"]);
    let status = command
        .arg(this)
        .args(arguments)
        .env(MARK, "1")
        .status()
        .map_err(|error| format!("unshare(1): {error}; it is in util-linux"))?;
    if status.success() { Ok(()) } else { Err(format!("the run inside the namespaces ended with {status}")) }
}

/// The place of the run.
pub(crate) struct Lab {
    pub(crate) clock: Clock,
    /// Fewer samples and shorter windows: to try the harness, not to judge by.
    pub(crate) quick: bool,
    folder: tempfile::TempDir,
    far: Mutex<Shell>,
    /// Where the time or the memory of a figure goes, by the figure.
    profiles: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Lab {
    /// Brings loopback up and puts the far end behind a pair of virtual Ethernet ends.
    pub(crate) fn build(clock: Clock, quick: bool) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("siaga-bench").tempdir().map_err(|error| error.to_string())?;
        let mut far = Shell::start()?;
        let pid = far.child.id();
        sh(&format!(
            "ip link set lo up && ip link add near type veth peer name far netns {pid} && \
             ip addr add 198.51.100.1/24 dev near && ip link set near up"
        ))?;
        far.run("ip link set lo up && ip link set far up")?;
        for place in 10..=FAR_ENDS + 10 {
            far.run(&format!("ip addr add 198.51.100.{place}/24 dev far"))?;
        }
        // Whoever may not open a raw socket may still ping here.
        sh("echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range")?;
        Ok(Self { clock, quick, folder, far: Mutex::new(far), profiles: Mutex::default() })
    }

    /// A folder of a name, made if need be.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    /// Runs a command at the far end and waits for it; it takes effect within a fraction of a millisecond.
    pub(crate) fn at_far_end(&self, command: &str) -> Result<(), String> {
        self.far.lock().unwrap_or_else(PoisonError::into_inner).run(command)
    }

    /// What makes a command run in the far end's network.
    pub(crate) fn far_command(&self, program: &str) -> Command {
        let pid = self.far.lock().unwrap_or_else(PoisonError::into_inner).child.id();
        let mut command = Command::new("nsenter");
        command.args([format!("--net=/proc/{pid}/ns/net"), "--".to_owned(), program.to_owned()]);
        command
    }

    /// Sees where the CPU time of a process goes while `work` is done, for the figure `what`.
    pub(crate) fn profile(&self, what: &str, process: u32, work: impl FnOnce()) {
        let told = self.folder("profile").and_then(|folder| profile::cpu(process, &folder, self.clock, work));
        self.keep_profile(what, told);
    }

    /// Keeps what explains the figure `what`, or why there is nothing.
    pub(crate) fn keep_profile(&self, what: &str, told: Result<Vec<String>, String>) {
        let lines = told.unwrap_or_else(|why| vec![format!("not seen: {why}")]);
        self.profiles.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned(), lines);
    }

    /// What was kept of each figure.
    pub(crate) fn profiles(&self) -> BTreeMap<String, Vec<String>> {
        self.profiles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many samples: the full number, or a few to try the harness.
    pub(crate) fn samples(&self, full: usize) -> usize {
        if self.quick { full.div_ceil(10).max(2) } else { full }
    }

    /// How long to watch: the full time, or a tenth of it to try the harness.
    pub(crate) fn window(&self, full: Duration) -> Duration {
        if self.quick { full / 10 } else { full }
    }
}

/// Addresses at the far end that answer echoes (RFC 5737's second test network).
const FAR_ENDS: u8 = 70;

/// The address of the far end's `at`-th target.
pub(crate) fn target(at: u8) -> IpAddr {
    assert!(at <= FAR_ENDS, "the far end has no target {at}");
    Ipv4Addr::new(198, 51, 100, 10 + at).into()
}

/// Runs a shell command and waits for it.
pub(crate) fn sh(command: &str) -> Result<(), String> {
    let out = Command::new("sh").args(["-c", command]).output().map_err(|error| format!("sh: {error}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{command}: {}", String::from_utf8_lossy(&out.stderr).trim()))
}

/// Where a file of the build's own folder goes.
pub(crate) fn build_folder() -> &'static Path {
    // Cargo's folder for such files is `tmp` in the target folder.
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp)
}

/// A shell that stays open in a network namespace of its own.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Shell {
    fn start() -> Result<Self, String> {
        let mut child = Command::new("unshare")
            .args(["--net", "--", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare(1): {error}"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a shell without its pipes".to_owned());
        };
        let mut shell = Self { child, stdin, stdout: BufReader::new(stdout) };
        // When it answers, it is in its namespace.
        shell.run("true")?;
        Ok(shell)
    }

    fn run(&mut self, command: &str) -> Result<(), String> {
        let mut answer = String::new();
        writeln!(self.stdin, "{{ {command}; }} >/dev/null; echo $?")
            .and_then(|()| self.stdout.read_line(&mut answer))
            .map_err(|error| format!("the far end's shell: {error}"))?;
        if answer.trim() == "0" {
            Ok(())
        } else {
            Err(format!("at the far end: {command}: failed with {}", answer.trim()))
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
