//! A private, real upsd with real drivers (`dummy-ups`), on a port of its own, in a folder of its own.
//!
//! Debian packages: `nut-server`. Any number of them run side by side; each process is ended by its own handle.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use siaga::clock::Clock;
use tempfile::TempDir;

/// How long anything may take on a busy machine before the test is wrong about it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// upsd calls a driver's data stale when it has been silent for so long (`MAXAGE`, s).
pub(crate) const MAX_AGE: u64 = 5;

/// The UPS that [`Upsd::start`] gives.
pub(crate) const UPS: &str = "lab";

const DRIVER: &str = "/lib/nut/dummy-ups";
const SERVER: &str = "/lib/nut/upsd";

/// A server and its drivers.
pub(crate) struct Upsd {
    folder: TempDir,
    port: u16,
    server: Option<Process>,
    units: BTreeMap<String, Unit>,
}

struct Unit {
    values: BTreeMap<String, String>,
    driver: Option<Process>,
    /// How often the file was written: `dummy-ups` looks at its age in whole seconds, so each writing gets its own.
    writings: u64,
}

impl Upsd {
    /// With one healthy UPS named [`UPS`]; returns once the server tells its state.
    pub(crate) fn start() -> Self {
        Self::start_with(&[UPS])
    }

    /// With several healthy ones.
    pub(crate) fn start_with(names: &[&str]) -> Self {
        for program in [DRIVER, SERVER] {
            assert!(Path::new(program).exists(), "{program} is missing: install Debian's package nut-server");
        }
        // Short: a driver's socket has some hundred bytes for its path.
        let folder = tempfile::Builder::new().prefix("nut").tempdir().unwrap();
        let healthy = [
            ("ups.mfr", "Lab"),
            ("ups.status", "OL"),
            ("ups.load", "23"),
            ("battery.charge", "100"),
            ("battery.runtime", "3600"),
            ("input.voltage", "221.0"),
            ("ups.test.result", "Done and passed"),
        ];
        let values: BTreeMap<_, _> = healthy.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let unit = |name: &&str| ((*name).to_owned(), Unit { values: values.clone(), driver: None, writings: 0 });
        let mut upsd = Self { port: 0, server: None, units: names.iter().map(unit).collect(), folder };
        upsd.configure();
        for name in names {
            upsd.write(name);
            upsd.start_driver(name);
        }
        upsd.start_server();
        for name in names {
            upsd.wait_for(name, "ups.status", "OL");
        }
        upsd
    }

