//! A real server as a child: started in a folder of its own, waited for by condition, ended by its own handle.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::net;
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take on a busy machine before the test is wrong about it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running child. Dropping it ends it.
pub(crate) struct Child {
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts `program` of Debian's `package`; what it prints goes to `log`.
    pub(crate) fn start(program: &str, package: &str, log: &Path, configure: impl FnOnce(&mut Command)) -> Self {
        let file = File::create(log).unwrap();
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        configure(&mut command);
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("{program} cannot be started ({error}): install Debian's package {package}")
        });
        Self { process, log: log.to_owned() }
    }

    /// Waits until `ready` says so, as long as the child lives.
    pub(crate) fn wait_until(&mut self, mut ready: impl FnMut() -> bool) {
        let log = self.log.clone();
        let told = || fs::read_to_string(&log).unwrap_or_default();
        let process = &mut self.process;
        wait_until(|| {
            if let Some(status) = process.try_wait().unwrap() {
                panic!("the child ended ({status}):\n{}", told());
            }
            ready()
        });
    }

    /// Stops it in its tracks: sockets stay open, nothing is answered.
    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Waits until `ready` says so; false when patience ends.
#[allow(clippy::disallowed_methods, reason = "a test's own deadline; the code under test takes a Clock")]
pub(crate) fn comes_within(patience: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !ready() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Waits until `ready` says so; panics when patience ends.
pub(crate) fn wait_within(patience: Duration, ready: impl FnMut() -> bool) {
    assert!(comes_within(patience, ready), "what was waited for did not come within {patience:?}");
}

/// Waits for what should come soon.
pub(crate) fn wait_until(ready: impl FnMut() -> bool) {
    wait_within(PATIENCE, ready);
}

/// A TCP port of the loopback for a server that cannot choose one. Until one listens there, connections are refused. The kernel
/// gives it to nobody who takes any port: it stays bound, to a socket that does not listen, and `SO_REUSEADDR` lets a server beside.
pub(crate) fn free_port() -> u16 {
    let flags = net::SocketFlags::CLOEXEC;
    let socket = net::socket_with(net::AddressFamily::INET, net::SocketType::STREAM, flags, None).unwrap();
    net::sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap().port();
    // As long as the tests' process lives.
    std::mem::forget(socket);
    port
}
