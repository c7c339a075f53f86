//! What was recorded of a room when it was known to be good, and how what is there now differs from it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plain::plain;
use super::reason::Text;
use super::verdict::Verdict;

/// A room's equipment, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// When.
    pub at: Timestamp,
    /// What was there.
    #[serde(default, rename = "device")]
    pub devices: Vec<Device>,
}

/// One piece of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What it is.
    pub kind: Equipment,
    /// What people call it: a product's name, a display's (EDID), an address.
    pub name: String,
    /// USB vendor and product: `046d:0825`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usb: Option<String>,
    /// Its serial number, if it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Where it is attached: a USB port (`usb-0000:00:14.0-2`), a connector, an interface. It tells twins apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Names by which a config may mean it, beside these: a link under `/dev/v4l`, a node, a card's short name, a connector's
    /// without its card.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// It is away on purpose, and not missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

/// What is enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Equipment {
    /// A camera.
    Camera,
    /// A sound card.
    Audio,
    /// A display.
    Display,
    /// A UPS.
    Ups,
    /// The two-way radio's sound card, or what presses its key.
    Radio,
    /// The default gateway.
    Gateway,
    /// A nameserver.
    Resolver,
    /// The microphone that the desktop session uses by default.
    Source,
    /// The loudspeaker that the desktop session uses by default.
    Sink,
}

impl Equipment {
    /// The word shown to people.
    pub const fn title(self) -> Text {
        match self {
            Self::Camera => Text::new("Kamera", "Camera"),
            Self::Audio => Text::new("Perangkat suara", "Sound device"),
            Self::Display => Text::new("Layar", "Display"),
            Self::Ups => Text::new("UPS", "UPS"),
            Self::Radio => Text::new("Antarmuka HT", "Radio interface"),
            Self::Gateway => Text::new("Gateway", "Gateway"),
            Self::Resolver => Text::new("Server nama (DNS)", "Nameserver"),
            Self::Source => Text::new("Mikrofon pilihan", "Default microphone"),
            Self::Sink => Text::new("Pengeras suara pilihan", "Default loudspeaker"),
        }
    }
}

impl Device {
    /// Whether it is one and the same, or a twin that nothing but its place tells from it. A product's name is the driver's
    /// to word, so that vendor and product go before it.
    pub fn is(&self, other: &Self) -> bool {
        let same_product = match (&self.usb, &other.usb) {
            (Some(usb), Some(others)) => usb == others,
            _ => self.name == other.name,
        };
        self.kind == other.kind && same_product && self.serial == other.serial
    }

    /// Whether `wanted` (a config's word for a device) names it: vendor and product, a part of its name, its place, another name
    /// that it had when it was recorded.
    pub fn is_meant(&self, wanted: &str) -> bool {
        let within = |text: &str| text.to_lowercase().contains(&wanted.to_lowercase());
        self.usb.as_deref().is_some_and(|usb| usb.eq_ignore_ascii_case(wanted))
            || within(&self.name)
            || self.place.as_deref().is_some_and(|place| place == wanted)
            || self.also.iter().any(|name| name == wanted)
    }

    /// The same in words that do nothing where they are shown: what a device says of itself is its maker's.
    #[must_use]
    pub fn plainly(&self) -> Self {
        let words = |words: &Option<String>| words.as_deref().map(plain);
        let (usb, serial, place) = (words(&self.usb), words(&self.serial), words(&self.place));
        Self { name: plain(&self.name), usb, serial, place, ..self.clone() }
    }

    fn is_at(&self, other: &Self) -> bool {
        self.kind == other.kind && self.place.is_some() && self.place == other.place
    }
}

/// `Webcam C270 (046d:0825, 5A1B)`
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (&self.usb, &self.serial) {
            (Some(usb), Some(serial)) => write!(f, " ({usb}, {serial})"),
            (Some(one), None) | (None, Some(one)) => write!(f, " ({one})"),
            (None, None) => Ok(()),
        }
    }
}