    /// Where it listens, as the config writes it.
    pub(crate) fn address(&self) -> String {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).to_string()
    }

    /// Changes a variable of [`UPS`] and waits until the server tells it.
    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.set_unseen(variable, value);
        self.wait_for(UPS, variable, value);
    }

    /// The same without waiting: the driver looks once a second.
    pub(crate) fn set_unseen(&mut self, variable: &str, value: &str) {
        self.unit().values.insert(variable.to_owned(), value.to_owned());
        self.write(UPS);
    }

    /// Ends the driver at once, as a crash does, and waits until the server knows.
    pub(crate) fn kill_driver(&mut self) {
        self.unit().driver = None;
        self.wait_for_answer(UPS, "ups.status", "ERR DRIVER-NOT-CONNECTED");
    }

    /// Stops the driver in its tracks, as a hung USB transfer does, and waits until the server calls its data stale.
    pub(crate) fn freeze_driver(&mut self) {
        self.driver().signal(Signal::STOP);
        self.wait_for_answer(UPS, "ups.status", "ERR DATA-STALE");
    }

    /// Lets it go on.
    pub(crate) fn thaw_driver(&mut self) {
        self.driver().signal(Signal::CONT);
    }

    /// Starts it again after [`Upsd::kill_driver`]; does not wait for its first word.
    pub(crate) fn restart_driver(&mut self) {
        self.start_driver(UPS);
    }

    /// Ends the server at once.
    pub(crate) fn kill(&mut self) {
        self.server = None;
    }

    /// Stops the server in its tracks: its port still accepts.
    pub(crate) fn freeze(&mut self) {
        self.server().signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&mut self) {
        self.server().signal(Signal::CONT);
    }

    /// Starts it again after [`Upsd::kill`], on the same port.
    pub(crate) fn restart(&mut self) {
        let server = self.spawn_server();
        self.server = Some(server);
        self.wait_for(UPS, "ups.status", &self.units[UPS].values["ups.status"]);
    }

    /// What the server answers to a question, on a connection of its own; `None` if it cannot be asked.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        Wire::open(self.port).ok()?.ask(question)
    }

    /// A connection for asking often.
    pub(crate) fn wire(&self) -> Wire {
        Wire::open(self.port).unwrap()
    }

    /// Gives [`UPS`] so many more variables, as a large one has.
    pub(crate) fn grow(&mut self, variables: u32) {
        for number in 1..variables {
            self.unit().values.insert(format!("outlet.{number}.desc"), format!("Outlet number {number}"));
        }
        self.set(&format!("outlet.{variables}.desc"), "The last outlet");
    }

    /// The server's process, for measuring.
    pub(crate) fn server_pid(&self) -> u32 {
        self.server.as_ref().unwrap().0.id()
    }

    fn unit(&mut self) -> &mut Unit {
        self.units.get_mut(UPS).unwrap()
    }

    fn driver(&mut self) -> &Process {
        self.unit().driver.as_ref().unwrap()
    }

    fn server(&self) -> &Process {
        self.server.as_ref().unwrap()
    }

    fn wait_for(&self, ups: &str, variable: &str, value: &str) {
        self.wait_for_answer(ups, variable, &format!("VAR {ups} {variable} \"{value}\""));
    }

    fn wait_for_answer(&self, ups: &str, variable: &str, answer: &str) {
        let mut seen = None;
        let came = wait_until(|| {
            seen = self.ask(&format!("GET VAR {ups} {variable}"));
            seen.as_deref() == Some(answer)
        });
        assert!(came, "upsd never said {answer:?}; last {seen:?}\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn configure(&self) {
        let folder = self.folder.path();
        let run = folder.join("run");
        fs::create_dir(&run).unwrap();
        let mut units = "maxretry = 1\npollinterval = 1\n".to_owned();
        for name in self.units.keys() {
            writeln!(units, "[{name}]\n driver = dummy-ups\n port = {name}.dev\n mode = dummy-once").unwrap();
        }
        fs::write(folder.join("nut.conf"), "MODE=standalone\n").unwrap();
        fs::write(folder.join("ups.conf"), units).unwrap();
        fs::write(folder.join("upsd.users"), "").unwrap();
    }

    /// Writes a unit's values and puts them in place at once: the driver never reads half a file.
    fn write(&mut self, name: &str) {
        let unit = self.units.get_mut(name).unwrap();
        unit.writings += 1;
        let text =
            unit.values.iter().fold(String::new(), |text, (name, value)| text + &format!("{name}: \"{value}\"\n"));
        let (part, whole) = (self.folder.path().join("part"), self.folder.path().join(format!("{name}.dev")));
        let mut file = File::create(&part).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + unit.writings)).unwrap();
        fs::rename(part, whole).unwrap();
    }

    fn start_driver(&mut self, name: &str) {
        let socket = self.folder.path().join("run").join(format!("dummy-ups-{name}"));
        let _ = fs::remove_file(&socket);
        let driver = self.spawn(Command::new(DRIVER).args(["-a", name, "-F"]));
        self.units.get_mut(name).unwrap().driver = Some(driver);
        assert!(wait_until(|| socket.exists()), "the driver never opened its socket\n{}", self.log());
    }

    fn start_server(&mut self) {
        // The kernel picks a port that is free; until upsd has it, somebody else may take it: then another one.
        for _ in 0..5 {
            self.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let listen = format!(
                "LISTEN 127.0.0.1 {}\nMAXAGE {MAX_AGE}\nSTATEPATH {}\n",
                self.port,
                self.folder.path().join("run").display()
            );
            fs::write(self.folder.path().join("upsd.conf"), listen).unwrap();
            let mut server = self.spawn_server();
            wait_until(|| self.ask("VER").is_some() || server.is_over());
            if !server.is_over() {
                self.server = Some(server);
                return;
            }
        }
        panic!("upsd does not start\n{}", self.log());
    }

    fn spawn_server(&self) -> Process {
        self.spawn(Command::new(SERVER).arg("-F"))
    }

    fn spawn(&self, command: &mut Command) -> Process {
        let folder = self.folder.path();
        let log = || Stdio::from(File::options().create(true).append(true).open(folder.join("log")).unwrap());
        if rustix::process::geteuid().is_root() {
            // Else both become the user nut, to whom the folder is closed.
            command.args(["-u", "root"]);
        }
        for name in ["NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH"] {
            command.env(name, folder.join("run"));
        }
        command.env("NUT_CONFPATH", folder).stdin(Stdio::null()).stdout(log()).stderr(log());
        Process(command.spawn().unwrap())
    }
}

/// A connection that is asked line by line.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// One line there, one line back.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{question}\n").as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    }
}

/// A child that does not outlive its handle, frozen or not.
struct Process(Child);

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        match self.0.kill() {
            Err(error) if error.kind() != ErrorKind::InvalidInput => panic!("{error}"),
            _ => drop(self.0.wait()),
        }
    }
}

/// Looks again and again until `condition` holds; `false` when patience is over.
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let clock = Clock::start();
    while clock.elapsed() < PATIENCE {
        if condition() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    false
}
