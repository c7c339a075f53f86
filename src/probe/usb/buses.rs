//! The USB controllers and hubs of this machine, as sysfs tells, and whether anything a meeting needs hangs on them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::plain::plain;

/// The class of a hub (USB 2.0, §11.23.1).
const HUB: &str = "09";

/// The classes of sound and of pictures, which interfaces have (USB-IF's list of class codes).
const MEETING: [&str; 2] = ["01", "0e"];

/// Whether something that a meeting needs hangs on a controller or hub, directly or by another hub.
pub(super) type Carries = bool;

/// Lists them by name: a controller by its own (`0000:00:14.0`), a hub by its place as the kernel writes it for sound cards and
/// cameras too (`usb-0000:00:14.0-2.1`, `usb_make_path`). Neither changes with the order of plugging in. The two halves of
/// a hub of USB 3 are one. A kernel without USB has none.
///
/// # Errors
/// What reading the folder came to, except that it is not there.
pub(super) fn list(sys: &Path) -> io::Result<BTreeMap<String, Carries>> {
    let folder = sys.join("bus/usb/devices");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut buses = BTreeMap::new();
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let place = folder.join(&name);
        // One that is unplugged at this very moment is not there.
        let Some(controller) = controller(&place) else { continue };
        let class = |file: &str| std::fs::read_to_string(place.join(file)).unwrap_or_default();
        // `usb1`, `1-2.1`, `1-2.1:1.0`: a root hub, a device at a chain of ports, one of its interfaces.
        let (device, interface) = name.split_once(':').map_or((name.as_str(), None), |(at, of)| (at, Some(of)));
        let ports = device.split_once('-').map(|(_, ports)| ports);
        if interface.is_none() && class("bDeviceClass").trim() == HUB {
            let named = ports.map_or_else(|| controller.clone(), |ports| hub(&controller, ports));
            buses.entry(named).or_insert(false);
        }
        if let (Some(ports), true) = (ports, MEETING.contains(&class("bInterfaceClass").trim())) {
            buses.insert(controller.clone(), true);
            let above = ports.match_indices('.').map(|(at, _)| hub(&controller, &ports[..at]));
            buses.extend(above.map(|hub| (hub, true)));
        }
    }
    Ok(buses)
}

fn hub(controller: &str, ports: &str) -> String {
    format!("usb-{controller}-{ports}")
}

/// A USB device, as whoever asks for one of its interfaces wants to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Plugged {
    folder: PathBuf,
    /// Vendor and product: `046d:0825`.
    pub(in crate::probe) id: String,
    /// Its port: `usb-0000:00:14.0-2`.
    pub(in crate::probe) place: Option<String>,
}

impl Plugged {
    /// Its serial number, if it tells one. This waits for the device's lock, which a device that does not answer holds
    /// (`usb_string_attr` in the kernel's `drivers/usb/core/sysfs.c`): what only its place or its id is needed for leaves it alone.
    pub(in crate::probe) fn serial(&self) -> Option<String> {
        word(&self.folder, "serial")
    }
}

fn word(folder: &Path, file: &str) -> Option<String> {
    said(&folder.join(file)).filter(|text| !text.is_empty())
}

/// What a device says of itself, as a file of the kernel's has it: any bytes are a text, and none of it does anything where it is shown.
pub(in crate::probe) fn said(file: &Path) -> Option<String> {
    Some(plain(String::from_utf8_lossy(&std::fs::read(file).ok()?).trim()))
}

/// The USB device that the folder `device` (links followed) is, or is an interface of.
pub(in crate::probe) fn plugged(device: &Path) -> Option<Plugged> {
    let folder = device.ancestors().take(2).find(|folder| folder.join("idVendor").exists())?;
    let ports = folder.file_name().and_then(|name| Some(name.to_str()?.split_once('-')?.1));
    let place = controller(folder).zip(ports).map(|(controller, ports)| hub(&controller, ports));
    Some(Plugged {
        id: format!("{}:{}", word(folder, "idVendor")?, word(folder, "idProduct")?),
        place,
        folder: folder.to_owned(),
    })
}

/// Where the device of that folder (links followed) is attached: its USB port, else its name in sysfs. One that is pulled out
/// at this very moment is nowhere: what is left of a USB device's path is the name of its interface, and no place.
pub(in crate::probe) fn place(device: &Path) -> Option<String> {
    match plugged(device) {
        Some(plugged) => plugged.place,
        None if device.exists() => Some(device.file_name()?.to_str()?.to_owned()),
        None => None,
    }
}

/// Whether `name` is a controller, not a hub at one of its ports.
pub(super) fn is_controller(name: &str) -> bool {
    !name.starts_with("usb-")
}

/// The name of the device whose bus this is, or is on: the folder above `usb1`.
fn controller(place: &Path) -> Option<String> {
    let path = place.canonicalize().ok()?;
    let is_root = |folder: &&Path| {
        let name = folder.file_name().and_then(|name| name.to_str()?.strip_prefix("usb"));
        name.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    Some(path.ancestors().find(is_root)?.parent()?.file_name()?.to_str()?.to_owned())
}
