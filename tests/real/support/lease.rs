//! A disk that does not answer, for one file: who has a lease on it is waited for by whoever opens it (`fcntl(2)`, `F_SETLEASE`), 45 s.
//! Debian package: `python3`.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that keeps others from opening a file.
pub(crate) struct Leaseholder(std::process::Child);

impl Leaseholder {
    /// One that holds this file.
    pub(crate) fn of(file: &Path) -> Self {
        const HOLD: &str = "import fcntl, signal, sys\nsignal.signal(signal.SIGIO, signal.SIG_IGN)\nheld = open(sys.argv[1], 'r+')\n\
                            fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)\nprint('held', flush=True)\nsys.stdin.read()\n";
        let mut command = Command::new("python3");
        command.args(["-c", HOLD]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().expect("python3 cannot be started: install Debian's python3");
        let mut said = [0; 4];
        holder.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(&said, b"held");
        Self(holder)
    }

    /// Lets go of it.
    pub(crate) fn end(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Drop for Leaseholder {
    fn drop(&mut self) {
        self.end();
    }
}