/// One way in which a room is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is not there.
    Missing(Device),
    /// Another stands in its place.
    Other {
        /// What was recorded.
        enrolled: Device,
        /// What stands there.
        present: Device,
    },
    /// It is attached elsewhere.
    Moved {
        /// As it was recorded.
        enrolled: Device,
        /// As it is.
        present: Device,
    },
    /// It was not recorded.
    New(Device),
}

impl Difference {
    /// What it makes of the room: without what was there when it was good nobody knows it to be good; with something more, or
    /// at another port, it is worth a look.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Missing(_) | Self::Other { .. } => Verdict::NotReady,
            Self::Moved { .. } | Self::New(_) => Verdict::Degraded,
        }
    }
}

/// Holds what is there against what was recorded. Each device answers for one of the other side: first for the same at the same
/// place, then for the same elsewhere, then for another at its place.
pub fn differences(enrolled: &[Device], present: &[Device]) -> Vec<Difference> {
    let mut missed: Vec<&Device> = enrolled.iter().collect();
    let mut found: Vec<&Device> = present.iter().collect();
    let mut pairs = |fits: &dyn Fn(&Device, &Device) -> bool| {
        let mut pairs = Vec::new();
        missed.retain(|enrolled| {
            let Some(at) = found.iter().position(|present| fits(enrolled, present)) else { return true };
            pairs.push(((*enrolled).clone(), found.remove(at).clone()));
            false
        });
        pairs
    };
    let is_in_place = |enrolled: &Device, present: &Device| enrolled.is(present) && enrolled.place == present.place;
    // One that somebody has taken away answers for its twin only where nobody misses that, at whatever place.
    pairs(&|enrolled, present| !enrolled.absent && is_in_place(enrolled, present));
    let mut moved = pairs(&|enrolled, present| !enrolled.absent && enrolled.is(present));
    pairs(&is_in_place);
    moved.extend(pairs(&|enrolled, present| enrolled.is(present)));
    let others = pairs(&|enrolled, present| !enrolled.absent && enrolled.is_at(present));

    let others = others.into_iter().map(|(enrolled, present)| Difference::Other { enrolled, present });
    let missing = missed.into_iter().filter(|device| !device.absent).cloned().map(Difference::Missing);
    let moved = moved.into_iter().map(|(enrolled, present)| Difference::Moved { enrolled, present });
    let new = found.into_iter().cloned().map(Difference::New);
    others.chain(missing).chain(moved).chain(new).collect()
}

