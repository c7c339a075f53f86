//! A copy of this system to install into: an overlay over its files, in mounts of its own. What is written there is in memory, and gone
//! with it. No systemd runs there, as in every chroot in which systems are made.
//!
//! Needs root, and a Debian underneath.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Makes the copy, and becomes a shell in it that runs what it is sent.
const ENTER: &str = "set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/written /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/written,workdir=/mnt/work /mnt/root
mount --rbind /dev /mnt/root/dev
mount --bind /proc /mnt/root/proc
mount -t tmpfs tmpfs /mnt/root/run
mount -t tmpfs tmpfs /mnt/root/tmp
mount --bind \"$1\" /mnt/root/mnt
exec chroot /mnt/root /bin/bash --norc --noprofile -s";

/// After what each script has printed.
const DONE: &str = "=done=";

/// The copy, while it is there.
pub(crate) struct System {
    shell: RefCell<(Child, ChildStdin, BufReader<ChildStdout>)>,
    /// Its `/mnt`: what is brought in.
    brought: tempfile::TempDir,
}

impl System {
    /// Makes one.
    pub(crate) fn start() -> Self {
        assert!(rustix::process::geteuid().is_root(), "a copy of the system is root's to make: run this test as root");
        let brought = tempfile::tempdir().unwrap();
        let mut shell = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--kill-child", "--fork", "sh", "-c", ENTER, "enter"])
            .arg(brought.path())
            .env_clear()
            .envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8"), ("HOME", "/root")])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is missing: install Debian's package util-linux");
        let (says, hears) = (shell.stdin.take().unwrap(), BufReader::new(shell.stdout.take().unwrap()));
        Self { shell: RefCell::new((shell, says, hears)), brought }
    }

    /// Brings a file in, and gives its path there.
    pub(crate) fn push(&self, file: &str) -> String {
        let name = file.rsplit('/').next().unwrap();
        fs::copy(file, self.brought.path().join(name)).unwrap();
        format!("/mnt/{name}")
    }

    /// Runs a script there: its exit code, and all that it printed.
    pub(crate) fn run(&self, script: &str) -> (i32, String) {
        let (_, says, hears) = &mut *self.shell.borrow_mut();
        writeln!(says, "(\n{script}\n) 2>&1 </dev/null; echo \"{DONE}$?\"").unwrap();
        let mut said = String::new();
        loop {
            let begun = said.len();
            let read = hears.read_line(&mut said).unwrap();
            assert_ne!(read, 0, "the copy of the system is gone; it said:\n{said}");
            // What ends without a line's end stands before it.
            if let Some(at) = said[begun..].find(DONE) {
                let code = said[begun + at + DONE.len()..].trim().parse().unwrap();
                said.truncate(begun + at);
                return (code, said);
            }
        }
    }

    /// Runs a script that must succeed, and gives what it printed.
    pub(crate) fn sh(&self, script: &str) -> String {
        let (code, said) = self.run(&format!("set -e\n{script}"));
        assert_eq!(code, 0, "{script}\n{said}");
        said
    }

    /// What a file there holds.
    pub(crate) fn file(&self, path: &str) -> String {
        self.sh(&format!("cat {path}"))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let (shell, ..) = &mut *self.shell.borrow_mut();
        // Its mounts go with it.
        _ = shell.kill();
        _ = shell.wait();
    }
}
