//! File shapes → domain: the one config file, all its errors at once.
//!
//! A text is parsed once into tables that know their places; each section is read by serde through `reader`, which goes
//! on after an error; then come the rules between sections. A [`Config`] exists only if nothing at all is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calendar;
use crate::domain::sheet::Item;
use crate::domain::{Plan, Settings, Uplink};
use crate::named_file;
use crate::notify;
use crate::notify::routes::{Maintenance, Route};
use crate::probe::ProbeConfig;
use crate::remote_write;

mod agenda;
mod beside;
#[cfg(test)]
mod beside_tests;
mod bounds;
mod certificate;
mod checks;
pub mod init;
mod problem;
mod profiles;
mod pushes;
mod quote;
mod radio_cards;
mod reader;
mod receivers;
mod run_sheet;
pub mod schema;
mod sections;
mod shape;
mod shown;
#[cfg(test)]
mod tests;
mod tokens;
mod uplinks;

pub use agenda::Agenda;
pub use beside::Files;
pub(crate) use checks::judge_alone;
pub use problem::{Errors, Problem, Source};
pub use run_sheet::RunSheet;
pub use shape::{Control, Room, RoomName, Store, Web, Zone, is_title};

use beside::Beside;
use problem::Problems;
use reader::{Table, unknown_key};
use sections::{all_profiles, components, list, remedies, section, tree};
use uplinks::Uplinks;

/// The complete, commented example: what `siaga config print` prints.
pub const EXAMPLE: &str = include_str!("../../config/siaga.toml");
/// Its JSON schema: what `siaga config schema` prints, and what [`schema::schema`] makes.
pub const SCHEMA: &str = include_str!("../../config/schema.json");
/// What is used when there is no file: it watches this machine and contacts nobody.
pub const DEFAULT: &str = include_str!("../../config/default.toml");
/// The shipped profiles.
pub const PROFILES: &str = include_str!("../../config/profiles.toml");
/// Where the file is looked for unless something else is said.
pub const DEFAULT_PATH: &str = "/etc/siaga/siaga.toml";
/// The environment's word for the file.
pub const PATH_VARIABLE: &str = "SIAGA_CONFIG";

const DEFAULT_PROFILE: &str = "zoom_group_720";
const SECTIONS: [&str; 20] = [
    "room",
    "web",
    "store",
    "control",
    "agenda",
    "calendar",
    "run_sheet",
    "profiles",
    "profile",
    "components",
    "uplink",
    "check",
    "group",
    "receiver",
    "route",
    "maintenance",
    "roll_call",
    "inbound",
    "remote_write",
    "remedies",
];

/// Everything that the config says, in the domain's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whom it watches, and how it speaks of it.
    pub room: Room,
    /// The HTTP server.
    pub web: Web,
    /// How long things are kept.
    pub store: Store,
    /// Who may give orders on this machine.
    pub control: Control,
    /// The booked meetings.
    pub agenda: Agenda,
    /// Calendars of others that are followed.
    pub calendars: Vec<calendar::Config>,
    /// What staff check by hand before a meeting.
    pub run_sheet: Arc<[Item]>,
    /// What the judge is told.
    pub plan: Plan,
    /// What the probes are told: one for each of `plan.checks`, in their order.
    pub probes: Vec<ProbeConfig>,
    /// The ways out that it names, whether a check does or not.
    pub uplinks: Vec<Arc<Uplink>>,
    /// Who is notified.
    pub receivers: Vec<notify::Config>,
    /// What leads to whom.
    pub routes: Vec<Route>,
    /// When nothing does.
    pub maintenance: Vec<Maintenance>,
    /// When somebody is told that all is well.
    pub roll_call: Option<notify::RollCall>,
    /// What of other systems' alerts is told.
    pub inbound: Option<notify::Inbound>,
    /// Where what `/metrics` says is pushed, if anywhere.
    pub remote_write: Option<remote_write::Config>,
    /// Remedies in the room's own words, by reason code.
    pub remedies: BTreeMap<&'static str, Remedy>,
    /// What of it readers are shown.
    pub shown: Settings,
    /// Whether nothing stands in it, as in a file that was emptied by mistake.
    pub blank: bool,
    /// What of the files and programs that it names is not there: they may come later. Looked for only where a config is tried.
    pub doubts: Vec<Problem>,
}

/// A remedy in the room's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Bahasa Indonesia.
    pub id: String,
    /// English.
    pub en: String,
}

/// Where a config comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The one in the binary, because there is no file.
    BuiltIn,
}

impl Origin {
    /// Where to look: what was asked for (`--config`), else what the environment says, else [`DEFAULT_PATH`] if it is
    /// there, else the binary. A file that was asked for and is missing is an error, not a reason to look elsewhere.
    pub fn find(asked: Option<PathBuf>, environment: Option<PathBuf>) -> Self {
        let usual = || Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists());
        asked.or(environment).or_else(usual).map_or(Self::BuiltIn, Self::File)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn => f.write_str("the built-in config"),
        }
    }
}

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something is wrong in it.
    #[error(transparent)]
    Wrong(#[from] Errors),
}

/// The text of a config file. What is larger than any room's is no config but a device, a log or a mistake, and is not read
/// into the daemon's memory.
fn text_of(path: &Path) -> std::io::Result<String> {
    const LARGEST: u64 = 1 << 20;
    let mut bytes = Vec::new();
    named_file::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB, so it is no config"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        std::io::Error::new(ErrorKind::InvalidData, format!("line {line} is no text in UTF-8"))
    })
}

