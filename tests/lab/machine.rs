//! A QEMU process: the machine that every guest has, and its end.
//!
//! A snapshot can only be restored into the machine that it was taken from: what is written here is part of the image's key.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::control::Control;
use crate::image::Files;
use crate::qmp::{Qmp, quoted};
use crate::waiting::until;

/// What every guest's machine has; the rest is its image's (`image::Kind::machine`).
///
/// `qemu64` has the fewest features to emulate, and boots fastest. `restrict=on`: whoever is in there reaches nobody outside.
/// All addresses are set aside for examples (RFC 5737).
pub(crate) const MACHINE: &[&str] = &[
    "-accel",
    "tcg,thread=multi,tb-size=256",
    "-machine",
    "pc",
    "-cpu",
    "qemu64",
    "-smp",
    "2",
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-display",
    "none",
    "-device",
    "virtio-serial-pci",
    "-device",
    "virtserialport,chardev=control,name=lab.ctl",
    "-netdev",
    "user,id=tests,restrict=on,ipv6=off,net=203.0.113.0/24,host=203.0.113.2,dhcpstart=203.0.113.15,hostfwd=tcp:127.0.0.1:0-203.0.113.15:10153",
    "-device",
    "virtio-net-pci,netdev=tests,romfile=",
    "-netdev",
    "user,id=room,restrict=on,ipv6=off,net=192.0.2.0/24,host=192.0.2.1,dns=192.0.2.53,dhcpstart=192.0.2.15",
    "-device",
    "virtio-net-pci,id=cable,netdev=room,romfile=",
    "-device",
    "virtio-9p-pci,fsdev=built,mount_tag=built",
    "-device",
    "virtio-9p-pci,fsdev=share,mount_tag=share",
];

/// A running machine. Dropping it ends it; if this process is killed first, the kernel ends it.
pub(crate) struct Machine {
    process: Child,
    folder: tempfile::TempDir,
    /// Commands for the guest.
    pub(crate) control: Control,
    /// Commands for QEMU.
    pub(crate) qmp: Qmp,
}

impl Machine {
    /// Boots the image.
    pub(crate) fn boot(image: &Files) -> Self {
        Self::start(image, &[])
    }

    /// Restores the image's snapshot.
    pub(crate) fn restore(image: &Files) -> Self {
        Self::start(image, &["-incoming".to_owned(), format!("exec:cat {}", quoted(&image.snapshot()))])
    }

    fn start(image: &Files, more: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("share")).unwrap();
        // The handle's pid is QEMU's own: setpriv becomes it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"]).args(MACHINE).args(more);
        command.args(image.kind().machine());
        if let Some(disk) = image.disk() {
            command.arg("-drive").arg(format!("if=none,id=disk,format=raw,readonly=on,file={}", value(&disk)));
        }
        command.arg("-kernel").arg(image.kernel()).arg("-initrd").arg(image.archive());
        command.arg("-serial").arg(format!("file:{}", at("console").display()));
        command.arg("-chardev").arg(format!("socket,id=control,path={},server=on,wait=off", at("control").display()));
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", at("qmp").display()));
        let folders = [("built", built(), ",readonly=on"), ("share", at("share"), "")];
        for (name, path, mode) in folders {
            let path = value(&path);
            command.arg("-fsdev").arg(format!("local,id={name},path={path},security_model=none{mode}"));
        }
        let said = File::create(at("qemu")).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let mut process = command.spawn().expect("setpriv cannot be started: install Debian's package util-linux");
        let told = || fs::read_to_string(at("qemu")).unwrap_or_default();
        until(
            "QEMU's monitor is there",
            || {
                if let Some(status) = process.try_wait().unwrap() {
                    panic!("QEMU ended ({status}):\n{}", told());
                }
                (at("qmp").exists() && at("control").exists()).then_some(())
            },
            told,
        );
        let (control, qmp) = (Control::connect(&at("control")), Qmp::connect(&at("qmp")));
        Self { process, folder, control, qmp }
    }

    /// Runs a script that must succeed, and gives what it printed.
    pub(crate) fn sh(&mut self, script: &str) -> String {
        let output = self.control.run(script).unwrap_or_else(|error| panic!("{script}\n{error}\n{}", self.console()));
        assert!(output.code == 0, "{script}\nexit code {}: {}", output.code, output.text());
        output.text()
    }

    /// The folder that is `/share` in the guest.
    pub(crate) fn share(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    /// What the guest's kernel printed.
    pub(crate) fn console(&self) -> String {
        let read = |name: &str| fs::read(self.folder.path().join(name)).unwrap_or_default();
        ["console", "qemu"].map(|name| String::from_utf8_lossy(&read(name)).into_owned()).concat()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// A path as a value in an option of QEMU: a comma ends one, two are one.
fn value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// The folder of what cargo built for this run, `/built` in the guest.
pub(crate) fn built() -> PathBuf {
    let siaga = Path::new(env!("CARGO_BIN_EXE_siaga")).canonicalize().unwrap();
    siaga.parent().unwrap().to_owned()
}
