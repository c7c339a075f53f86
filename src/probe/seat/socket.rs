//! The daemon's end of the unix socket: one agent at a time, of one user, whose words are read line by line.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::Config;
use super::order::Order;
use super::report::{LONGEST, Report};
use crate::domain::{ErrorKind, ProbeError};
use crate::peer::{self, Peer, Place, users};

/// How long an order may take to be taken: an agent reads all that comes.
const TAKEN: Duration = Duration::from_secs(1);

/// A user, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum User {
    /// The number in passwd(5).
    Number(u32),
    /// The name in passwd(5).
    Name(String),
}

impl User {
    /// The number; of a name, as passwd(5) has it.
    ///
    /// # Errors
    /// Where nobody is called so.
    pub fn number(&self) -> Result<u32, ProbeError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(name) => users::number(name).map_err(|why| ProbeError::new(ErrorKind::Internal, why)),
        }
    }
}

/// The daemon's end.
pub(super) struct Seat {
    listener: UnixListener,
    place: Place,
    /// Who is believed.
    pub(super) user: u32,
    agent: Option<Agent>,
    /// Who came after it and has not reported yet: another agent, or a mere question whether somebody listens here.
    newcomer: Option<Agent>,
    /// The first word of a newcomer whose coming was told.
    first: Option<Report>,
    /// A stranger was turned away and the log has said so.
    refused: bool,
}

/// Somebody of the seat's user at the socket.
struct Agent {
    stream: BufReader<UnixStream>,
    /// The line that is being read: a wait that is given up may not lose its beginning.
    line: Vec<u8>,
}

impl Agent {
    /// Its next report; `None` once it has gone. Giving the wait up loses nothing.
    ///
    /// # Errors
    /// Where what it says is none.
    async fn report(&mut self) -> Result<Option<Report>, String> {
        let whole = peer::line(&mut self.stream, &mut self.line, LONGEST).await.map_err(|error| error.to_string())?;
        if !whole {
            return Ok(None);
        }
        let said = Report::parse(&self.line).map_err(|error| error.to_string());
        self.line.clear();
        said.map(Some)
    }
}

/// What was heard.
pub(super) enum Heard {
    /// A message.
    Report(Report),
    /// Another agent is listened to from now on.
    Come,
    /// The agent has gone.
    Left,
    /// What it said is no message; it is not listened to any longer.
    Nonsense(ProbeError),
}

impl Seat {
    /// Listens at the config's socket.
    ///
    /// # Errors
    /// `Busy` where another daemon listens there, `Permission` and `Internal` as the file system has it.
    pub(super) fn open(config: &Config) -> Result<Self, ProbeError> {
        let user = config.user.number()?;
        let path = &config.socket;
        let failed = |error: io::Error| {
            let kind = match error.kind() {
                io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                io::ErrorKind::AddrInUse => ErrorKind::Busy,
                _ => ErrorKind::Internal,
            };
            ProbeError::new(kind, format!("{}: {error}", path.display()))
        };
        let (listener, place) = peer::bind(path).map_err(failed)?;
        Ok(Self { listener, place, user, agent: None, newcomer: None, first: None, refused: false })
    }

    /// Whether an agent is there.
    pub(super) const fn is_connected(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether an agent can find it.
    pub(super) fn is_at_place(&self) -> bool {
        self.place.is_there()
    }

    /// Tells the agent; one that does not listen is listened to no longer.
    pub(super) async fn order(&mut self, order: Order) {
        if let Some(agent) = &mut self.agent {
            let line = order.line();
            let taken = tokio::time::timeout(TAKEN, agent.stream.get_mut().write_all(&line)).await;
            if !matches!(taken, Ok(Ok(()))) {
                (self.agent, self.first) = (None, None);
            }
        }
    }

    /// Waits for the agent's next word. Of two that report the one is listened to that came last, since a session that was logged out may
    /// linger; who is turned out may come again. Who only knocks is no agent. Giving the wait up loses nothing.
    pub(super) async fn hear(&mut self) -> Heard {
        if let Some(report) = self.first.take() {
            return Heard::Report(report);
        }
        loop {
            if self.agent.is_none() {
                self.agent = self.newcomer.take();
                if self.agent.is_some() {
                    return Heard::Come;
                }
            }
            tokio::select! {
                come = self.listener.accept() => {
                    if let Some(come) = self.welcome(come).await {
                        self.newcomer = Some(come);
                    }
                }
                said = of(&mut self.agent) => match said {
                    Ok(Some(report)) => return Heard::Report(report),
                    Ok(None) => {
                        self.agent = None;
                        return Heard::Left;
                    }
                    Err(why) => {
                        self.agent = None;
                        let why = format!("the seat's agent: {why}");
                        return Heard::Nonsense(ProbeError::new(ErrorKind::Protocol, why));
                    }
                },
                said = of(&mut self.newcomer) => {
                    let newcomer = self.newcomer.take();
                    if let Ok(Some(report)) = said {
                        (self.agent, self.first) = (newcomer, Some(report));
                        return Heard::Come;
                    }
                }
            }
        }
    }

    /// Who came, if it is the seat's user.
    async fn welcome(&mut self, come: io::Result<(UnixStream, tokio::net::unix::SocketAddr)>) -> Option<Agent> {
        let stream = match come {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the seat's agent cannot be let in");
                // Out of descriptors, most likely: without a pause this would spin.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                return None;
            }
        };
        match Peer::of(&stream) {
            Ok(peer) if peer.uid == self.user => {
                return Some(Agent { stream: BufReader::new(stream), line: Vec::new() });
            }
            Ok(peer) if !self.refused => {
                tracing::warn!(
                    uid = peer.uid,
                    "somebody else than the seat's user is at its socket, and is turned away"
                );
                self.refused = true;
            }
            _ => {}
        }
        None
    }
}

