//! How messages reach the server, one at a time.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

/// Longer than any message here.
pub(super) const MESSAGE: usize = 2048;
/// What the kernel may keep for us while this process is busy; it gives what `net.core.rmem_max` allows.
const BUFFER: usize = 1 << 20;

/// A way to one server.
pub(super) struct Wire {
    socket: UdpSocket,
    /// What IP and UDP add to each message, bytes.
    pub(super) headers: usize,
}

impl Wire {
    /// By datagrams, with one server only, so that the kernel tells of an ICMP "port unreachable".
    pub(super) async fn udp(to: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(to).await?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, BUFFER)?;
        Ok(Self { socket, headers: if to.is_ipv4() { 28 } else { 48 } })
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.socket.send(message).await.map(drop)
    }

    /// Sends a message if that can be done at once.
    pub(super) fn send_now(&self, message: &[u8]) {
        _ = self.socket.try_send(message);
    }

    /// Waits for a message and says how long it is. Safe to drop and call again.
    pub(super) async fn hear(&mut self, buffer: &mut [u8; MESSAGE]) -> io::Result<usize> {
        self.socket.recv(buffer).await
    }
}
