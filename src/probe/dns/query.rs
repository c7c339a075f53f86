//! One question to one resolver: over UDP, and over TCP where the answer does not fit (RFC 1035, 4.2; RFC 7766).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

use crate::domain::{ErrorKind, ProbeError};
use crate::probe::dial::kind_with;
use crate::probe::egress::Egress;

/// The largest message that UDP carries without EDNS is 512 bytes (RFC 1035, 4.2.1); room for resolvers that send more.
const DATAGRAM: usize = 4096;
/// Where the header says that the rest was cut off, and that this is an answer (RFC 1035, 4.1.1).
const TRUNCATED: u8 = 0x02;
const ANSWER: u8 = 0x80;

/// What a resolver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Reply {
    pub(super) code: ResponseCode,
    /// Records of the wanted type; the names that lead to them (CNAME) are not counted.
    pub(super) answers: u32,
    /// The addresses in them.
    pub(in crate::probe) addresses: Vec<IpAddr>,
}

/// Asks `resolver` for `wanted` records of `name`, and once more where nothing has come after `again`: a packet is lost now and then.
/// The deadline is the caller's.
///
/// # Errors
/// What happened to the socket, or [`ErrorKind::Protocol`] for an answer over TCP that cannot be understood. Over UDP
/// whatever is no answer to this question is passed over: it may be forged, or late.
pub(in crate::probe) async fn ask(
    egress: &Egress,
    resolver: SocketAddr,
    name: &Name,
    wanted: RecordType,
    again: Duration,
) -> Result<Reply, ProbeError> {
    let question = Question::new(name, wanted);
    let failed = |error: io::Error| ProbeError::new(kind_with(&error, resolver.ip()), format!("{resolver}: {error}"));
    if let Some(reply) = question.by_udp(egress, resolver, again).await.map_err(failed)? {
        return Ok(reply);
    }
    let answer = question.by_tcp(egress, resolver).await.map_err(failed)?;
    let odd = || ProbeError::new(ErrorKind::Protocol, format!("{resolver}: no answer to what was asked"));
    question.reply(&answer).ok_or_else(odd)
}

/// What is asked, with its number.
pub(super) struct Question {
    message: Message,
    wanted: RecordType,
}

impl Question {
    /// A question with an id that nobody can guess (RFC 5452, 9.2).
    pub(super) fn new(name: &Name, wanted: RecordType) -> Self {
        let mut message = Message::new(rand::random(), MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name.clone(), wanted));
        Self { message, wanted }
    }

    /// As it is sent.
    ///
    /// # Errors
    /// A name that cannot be sent.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        self.message.to_vec().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }

    /// `None`: the answer does not fit, ask over TCP.
    async fn by_udp(&self, egress: &Egress, resolver: SocketAddr, again: Duration) -> io::Result<Option<Reply>> {
        // The kernel picks the port at random; a connected socket takes nothing from others and is told of refusals.
        let socket = egress.udp(resolver).await?;
        socket.send(&self.bytes()?).await?;
        let mut answered = pin!(self.hear(&socket));
        if let Ok(answer) = tokio::time::timeout(again, &mut answered).await {
            return answer;
        }
        // The same question, so that either answer is one to it.
        socket.send(&self.bytes()?).await?;
        answered.await
    }

    /// Waits for the answer. `None`: it does not fit.
    async fn hear(&self, socket: &UdpSocket) -> io::Result<Option<Reply>> {
        let mut buffer = [0; DATAGRAM];
        loop {
            let length = socket.recv(&mut buffer).await?;
            let datagram = &buffer[..length];
            // A message that was cut off may end anywhere, so only its header is read.
            if let [high, low, flags, ..] = *datagram
                && u16::from_be_bytes([high, low]) == self.message.metadata.id
                && flags & ANSWER != 0
                && flags & TRUNCATED != 0
            {
                return Ok(None);
            }
            if let Some(reply) = self.reply(datagram) {
                return Ok(Some(reply));
            }
        }
    }

    async fn by_tcp(&self, egress: &Egress, resolver: SocketAddr) -> io::Result<Vec<u8>> {
        let mut stream = egress.tcp(resolver).await?;
        let question = self.bytes()?;
        let length =
            u16::try_from(question.len()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        // Length and message in one segment (RFC 7766, 8).
        stream.write_all(&[&length.to_be_bytes()[..], &question].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    /// The reply that `bytes` hold, if they answer this very question.
    pub(super) fn reply(&self, bytes: &[u8]) -> Option<Reply> {
        let answer = Message::from_vec(bytes).ok()?;
        let of_this = answer.metadata.id == self.message.metadata.id
            && answer.metadata.message_type == MessageType::Response
            && answer.metadata.op_code == OpCode::Query;
        let code = answer.metadata.response_code;
        // A resolver that refuses, or cannot read the question, need not repeat it.
        let repeated = answer.queries == self.message.queries
            || (answer.queries.is_empty() && !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain));
        if !of_this || !repeated {
            return None;
        }
        let wanted = || answer.answers.iter().filter(|record| record.record_type() == self.wanted);
        let addresses = wanted().filter_map(|record| record.data.ip_addr()).collect();
        Some(Reply { code, answers: u32::try_from(wanted().count()).unwrap_or(u32::MAX), addresses })
    }
}
