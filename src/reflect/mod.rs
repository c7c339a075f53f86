//! Side door: `siaga reflect`, the far end of a path test (STAMP, RFC 8762).
//!
//! It answers test packets, each with one exactly as long, so that a forged address gains nobody anything. It answers no
//! reply, nothing twice (unless it is told to remember nothing), and no more than its limits say; its memory is laid out at the start and does not grow.

mod answer;
#[cfg(debug_assertions)]
pub mod fuzz;
mod limits;
mod pass;
mod session;
mod socket;
mod table;

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::select_all;

use crate::clock::Clock;
use crate::domain::Rate;
pub use answer::Counts;
use answer::Reflector;
pub use pass::Pass;
use socket::Socket;

/// Where it listens unless told: STAMP's own port is 862 (RFC 8762 §4.1), for which a service would need a capability.
pub const PORT: u16 = 10862;
/// Longer than any packet that fits a line.
const PACKET: usize = 2048;
/// How many are taken before other sockets have a turn.
const AT_ONCE: usize = 64;
/// How long a socket rests that cannot be received from: it stays ready, and would be asked again at once.
const REST: Duration = Duration::from_millis(100);
/// How often it is told that something was refused, at most.
const TOLD: Duration = Duration::from_mins(1);

/// What it is told.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen; nowhere named is everywhere, on [`PORT`].
    pub listen: Vec<SocketAddr>,
    /// Where there are any, though there be none among them, only packets signed by one of these are answered, by that one.
    pub passes: Option<Vec<Pass>>,
    /// Whether it remembers no sessions (RFC 8762 §4.3: a stateless reflector): answers have the sender's own numbers, and what is
    /// sent again is answered again, within the limits.
    pub stateless: bool,
    /// What is answered at most in all, by IP packets.
    pub rate: Rate,
    /// What is answered at most to one source.
    pub rate_per_source: Rate,
}

/// A reflector that listens.
pub struct Reflect {
    sockets: Vec<Socket>,
    reflector: RefCell<Reflector>,
    clock: Clock,
}

impl Reflect {
    /// Listens, and answers nothing yet. Needs a runtime.
    ///
    /// # Errors
    /// In words, when an address that was named cannot be had, or none at all.
    pub fn open(settings: Settings, clock: Clock) -> Result<Self, String> {
        let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let (named, wanted) = if settings.listen.is_empty() {
            (false, everywhere.map(|ip| SocketAddr::new(ip, PORT)).to_vec())
        } else {
            (true, settings.listen.clone())
        };
        let mut sockets = Vec::new();
        for address in wanted {
            match Socket::open(address) {
                Ok(socket) => sockets.push(socket),
                // A machine without IPv6 (or IPv4) has the other.
                Err(error) if !named && is_no_such_family(&error) => {
                    tracing::info!(%address, %error, "not listening there");
                }
                Err(error) => return Err(format!("{address} cannot be listened on: {error}")),
            }
        }
        if sockets.is_empty() {
            return Err("this machine has neither IPv4 nor IPv6".to_owned());
        }
        Ok(Self { sockets, reflector: RefCell::new(Reflector::new(settings, clock.now())), clock })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.address().ok()).collect()
    }

    /// Answers these from now on, and nobody else.
    pub fn know(&self, passes: Vec<Pass>) {
        self.reflector.borrow_mut().know(passes);
    }

    /// Answers until `end`; gives what was answered and what not.
    pub async fn run(&self, end: impl Future<Output = ()>) -> Counts {
        let serving = select_all(self.sockets.iter().map(|socket| Box::pin(self.serve(socket))));
        tokio::select! {
            _ = serving => {}
            () = self.tell() => {}
            () = end => {}
        }
        self.reflector.borrow().counts()
    }

    async fn serve(&self, socket: &Socket) {
        let mut packet = [0; PACKET];
        loop {
            // It fails only when the runtime ends.
            if socket.readable().await.is_err() {
                std::future::pending::<()>().await;
            }
            for _ in 0..AT_ONCE {
                match socket.receive(&mut packet) {
                    Ok(Some(received)) => self.answer(socket, &mut packet, &received),
                    Ok(None) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        tracing::debug!(%error, "a datagram was not received");
                        self.reflector.borrow_mut().not_received();
                        tokio::time::sleep(REST).await;
                        break;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn answer(&self, socket: &Socket, packet: &mut [u8], received: &socket::Received) {
        let Some(packet) = packet.get_mut(..received.length) else { return };
        let answered = self.reflector.borrow_mut().answer(packet, &received.arrival, self.clock.now());
        let sent = match answered {
            Ok(()) => socket.send(packet, received.arrival.from, received.ours),
            Err(why) => return tracing::trace!(from = %received.arrival.from, ?why, "not answered"),
        };
        if let Err(error) = sent {
            tracing::debug!(to = %received.arrival.from, %error, "an answer was not sent");
        }
    }

    /// Tells, now and then, that something was not answered. Not from whom: addresses can be forged, and are people's.
    async fn tell(&self) {
        let mut before = Counts::default();
        loop {
            tokio::time::sleep(TOLD).await;
            let now = self.reflector.borrow().counts();
            let refused = |counts: Counts| Counts { answered: 0, ..counts };
            if refused(now) != refused(before) {
                tracing::info!(
                    answered = now.answered - before.answered,
                    foreign = now.foreign - before.foreign,
                    strangers = now.strangers - before.strangers,
                    expired = now.expired - before.expired,
                    replayed = now.replayed - before.replayed,
                    limited = now.limited - before.limited,
                    unreceived = now.unreceived - before.unreceived,
                    "some packets of the last minute were not answered"
                );
            }
            before = now;
        }
    }
}

fn is_no_such_family(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_from_which_nothing_can_be_received_rests_between_two_tries_and_each_is_counted() {
        let rate: Rate = "1 Mbit/s".parse().unwrap();
        let settings = Settings {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            passes: None,
            stateless: false,
            rate,
            rate_per_source: rate,
        };
        let mut reflect = Reflect::open(settings, Clock::start()).unwrap();
        // A pipe that has something is readable for ever, and gives no datagram.
        let (full, mut pipe) = std::io::pipe().unwrap();
        io::Write::write_all(&mut pipe, b"x").unwrap();
        reflect.sockets = vec![Socket::of(full.into())];
        let counts = reflect.run(tokio::time::sleep(REST * 5)).await;
        // By the clock at most six; a busy machine makes it fewer.
        assert!((1..=6).contains(&counts.unreceived), "{counts:?}");
    }
}
