//! The V4L2 nodes of this machine, from sysfs: seen without opening any.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::domain::{Device, Equipment};
use crate::probe::Roots;
use crate::probe::usb::buses::{place, plugged, said};

/// One V4L2 node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Node {
    /// `video0`
    pub(in crate::probe) name: String,
    /// `/dev/video0`
    pub(in crate::probe) path: PathBuf,
    /// The device's name.
    pub(in crate::probe) card: String,
    /// USB vendor and product: `046d:0825`.
    pub(in crate::probe) usb: Option<String>,
    /// The name of its link in `/dev/v4l/by-id`, which udev makes of vendor, product and serial number.
    pub(in crate::probe) by_id: Option<String>,
    /// The name of its link in `/dev/v4l/by-path`, which udev makes of the port.
    pub(in crate::probe) by_path: Option<String>,
    /// Its number among the nodes of one device; a UVC camera's picture is 0 and its metadata 1.
    pub(in crate::probe) index: u32,
    /// The folder in sysfs of the device whose node it is: one camera, however many nodes it has.
    pub(in crate::probe) device: PathBuf,
    /// Tells a camera that was pulled out and put back from one that stayed: sysfs makes its folder anew.
    pub(in crate::probe) born: u64,
}

/// Lists the capture, output and metadata nodes, by number. A kernel without V4L2 has none.
///
/// # Errors
/// What reading the class folder came to, except that it is not there.
pub(in crate::probe) fn list(roots: &Roots) -> io::Result<Vec<Node>> {
    let class = roots.sys.join("class/video4linux");
    let entries = match std::fs::read_dir(&class) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let [by_id, by_path] = ["v4l/by-id", "v4l/by-path"].map(|folder| links(&roots.dev.join(folder)));
    let mut nodes: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        // Radios, teletext and sub-devices share the class.
        .filter(|name| number(name).is_some())
        // One that is unplugged at this very moment is not there.
        .filter_map(|name| node(roots, &class.join(&name), name, [&by_id, &by_path]))
        .collect();
    nodes.sort_by_key(|node| number(&node.name));
    Ok(nodes)
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix("video")?.parse().ok()
}

fn node(roots: &Roots, folder: &Path, name: String, links: [&[(String, String)]; 2]) -> Option<Node> {
    let born = std::fs::metadata(folder).ok()?.ino();
    let device = folder.join("device").canonicalize().unwrap_or_else(|_| folder.to_owned());
    let [by_id, by_path] =
        links.map(|links| links.iter().find(|(_, target)| *target == name).map(|(link, _)| link.clone()));
    Some(Node {
        path: roots.dev.join(&name),
        card: said(&folder.join("name")).unwrap_or_default(),
        usb: usb(&device),
        by_id,
        by_path,
        index: said(&folder.join("index")).and_then(|index| index.parse().ok()).unwrap_or(0),
        device,
        born,
        name,
    })
}

/// Vendor and product of the USB device that `device` is an interface of.
fn usb(device: &Path) -> Option<String> {
    device
        .ancestors()
        .take(2)
        .find_map(|folder| Some(format!("{}:{}", said(&folder.join("idVendor"))?, said(&folder.join("idProduct"))?)))
}

/// The links of a folder: their names, and the names of what they point at.
fn links(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut links: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().into_string().ok()?, target.file_name()?.to_str()?.to_owned()))
        })
        .collect();
    links.sort();
    links
}

impl Node {
    /// Where it is attached: its USB port, else its device's name in sysfs.
    pub(in crate::probe) fn place(&self) -> Option<String> {
        place(&self.device)
    }

    /// Its path by the port that it is plugged in to.
    pub(super) fn at_port(&self) -> Option<String> {
        self.by_path.as_ref().map(|link| format!("/dev/v4l/by-path/{link}"))
    }

    /// By what it is known again.
    pub(in crate::probe) fn as_device(&self) -> Device {
        let plugged = plugged(&self.device);
        Device {
            kind: Equipment::Camera,
            name: self.card.clone(),
            usb: self.usb.clone(),
            serial: plugged.and_then(|plugged| plugged.serial()),
            place: self.place(),
            also: self.by_id.iter().cloned().chain(self.at_port()).chain([format!("/dev/{}", self.name)]).collect(),
            absent: false,
        }
    }

    /// Whether `wanted` (a config's `device`) means this node.
    pub(in crate::probe) fn is(&self, wanted: &str, roots: &Roots) -> bool {
        if wanted == "auto" {
            return true;
        }
        if let Some(path) = wanted.strip_prefix("/dev/") {
            let path = roots.dev.join(path);
            let target = std::fs::read_link(&path).unwrap_or(path);
            return target.file_name().is_some_and(|name| name == self.name.as_str());
        }
        self.by_id.as_deref() == Some(wanted)
            || self.usb.as_deref().is_some_and(|usb| usb.eq_ignore_ascii_case(wanted))
            || self.card.to_lowercase().contains(&wanted.to_lowercase())
    }
}
