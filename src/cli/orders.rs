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
use crate::domain::reason::fill;
use crate::domain::{Lang, Text};
use crate::peer;

/// Where the daemon's unit has it listen.
pub const USUAL: &str = "/run/siaga";

/// Where the daemon's unit has it keep its state.
const STATE: &str = "/var/lib/siaga";

/// So long it may be silent at first: more than a config may take that is read anew (15 s), and the disk on both sides of it. That a test
/// has begun, or to how many a test message goes, is said at once.
const FIRST: Duration = Duration::from_secs(40);

/// After so long a silence whoever waits is told for whom they do.
const QUIET: Duration = Duration::from_secs(3);

/// How long it may be silent after its first word: more than it gives a test itself, and a test message to a radio that waits for a busy
/// channel as long as it does where the config says nothing.
const PATIENCE: Duration = Duration::from_mins(5);

/// A daemon that was given an order.
pub struct Conversation {
    socket: PathBuf,
    hears: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    /// Until its first word.
    unheard: bool,
    lang: Lang,
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
        let (hears, line) = (BufReader::new(hears), Vec::new());
        Ok(Self { socket, hears, line, unheard: true, lang: order.lang(), _says: says })
    }

    /// The next word; nothing at the answer's end.
    ///
    /// # Errors
    /// If the daemon falls silent, or says what is not understood.
    pub async fn next(&mut self) -> Result<Option<Word>, String> {
        self.line.clear();
        let patience = if self.unheard { FIRST } else { PATIENCE };
        // Once begun it is gone on with: a line that has come in half is not lost.
        let mut heard = Box::pin(tokio::time::timeout(patience, peer::line(&mut self.hears, &mut self.line, LONGEST)));
        let more = if let Ok(more) = tokio::time::timeout(QUIET, heard.as_mut()).await {
            more
        } else {
            if self.unheard {
                note(&waiting(&self.socket, self.lang));
            }
            heard.as_mut().await
        };
        drop(heard);
        let more = more.map_err(|_| {
            let socket = self.socket.display();
            format!(
                "{socket}: a daemon is there and has said nothing for {} s; it may hang, and when it goes on it may carry the order out after all",
                patience.as_secs()
            )
        })?;
        self.unheard = false;
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

/// For whom whoever gave an order waits.
fn waiting(socket: &Path, lang: Lang) -> String {
    let text = Text::new(
        "siaga: menunggu siaga yang berjalan ({socket}); belum ada jawaban …",
        "siaga: waiting for the daemon ({socket}), which has not answered yet …",
    );
    fill(text.in_lang(lang), &[("socket", socket.display().to_string().into())], lang)
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
    use crate::clock::Clock;

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

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_hangs_is_waited_for_less_long_than_one_that_has_begun() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join(SOCKET);
        let hangs = tokio::net::UnixListener::bind(&socket).unwrap();
        let (order, clock) = (Order::Silences { lang: Lang::Id }, Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH));
        let began = clock.mono();
        let why = once(&Control::default(), Some(&socket), &order).await.unwrap_err();
        assert!(why.contains("said nothing for 40 s"), "{why}");
        assert_eq!(clock.mono().since(began).as_secs(), FIRST.as_secs());
        drop(hangs.accept().await.unwrap());
        let mut daemon = Conversation::begin(&Control::default(), Some(&socket), &order).await.unwrap();
        let (mut theirs, _) = hangs.accept().await.unwrap();
        theirs.write_all(&Word::Begun { check: "microphone".into() }.line()).await.unwrap();
        assert!(matches!(daemon.next().await, Ok(Some(Word::Begun { .. }))));
        let began = clock.mono();
        assert!(daemon.next().await.is_err());
        assert_eq!(clock.mono().since(began).as_secs(), PATIENCE.as_secs());
        for lang in [Lang::Id, Lang::En] {
            assert!(waiting(&socket, lang).contains(socket.to_str().unwrap()));
        }
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
