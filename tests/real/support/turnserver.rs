//! A real TURN server (coturn) that asks for a password. Debian package: `coturn`.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;

use super::child::{Child, wait_until};

/// Its one user, and that one's password.
pub(crate) const USER: &str = "room-4711";
pub(crate) const PASSWORD: &str = "kata sandi uji";

/// A running coturn. Dropping it ends it.
pub(crate) struct TurnServer {
    folder: TempDir,
    _child: Child,
}

impl TurnServer {
    /// Starts it on `address`, in the network in which `runs` is run (`ip netns exec …`, `env`), with more `options`; returns
    /// once it listens.
    pub(crate) fn start(runs: &[&str], address: &str, options: &[&str]) -> Self {
        Self::start_for(&["--lt-cred-mech", &format!("--user={USER}:{PASSWORD}")], runs, address, options)
    }

    /// The same for users of another kind.
    pub(crate) fn start_for(users: &[&str], runs: &[&str], address: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let addresses = [format!("--listening-ip={address}"), format!("--relay-ip={address}")];
        let (pid, database) = (format!("--pidfile={at}/pid"), format!("--userdb={at}/db"));
        let (program, before) = runs.split_first().unwrap();
        let mut child = Child::start(program, "iproute2 or coturn", &folder.path().join("log"), |command| {
            command.args(before).args([
                "turnserver",
                "-n",
                "--realm=example.org",
                "--no-cli",
                "--log-file=stdout",
                "--simple-log",
                "--verbose",
                &addresses[0],
                &addresses[1],
                &pid,
                &database,
            ]);
            command.args(users).args(options);
        });
        let log = folder.path().join("log");
        child.wait_until(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("UDP listener opened") && log.contains("IO method (auth thread)")
        });
        Self { folder, _child: child }
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits until it holds no allocation.
    pub(crate) fn wait_until_free(&self) {
        wait_until(|| {
            let log = self.log();
            let sessions = |what: &str| -> BTreeSet<String> {
                let lines = log.lines().filter(|line| line.contains(what));
                lines.filter_map(|line| Some(line.split_once("session ")?.1.split(':').next()?.to_owned())).collect()
            };
            sessions(": new, ").is_subset(&sessions(": delete: "))
        });
    }

    /// A file with a password, beside its own.
    pub(crate) fn password(&self, password: &str) -> String {
        let file = self.folder.path().join("password");
        fs::write(&file, format!("{password}\n")).unwrap();
        file.display().to_string()
    }
}
