//! A private dnsmasq on the loopback. Debian package: `dnsmasq-base`.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use tempfile::TempDir;

use super::child::Child;

/// A running dnsmasq that asks nobody.
pub(crate) struct Dnsmasq {
    _folder: TempDir,
    /// For freezing it.
    pub(crate) child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Dnsmasq {
    /// On `address`, answering for example.net by `records` (dnsmasq's own options, such as
    /// `--host-record=room.example.net,192.0.2.10`); returns once it listens.
    pub(crate) fn start(address: (Ipv4Addr, u16), records: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(address);
        let log = folder.path().join("log");
        let mut child = Child::start("/usr/sbin/dnsmasq", "dnsmasq-base", &log, |command| {
            command.args(["--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--user=", "--group="]);
            command.args(["--no-resolv", "--no-hosts", "--bind-interfaces", "--local=/example.net/"]);
            command.arg(format!("--pid-file={}", folder.path().join("pid").display()));
            command.arg(format!("--listen-address={}", address.ip())).arg(format!("--port={}", address.port()));
            command.args(records);
        });
        child.wait_until(|| TcpStream::connect(address).is_ok());
        Self { _folder: folder, child, address }
    }
}
