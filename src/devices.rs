//! What `siaga devices` prints: what is on this machine, as TOML that can go into the config as it is. What people read stands in
//! its comments.

use std::fmt::{self, Write as _};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::domain::{Kind, Lang, Text};
use crate::probe::child::Program;
use crate::probe::{Roots, audio, camera, display};

const UNSEEN: Text = Text::new("tidak dapat dilihat", "cannot be seen");

/// What is on this machine.
#[derive(Debug)]
pub struct Devices {
    lang: Lang,
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    title: Text,
    /// What to say where there is nothing.
    none: Text,
    /// What there is, or why that cannot be said.
    entries: io::Result<Vec<Entry>>,
}

/// One device: a line for people, and the check that watches it, if one should.
#[derive(Clone, Debug)]
struct Entry {
    line: String,
    check: Option<Check>,
}

/// What a check on a device needs to say.
#[derive(Clone, Debug)]
struct Check {
    kind: Kind,
    /// The key that names the device, and what to write there.
    key: &'static str,
    value: String,
    /// Keys whose default does not fit this device.
    more: String,
}

impl Check {
    const fn new(kind: Kind, key: &'static str, value: String) -> Self {
        Self { kind, key, value, more: String::new() }
    }
}

/// Looks at this machine. Takes as long as its cameras take to answer, a few seconds each at most.
pub async fn list(roots: &Roots, lang: Lang) -> Devices {
    list_with(roots, Path::new("/etc/resolv.conf"), &Program::device_child(), lang).await
}

async fn list_with(roots: &Roots, resolv_conf: &Path, device_child: &Program, lang: Lang) -> Devices {
    let say = |id, en| Text::new(id, en).in_lang(lang);
    let none = Text::new("tidak ada", "none");
    let section = |title, entries| Section { title, none, entries };
    let shown = |camera: camera::Present| {
        let mut line = format!("{}: {}", camera.path, camera.known.name);
        if camera.in_use {
            _ = write!(line, ", {}", say("sedang dipakai", "in use"));
        }
        if !camera.formats.is_empty() {
            _ = write!(line, ", {}", camera.formats.join(" "));
        }
        Entry { line, check: Some(Check::new(Kind::Camera, "device", camera.device)) }
    };
    let cameras = camera::present(roots, device_child).await;
    let sections = vec![
        section(Text::new("Sambungan jaringan", "Network interfaces"), Ok(links(roots, say))),
        section(Text::new("Gateway", "Default gateway"), Ok(gateways(&roots.proc))),
        section(Text::new("Server nama (DNS)", "Nameservers"), Ok(nameservers(resolv_conf))),
        section(Text::new("Perangkat suara", "Sound cards"), sounds(roots, say)),
        section(Text::new("Kamera", "Cameras"), cameras.map(|cameras| cameras.into_iter().map(shown).collect())),
        section(Text::new("Layar", "Displays"), displays(roots, say)),
    ];
    Devices { lang, sections }
}

fn read(path: &Path) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

fn links(roots: &Roots, say: impl Fn(&'static str, &'static str) -> &'static str) -> Vec<Entry> {
    let class = roots.sys.join("class/net");
    let entries = std::fs::read_dir(&class).into_iter().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| name != "lo");
    names.sort();
    let link = |name: String| {
        let folder = class.join(&name);
        let kind = match folder.join("wireless").exists() {
            true => "Wi-Fi",
            false if folder.join("device").exists() => say("kabel", "wired"),
            // A bridge or a tunnel goes by way of an interface that is equipment.
            false => say("buatan perangkat lunak", "made by software"),
        };
        // The speed cannot be read, or is -1, where there is no carrier (the kernel's sysfs-class-net).
        let carrier = read(&folder.join("carrier")).as_deref() == Some("1");
        let speed = read(&folder.join("speed")).and_then(|speed| speed.parse::<u32>().ok());
        let mut line = format!("{name}: {kind}, ");
        line.push_str(if carrier { say("tersambung", "connected") } else { say("tidak tersambung", "not connected") });
        if let Some(speed) = speed.filter(|_| carrier) {
            _ = write!(line, ", {speed} Mbit/s");
        }
        Entry { line, check: carrier.then(|| Check::new(Kind::Link, "interface", name)) }
    };
    names.into_iter().map(link).collect()
}

/// The default gateways with their interfaces, from `/proc/net/route` and `/proc/net/ipv6_route`.
pub(crate) fn default_gateways(proc: &Path) -> Vec<(IpAddr, String)> {
    let v4 = read(&proc.join("net/route")).unwrap_or_default();
    let v6 = read(&proc.join("net/ipv6_route")).unwrap_or_default();
    let v4 = v4.lines().filter_map(gateway_v4).map(|(via, interface)| (IpAddr::V4(via), interface.to_owned()));
    let v6 = v6.lines().filter_map(gateway_v6).map(|(via, interface)| (IpAddr::V6(via), interface.to_owned()));
    let mut gateways: Vec<_> = v4.chain(v6).collect();
    gateways.dedup();
    gateways
}

