//! A machine at the other end of a cable, for tests that are inside a network namespace of their own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use siaga::clock::Clock;

/// Runs a program that must succeed; what it said.
pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let package = match program {
        "ip" => "iproute2",
        "ping" => "iputils-ping",
        "nft" => "nftables",
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
    /// Of the cable's near end.
    name: String,
}

impl Peer {
    /// A cable of that name, with an address at each end.
    pub(super) fn new(name: &str, near: &str, far: &str) -> Self {
        let holder = Command::new("unshare").args(["--net", "sleep", "600"]).stdin(Stdio::null()).spawn().unwrap();
        let peer = Self { holder, name: name.to_owned() };
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
        peer.address(near, far);
        run("ip", &["link", "set", name, "up"]);
        peer.run("ip", &["link", "set", "cable", "up"]);
        peer.run("ip", &["link", "set", "lo", "up"]);
        peer
    }

    /// An address more at each end.
    pub(super) fn address(&self, near: &str, far: &str) {
        // A fresh IPv6 address would first be looked for elsewhere, for a second.
        let nodad = near.contains(':').then_some("nodad");
        let add = |address, link| ["addr", "add", address, "dev", link].into_iter().chain(nodad).collect::<Vec<_>>();
        run("ip", &add(near, &self.name));
        self.run("ip", &add(far, "cable"));
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
