//! An order to the running daemon: where it listens, and what it answers.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::paint::{note, say};
use crate::app::service;
use crate::config::Control;
use crate::control::SOCKET;
use crate::control::order::{LONGEST, Order, Word};
use crate::peer;

/// Where the daemon's unit has it listen.
pub const USUAL: &str = "/run/siaga";

/// Where the daemon's unit has it keep its state.
const STATE: &str = "/var/lib/siaga";

/// How long the daemon may be silent: more than it gives a test itself, and a test message to a radio that waits for a busy channel as long
/// as it does where the config says nothing.
const PATIENCE: Duration = Duration::from_mins(5);

/// A daemon that was given an order.
pub struct Conversation {
    socket: PathBuf,
    hears: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    // Open until the answer's end: a daemon that sees it closed thinks that nobody listens.
    _says: tokio::net::unix::OwnedWriteHalf,
}

impl Conversation {
    /// Gives an order at `socket`; without one where the daemon most likely listens.
    ///
    /// # Errors
    /// If no daemon takes it.
    pub async fn begin(said: &Control, socket: Option<&Path>, order: &Order) -> Result<Self, String> {
        let socket = socket.map_or_else(|| place(said), Path::to_owned);
        let daemon = UnixStream::connect(&socket).await.map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => format!(
                "{} is not for this user ({error}); run this as root or as the daemon's own user",
                socket.display()
            ),
            _ => format!(
                "no daemon listens at {} ({error}); \"siaga run\" starts one, --socket names another place",
                socket.display()
            ),
        })?;
        let line = order.line();
        if line.len() > LONGEST {
            return Err(format!("that is longer than the {} kB that the daemon listens to", LONGEST / 1024));
        }
        let (hears, mut says) = daemon.into_split();
        says.write_all(&line).await.map_err(|error| format!("{}: {error}", socket.display()))?;
        Ok(Self { socket, hears: BufReader::new(hears), line: Vec::new(), _says: says })
    }

    /// The next word; nothing at the answer's end.
    ///
    /// # Errors
    /// If the daemon falls silent, or says what is not understood.
    pub async fn next(&mut self) -> Result<Option<Word>, String> {
        self.line.clear();
        let more = tokio::time::timeout(PATIENCE, peer::line(&mut self.hears, &mut self.line, LONGEST)).await;
        let more = more.map_err(|_| format!("{}: the daemon says nothing", self.socket.display()))?;
        if !more.map_err(|error| format!("{}: {error}", self.socket.display()))? {
            return Ok(None);
        }
        Word::parse(&self.line).map(Some).map_err(|error| format!("another version of siaga runs: {error}"))
    }
}

/// Gives an order that is answered once, tells the answer, and gives the exit code: 0 if it is done and on the disk, else 2.
/// What was answered stands, whatever becomes of the daemon after it.
///
/// # Errors
/// If no daemon answers, or it ends in the middle.
pub async fn once(said: &Control, socket: Option<&Path>, order: &Order) -> Result<u8, String> {
    let mut daemon = Conversation::begin(said, socket, order).await?;
    loop {
        let word = daemon.next().await?.ok_or("the daemon ended in the middle")?;
        let well = match word {
            Word::Done { message, unkept } => done(&message, unkept.as_deref()),
            Word::Told { receiver, failed: None, .. } => {
                say(&format!("{receiver}: ok\n"));
                true
            }
            Word::Told { receiver, failed: Some(why), .. } => {
                note(&format!("siaga: {receiver}: {why}"));
                false
            }
            Word::Refused { message, .. } => {
                note(&format!("siaga: {message}"));
                false
            }
            Word::Begun { .. } | Word::Telling { .. } | Word::Tested(_) => continue,
        };
        return Ok(if well { 0 } else { 2 });
    }
}

