//! What a radio hangs on: its sound card, and the device that presses its key. Only procfs and sysfs are read, and a server of the
//! key is only connected to: nothing is opened that a transmission needs, and nothing is keyed.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::domain::{Device, Equipment};
use crate::probe::Roots;
use crate::probe::audio::cards::{self, Card};
use crate::probe::audio::{Named, Seen};
use crate::probe::usb::buses::{Plugged, plugged, said};

/// The kernel's classes in which such a device has a name.
const CLASSES: [&str; 3] = ["tty", "hidraw", "gpio"];

/// How long a server of the key may take to let somebody in.
const CONNECT: Duration = Duration::from_secs(2);

/// What a radio hangs on; what is not said is not looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The sound card; a check's word for it may be its number.
    pub card: Option<Named>,
    /// The device that presses the key.
    pub key: Option<PathBuf>,
    /// The server that does (`rigctld`).
    pub server: Option<SocketAddr>,
    /// The channel's frequency.
    pub channel: Option<String>,
}

impl Interface {
    /// What is said here, and what is not as `other` has it.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            card: self.card.or_else(|| other.card.clone()),
            key: self.key.or_else(|| other.key.clone()),
            server: self.server.or(other.server),
            channel: self.channel.or_else(|| other.channel.clone()),
        }
    }
}

/// What is there of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct Found {
    /// Whether the card is, where one is looked for.
    pub(super) card: Option<bool>,
    /// Whether the key's device is.
    pub(super) key: Option<bool>,
    /// What is there, to be held against the room's record: a card and a key in one stand there once.
    pub(in crate::probe) devices: Vec<Device>,
}

/// Looks for it.
///
/// # Errors
/// What reading the kernel's list of cards came to.
pub(in crate::probe) fn look(interface: &Interface, roots: &Roots, seen: &Seen) -> io::Result<Found> {
    let mut found = Found::default();
    if let Some(wanted) = &interface.card {
        let cards = of(cards::heads(&roots.proc)?, wanted, seen);
        found.card = Some(!cards.is_empty());
        found.devices.extend(cards.iter().map(|card| as_radio(card.as_device(&roots.sys))));
    }
    if let Some(key) = &interface.key {
        let node = node(key, &roots.dev);
        found.key = Some(node.is_some());
        let device = node.and_then(|node| device(&node, &roots.sys));
        let is_at =
            |device: &Device| found.devices.iter().any(|other| other.place == device.place && other.usb == device.usb);
        let device = device.filter(|device| !is_at(device));
        found.devices.extend(device);
    }
    Ok(found)
}

fn of(all: Vec<Card>, wanted: &Named, seen: &Seen) -> Vec<Card> {
    match wanted.as_str().parse::<u32>() {
        Ok(number) => all.into_iter().filter(|card| card.number == number).collect(),
        Err(_) => wanted.among(all, seen),
    }
}

fn as_radio(device: Device) -> Device {
    Device { kind: Equipment::Radio, ..device }
}

/// The node that a path leads to: `/dev/serial/by-id/…` is a link to `/dev/ttyUSB0`.
fn node(path: &Path, dev: &Path) -> Option<PathBuf> {
    let path = path.strip_prefix("/dev").map_or_else(|_| path.to_owned(), |within| dev.join(within));
    path.canonicalize().ok()
}

/// By what it is known again: the USB device that it is, or is a part of, else its name in sysfs.
fn device(node: &Path, sys: &Path) -> Option<Device> {
    let name = node.file_name()?.to_str()?;
    let folder =
        CLASSES.iter().find_map(|class| sys.join("class").join(class).join(name).join("device").canonicalize().ok());
    // A serial adapter's port is a device of its own under its interface.
    let usb = folder.as_deref().and_then(|folder| folder.ancestors().take(3).find_map(plugged));
    let product = |folder: &Path| {
        let text = folder.ancestors().take(4).find_map(|above| said(&above.join("product")));
        text.filter(|text| !text.is_empty())
    };
    let product = folder.as_deref().filter(|_| usb.is_some()).and_then(product);
    let place = match &usb {
        Some(usb) => usb.place.clone(),
        None => folder.as_deref().and_then(|folder| Some(folder.file_name()?.to_str()?.to_owned())),
    };
    Some(Device {
        kind: Equipment::Radio,
        name: product.unwrap_or_else(|| name.to_owned()),
        serial: usb.as_ref().and_then(Plugged::serial),
        usb: usb.map(|usb| usb.id),
        place,
        also: vec![name.to_owned()],
        absent: false,
    })
}

/// Whether the server of the key lets somebody in; why it does not.
pub(super) async fn answers(server: SocketAddr) -> Result<(), String> {
    match tokio::time::timeout(CONNECT, TcpStream::connect(server)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}