/// Devices that tell a serial number which another of the same product tells too: only their places tell them apart.
pub fn doubles(devices: &[Device]) -> impl Iterator<Item = &Device> {
    let doubled = |at: usize| {
        let device = &devices[at];
        device.serial.is_some() && devices[..at].iter().chain(&devices[at + 1..]).any(|other| other.is(device))
    };
    (0..devices.len()).filter(move |at| doubled(*at)).map(|at| &devices[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use Difference::{Missing, Moved, New, Other};

    fn camera(usb: &str, serial: Option<&str>, place: &str) -> Device {
        Device {
            kind: Equipment::Camera,
            name: "Webcam".to_owned(),
            usb: Some(usb.to_owned()),
            serial: serial.map(ToOwned::to_owned),
            place: Some(place.to_owned()),
            also: Vec::new(),
            absent: false,
        }
    }

    #[test]
    fn what_is_as_it_was_is_no_difference() {
        let (one, two) = (camera("046d:0825", None, "usb-a-1"), camera("046d:0825", None, "usb-a-2"));
        assert_eq!(differences(&[one.clone(), two.clone()], &[two.clone(), one.clone()]), []);
        let renamed = Device { name: "UVC Camera".to_owned(), ..one.clone() };
        assert_eq!(differences(&[one], &[renamed]), []);
        assert_eq!(differences(&[], &[]), []);
    }

    #[test]
    fn a_twin_that_is_plugged_in_where_another_was_taken_away_is_moved_and_not_missing() {
        let taken = Device { absent: true, ..camera("046d:0825", None, "usb-a-1") };
        let (here, there) = (camera("046d:0825", None, "usb-a-2"), camera("046d:0825", None, "usb-a-1"));
        let moved = Moved { enrolled: here.clone(), present: there.clone() };
        assert_eq!(differences(&[taken.clone(), here.clone()], std::slice::from_ref(&there)), [moved]);
        assert_eq!(differences(&[taken, here.clone()], &[there, here]), []);
    }

    #[test]
    fn of_twins_without_a_serial_number_the_missing_one_is_named_by_its_port() {
        let (one, two) = (camera("046d:0825", None, "usb-a-1"), camera("046d:0825", None, "usb-a-2"));
        assert_eq!(differences(&[one.clone(), two.clone()], std::slice::from_ref(&two)), [Missing(one.clone())]);
        assert_eq!(differences(&[one.clone(), two.clone()], std::slice::from_ref(&one)), [Missing(two)]);
        // Two that claim one serial number (it happens) are told apart in the same way.
        let double = |place| camera("046d:0825", Some("0001"), place);
        assert_eq!(
            differences(&[double("usb-a-1"), double("usb-a-2")], &[double("usb-a-2")]),
            [Missing(double("usb-a-1"))]
        );
        assert_eq!(doubles(&[double("usb-a-1"), one.clone(), double("usb-a-2")]).count(), 2);
        assert_eq!(doubles(&[one.clone(), one]).count(), 0, "those that tell none are twins, and no news");
    }

    #[test]
    fn another_at_its_place_is_another_and_the_same_elsewhere_has_moved() {
        let enrolled = camera("046d:0825", Some("A"), "usb-a-1");
        let sister = camera("046d:0825", Some("B"), "usb-a-1");
        let elsewhere = camera("046d:0825", Some("A"), "usb-a-4");
        let one = |present: &Device| differences(std::slice::from_ref(&enrolled), std::slice::from_ref(present));
        assert_eq!(one(&sister), [Other { enrolled: enrolled.clone(), present: sister.clone() }]);
        assert_eq!(one(&elsewhere), [Moved { enrolled: enrolled.clone(), present: elsewhere.clone() }]);
        // It has moved and another took its port: nothing is missing.
        assert_eq!(
            differences(std::slice::from_ref(&enrolled), &[sister.clone(), elsewhere.clone()]),
            [Moved { enrolled, present: elsewhere }, New(sister)]
        );
    }

    #[test]
    fn what_is_away_on_purpose_is_not_missed_and_nothing_stands_in_for_it() {
        let away = Device { absent: true, ..camera("046d:0825", None, "usb-a-1") };
        let other = camera("1bcf:28c4", None, "usb-a-1");
        assert_eq!(differences(std::slice::from_ref(&away), &[]), []);
        assert_eq!(differences(std::slice::from_ref(&away), std::slice::from_ref(&other)), [New(other)]);
        let back = Device { absent: false, ..away.clone() };
        assert_eq!(differences(std::slice::from_ref(&away), &[back]), []);
        // Its twin that is plugged in elsewhere is the twin, wherever in the file it stands.
        let (twin, elsewhere) = (camera("046d:0825", None, "usb-a-2"), camera("046d:0825", None, "usb-a-3"));
        let moved = [Moved { enrolled: twin.clone(), present: elsewhere.clone() }];
        assert_eq!(differences(&[away, twin], &[elsewhere]), moved);
    }

    #[test]
    fn kinds_do_not_mix() {
        let gateway = |name: &str| Device {
            kind: Equipment::Gateway,
            name: name.to_owned(),
            usb: None,
            serial: None,
            place: Some("eth0".to_owned()),
            also: Vec::new(),
            absent: false,
        };
        let resolver = Device { kind: Equipment::Resolver, place: None, ..gateway("192.0.2.1") };
        let before = [gateway("192.0.2.1"), resolver.clone()];
        assert_eq!(differences(&before, &before), []);
        let other = Other { enrolled: gateway("192.0.2.1"), present: gateway("192.0.2.254") };
        assert_eq!(differences(&before, &[gateway("192.0.2.254"), resolver]), [other]);
    }
}
