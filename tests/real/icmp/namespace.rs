//! Network namespaces of the test's own: nothing in them reaches any real network, and they end with their processes.
//!
//! A test enters one by running this very binary again, with one test to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use siaga::clock::Clock;

/// Tells the test inside which namespace it has left.
const OUTSIDE: &str = "SIAGA_TEST_OUTSIDE";

/// How long a test inside may take, seconds.
const DEADLINE: &str = "240";

/// Runs the test of that name in a fresh network namespace.
pub(super) fn enter(test: &str) {
    enter_with(test, &[]);
}

/// The same without the capability to open raw sockets. `ping_group_range` of a fresh namespace admits nobody.
pub(super) fn enter_without_net_raw(test: &str) {
    enter_with(test, &["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--ambient-caps=-net_raw"]);
}

fn enter_with(test: &str, wrapper: &[&str]) {
    assert!(rustix::process::geteuid().is_root(), "this test makes a network namespace: run it as root");
    let this = std::env::current_exe().unwrap();
    let output = Command::new("timeout")
        .args(["--kill-after=5", DEADLINE, "unshare", "--net"])
        .args(wrapper)
        .arg(this)
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(OUTSIDE, here())
        .output()
        .expect("this test needs timeout (Debian package coreutils)");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{test} in a namespace of its own failed:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "{test} is no test:\n{out}");
    for line in err.lines().filter(|line| line.starts_with("icmp: ")) {
        super::report(line);
    }
}

/// The namespace that this process is in.
fn here() -> PathBuf {
    fs::read_link("/proc/self/ns/net").unwrap()
}

/// Makes sure that the test runs in a namespace of its own, since it changes the network.
pub(super) fn inside() {
    let outside = std::env::var_os(OUTSIDE).expect("this test runs only by the one that enters a namespace for it");
    assert_ne!(here(), PathBuf::from(outside));
}

/// Runs a program that must succeed; what it said.
pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let package = match program {
        "ip" => "iproute2",
        "ping" => "iputils-ping",
        _ => "util-linux",
    };
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program} (Debian package {package}): {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}{complained}");
    said
}

/// Writes one of the kernel's settings.
pub(super) fn write(file: &str, value: &str) {
    fs::write(file, value).unwrap_or_else(|error| panic!("{file}: {error}"));
}

/// A machine at the other end of a cable: a namespace held by a process that sleeps.
pub(super) struct Peer {
    holder: Child,
}

impl Peer {
    /// A cable of that name, with an address at each end.
    pub(super) fn new(name: &str, near: &str, far: &str) -> Self {
        let holder = Command::new("unshare").args(["--net", "sleep", "600"]).stdin(Stdio::null()).spawn().unwrap();
        let peer = Self { holder };
        let pid = peer.holder.id().to_string();
        // Its namespace is its own as soon as unshare has become sleep.
        let command = Path::new("/proc").join(&pid).join("comm");
        let clock = Clock::start();
        let deadline = clock.mono().after(Duration::from_secs(30));
        while fs::read_to_string(&command).unwrap().trim() != "sleep" {
            assert!(clock.mono() < deadline, "unshare (Debian package util-linux) did not start");
            std::thread::yield_now();
        }
        run("ip", &["link", "add", name, "type", "veth", "peer", "name", "cable", "netns", &pid]);
        for (address, link) in [(near, name), (far, "cable")] {
            let ip = |arguments: &[&str]| if link == name { run("ip", arguments) } else { peer.run("ip", arguments) };
            // A fresh IPv6 address would first be looked for elsewhere, for a second.
            let mut add = vec!["addr", "add", address, "dev", link];
            add.extend(address.contains(':').then_some("nodad"));
            ip(&add);
            ip(&["link", "set", link, "up"]);
        }
        peer.run("ip", &["link", "set", "lo", "up"]);
        peer
    }

    /// Runs a program over there.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let pid = self.holder.id().to_string();
        let mut all = vec!["-t", &pid, "-n", program];
        all.extend(arguments);
        run("nsenter", &all)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
