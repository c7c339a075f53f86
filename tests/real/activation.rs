//! Sockets that a supervisor hands over (`sd_listen_fds(3)`), by systemd's own program and by hand.
//!
//! Debian package: `systemd` (`systemd-socket-activate`; no running systemd is needed).

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::support::child::{free_port, wait_until};
use super::support::daemon::{Daemon, room, siaga};

const COMPUTER: &str = "[[check]]\nname = \"computer\"\nkind = \"computer\"\n";

/// Siaga with a socket handed over to it, as file 3; the shell becomes siaga, so that the number of its process is right.
fn given(socket: impl Into<OwnedFd>, count: u32) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!("exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS={count}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_siaga")]).stdin(Stdio::from(socket.into()));
    command
}

/// What it says where it does not start.
fn refused(mut command: Command, folder: &Path) -> (i32, String) {
    command.args(["run", "--config"]).arg(folder.join("siaga.toml")).arg("--state-dir").arg(folder.join("state"));
    let output = command.output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn systemd_hands_over_the_socket_that_somebody_knocked_at() {
    let folder = room(COMPUTER);
    // Free a moment ago, and named before anybody listens: systemd's program takes no other.
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new("systemd-socket-activate");
    command.arg(format!("--listen={address}")).arg(env!("CARGO_BIN_EXE_siaga"));
    // It starts the program when the first caller comes, who then waits, and is answered.
    let knocking = std::thread::spawn(move || {
        wait_until(|| TcpStream::connect(address).is_ok());
    });
    let daemon = Daemon::start_by_keeping_stdin(command, folder.path());
    knocking.join().unwrap();
    assert_eq!(daemon.address(), address);
    assert_eq!(daemon.get("/-/healthy").status, 200);
    daemon.stop();
}

#[test]
fn what_is_handed_over_counts_and_the_configs_address_is_let_alone() {
    // Somebody else's: it cannot be listened on, and need not be.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = taken.local_addr().unwrap();
    let folder = room(&format!("{COMPUTER}[web]\nlisten = \"{elsewhere}\"\n"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let daemon = Daemon::start_by_keeping_stdin(given(listener, 1), folder.path());
    assert_eq!(daemon.address(), address);
    assert_eq!(daemon.get("/-/healthy").status, 200);
    assert!(daemon.log().contains("nobody listens where [web] listen says"), "{}", daemon.log());
    assert!(daemon.log().contains(&elsewhere.to_string()), "{}", daemon.log());
    // A child that had it would keep the port after the daemon's end.
    let log = daemon.stop();
    assert!(TcpListener::bind(address).is_ok(), "{log}");
}

#[test]
fn what_is_no_listening_tcp_socket_is_refused_in_words() {
    let folder = room(COMPUTER);
    let unix = UnixListener::bind(folder.path().join("a.sock")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let file = std::fs::File::open(folder.path().join("siaga.toml")).unwrap();
    let one: [(&str, OwnedFd); 4] = [
        ("a datagram socket", UdpSocket::bind("127.0.0.1:0").unwrap().into()),
        ("a unix socket", unix.into()),
        ("a connection", connected.into()),
        ("a file", file.into()),
    ];
    for (what, socket) in one {
        let (code, text) = refused(given(socket, 1), folder.path());
        assert!(
            code == 3 && text.contains("socket 1 of those") && text.contains("ListenStream="),
            "{what}: {code}: {text}"
        );
    }
    let (code, text) = refused(given(listener, 400), folder.path());
    assert!(code == 3 && text.contains("of those that were handed over"), "more than there are: {code}: {text}");
    assert!(!folder.path().join("state").exists(), "nothing was begun");
}

#[test]
fn what_was_handed_over_to_another_process_is_let_alone() {
    let folder = room(COMPUTER);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let others: SocketAddr = listener.local_addr().unwrap();
    let mut command = siaga();
    command.env("LISTEN_PID", std::process::id().to_string()).env("LISTEN_FDS", "1");
    let daemon = Daemon::start_by(command, folder.path());
    assert_ne!(daemon.address(), others);
    assert_eq!(daemon.get("/-/healthy").status, 200);
    let mut command = siaga();
    command.env("LISTEN_PID", "nonsense").env("LISTEN_FDS", "1");
    let (code, text) = refused(command, room(COMPUTER).path());
    assert!(code == 3 && text.contains("LISTEN_PID"), "{code}: {text}");
}
