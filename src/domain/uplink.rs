//! A way out of the room's network that the config names, beside or instead of the one that the machine's routes choose.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::units::Size;
use super::verdict::Verdict;

/// An uplink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Unique in the room.
    pub name: Arc<str>,
    /// The interface by which it leaves.
    pub interface: Option<Arc<str>>,
    /// The address from which it leaves.
    pub source: Option<IpAddr>,
    /// Who is asked for names over it; none: the machine's own resolvers.
    pub resolvers: Vec<SocketAddr>,
    /// What the internet is while it stands by this uplink alone, ready or degraded; `None` if it is no backup.
    pub backup: Option<Verdict>,
    /// Whether its bytes are paid for.
    pub metered: bool,
    /// How many bytes all active tests by it may take a day (UTC), together.
    pub daily_budget: Option<Size>,
}
