//! How fast the network card is by which an address of this computer is reached: no line behind it is faster.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;

use crate::domain::Rate;

/// By the kernel's word (`/sys/class/net/…/speed`, sysfs-class-net), which it does not give for loopback, radio and most virtual
/// cards.
pub(super) fn speed(local: IpAddr) -> Option<Rate> {
    let local = local.to_canonical();
    let is_it = |address: &nix::sys::socket::SockaddrStorage| {
        address.as_sockaddr_in().map(|found| IpAddr::V4(found.ip())) == Some(local)
            || address.as_sockaddr_in6().map(|found| IpAddr::V6(found.ip())) == Some(local)
    };
    let name = getifaddrs().ok()?.find(|card| card.address.as_ref().is_some_and(is_it))?.interface_name;
    let said = std::fs::read_to_string(format!("/sys/class/net/{name}/speed")).ok()?;
    // In Mbit/s, and -1 where it is not known.
    said.trim().parse::<u32>().ok().filter(|megabits| *megabits > 0).map(|megabits| Rate(f64::from(megabits) * 1e6))
}