/// Tells that it is done, and what to fear for it. Whether nothing is.
pub fn done(message: &str, unkept: Option<&str>) -> bool {
    say(&format!("{message}\n"));
    unkept.inspect(|why| note(&format!("siaga: {why}"))).is_none()
}

/// Where to find the daemon, by what the config says of it: `socket` if that is named, else by the folder of its state if that is.
pub fn named(said: &Control, socket: Option<&Path>, state_dir: Option<&Path>) -> Option<PathBuf> {
    let by_state = |folder: &Path| said.socket.clone().unwrap_or_else(|| of_state(folder));
    socket.map(Path::to_owned).or_else(|| state_dir.map(by_state))
}

/// Where a daemon listens that keeps its state in that folder: there, else where the unit has it if the folder is the unit's.
pub fn of_state(folder: &Path) -> PathBuf {
    there_or_usual(folder, Path::new(STATE), Path::new(USUAL))
}

fn there_or_usual(folder: &Path, of_unit: &Path, usual: &Path) -> PathBuf {
    // Under the unit the folder is reached by a link (DynamicUser=). Whoever may not look goes by the name.
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let own = folder.join(SOCKET);
    if !own.exists() && real(folder) == real(of_unit) { usual.join(SOCKET) } else { own }
}

/// Whether a daemon listens at `socket`, or where it most likely does. One that lets nobody in is there too.
pub async fn is_there(said: &Control, socket: Option<&Path>) -> bool {
    let socket = socket.map_or_else(|| place(said), Path::to_owned);
    let nobody = [ErrorKind::NotFound, ErrorKind::ConnectionRefused];
    UnixStream::connect(&socket).await.map_or_else(|error| !nobody.contains(&error.kind()), |_| true)
}

/// Where a daemon most likely listens.
fn place(said: &Control) -> PathBuf {
    let usual = || Some(Path::new(USUAL).join(SOCKET)).filter(|path| path.exists());
    let own = || service::state_dir(None).ok().map(|folder| folder.join(SOCKET));
    said.socket.clone().or_else(usual).or_else(own).unwrap_or_else(|| Path::new(USUAL).join(SOCKET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_daemon_is_found_by_the_folder_of_its_state_by_either_name() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        // As systemd makes them for a user that exists only while the service runs.
        std::fs::create_dir_all(at("lib/private/siaga")).unwrap();
        std::os::unix::fs::symlink("private/siaga", at("lib/siaga")).unwrap();
        std::fs::create_dir_all(at("lib/other")).unwrap();
        let socket = |folder: &str| there_or_usual(&at(folder), &at("lib/siaga"), &at("run/siaga"));
        for folder in ["lib/siaga", "lib/siaga/", "lib/private/siaga", "lib/other/../siaga"] {
            assert_eq!(socket(folder), at("run/siaga/control.sock"), "{folder}");
        }
        assert_eq!(socket("lib/other"), at("lib/other/control.sock"));
        assert_eq!(socket("lib/not there"), at("lib/not there/control.sock"));
        // One that was started by hand over the same folder listens in it.
        std::fs::write(at("lib/siaga/control.sock"), "").unwrap();
        assert_eq!(socket("lib/siaga"), at("lib/siaga/control.sock"));
        // Before the unit has ever run there is only the name.
        std::fs::remove_dir_all(at("lib")).unwrap();
        assert_eq!(socket("lib/siaga"), at("run/siaga/control.sock"));
    }

    #[test]
    fn what_the_config_or_the_command_says_goes_before_the_folder() {
        let said = |socket: Option<&str>| Control { socket: socket.map(PathBuf::from), ..Control::default() };
        let (here, unit) = (Path::new("/here.sock"), Path::new(STATE));
        assert_eq!(named(&said(Some("/there.sock")), Some(here), Some(unit)), Some(here.to_owned()));
        assert_eq!(named(&said(Some("/there.sock")), None, Some(unit)), Some(PathBuf::from("/there.sock")));
        assert_eq!(named(&said(None), None, None), None);
    }
}
