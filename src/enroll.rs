//! What `siaga enroll` records: the room's equipment, looked at once, and the file that keeps it.

use std::io;
use std::path::{Path, PathBuf};

use crate::devices;
use crate::domain::{Device, Enrolled, Equipment, in_full};
use crate::probe::child::Program;
use crate::probe::{ProbeConfig, Roots, audio, camera, display, ups};

/// The file's name in the state folder.
pub const FILE: &str = "enrolled.toml";

/// What was seen of a room's equipment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is there.
    pub devices: Vec<Device>,
    /// What could not be looked at, and why: of it nothing is known, neither that it is there nor that it is not.
    pub unseen: Vec<(Equipment, String)>,
}

/// Looks at this machine, and asks the upsd that the config names. A camera that is in use is not opened.
pub async fn look(roots: &Roots, probes: &[ProbeConfig]) -> Seen {
    let resolv_conf = Path::new("/etc/resolv.conf");
    look_with(roots, resolv_conf, &Program::device_child(), probes).await
}

async fn look_with(roots: &Roots, resolv_conf: &Path, device_child: &Program, probes: &[ProbeConfig]) -> Seen {
    let mut seen = Seen::default();
    let plain = |kind, name| Device { kind, name, usb: None, serial: None, place: None, absent: false };
    for camera in camera::present(roots, device_child).await {
        let camera::Present { card, usb, serial, place, .. } = camera;
        seen.devices.push(Device { usb, serial, place, ..plain(Equipment::Camera, card) });
    }
    // Behind a card of software there is nothing that could be missing.
    for card in audio::present(roots).into_iter().filter(|card| !card.software) {
        let audio::Present { name, usb, serial, place, .. } = card;
        seen.devices.push(Device { usb, serial, place, ..plain(Equipment::Audio, name) });
    }
    for display in display::present(&roots.sys).into_iter().filter(|display| display.connected == Some(true)) {
        let name = display.display.unwrap_or_else(|| "?".to_owned());
        seen.devices.push(Device { place: Some(display.connector), ..plain(Equipment::Display, name) });
    }
    for (via, interface) in devices::default_gateways(&roots.proc) {
        seen.devices.push(Device { place: Some(interface), ..plain(Equipment::Gateway, via.to_string()) });
    }
    for server in devices::machine_nameservers(resolv_conf) {
        seen.devices.push(plain(Equipment::Resolver, server));
    }
    for config in probes {
        let ProbeConfig::Ups(config) = config else { continue };
        match ups::present(config).await {
            Ok(upses) => seen.devices.extend(upses.into_iter().map(|ups| Device {
                serial: ups.serial,
                place: Some(ups.place),
                ..plain(Equipment::Ups, ups.model)
            })),
            Err(error) => seen.unseen.push((Equipment::Ups, error.to_string())),
        }
    }
    // What a device says of itself may not colour a terminal.
    for device in &mut seen.devices {
        let more = [&mut device.usb, &mut device.serial, &mut device.place].into_iter().flatten();
        for text in more.chain([&mut device.name]) {
            *text = text.replace(char::is_control, " ");
        }
    }
    seen
}

/// Why a record cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It is no record.
    #[error("{} is no record of a room", .0.display())]
    Wrong(PathBuf, #[source] Box<toml::de::Error>),
    /// The file cannot be written.
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// It cannot be put into words.
    #[error("the record cannot be written as TOML")]
    Render(#[from] toml::ser::Error),
}

/// Reads a record; `None` if there is none.
///
/// # Errors
/// See [`RecordError`].
pub fn read(file: &Path) -> Result<Option<Enrolled>, RecordError> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            toml::from_str(&text).map(Some).map_err(|error| RecordError::Wrong(file.to_owned(), Box::new(error)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RecordError::Read(file.to_owned(), error)),
    }
}

/// Keeps a record, with a comment before it. It is written aside and renamed: half a record is never read.
///
/// # Errors
/// See [`RecordError`].
pub fn write(file: &Path, comment: &str, record: &Enrolled) -> Result<(), RecordError> {
    let text = format!("# {}\n\n{}", comment.replace('\n', "\n# "), toml::to_string(record)?);
    let mut aside = file.to_owned().into_os_string();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(&aside, text))
        .and_then(|()| std::fs::rename(&aside, file))
        .map_err(|error| RecordError::Write(file.to_owned(), error))
}

impl RecordError {
    /// What is wrong, in full.
    pub fn in_full(&self) -> String {
        in_full(self)
    }
}

#[cfg(test)]
mod tests;
