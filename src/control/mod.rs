//! Hands: what people of this machine ask of the daemon, over a unix socket. Who asks is told by the kernel, and every order
//! stands in the audit with who gave it.
//!
//! ```text
//!   siaga test … ──── one order, a line of JSON ────▶ here ── who may? ──▶ the shell's desk, which carries it out
//!                ◀─── words, a line each, to the end ────────────────────────┘
//! ```
//!
//! A name stands in the audit, and in what is written down for a meeting: not in a log, not in a label.

pub mod order;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::domain::{Actor, Lang, Via};
use crate::peer::{self, Peer, Place, users};
use order::{LONGEST, Order, Word};

/// The socket's name in the runtime folder.
pub const SOCKET: &str = "control.sock";

/// Conversations at once: a room has a handful of people, each with one question.
const CONVERSATIONS: usize = 16;

/// Of those who may give no orders, so many at once, in places of their own: whoever knocks and says nothing shuts the door for
/// nobody who may.
const STRANGERS: usize = 4;

/// How long an order may take to be said: a program says it at once.
const SAID: Duration = Duration::from_secs(5);

/// How long somebody who does not read is waited for.
const HEARD: Duration = Duration::from_secs(5);

/// Words that wait for somebody who reads slowly.
const WORDS: usize = 64;

/// Who gives an order, by the kernel's word. Has no `Debug`: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Who {
    /// The user's number.
    pub uid: u32,
    /// The user's name, where this machine knows one.
    pub name: Option<String>,
}

impl Who {
    /// As the audit names them.
    pub fn actor(&self) -> Actor {
        let name = self.name.clone().unwrap_or_else(|| format!("uid {}", self.uid));
        Actor { name: name.into(), via: Via::Local }
    }
}

/// Who carries out orders.
pub trait Desk: Send + Sync + 'static {
    /// Carries one out, and says on the way what happens. Somebody who has gone meanwhile is no reason to stop in the middle.
    fn carry_out(&self, who: Who, order: Order, words: Words) -> impl Future<Output = ()> + Send;

    /// Somebody who may not has given an order: it goes into the audit, and nothing else happens.
    fn turn_away(&self, who: Who, order: Order) -> impl Future<Output = ()> + Send;
}

/// Where words go. One who does not read loses them, and holds up nobody.
#[derive(Clone, Debug)]
pub struct Words(mpsc::Sender<Word>);

impl Words {
    /// To whoever listens at the other end.
    pub const fn to(listener: mpsc::Sender<Word>) -> Self {
        Self(listener)
    }

    /// Says one.
    pub fn say(&self, word: Word) {
        _ = self.0.try_send(word);
    }
}

/// The daemon's end.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    place: Place,
    group: Option<String>,
}

impl Control {
    /// Listens at `path`. Root, the daemon's own user and the members of `group` may give orders.
    ///
    /// # Errors
    /// The file system's; `AddrInUse` where another daemon listens there.
    pub fn open(path: &Path, group: Option<String>) -> io::Result<Self> {
        let (listener, place) = peer::bind(path)?;
        Ok(Self { listener, path: path.to_owned(), place, group })
    }

