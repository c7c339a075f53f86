//! A socket that tells of each datagram when it came, to which address of ours, and with how many hops left; and that answers
//! from that same address.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, recvmsg,
    sendmsg, setsockopt, socket, sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::answer::Arrival;
use crate::probe::datagrams::stamp;

/// What the kernel may keep for us while we have no turn; it gives what `net.core.rmem_max` allows.
const BUFFER: usize = 1 << 20;
/// Hops that an answer has before it, so that who gets it can count them (RFC 5082).
const HOPS: i32 = 255;
/// Where the kernel puts what it knows of a datagram, bytes.
const ROOM: usize = 256;

/// Aligned as control messages must be.
#[repr(align(16))]
struct Room([u8; ROOM]);

pub(super) struct Socket(UdpSocket);

/// Which address of ours a datagram came to, in the kernel's words, to send from the same.
#[derive(Clone, Copy)]
pub(super) enum Ours {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

/// A datagram's circumstances.
pub(super) struct Received {
    pub(super) length: usize,
    pub(super) arrival: Arrival,
    pub(super) ours: Ours,
}

impl Socket {
    /// Listens on that address; on an address of IPv6 for IPv6 alone.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let v6 = address.is_ipv6();
        let family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd: OwnedFd = socket(family, SockType::Datagram, flags, None)?;
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&fd, sockopt::RcvBuf, &BUFFER)?;
        if v6 {
            setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
            setsockopt(&fd, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&fd, sockopt::Ipv6RecvHopLimit, &true)?;
            setsockopt(&fd, sockopt::Ipv6Ttl, &HOPS)?;
        } else {
            setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
            setsockopt(&fd, sockopt::Ipv4RecvTtl, &true)?;
            setsockopt(&fd, sockopt::Ipv4Ttl, &HOPS)?;
        }
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
        Ok(Self(UdpSocket::from_std(fd.into())?))
    }

    /// Whatever that is, taken for a socket.
    #[cfg(test)]
    pub(super) fn of(fd: OwnedFd) -> Self {
        rustix::io::ioctl_fionbio(&fd, true).unwrap();
        Self(UdpSocket::from_std(fd.into()).unwrap())
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Waits until there may be something.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Takes a datagram that is there; none if it is one that nobody could answer (it came to a group's address, or does not
    /// fit).
    ///
    /// # Errors
    /// `WouldBlock` if there is none; else the kernel's.
    pub(super) fn receive(&self, packet: &mut [u8]) -> io::Result<Option<Received>> {
        self.0.try_io(Interest::READABLE, || {
            let mut room = Room([0; ROOM]);
            let mut parts = [IoSliceMut::new(packet)];
            let fd = self.0.as_raw_fd();
            let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut room.0), MsgFlags::empty())?;
            let (mut at, mut ttl, mut ours) = (None, None, None);
            for found in message.cmsgs()? {
                at = at.or_else(|| stamp(&found));
                match found {
                    ControlMessageOwned::Ipv4Ttl(left) | ControlMessageOwned::Ipv6HopLimit(left) => {
                        ttl = u8::try_from(left).ok();
                    }
                    // ip(7): the second is where it was sent to, the first what we would answer from. They differ for
                    // broadcast and for groups.
                    ControlMessageOwned::Ipv4PacketInfo(info) if info.ipi_spec_dst.s_addr == info.ipi_addr.s_addr => {
                        ours = Some(Ours::V4(info));
                    }
                    ControlMessageOwned::Ipv6PacketInfo(info) if info.ipi6_addr.s6_addr[0] != 0xFF => {
                        ours = Some(Ours::V6(info));
                    }
                    _ => {}
                }
            }
            let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
            let from = message.address.as_ref().and_then(address);
            Ok(from.zip(ours).filter(|_| whole).map(|(from, ours)| {
                let arrival = Arrival { from, to: ours.address(), at, ttl };
                Received { length: message.bytes, arrival, ours }
            }))
        })
    }

    /// Sends an answer, or drops it where the way out is full.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn send(&self, packet: &[u8], to: SocketAddr, ours: Ours) -> io::Result<()> {
        let (fd, parts, to) = (self.0.as_raw_fd(), [IoSlice::new(packet)], SockaddrStorage::from(to));
        let said = match &ours {
            Ours::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Ours::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        };
        sendmsg(fd, &parts, &[said], MsgFlags::MSG_DONTWAIT, Some(&to))?;
        Ok(())
    }
}

impl Ours {
    fn address(self) -> IpAddr {
        match self {
            Self::V4(info) => IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()),
            Self::V6(info) => IpAddr::from(info.ipi6_addr.s6_addr),
        }
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())))
}
