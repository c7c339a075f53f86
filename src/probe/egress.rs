//! By which uplink a probe's sockets leave: the one that its check names, else the one that the machine's routes choose.
//!
//! By its interface a socket is bound to the device (`SO_BINDTODEVICE`, socket(7); since Linux 5.7 without any privilege), so that
//! only routes by that device count. By a source address alone it is the machine's rules (ip-rule(8)) that must lead out the
//! right way.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::dns::resolvers::Resolver;
use crate::domain::{Size, Uplink};

/// A way out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Egress(Option<Arc<Uplink>>);

impl Egress {
    /// By that uplink, or by the machine's routes.
    pub const fn by(uplink: Option<Arc<Uplink>>) -> Self {
        Self(uplink)
    }

    /// A UDP socket that speaks with `to` only, so that the kernel tells it of an ICMP "port unreachable".
    pub(super) async fn udp(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(SocketAddr::new(self.source(to.ip())?, 0)).await?;
        if let Some(interface) = self.interface_to(to.ip()) {
            socket.bind_device(Some(interface.as_bytes())).map_err(|error| gone(error, interface))?;
        }
        socket.connect(to).await?;
        Ok(socket)
    }

    /// A TCP connection with `to`.
    pub(super) async fn tcp(&self, to: SocketAddr) -> io::Result<TcpStream> {
        if self.0.is_none() {
            return TcpStream::connect(to).await;
        }
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(interface) = self.interface_to(to.ip()) {
            socket.bind_device(Some(interface.as_bytes())).map_err(|error| gone(error, interface))?;
        }
        let source = self.source(to.ip())?;
        if !source.is_unspecified() {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        socket.connect(to).await
    }

    /// The name of its uplink, if it has one.
    pub(super) fn name(&self) -> Option<&Arc<str>> {
        self.0.as_ref().map(|uplink| &uplink.name)
    }

    /// Whether nobody else knows its uplink any more: a reload took it away.
    pub(super) fn is_nobodys(&self) -> bool {
        self.0.as_ref().is_some_and(|uplink| Arc::strong_count(uplink) == 1)
    }

    /// Its interface, if it has one.
    pub(super) fn interface(&self) -> Option<&str> {
        self.0.as_ref()?.interface.as_deref()
    }

    /// The interface on the way to `to`; this machine itself is reached by none.
    fn interface_to(&self, to: IpAddr) -> Option<&str> {
        self.interface().filter(|_| !to.to_canonical().is_loopback())
    }

    /// The source address on the way to `to`; the unspecified one where the kernel is to choose.
    ///
    /// # Errors
    /// The uplink has no address of that family.
    pub(super) fn source(&self, to: IpAddr) -> io::Result<IpAddr> {
        let any = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        match self.fixed_source().filter(|_| !to.to_canonical().is_loopback()) {
            Some(source) if source.is_ipv4() == to.is_ipv4() => Ok(source),
            Some(source) => {
                let message = format!("the uplink's address {source} is of another family than {to}");
                Err(io::Error::new(io::ErrorKind::NetworkUnreachable, message))
            }
            None => Ok(any),
        }
    }

    /// The source address that the config names.
    pub(super) fn fixed_source(&self) -> Option<IpAddr> {
        self.0.as_ref()?.source
    }

    /// Who is asked for names by it, where the config says so.
    pub(super) fn own_resolvers(&self) -> Option<&[SocketAddr]> {
        self.0.as_ref().map(|uplink| &*uplink.resolvers).filter(|own| !own.is_empty())
    }

    /// Who is asked for names by it; `None` where the system's own look-up does that, which goes where the routes lead.
    ///
    /// # Errors
    /// The machine's list of resolvers cannot be read.
    pub(super) fn resolvers(&self) -> io::Result<Option<Vec<SocketAddr>>> {
        if self.0.is_none() {
            return Ok(None);
        }
        if let Some(own) = self.own_resolvers() {
            return Ok(Some(own.to_vec()));
        }
        let found = Resolver::Auto.list(Path::new("/etc/resolv.conf"), Path::new("/sys"));
        found.map(|found| Some(found.addresses)).map_err(|error| io::Error::other(error.detail))
    }

    /// The most that the tests of a check with that budget may take a day: the uplink's own, where it is smaller.
    pub(super) fn budget(&self, own: Size) -> Size {
        let of_uplink = self.0.as_ref().and_then(|uplink| uplink.daily_budget);
        of_uplink.filter(|budget| *budget < own).unwrap_or(own)
    }
}

/// An interface that is not there is no way out (a modem that was pulled), and no fault of ours.
pub(super) fn gone(error: io::Error, interface: &str) -> io::Error {
    if is_gone(&error) {
        return io::Error::new(
            io::ErrorKind::NetworkUnreachable,
            format!("this computer has no interface {interface:?}"),
        );
    }
    error
}

/// Whether the interface that a socket was to be bound to is not there.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;
    use crate::probe::dial::kind_of;

    fn by(interface: Option<&str>, source: Option<&str>) -> Egress {
        let uplink = Uplink {
            name: "backup".into(),
            interface: interface.map(Into::into),
            source: source.map(|address| address.parse().unwrap()),
            resolvers: Vec::new(),
            backup: None,
            metered: true,
            daily_budget: Some(Size(100)),
        };
        Egress::by(Some(Arc::new(uplink)))
    }

    #[tokio::test]
    async fn an_uplink_that_is_not_there_is_no_way_and_this_machine_needs_none() {
        let far: SocketAddr = "192.0.2.1:9".parse().unwrap();
        for egress in [by(Some("nosuch0"), None), by(None, Some("192.0.2.77")), by(None, Some("2001:db8::7"))] {
            let udp = egress.udp(far).await.unwrap_err();
            let tcp = egress.tcp(far).await.unwrap_err();
            assert_eq!(
                (kind_of(&udp), kind_of(&tcp)),
                (ErrorKind::Unreachable, ErrorKind::Unreachable),
                "{udp}; {tcp}"
            );
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        assert_eq!(by(Some("nosuch0"), Some("192.0.2.77")).tcp(here).await.unwrap().peer_addr().unwrap(), here);
    }

    #[test]
    fn the_smaller_budget_counts() {
        let egress = by(Some("eth1"), None);
        assert_eq!([egress.budget(Size(50)), egress.budget(Size(500))], [Size(50), Size(100)]);
        assert_eq!(Egress::default().budget(Size(500)), Size(500));
    }
}
