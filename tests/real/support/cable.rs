//! A cable between two network namespaces, each direction as slow as the kernel's own shaper makes it (tc-tbf(8)).
//!
//! Needs a network namespace of the test's own (`namespace::inside`). Debian package: `iproute2`.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::namespace::ip;

/// The far side's address.
pub(crate) const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// Lays it, as fast as the machine.
pub(crate) fn lay() {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]).status().unwrap();
    assert!(mounted.success(), "a place for the namespace's name");
    ip(&[
        "netns add far",
        "link add near type veth peer name far netns far",
        "address add 198.51.100.2/24 dev near",
        "link set near up",
    ]);
    for line in ["link set lo up", "address add 198.51.100.1/24 dev far", "link set far up"] {
        assert!(far("ip", line).success(), "ip {line}");
    }
}

/// Makes both directions so slow, with a queue of that many milliseconds.
pub(crate) fn shape(rate: &str, queue: u32) {
    let shaper = |card| format!("qdisc replace dev {card} root tbf rate {rate} burst 16kb latency {queue}ms");
    let near = Command::new("tc").args(shaper("near").split(' ')).status();
    assert!(near.expect("tc cannot be started: install Debian's package iproute2").success(), "tc {}", shaper("near"));
    assert!(far("tc", &shaper("far")).success(), "tc {}", shaper("far"));
}

/// Runs `what` on a thread of the far side, for as long as this process lives.
pub(crate) fn at_far_end<T: Send + 'static>(what: impl FnOnce(std::sync::mpsc::SyncSender<T>) + Send + 'static) -> T {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let place = std::fs::File::open("/run/netns/far").unwrap();
        move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        what(tell);
    });
    told.recv().expect("the far side's thread ended")
}

fn far(program: &str, line: &str) -> std::process::ExitStatus {
    Command::new("ip").args(["netns", "exec", "far", program]).args(line.split(' ')).status().unwrap()
}
