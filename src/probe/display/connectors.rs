//! The connectors for displays, as sysfs tells (the kernel's `drm_sysfs.c`): what the driver knows already, so that no display is
//! made to blink.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::domain::{Device, Equipment};

use super::edid::{self, Edid, Fault};

/// A connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connector {
    /// `HDMI-A-1`; with the graphics card in front (`card1-HDMI-A-1`) where two cards have one of the same name.
    pub(super) name: String,
    /// Whether a display is connected; `None` where the connector cannot tell.
    pub(super) connected: Option<bool>,
    /// What the display says of itself.
    pub(super) edid: Result<Edid, Fault>,
}

impl Connector {
    /// Whether a display here must say what it is: a screen built in, or a machine's virtual one, need not.
    pub(super) fn has_cable(&self) -> bool {
        ["HDMI-", "DP-", "DVI-", "VGA-"].iter().any(|cable| self.bare().starts_with(cable))
    }

    fn bare(&self) -> &str {
        bare(&self.name).unwrap_or(&self.name)
    }

    /// What people call the display.
    pub(super) fn display(&self) -> Option<String> {
        let Edid { maker, name } = self.edid.as_ref().ok()?;
        Some(name.clone().unwrap_or_else(|| maker.clone()))
    }

    /// By what a connected display is known again, if it says what it is: its name, at its connector.
    pub(super) fn as_device(&self) -> Option<Device> {
        let name = self.display().filter(|_| self.connected == Some(true))?;
        let place = Some(self.name.clone());
        let also = vec![self.bare().to_owned()];
        Some(Device { kind: Equipment::Display, name, usb: None, serial: None, place, also, absent: false })
    }

    /// Whether `wanted` (a config's `connector`) means this one.
    pub(super) fn is(&self, wanted: &str) -> bool {
        wanted == "auto" || self.name == wanted || self.bare() == wanted
    }
}

/// Lists the connectors, by name. A kernel without graphics has none.
///
/// # Errors
/// What reading the class folder came to, except that it is not there.
pub(super) fn list(sys: &Path) -> io::Result<Vec<Connector>> {
    let class = sys.join("class/drm");
    let entries = match std::fs::read_dir(&class) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    folders.sort();
    let mut count = BTreeMap::new();
    for name in folders.iter().filter_map(|folder| bare(folder)) {
        *count.entry(name.to_owned()).or_insert(0) += 1;
    }
    Ok(folders
        .iter()
        .filter_map(|folder| {
            let bare = bare(folder)?;
            let status = std::fs::read_to_string(class.join(folder).join("status")).ok()?;
            let name = if count.get(bare) == Some(&1) { bare } else { folder };
            Some(Connector {
                name: name.to_owned(),
                connected: match status.trim() {
                    "connected" => Some(true),
                    "disconnected" => Some(false),
                    _ => None,
                },
                edid: edid::parse(&std::fs::read(class.join(folder).join("edid")).unwrap_or_default()),
            })
        })
        .collect())
}

/// `HDMI-A-1` of `card0-HDMI-A-1`. `card0` itself and `renderD128` are no connectors; a write-back has no display.
fn bare(folder: &str) -> Option<&str> {
    let (card, name) = folder.split_once('-')?;
    (card.starts_with("card") && !name.starts_with("Writeback")).then_some(name)
}
