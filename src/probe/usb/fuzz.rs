//! What `make fuzz` holds the readers of what USB devices say of themselves to: the kernel reads their descriptors, and hands what
//! stands there on by sysfs, and by the list of sound cards. Compiled where assertions are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what is wrong by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;

use super::buses;
use crate::domain::enrolled::differences;
use crate::domain::plain::is_unseen;
use crate::domain::{Device, Enrolled};
use crate::probe::Roots;
use crate::probe::audio::{Seen, cards};
use crate::probe::camera::nodes;
use crate::probe::radio::interface::{Interface, look};

const CONTROLLER: &str = "0000:00:14.0";
/// Where devices are plugged in, one behind another.
const PORTS: [&str; 3] = ["2", "2.1", "2.1.4"];
/// What each says of itself, each ended by a zero byte: its numbers (class, its interface's class, vendor, product), its maker's name,
/// its own, its serial number.
const SAYS: usize = 4;

/// Up to three devices, each with all that it says, as cameras, sound cards and keys of a radio at once.
///
/// # Panics
/// Where a reader does; where one device keeps the others from being seen, is taken for another than it was a moment ago, or says
/// what a terminal would heed.
pub fn devices(bytes: &[u8]) {
    let said: Vec<&[u8]> = bytes.split(|byte| *byte == 0).take(SAYS * PORTS.len()).collect();
    let machine = Machine::new();
    let mut list = Vec::new();
    for (number, said) in said.chunks(SAYS).enumerate() {
        machine.plug(number, said);
        list.extend(card(number, said));
    }
    machine.write("proc/asound/cards", &list);
    let roots = machine.roots();
    let plugged = said.chunks(SAYS).len();

    let buses = buses::list(&roots.sys).expect("sysfs is there");
    for (bus, carries) in &buses {
        assert!(buses.get(CONTROLLER).is_none_or(|whole| *whole >= *carries), "{bus} has what its controller has not");
        assert!(bus == CONTROLLER || bus.starts_with(&format!("usb-{CONTROLLER}-2")), "{bus}");
    }
    let place = |number: usize| format!("usb-{CONTROLLER}-{}", PORTS[number]);
    let cameras = nodes::list(&roots).expect("sysfs is there");
    assert_eq!(cameras.len(), plugged, "each is seen, whatever it says");
    let sounds = cards::heads(&roots.proc).expect("the list can be read, whatever stands in it");
    let mut found = Vec::new();
    for number in 0..plugged {
        let is_this = |card: &&cards::Card| card.number as usize == number && card.id == format!("C{number}");
        found.push(cameras[number].as_device());
        found.push(sounds.iter().find(is_this).expect("each is seen, whatever others say").as_device(&roots.sys));
        let key = Interface { key: Some(format!("/dev/ttyUSB{number}").into()), ..Interface::default() };
        found.extend(look(&key, &roots, &Seen::default()).expect("sysfs is there").devices);
        let known = |device: &Device| device.usb.is_some() && device.place == Some(place(number));
        assert!(found[number * 3..].iter().all(known), "{found:?}");
    }
    // What the room's record is compared with.
    let again = Enrolled { at: Timestamp::UNIX_EPOCH, devices: found.iter().map(Device::plainly).collect() };
    let again: Enrolled = toml::from_str(&toml::to_string(&again).expect("it is written")).expect("and read");
    for device in &again.devices {
        let words = [Some(&device.name), device.usb.as_ref(), device.serial.as_ref(), device.place.as_ref()];
        assert!(!words.into_iter().flatten().any(|word| word.contains(is_unseen)), "{device:?}");
    }
    assert_eq!(differences(&again.devices, &found), [], "the same devices as a moment ago");
}

