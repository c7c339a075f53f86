//! A real `siaga reflect`, as a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::child::wait_until;
use super::daemon::siaga;

/// A reflector that listens. Dropping it ends it.
pub(crate) struct Reflector {
    process: Child,
    log: tempfile::NamedTempFile,
    addresses: Vec<SocketAddr>,
}

impl Reflector {
    /// Starts it with `args`, and waits until it listens on so many addresses.
    pub(crate) fn start(args: &[&str], addresses: usize) -> Self {
        let mut command = siaga();
        command.arg("reflect").args(args);
        Self::start_by(command, addresses)
    }

    /// Starts it by a command that ends in `siaga reflect` and its arguments.
    pub(crate) fn start_by(mut command: Command, addresses: usize) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.reopen().unwrap());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut reflector = Self { process, log, addresses: Vec::new() };
        wait_until(|| {
            let log = reflector.log();
            assert!(reflector.process.try_wait().unwrap().is_none(), "it ended:\n{log}");
            let lines = log.lines().filter(|line| line.contains("reflecting"));
            reflector.addresses = lines.filter_map(|line| said(line, "address=")?.parse().ok()).collect();
            reflector.addresses.len() >= addresses
        });
        reflector
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }

    /// What it holds in memory, kB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(Path::new("/proc").join(self.process.id().to_string()).join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Has it read anew.
    pub(crate) fn reload(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// Ends it as a supervisor does; what it counted, by the words of its log.
    pub(crate) fn end(mut self) -> impl Fn(&str) -> u64 {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.process.wait().unwrap();
        let log = self.log();
        assert!(status.success(), "{status}:\n{log}");
        let last = log.lines().rfind(|line| line.contains("ended")).unwrap_or_else(|| panic!("{log}")).to_owned();
        move |what| said(&last, &format!("{what}=")).unwrap_or_else(|| panic!("{what}: {last}")).parse().unwrap()
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// What stands behind `what` in a line of the log.
fn said<'a>(line: &'a str, what: &str) -> Option<&'a str> {
    line.split_once(what)?.1.split(' ').next()
}
