//! News from the kernel by netlink(7): a message for each change, and word of those that were lost.

use std::io;

use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};

/// The errno of a queue that overflowed (netlink(7)).
const ENOBUFS: i32 = 105;

/// Room for one message: the kernel's are at most 8 KiB (`NLMSG_GOODSIZE`; a uevent at most 2 KiB and its path,
/// `UEVENT_BUFFER_SIZE`).
const MESSAGE: usize = 8 * 1024;

/// What was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// A message.
    Message(Vec<u8>),
    /// The queue overflowed: some messages were lost, which is news too.
    Lost,
}

/// A subscription.
pub(super) struct Feed(TokioSocket);

impl Feed {
    /// Subscribes to these groups of a netlink protocol.
    ///
    /// # Errors
    /// The kernel's, where this process may not have such a socket.
    pub(super) fn open(protocol: isize, groups: u32) -> io::Result<Self> {
        let mut socket = TokioSocket::new(protocol)?;
        socket.socket_mut().bind(&SocketAddr::new(0, groups))?;
        Ok(Self(socket))
    }

    /// Waits for the next.
    ///
    /// # Errors
    /// The kernel's. The socket is of no use afterwards.
    pub(super) async fn next(&self) -> io::Result<News> {
        loop {
            let mut message = Vec::with_capacity(MESSAGE);
            let outcome = self.0.recv_from(&mut message).await;
            if let Some(news) = heard(outcome, message) {
                return news;
            }
        }
    }

    /// Forgets what has been queued.
    ///
    /// # Errors
    /// As for [`Feed::next`].
    pub(super) fn drain(&self) -> io::Result<()> {
        while self.queued()?.is_some() {}
        Ok(())
    }

    /// The next of what has been queued, if anything was.
    fn queued(&self) -> io::Result<Option<News>> {
        loop {
            let mut message = Vec::with_capacity(MESSAGE);
            match self.0.socket_ref().recv_from(&mut message, 0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                outcome => {
                    if let Some(news) = heard(outcome.map(|(_, sender)| sender), message) {
                        return news.map(Some);
                    }
                }
            }
        }
    }
}

/// What a reception came to; `None` if another process, and not the kernel, has sent it (its port is 0, netlink(7)).
fn heard(outcome: io::Result<SocketAddr>, message: Vec<u8>) -> Option<io::Result<News>> {
    match outcome {
        Ok(sender) => (sender.port_number() == 0).then_some(Ok(News::Message(message))),
        Err(error) if error.raw_os_error() == Some(ENOBUFS) => Some(Ok(News::Lost)),
        Err(error) => Some(Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use netlink_sys::Socket;
    use netlink_sys::protocols::NETLINK_USERSOCK;

    use super::*;

    #[tokio::test]
    async fn what_another_process_says_is_no_news() {
        let feed = Feed::open(NETLINK_USERSOCK, 0).unwrap();
        let mut ours = SocketAddr::new(0, 0);
        feed.0.socket_ref().get_address(&mut ours).unwrap();
        let mut other = Socket::new(NETLINK_USERSOCK).unwrap();
        other.bind_auto().unwrap();
        let say = || other.send_to(b"remove@/devices/x\0SUBSYSTEM=video4linux\0", &ours, 0).unwrap();
        say();
        let mut message = Vec::with_capacity(MESSAGE);
        assert!(feed.0.socket_ref().recv(&mut message, 0).unwrap() > 0, "it does arrive");
        say();
        assert_eq!(feed.queued().unwrap(), None, "and is not heard");
        let from = |port| heard(Ok(SocketAddr::new(port, 0)), Vec::new()).is_some();
        assert!(from(0) && !from(1));
        assert!(matches!(heard(Err(io::Error::from_raw_os_error(ENOBUFS)), Vec::new()), Some(Ok(News::Lost))));
    }
}
