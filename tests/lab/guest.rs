//! One test's guest.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use siaga::clock::Clock;

use crate::control::Output;
use crate::daemon::Daemon;
use crate::image::{Image, Kind};
use crate::machine::{Machine, built};
use crate::waiting::until;

/// How many guests may run at once: each fills a processor while its own is busy.
const AT_ONCE: usize = 2;

/// Keeps the machine's uptime, s, without starting a program.
const STAMP: &str = "read -r uptime rest </proc/uptime; echo $uptime >/run/ordered";

static GUESTS: Mutex<Guests> = Mutex::new(Guests { running: 0, alone: 0 });
static CHANGED: Condvar = Condvar::new();

/// The guests of this process.
struct Guests {
    /// How many run; one that runs alone counts as all.
    running: usize,
    /// How many wait until none runs: nobody else begins before them.
    alone: usize,
}

/// The right to run a guest, which counts as so many.
struct Turn(usize);

impl Turn {
    fn wait() -> Self {
        let guests = GUESTS.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |guests: &mut Guests| guests.running >= AT_ONCE || guests.alone > 0;
        CHANGED.wait_while(guests, is_full).unwrap_or_else(PoisonError::into_inner).running += 1;
        Self(1)
    }

    fn wait_alone() -> Self {
        let mut guests = GUESTS.lock().unwrap_or_else(PoisonError::into_inner);
        guests.alone += 1;
        let mut guests =
            CHANGED.wait_while(guests, |guests| guests.running > 0).unwrap_or_else(PoisonError::into_inner);
        guests.alone -= 1;
        guests.running += AT_ONCE;
        Self(AT_ONCE)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        GUESTS.lock().unwrap_or_else(PoisonError::into_inner).running -= self.0;
        CHANGED.notify_all();
    }
}

/// A guest, up and prepared (see `image/prepare`): a test camera, two sound cards, two lines. Dropping it ends it.
pub(crate) struct Lab {
    machine: RefCell<Machine>,
    /// Whether the next script is an order whose moment is wanted.
    ordering: Cell<bool>,
    _turn: Turn,
}

impl Lab {
    /// A small guest.
    pub(crate) fn start() -> Self {
        Self::start_kind(Kind::Mini, Turn::wait)
    }

    /// A guest with systemd, udev and NUT.
    pub(crate) fn start_system() -> Self {
        Self::start_kind(Kind::System, Turn::wait)
    }

    /// A small guest with no other beside it: for what is held to a deadline, or to nothing else going wrong. `scripts/test.sh` keeps the
    /// other rings away from such a test too.
    pub(crate) fn start_alone() -> Self {
        Self::start_kind(Kind::Mini, Turn::wait_alone)
    }

    /// The same with systemd, udev and NUT.
    pub(crate) fn start_system_alone() -> Self {
        Self::start_kind(Kind::System, Turn::wait_alone)
    }

    /// Restores a guest from its image's snapshot, sets its clock and shows it what cargo built.
    fn start_kind(kind: Kind, turn: fn() -> Turn) -> Self {
        let image = Image::ensure(kind);
        let turn = turn();
        let mut machine = Machine::restore(&image.files);
        // The snapshot's clock is as old as the image.
        let now = Clock::start().now().wall.as_second();
        machine.sh(&format!(
            "date -u -s @{now}
             mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro built /built
             mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /share"
        ));
        Self { machine: RefCell::new(machine), ordering: Cell::new(false), _turn: turn }
    }

    /// Runs a shell script in the guest and gives what it came to.
    pub(crate) fn run(&self, script: &str) -> Output {
        let script = self.stamped(script);
        let mut machine = self.machine.borrow_mut();
        let output = machine.control.run(&script);
        output.unwrap_or_else(|error| panic!("{script}\n{error}\n{}", machine.console()))
    }

    /// Runs a script that must succeed, and gives what it printed.
    pub(crate) fn sh(&self, script: &str) -> String {
        let script = self.stamped(script);
        self.machine.borrow_mut().sh(&script)
    }