/// What somebody reports; of nobody, for ever nothing.
async fn of(agent: &mut Option<Agent>) -> Result<Option<Report>, String> {
    match agent {
        Some(agent) => agent.report().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn seat(folder: &tempfile::TempDir, user: u32) -> Seat {
        let socket = folder.path().join("seat.sock");
        Seat::open(&toml::from_str(&format!("user = {user}\nsocket = {socket:?}")).unwrap()).unwrap()
    }

    fn knock(folder: &tempfile::TempDir) -> std::os::unix::net::UnixStream {
        let socket = folder.path().join("seat.sock");
        std::os::unix::net::UnixStream::connect(socket).unwrap()
    }

    /// The next thing that is heard but for arrivals.
    async fn word(seat: &mut Seat) -> Heard {
        loop {
            match seat.hear().await {
                Heard::Come => {}
                heard => return heard,
            }
        }
    }

    fn me() -> u32 {
        rustix::process::getuid().as_raw()
    }

    #[test]
    fn a_user_is_a_number_or_has_one() {
        assert_eq!(User::Number(7).number().unwrap(), 7);
        assert_eq!(User::Name("root".into()).number().unwrap(), 0);
        assert_eq!(User::Name("nobody of this name".into()).number().unwrap_err().kind, ErrorKind::Internal);
    }

    #[tokio::test]
    async fn lines_are_read_whole_the_newest_agent_is_heard_and_nonsense_is_turned_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut seat = seat(&folder, me());
        let mut first = knock(&folder);
        let whole = Report::Absent.line();
        first.write_all(&whole[..5]).unwrap();
        // Half a line is no word yet, and a wait that is given up loses none of it.
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), word(&mut seat)).await;
        assert!(waited.is_err());
        first.write_all(&whole[5..]).unwrap();
        assert!(matches!(word(&mut seat).await, Heard::Report(Report::Absent)));
        let mut second = knock(&folder);
        second.write_all(&Report::Unanswering.line()).unwrap();
        assert!(matches!(seat.hear().await, Heard::Come));
        assert!(matches!(seat.hear().await, Heard::Report(Report::Unanswering)));
        // Who was there before is not listened to any longer.
        assert!(first.write_all(&whole).is_err());
        second.write_all(b"GET / HTTP/1.1\n").unwrap();
        let Heard::Nonsense(error) = word(&mut seat).await else { panic!("nonsense is believed") };
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(!seat.is_connected());
        let mut endless = knock(&folder);
        // The socket's buffer may be smaller: whoever is cut off in the middle has said enough.
        let writer = std::thread::spawn(move || _ = endless.write_all(&vec![b'x'; 4 * LONGEST]));
        assert!(matches!(word(&mut seat).await, Heard::Nonsense(_)));
        writer.join().unwrap();
        drop(knock(&folder));
        assert!(matches!(word(&mut seat).await, Heard::Left));
    }

    #[tokio::test]
    async fn who_only_knocks_is_no_agent_and_takes_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut seat = seat(&folder, me());
        let mut agent = knock(&folder);
        agent.write_all(&Report::Absent.line()).unwrap();
        assert!(matches!(word(&mut seat).await, Heard::Report(Report::Absent)));
        // One asks whether somebody listens here, one says nonsense, one nothing.
        drop(knock(&folder));
        let mut other = knock(&folder);
        other.write_all(b"GET / HTTP/1.1\n").unwrap();
        let silent = knock(&folder);
        let waited = tokio::time::timeout(Duration::from_millis(50), seat.hear()).await;
        assert!(waited.is_err() && seat.is_connected());
        agent.write_all(&Report::Unanswering.line()).unwrap();
        assert!(matches!(seat.hear().await, Heard::Report(Report::Unanswering)));
        // The one who has said nothing yet is there when the agent has gone.
        drop(agent);
        assert!(matches!(seat.hear().await, Heard::Left));
        assert!(matches!(seat.hear().await, Heard::Come));
        drop(silent);
        assert!(matches!(seat.hear().await, Heard::Left));
    }

    #[tokio::test]
    async fn nobody_but_the_seats_user_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let mut seat = seat(&folder, me() + 1);
        let mut stranger = knock(&folder);
        stranger.write_all(&Report::Absent.line()).unwrap();
        let heard = tokio::time::timeout(std::time::Duration::from_millis(100), seat.hear()).await;
        assert!(heard.is_err(), "a stranger was heard");
        assert!(!seat.is_connected());
    }

    #[tokio::test]
    async fn what_an_ended_daemon_left_is_taken_over_and_a_living_ones_socket_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seat.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let living = seat(&folder, me());
        let config = toml::from_str(&format!("user = 0\nsocket = {path:?}")).unwrap();
        assert_eq!(Seat::open(&config).err().map(|error| error.kind), Some(ErrorKind::Busy));
        drop(living);
        assert!(!path.exists(), "it is taken away at the end");
        let first = seat(&folder, me());
        std::fs::remove_file(&path).unwrap();
        let second = seat(&folder, me());
        assert!(!first.is_at_place());
        drop(first);
        assert!(second.is_at_place(), "what another has put there by then is not");
        drop(second);
        std::fs::write(&path, "somebody's").unwrap();
        assert_eq!(Seat::open(&config).err().map(|error| error.kind), Some(ErrorKind::Busy));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's");
    }
}