impl Config {
    /// Reads the config from where it stands. Who is to run with it also needs the files that it names: a secret that
    /// cannot be read would only be missed when somebody must be told.
    ///
    /// # Errors
    /// The file cannot be read, or something is wrong in it: everything that is wrong, at once.
    pub fn load(origin: &Origin, files: Files) -> Result<Self, LoadError> {
        let source = match origin {
            Origin::BuiltIn => Source::new("default.toml (built in)", DEFAULT),
            Origin::File(path) => {
                let text = text_of(path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
                Source::new(path.display().to_string(), text)
            }
        };
        Ok(Self::read(&source, files)?)
    }

    /// Reads the config in `source`. Touches no file but the one that `[profiles] file` names.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the text.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Errors> {
        Self::read(source, Files::NotAsked)
    }

    /// Where the first of the bandwidth tests stops early, bit/s: a rate beyond it was not looked for.
    pub fn enough(&self) -> Option<f64> {
        let rates = self.probes.iter().filter_map(|probe| match probe {
            ProbeConfig::Bandwidth(bandwidth) => Some(bandwidth.enough.0),
            _ => None,
        });
        rates.min_by(f64::total_cmp)
    }

    fn read(source: &Arc<Source>, files: Files) -> Result<Self, Errors> {
        let beside = Beside::new(source, files);
        let mut problems = Problems::new(Arc::clone(source));
        let tree = tree(source, &mut problems)?;
        let top = Table::new(tree.get_ref(), 0..0);
        for (key, span) in top.keys().filter(|(key, _)| !SECTIONS.contains(key)) {
            problems.say(span, unknown_key(key, SECTIONS));
        }

        let room: Room = section(top, "room", &mut problems);
        let mut web: Web = section(top, "web", &mut problems);
        tokens::look_beside(top, &mut web, &beside, &mut problems);
        certificate::look_beside(top, &mut web, &beside, &mut problems);
        let store: Store = section(top, "store", &mut problems);
        bounds::of_store(top, &store, &mut problems);
        let control = section(top, "control", &mut problems);
        let agenda: Agenda = section(top, "agenda", &mut problems);
        bounds::of_agenda(top, &agenda, &mut problems);
        let (profiles, default_profile) = all_profiles(top, source, &mut problems);
        let components = components(top, &mut problems);
        let (tables, groups) = (list(top, "check", &mut problems), list(top, "group", &mut problems));
        let need = profiles.iter().map(|profile| profile.down.degraded.max(profile.up.degraded)).fold(0.0, f64::max);
        let uplinks = Uplinks::read(&list(top, "uplink", &mut problems), &mut problems);
        let receivers = receivers::receivers(top, &beside, &mut problems);
        let radio = radio_cards::of_receivers(top, &receivers, &mut problems);
        let checks = checks::read_checks((&tables, &groups), &uplinks, &beside, need, radio, &mut problems);
        let maintenance = receivers::maintenance(top, &mut problems);
        let kinds: Vec<&str> = profiles.iter().map(|profile| &*profile.name).collect();
        let calendars = agenda::calendars(top, &kinds, &beside, &mut problems);
        agenda::look_beside(top, &agenda, &receivers, &mut problems);
        let run_sheet = run_sheet::items(top, &mut problems).into();
        let roll_call = receivers::roll_call(top, &receivers, &mut problems);
        let inbound = receivers::inbound(top, &receivers, &beside, &mut problems);
        let told = agenda.receivers.iter().flatten();
        let told = told.chain(roll_call.iter().flat_map(|call| &call.receivers));
        let told = told.chain(inbound.iter().flat_map(|inbound| &inbound.receivers)).collect::<Vec<_>>();
        let routes = receivers::routes(top, &receivers, &told, &mut problems);
        let remote_write = pushes::remote_write(top, &beside, &mut problems);
        let remedies = remedies(top, &mut problems);

        let absent: BTreeSet<_> =
            components.iter().filter(|(_, (entry, _))| entry.absent).map(|(component, _)| *component).collect();
        for (component, (entry, table)) in &components {
            if !entry.absent {
                continue;
            }
            if let Some((check, _)) = checks.iter().find(|(check, _)| check.component == *component) {
                let message =
                    format!("{component} is said to be absent, and check {:?} watches it", check.name.as_str());
                problems.say(table.at("absent"), message);
            }
            if entry.requirement.is_some() {
                problems.say(
                    table.at("requirement"),
                    format!("{component} is said to be absent: it cannot be required or advisory"),
                );
            }
        }
        let doubts = problems.finish()?;

        let profiles = profiles.into_iter().map(|mut profile| {
            let said = components.iter().filter_map(|(component, (entry, _))| Some((*component, entry.requirement?)));
            profile.components.extend(said);
            Arc::new(profile)
        });
        let profiles = profiles.collect();
        let speaks = receivers.iter().find_map(|receiver| match &receiver.way {
            notify::Way::Radio(radio) => Some(radio.interface()),
            _ => None,
        });
        let (specs, mut probes): (_, Vec<_>) = checks.into_iter().unzip();
        for probe in &mut probes {
            if let ProbeConfig::Radio(radio) = probe {
                radio.speaks.clone_from(&speaks);
            }
        }
        let plan = Plan { room: Arc::clone(&room.name.0), checks: specs, profiles, default_profile, absent };
        let mut config = Self {
            room,
            web,
            store,
            control,
            agenda,
            calendars,
            run_sheet,
            plan,
            probes,
            uplinks: uplinks.all(),
            receivers,
            routes,
            maintenance,
            roll_call,
            inbound,
            remote_write,
            remedies,
            shown: Settings::default(),
            blank: top.keys().next().is_none(),
            doubts,
        };
        config.shown = shown::shown(source, top, &config);
        Ok(config)
    }
}
