//! A private Radicale with one calendar, on the loopback. Debian package: `radicale`.

use std::net::{SocketAddr, TcpStream};

use tempfile::TempDir;

use super::child::{Child, free_port};
use super::daemon::{Answer, send};

/// Who may read and write it, with their password.
pub(crate) const USER: (&str, &str) = ("ruang", "kata-sandi");

/// `ruang:kata-sandi` (RFC 7617).
const SHOWS: &str = "Authorization: Basic cnVhbmc6a2F0YS1zYW5kaQ==\r\n";

/// A running Radicale.
pub(crate) struct Radicale {
    _folder: TempDir,
    _child: Child,
    address: SocketAddr,
}

impl Radicale {
    /// Starts it, and makes the calendar.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        std::fs::write(at.join("users"), format!("{}:{}\n", USER.0, USER.1)).unwrap();
        let config = format!(
            "[server]\nhosts = {address}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {}\nhtpasswd_encryption = plain\n\
             [rights]\ntype = owner_only\n[storage]\nfilesystem_folder = {}\n[web]\ntype = none\n",
            at.join("users").display(),
            at.join("collections").display()
        );
        std::fs::write(at.join("config"), config).unwrap();
        let mut child = Child::start("radicale", "radicale", &at.join("log"), |command| {
            command.arg("--config").arg(at.join("config"));
        });
        child.wait_until(|| TcpStream::connect(address).is_ok());
        let radicale = Self { _folder: folder, _child: child, address };
        let made = radicale.send("MKCALENDAR", "", "");
        assert_eq!(made.status, 201, "{}", made.body);
        radicale
    }

    /// Where the calendar is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/{}/aula/", self.address, USER.0)
    }

    /// One request about an entry of the calendar; about itself if that is empty.
    pub(crate) fn send(&self, method: &str, entry: &str, body: &str) -> Answer {
        let headers = format!("{SHOWS}Content-Type: text/calendar; charset=utf-8\r\n");
        send(self.address, method, &format!("/{}/aula/{entry}", USER.0), &headers, body).unwrap()
    }

    /// An entry's lines, unfolded.
    pub(crate) fn entry(&self, name: &str) -> String {
        let answer = self.send("GET", name, "");
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        answer.body.replace("\r\n ", "").replace("\n ", "")
    }
}
