//! The kernel's own word on links, addresses and routes: rtnetlink(7).

use std::collections::HashMap;
use std::io;

use netlink_packet_core::{
    DecodeError, Emitable as _, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, Parseable as _,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::probe::news::Feed;

/// `RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE`
/// (linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// What asks for addresses, and what tells one (linux/rtnetlink.h).
const RTM_GETADDR: u16 = 22;
const RTM_NEWADDR: u16 = 20;

/// Room for one datagram of a dump: the kernel's are at most 32 KiB (`netlink_dump`).
const DATAGRAM: usize = 32 * 1024;

/// Subscribes to whatever changes about links, addresses or routes. What it was is not looked at: a read tells.
///
/// # Errors
/// As for [`Feed::open`].
pub(super) fn events() -> io::Result<Feed> {
    Feed::open(NETLINK_ROUTE, GROUPS)
}

/// A message about an address, the only kind that is exchanged here. The package's own type for all kinds would bring 400 kB of
/// code for links, queues and filters along.
struct Address(AddressMessage);

impl NetlinkSerializable for Address {
    fn message_type(&self) -> u16 {
        RTM_GETADDR
    }

    fn buffer_len(&self) -> usize {
        self.0.buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        self.0.emit(buffer);
    }
}

impl NetlinkDeserializable for Address {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        AddressMessage::parse(payload).map(Self)
    }
}

/// How many usable addresses an interface has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) ipv4: u32,
    pub(super) ipv6: u32,
}

/// Asks for the addresses of all interfaces; `/proc` and `/sys` do not tell IPv4's by interface.
pub(super) struct Addresses {
    socket: Socket,
    asked: u32,
}

impl Addresses {
    /// A socket to ask by.
    ///
    /// # Errors
    /// As for [`events`].
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        // The kernel fills a dump while it is asked and while it is read, so what is not there never comes.
        socket.set_non_blocking(true)?;
        Ok(Self { socket, asked: 0 })
    }

    /// Usable addresses by the interface's index.
    ///
    /// # Errors
    /// The kernel's, or what it said that we do not understand. The socket is of no use afterwards.
    pub(super) fn count(&mut self) -> io::Result<HashMap<u32, Count>> {
        self.asked = self.asked.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        header.sequence_number = self.asked;
        let ask = NetlinkPayload::InnerMessage(Address(AddressMessage::default()));
        let mut request = NetlinkMessage::new(header, ask);
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;

        let mut counts = HashMap::new();
        let mut datagram = Vec::with_capacity(DATAGRAM);
        loop {
            datagram.clear();
            self.socket.recv(&mut datagram, 0)?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<Address>::deserialize(rest)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
                match &message.payload {
                    NetlinkPayload::Done(_) => return Ok(counts),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::InnerMessage(Address(address)) if message.header.message_type == RTM_NEWADDR => {
                        add(&mut counts, address);
                    }
                    _ => {}
                }
                // Messages stand at multiples of four bytes (`NLMSG_ALIGN`, netlink(3)).
                let length = (message.header.length as usize).next_multiple_of(4);
                if length == 0 {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of no length"));
                }
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
}

fn add(counts: &mut HashMap<u32, Count>, message: &AddressMessage) {
    let scope = matches!(message.header.scope, AddressScope::Universe | AddressScope::Site);
    let flags = message.header.flags;
    let unusable = flags.intersects(AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed)
        && !flags.contains(AddressHeaderFlags::Optimistic);
    // Some DHCP clients give RFC 3927 addresses (169.254/16) the scope of real ones.
    let link_local = message.attributes.iter().any(|attribute| {
        matches!(attribute, AddressAttribute::Address(std::net::IpAddr::V4(address)) if address.is_link_local())
    });
    if !scope || unusable || link_local {
        return;
    }
    let count = counts.entry(message.header.index).or_default();
    match message.header.family {
        AddressFamily::Inet => count.ipv4 += 1,
        AddressFamily::Inet6 => count.ipv6 += 1,
        _ => {}
    }
}