    /// Gives an order, and tells when, in the guest's uptime (s): just before its first script, by the guest itself.
    pub(crate) fn ordered(&self, order: impl FnOnce()) -> f64 {
        // For an order that is QEMU's and no script.
        self.sh(STAMP);
        self.ordering.set(true);
        order();
        self.ordering.set(false);
        self.sh("cat /run/ordered").parse().unwrap()
    }

    fn stamped(&self, script: &str) -> String {
        if self.ordering.take() { format!("{STAMP}\n{script}") } else { script.to_owned() }
    }

    /// Runs a script until it succeeds, and gives what it printed.
    pub(crate) fn wait_for(&self, script: &str) -> String {
        let asked = || {
            let output = self.run(script);
            (output.code == 0).then(|| output.text())
        };
        until(script, asked, || self.machine.borrow().console())
    }

    /// Writes a file in the guest's `/share`, and gives its path there.
    pub(crate) fn push(&self, content: &[u8], name: &str) -> String {
        fs::write(self.machine.borrow().share().join(name), content).unwrap();
        format!("/share/{name}")
    }

    /// Copies a file of this machine, with its mode, into the guest's `/share`.
    pub(crate) fn push_file(&self, from: &Path, name: &str) {
        let copied = fs::copy(from, self.machine.borrow().share().join(name));
        copied.unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }

    /// Starts a program in the guest that goes on by itself; what it prints goes to `/share/NAME.log`. Gives its process.
    pub(crate) fn spawn(&self, name: &str, command: &str) -> u32 {
        // Emptied before it starts, not by it: whoever waits for its words may not read those of one before it.
        let script = format!(": >/share/{name}.log; {command} </dev/null >>/share/{name}.log 2>&1 & echo $!");
        self.sh(&script).parse().unwrap()
    }

    /// What a spawned program has printed so far.
    pub(crate) fn log(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(&format!("{name}.log"))).into_owned()
    }

    /// A file of the guest's `/share`, as far as it is written.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.machine.borrow().share().join(name)).unwrap_or_default()
    }

    /// Starts the daemon in the guest, on a config that says nothing of `[web]`, and waits until it answers.
    pub(crate) fn daemon(&self, config: &str) -> Daemon<'_> {
        let port = self.machine.borrow_mut().qmp.forwarded_port();
        Daemon::start(self, port, config)
    }

    /// The daemon that the guest's systemd starts.
    pub(crate) fn daemon_outside(&self) -> Daemon<'_> {
        let port = self.machine.borrow_mut().qmp.forwarded_port();
        Daemon::outside(self, port)
    }

    /// The guest's path of a program that cargo built.
    pub(crate) fn path_of(program: &Path) -> String {
        let program = program.canonicalize().unwrap();
        let inside = program.strip_prefix(built()).expect("this test's own binary is in a folder beside siaga's");
        format!("/built/{}", inside.display())
    }

    /// Asks QEMU for something.
    pub(crate) fn qmp(&self, command: &str, arguments: &serde_json::Value) {
        self.machine.borrow_mut().qmp.ask(command, arguments);
    }

    /// Plugs the room's network cable (eth1) in, or pulls it out.
    pub(crate) fn cable(&self, plugged: bool) {
        self.qmp("set_link", &serde_json::json!({ "name": "cable", "up": plugged }));
    }

    /// What its kernel, its programs and its journal have told.
    pub(crate) fn told(&self) -> String {
        let Ok(mut machine) = self.machine.try_borrow_mut() else { return String::new() };
        let mut told = format!("the guest's console:\n{}", machine.console());
        for entry in fs::read_dir(machine.share()).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                let log = fs::read(entry.path()).unwrap_or_default();
                _ = write!(told, "\n{}:\n{}", entry.path().display(), String::from_utf8_lossy(&log));
            }
        }
        // Nothing in the small guest, which keeps none.
        if let Ok(journal) = machine.control.run("journalctl --no-pager --lines=400 2>/dev/null") {
            _ = write!(told, "\nthe guest's journal:\n{}", journal.text());
        }
        told
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // As a test's own output: shown where the test failed.
        _ = writeln!(std::io::stderr(), "{}", self.told());
    }
}