/// The check follows whichever it is at the moment.
fn gateways(proc: &Path) -> Vec<Entry> {
    let gateways = default_gateways(proc).into_iter();
    let mut entries: Vec<_> = gateways.map(|(via, on)| Entry { line: format!("{via} ({on})"), check: None }).collect();
    if let Some(first) = entries.first_mut() {
        first.check = Some(Check::new(Kind::Icmp, "target", "gateway".to_owned()));
    }
    entries
}

/// `eth0 00000000 010200C0 0003 …`: interface, destination, gateway, flags; addresses as the processor holds them.
fn gateway_v4(line: &str) -> Option<(Ipv4Addr, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let (interface, destination, via) = (fields.next()?, fields.next()?, fields.next()?);
    let via = Ipv4Addr::from(u32::from_str_radix(via, 16).ok()?.to_ne_bytes());
    (destination == "00000000" && !via.is_unspecified()).then_some((via, interface))
}

/// Destination, its length, source, its length, next hop, metric, counts, flags, interface; addresses in network order.
fn gateway_v6(line: &str) -> Option<(Ipv6Addr, &str)> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let [_, length, _, _, via, .., interface] = fields[..] else { return None };
    let via = Ipv6Addr::from(u128::from_str_radix(via, 16).ok()?);
    (length == "00" && !via.is_unspecified()).then_some((via, interface))
}

/// The machine's nameservers, as resolv.conf(5) writes them.
pub(crate) fn machine_nameservers(resolv_conf: &Path) -> Vec<String> {
    let text = read(resolv_conf).unwrap_or_default();
    let servers = text.lines().filter_map(|line| line.strip_prefix("nameserver")?.split_ascii_whitespace().next());
    servers.map(ToOwned::to_owned).collect()
}

/// Shown only: whoever writes a check on a nameserver says which name to ask for.
fn nameservers(resolv_conf: &Path) -> Vec<Entry> {
    machine_nameservers(resolv_conf).into_iter().map(|line| Entry { line, check: None }).collect()
}

fn sounds(roots: &Roots, say: impl Fn(&'static str, &'static str) -> &'static str) -> io::Result<Vec<Entry>> {
    let entry = |card: audio::Present| {
        let what = match (card.capture, card.playback) {
            (true, true) => say("mikrofon dan pengeras suara", "microphone and loudspeakers"),
            (true, false) => say("mikrofon", "microphone"),
            (false, true) => say("pengeras suara", "loudspeakers"),
            (false, false) => say("tanpa mikrofon dan pengeras suara", "neither microphone nor loudspeakers"),
        };
        let line = format!("{}: {}, {what}", card.id, card.name);
        let lacks = match (card.capture, card.playback) {
            (true, true) => "",
            (_, false) => "playback = false\n",
            (false, true) => "capture = false\n",
        };
        // Whether it works says nothing of the USB bus.
        let more = format!("{lacks}{}", if card.known.usb.is_none() { "level = \"onboard\"\n" } else { "" });
        let check = Check { more, ..Check::new(Kind::Audio, "card", card.card) };
        Entry { line, check: (!card.software && (card.capture || card.playback)).then_some(check) }
    };
    Ok(audio::present(roots)?.into_iter().map(entry).collect())
}

fn displays(roots: &Roots, say: impl Fn(&'static str, &'static str) -> &'static str) -> io::Result<Vec<Entry>> {
    let entry = |display: display::Present| {
        let state = match display.connected {
            Some(true) => say("tersambung", "connected"),
            Some(false) => say("tidak tersambung", "not connected"),
            None => say(UNSEEN.id, UNSEEN.en),
        };
        let name = display.display.map(|name| format!(" ({name})")).unwrap_or_default();
        let line = format!("{}: {state}{name}", display.connector);
        let check =
            (display.connected == Some(true)).then(|| Check::new(Kind::Display, "connector", display.connector));
        Entry { line, check }
    };
    Ok(display::present(&roots.sys)?.into_iter().map(entry).collect())
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "# {}", section.title.in_lang(self.lang))?;
            match &section.entries {
                Ok(entries) if entries.is_empty() => writeln!(f, "#   {}", section.none.in_lang(self.lang))?,
                Ok(_) => {}
                Err(error) => writeln!(f, "#   {} ({error})", UNSEEN.in_lang(self.lang))?,
            }
            let mut count = 0;
            for entry in section.entries.iter().flatten() {
                writeln!(f, "#   {}", entry.line.replace(char::is_control, " "))?;
                let Some(Check { kind, key, value, more }) = &entry.check else { continue };
                count += 1;
                let name = match (kind, count) {
                    (Kind::Icmp, 1) => "gateway".to_owned(),
                    (_, 1) => kind.to_string(),
                    _ => format!("{kind}-{count}"),
                };
                let value = toml::Value::from(value.as_str());
                writeln!(f, "[[check]]\nname = \"{name}\"\nkind = \"{kind}\"\n{key} = {value}\n{more}")?;
            }
            if count == 0 {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