/// As the kernel lists a sound card (`snd_card_info_read`): a short name and a long one, which ends where there is no more room, in
/// the middle of a character too (`usb_audio_make_longname`).
fn card(number: usize, said: &[&[u8]]) -> Vec<u8> {
    let word = |at: usize| said.get(at).copied().unwrap_or_default();
    let (maker, name) = (word(1), word(2));
    let place = format!(" at usb-{CONTROLLER}-{}, high speed", PORTS[number]);
    let mut long = [maker, b" ", name, place.as_bytes()].concat();
    long.truncate(79);
    let short = &name[..name.len().min(31)];
    [
        format!(" {number} [C{number}             ]: USB-Audio - ").as_bytes(),
        short,
        b"\n                      ",
        &long,
        b"\n",
    ]
    .concat()
}

/// A folder that stands for a machine's files; gone when dropped.
struct Machine(PathBuf);

impl Machine {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let name = format!("siaga-usb-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let machine = Self(folder.join(name));
        for folder in ["proc/asound", "dev", "sys/bus/usb/devices", "sys/class/video4linux", "sys/class/sound"] {
            fs::create_dir_all(machine.0.join(folder)).expect("a folder");
        }
        fs::create_dir(machine.0.join("sys/class/tty")).expect("a folder");
        machine
    }

    fn roots(&self) -> Roots {
        Roots { proc: self.0.join("proc"), sys: self.0.join("sys"), dev: self.0.join("dev") }
    }

    fn write(&self, path: &str, said: &[u8]) {
        fs::write(self.0.join(path), said).expect("a file");
    }

    fn link(&self, path: &str, to: &str) {
        symlink(self.0.join(to), self.0.join(path)).expect("a link");
    }

    fn plug(&self, number: usize, said: &[&[u8]]) {
        let ports = PORTS[number];
        let above: String = PORTS[..number].iter().flat_map(|ports| ["/1-", ports]).collect();
        let device = format!("sys/devices/pci0000:00/{CONTROLLER}/usb1{above}/1-{ports}");
        let interface = format!("{device}/1-{ports}:1.0");
        let node = format!("{interface}/video{number}");
        for folder in [node.clone(), format!("{interface}/ttyUSB{number}"), format!("proc/asound/card{number}")] {
            fs::create_dir_all(self.0.join(folder)).expect("a folder");
        }
        // What is a number in its descriptors the kernel writes as one.
        let numbers = said.first().copied().unwrap_or_default();
        let digit = |at: usize| numbers.get(at).copied().unwrap_or_default();
        let pair = |at: usize| format!("{:02x}{:02x}", digit(at), digit(at + 1));
        for (file, digits) in [
            (format!("{device}/bDeviceClass"), format!("{:02x}", digit(0))),
            (format!("{interface}/bInterfaceClass"), format!("{:02x}", digit(1))),
            (format!("{device}/idVendor"), pair(2)),
            (format!("{device}/idProduct"), pair(4)),
            (format!("proc/asound/card{number}/usbid"), format!("{}:{}", pair(2), pair(4))),
        ] {
            self.write(&file, format!("{digits}\n").as_bytes());
        }
        let line = |at: usize| [said.get(at).copied().unwrap_or_default(), b"\n"].concat();
        for (at, file) in ["manufacturer", "product", "serial"].iter().enumerate() {
            // What a device does not tell has no file.
            if line(at + 1).len() > 1 {
                self.write(&format!("{device}/{file}"), &line(at + 1));
            }
        }
        self.write(&format!("{node}/name"), &line(2));
        self.write(&format!("dev/ttyUSB{number}"), b"");
        for (link, to) in [
            (format!("{node}/device"), &interface),
            (format!("sys/class/video4linux/video{number}"), &node),
            (format!("sys/bus/usb/devices/1-{ports}"), &device),
            (format!("sys/bus/usb/devices/1-{ports}:1.0"), &interface),
        ] {
            self.link(&link, to);
        }
        for (class, of) in [("sound", format!("card{number}")), ("tty", format!("ttyUSB{number}"))] {
            let folder = format!("sys/class/{class}/{of}");
            fs::create_dir(self.0.join(&folder)).expect("a folder");
            let to = if class == "tty" { format!("{interface}/{of}") } else { interface.clone() };
            self.link(&format!("{folder}/device"), &to);
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