    /// Serves until it is dropped. `lost` says that the socket's folder was made anew: a socket that went with the old one
    /// is bound again. Who talks already is not interrupted.
    pub async fn run<D: Desk>(mut self, desk: Arc<D>, lost: Arc<Notify>) {
        if let Some(group) = self.group.as_deref().filter(|group| users::group(group).is_none()) {
            tracing::warn!(group, "there is no such group: root and the daemon's own user alone may give orders");
        }
        let free = Arc::new(Semaphore::new(CONVERSATIONS));
        let free_for_strangers = Arc::new(Semaphore::new(STRANGERS));
        let mut conversations = JoinSet::new();
        loop {
            tokio::select! {
                come = self.listener.accept() => match come {
                    Ok((stream, _)) => {
                        let Ok(peer) = Peer::of(&stream) else { continue };
                        let who = Who { uid: peer.uid, name: users::name(peer.uid) };
                        let may = self.may(peer, &who);
                        let places = if may { &free } else { &free_for_strangers };
                        // Whoever comes when all places are taken is hung up on.
                        let Ok(place) = Arc::clone(places).try_acquire_owned() else { continue };
                        let desk = Arc::clone(&desk);
                        conversations.spawn(async move {
                            _ = converse(stream, who, may, &*desk).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "somebody cannot be let in at the control socket");
                        // Out of descriptors, most likely: without a pause this would spin.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = conversations.join_next() => {}
                () = lost.notified() => match self.bind_if_lost() {
                    Ok(()) => {}
                    Err(error) => {
                        tracing::error!(socket = %self.path.display(), %error, "orders cannot be given there any more");
                    }
                },
            }
        }
    }

    fn bind_if_lost(&mut self) -> io::Result<()> {
        if !self.place.is_there() {
            (self.listener, self.place) = peer::bind(&self.path)?;
        }
        Ok(())
    }

    fn may(&self, peer: Peer, who: &Who) -> bool {
        let is_member = |group: &String| users::is_member(group, who.name.as_deref(), peer.gid);
        peer.uid == 0 || peer.is_own_user() || self.group.as_ref().is_some_and(is_member)
    }
}

/// One conversation: an order, the words that answer it, the end.
async fn converse<D: Desk>(stream: UnixStream, who: Who, may: bool, desk: &D) -> io::Result<()> {
    let (hears, mut says) = stream.into_split();
    let (mut hears, mut line) = (BufReader::new(hears), Vec::new());
    match tokio::time::timeout(SAID, peer::line(&mut hears, &mut line, LONGEST)).await {
        Ok(Ok(true)) => {}
        // Whoever knocks and says nothing is no news.
        _ => return Ok(()),
    }
    let order = match Order::parse(&line) {
        Ok(order) => order,
        Err(error) => {
            let message = format!("this siaga does not understand the order: {error}");
            return say(&mut says, &Word::Refused { check: None, message }).await;
        }
    };
    if !may {
        let message = refusal(order.lang());
        desk.turn_away(who, order).await;
        return say(&mut says, &Word::Refused { check: None, message: message.to_owned() }).await;
    }
    let (words, mut said) = mpsc::channel(WORDS);
    let telling = async move {
        let mut told = Ok(());
        while let Some(word) = said.recv().await {
            // What cannot be told is dropped, and the order is carried out to its end.
            if told.is_ok() {
                told = say(&mut says, &word).await;
            }
        }
        told
    };
    let (told, ()) = tokio::join!(telling, desk.carry_out(who, order, Words(words)));
    told
}

async fn say(says: &mut OwnedWriteHalf, word: &Word) -> io::Result<()> {
    tokio::time::timeout(HEARD, says.write_all(&word.line()))
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads")))
}

const fn refusal(lang: Lang) -> &'static str {
    match lang {
        Lang::Id => "Anda tidak diizinkan: hanya root, pengguna layanan siaga, dan anggota grup pada [control] group",
        Lang::En => "you may not do this: root, the daemon's own user and the members of [control] group may",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Desk for Notes {
        async fn carry_out(&self, who: Who, order: Order, words: Words) {
            words.say(Word::Begun { check: format!("{order:?}") });
            self.0.lock().unwrap().push(format!("done for {}", who.uid));
        }

        async fn turn_away(&self, who: Who, _: Order) {
            self.0.lock().unwrap().push(format!("turned away {}", who.uid));
        }
    }

    async fn answer(path: &Path, said: &[u8]) -> Vec<Word> {
        let mut stream = UnixStream::connect(path).await.unwrap();
        stream.write_all(said).await.unwrap();
        let (mut reader, mut words, mut line) = (BufReader::new(stream), Vec::new(), Vec::new());
        while peer::line(&mut reader, &mut line, LONGEST).await.unwrap() {
            words.push(Word::parse(&line).unwrap());
            line.clear();
        }
        words
    }

    #[tokio::test]
    async fn an_order_is_carried_out_for_who_the_kernel_says_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SOCKET);
        let (control, desk) = (Control::open(&path, None).unwrap(), Arc::new(Notes::default()));
        let lost = Arc::new(Notify::new());
        let serving = tokio::spawn(control.run(Arc::clone(&desk), Arc::clone(&lost)));
        let order = Order::Test { checks: vec!["microphone".into()], lang: Lang::En };
        let begun = |words: &[Word]| matches!(words, [Word::Begun { check }] if check.contains("microphone"));
        assert!(begun(&answer(&path, &order.line()).await));
        let refused = answer(&path, b"GET / HTTP/1.1\n").await;
        assert!(matches!(&refused[..], [Word::Refused { check: None, .. }]), "{refused:?}");
        assert_eq!(answer(&path, b"half an order").await, []);
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(*desk.0.lock().unwrap(), [format!("done for {me}")]);
        serving.abort();
        _ = serving.await;
        assert!(!path.exists(), "it is taken away at the end");
    }

    #[tokio::test]
    async fn strangers_who_knock_and_say_nothing_shut_the_door_for_nobody_who_may() {
        if !rustix::process::geteuid().is_root() {
            // Another user's shoes are root's to give.
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = folder.path().join(SOCKET);
        let (control, desk) = (Control::open(&path, None).unwrap(), Arc::new(Notes::default()));
        let serving = tokio::spawn(control.run(Arc::clone(&desk), Arc::new(Notify::new())));
        let knocks = path.clone();
        let knocking = std::thread::spawn(move || {
            // Of this thread alone (set*uid(2), "C library/kernel differences").
            rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(5)).unwrap();
            let knock = |_| std::os::unix::net::UnixStream::connect(&knocks).unwrap();
            (0..4 * CONVERSATIONS).map(knock).collect::<Vec<_>>()
        });
        let silent = tokio::task::spawn_blocking(|| knocking.join().unwrap()).await.unwrap();
        let order = Order::Test { checks: vec!["microphone".into()], lang: Lang::En };
        assert!(matches!(&answer(&path, &order.line()).await[..], [Word::Begun { .. }]));
        drop(silent);
        serving.abort();
    }

    #[test]
    fn root_the_own_user_and_members_may_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _inside = runtime.enter();
        let control = Control::open(&folder.path().join(SOCKET), Some("root".into())).unwrap();
        let may = |uid, gid| control.may(Peer { uid, gid }, &Who { uid, name: None });
        assert!(may(0, 7) && may(rustix::process::geteuid().as_raw(), 7));
        assert!(may(4_000_000, 0), "of the group");
        assert!(!may(4_000_000, 7));
    }
}
