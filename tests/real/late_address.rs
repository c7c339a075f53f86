//! An address of `[web] listen` that the machine has only after the daemon's start: a dead switch, a DHCP server that is late.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use super::support::daemon::{Daemon, room, send, siaga};
use super::support::namespace::{inside, ip};

const ROOM: &str = "[[check]]\nname = \"computer\"\nkind = \"computer\"\n\
                    [web]\nlisten = [\"192.0.2.5:10153\", \"[2001:db8::5]:10153\"]\n";

/// Whether a daemon over that folder takes orders.
fn takes_orders(folder: &Path) -> bool {
    let output = siaga().args(["reload", "--state-dir"]).arg(folder.join("state")).output().unwrap();
    output.status.success()
}

#[test]
fn the_daemon_runs_without_its_address_and_answers_there_when_it_comes() {
    if !inside("late_address::the_daemon_runs_without_its_address_and_answers_there_when_it_comes") {
        return;
    }
    let addresses: [SocketAddr; 2] = ["192.0.2.5:10153", "[2001:db8::5]:10153"].map(|text| text.parse().unwrap());
    let folder = room(ROOM);
    let daemon = Daemon::start(folder.path());
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} is nowhere yet");
        let told = format!("this computer does not have the address {} now", address.ip());
        assert!(daemon.log().contains(&told), "{}", daemon.log());
    }
    assert!(takes_orders(folder.path()), "{}", daemon.log());

    // A second one on the same address still does not run, and says why.
    let other = room(ROOM);
    let mut second = siaga();
    second.args(["run", "--config"]).arg(other.path().join("siaga.toml"));
    let second = second.arg("--state-dir").arg(other.path().join("state")).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains("192.0.2.5:10153 is in use: does siaga run already?"), "{said}");

    ip(&["address add 192.0.2.5/32 dev lo", "address add 2001:db8::5/128 dev lo nodad"]);
    for address in addresses {
        let answer = send(address, "GET", "/-/healthy", "", "").unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(answer.status, 200, "{address}");
    }
    daemon.stop();
}
