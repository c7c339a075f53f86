//! What `siaga enroll` records: the room's equipment, looked at once, and the file that keeps it.

use std::io;
use std::path::{Path, PathBuf};

use crate::devices;
use crate::domain::{Device, Enrolled, Equipment};
use crate::probe::child::Program;
use crate::probe::{ProbeConfig, Roots, audio, camera, display, radio, ups};
use crate::seat;
use crate::whole_file;

/// What was seen of a room's equipment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is there.
    pub devices: Vec<Device>,
    /// What could not be looked at, and why: of it nothing is known, neither that it is there nor that it is not.
    pub unseen: Vec<(Equipment, String)>,
}

/// What a desktop session uses by default.
const DEFAULTS: [Equipment; 2] = [Equipment::Source, Equipment::Sink];

/// Looks at this machine, and asks the upsd and the session's sound server that the config names. A camera that is in use is not opened.
pub async fn look(roots: &Roots, probes: &[ProbeConfig]) -> Seen {
    let resolv_conf = Path::new("/etc/resolv.conf");
    look_with(roots, resolv_conf, &Program::device_child(), probes).await
}

async fn look_with(roots: &Roots, resolv_conf: &Path, device_child: &Program, probes: &[ProbeConfig]) -> Seen {
    let mut seen = Seen::default();
    let plain =
        |kind, name| Device { kind, name, usb: None, serial: None, place: None, also: Vec::new(), absent: false };
    match camera::present(roots, device_child).await {
        Ok(cameras) => seen.devices.extend(cameras.into_iter().map(|camera| camera.known)),
        Err(error) => seen.unseen.push((Equipment::Camera, error.to_string())),
    }
    match audio::present(roots) {
        // Behind a card of software there is nothing that could be missing.
        Ok(cards) => {
            seen.devices.extend(cards.into_iter().filter(|card| !card.software).map(|card| card.known));
        }
        Err(error) => seen.unseen.push((Equipment::Audio, error.to_string())),
    }
    match display::present(&roots.sys) {
        Ok(displays) => seen.devices.extend(displays.into_iter().filter_map(|display| display.known)),
        Err(error) => seen.unseen.push((Equipment::Display, error.to_string())),
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
    for config in probes {
        let ProbeConfig::Radio(config) = config else { continue };
        match radio::present(config, roots) {
            Ok(devices) => {
                // The radio's card is the radio's alone: whoever pulls it out does the room's microphones no harm.
                let is_radios = |card: &Device| {
                    card.kind == Equipment::Audio
                        && devices.iter().any(|radio| radio.place == card.place && radio.name == card.name)
                };
                seen.devices.retain(|device| !is_radios(device));
                seen.devices.extend(devices);
            }
            Err(error) => seen.unseen.push((Equipment::Radio, error.to_string())),
        }
    }
    for config in probes {
        let ProbeConfig::Seat(config) = config else { continue };
        match seat::defaults(&config.user).await {
            Ok(defaults) => seen.devices.extend(
                defaults.iter().zip(DEFAULTS).filter_map(|(device, kind)| Some(device.as_ref()?.enrolled(kind))),
            ),
            Err(error) => seen.unseen.extend(DEFAULTS.map(|kind| (kind, error.clone()))),
        }
    }
    // What a device says of itself may not colour a terminal.
    for device in &mut seen.devices {
        *device = device.plainly();
    }
    seen
}

/// Why a record cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file cannot be written.
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// It cannot be put into words.
    #[error("the record cannot be written as TOML")]
    Render(#[from] toml::ser::Error),
}

/// Keeps a record, with a comment before it, whole or not at all. Its folder must be there.
///
/// # Errors
/// See [`KeepError`].
pub fn write(file: &Path, comment: &str, record: &Enrolled) -> Result<(), KeepError> {
    let text = format!("# {}\n\n{}", comment.replace('\n', "\n# "), toml::to_string(record)?);
    // By root with a umask that lets nobody read: the daemon is another user, and no secret is in it.
    let kept = whole_file::replace(file, text.as_bytes(), None, 0o644);
    kept.map_err(|error| KeepError::Write(file.to_owned(), error))
}

#[cfg(test)]
mod tests;
