//! One port asked: by UDP with a binding request (RFC 8489), by TCP with a connection that is closed again at once.

use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::{ErrorKind, ProbeError};
use crate::probe::dial::kind_with;
use crate::probe::egress::Egress;
use crate::probe::stun::codec::{self, Class, Transaction};

/// How often a request is sent at most: one of three gets through where a line loses a tenth, but for one time in a thousand.
const SENDS: u32 = 3;

/// What a port said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Something that only who listens there can say.
    Answer,
    /// Nobody listens: so says the far end, or a firewall.
    Nobody,
    /// Nothing.
    Silence,
    /// Somebody on the way says that there is no way: there is none, or a firewall rejects it as prohibited (ICMP).
    NoWay,
}

/// Asks a UDP port.
///
/// # Errors
/// What keeps this machine from asking.
pub(super) async fn udp(egress: &Egress, to: SocketAddr, limit: Duration) -> Result<Word, ProbeError> {
    let asked = async {
        let socket = egress.udp(to).await?;
        let transaction: Transaction = rand::random();
        let mut buffer = [0; 1500];
        for _ in 0..SENDS {
            socket.send(&codec::request(transaction)).await?;
            let answer = async {
                loop {
                    let length = socket.recv(&mut buffer).await?;
                    if answers(&buffer[..length], transaction) {
                        return Ok::<_, std::io::Error>(());
                    }
                }
            };
            if let Ok(answer) = tokio::time::timeout(limit / SENDS, answer).await {
                return answer.map(|()| Word::Answer);
            }
        }
        Ok(Word::Silence)
    };
    word(asked.await, to)
}

/// Asks a TCP port.
///
/// # Errors
/// What keeps this machine from asking.
pub(super) async fn tcp(egress: &Egress, to: SocketAddr, limit: Duration) -> Result<Word, ProbeError> {
    let asked = tokio::time::timeout(limit, egress.tcp(to)).await;
    word(asked.map_or(Ok(Word::Silence), |connected| connected.map(|_| Word::Answer)), to)
}

fn word(asked: std::io::Result<Word>, to: SocketAddr) -> Result<Word, ProbeError> {
    asked.or_else(|error| match kind_with(&error, to.ip()) {
        ErrorKind::Refused => Ok(Word::Nobody),
        ErrorKind::Timeout => Ok(Word::Silence),
        ErrorKind::Unreachable => Ok(Word::NoWay),
        kind => Err(ProbeError::new(kind, format!("{to}: {error}"))),
    })
}

/// An error is an answer too: somebody who speaks STUN is there.
fn answers(bytes: &[u8], transaction: Transaction) -> bool {
    codec::parse(bytes).is_ok_and(|message| {
        message.transaction == transaction && matches!(message.class, Class::Success | Class::Error)
    })
}
