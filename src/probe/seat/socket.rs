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
    agent: Option<BufReader<UnixStream>>,
    /// The line that is being read: a wait that is given up may not lose its beginning.
    line: Vec<u8>,
    /// A stranger was turned away and the log has said so.
    refused: bool,
}

/// What was heard.
pub(super) enum Heard {
    /// A message.
    Report(Report),
    /// An agent has come, and has said nothing yet.
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
        Ok(Self { listener, place, user, agent: None, line: Vec::new(), refused: false })
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
            let taken = tokio::time::timeout(TAKEN, agent.get_mut().write_all(&line)).await;
            if !matches!(taken, Ok(Ok(()))) {
                self.agent = None;
            }
        }
    }

    /// Waits for the agent's next word. The newest agent is listened to: a session that was logged out may linger.
    /// Giving the wait up loses nothing.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            let Some(agent) = &mut self.agent else {
                let come = self.listener.accept().await;
                if self.welcome(come).await {
                    return Heard::Come;
                }
                continue;
            };
            tokio::select! {
                come = self.listener.accept() => {
                    if self.welcome(come).await {
                        return Heard::Come;
                    }
                }
                read = peer::line(agent, &mut self.line, LONGEST) => {
                    match read {
                        Ok(true) => {
                            let said = Report::parse(&self.line);
                            self.line.clear();
                            return said.map_or_else(|error| self.turn_out(&error.to_string()), Heard::Report);
                        }
                        Ok(false) => {
                            self.agent = None;
                            return Heard::Left;
                        }
                        Err(error) => return self.turn_out(&error.to_string()),
                    }
                }
            }
        }
    }

    /// Whether it was let in.
    async fn welcome(&mut self, come: io::Result<(UnixStream, tokio::net::unix::SocketAddr)>) -> bool {
        let stream = match come {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the seat's agent cannot be let in");
                // Out of descriptors, most likely: without a pause this would spin.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                return false;
            }
        };
        match Peer::of(&stream) {
            Ok(peer) if peer.uid == self.user => {
                self.agent = Some(BufReader::new(stream));
                self.line.clear();
                return true;
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
        false
    }

    fn turn_out(&mut self, why: &str) -> Heard {
        self.agent = None;
        self.line.clear();
        Heard::Nonsense(ProbeError::new(ErrorKind::Protocol, format!("the seat's agent: {why}")))
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
        assert!(matches!(word(&mut seat).await, Heard::Report(Report::Unanswering)));
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
