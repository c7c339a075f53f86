//! A config read anew: parsed fully, then swapped; a bad one leaves the old one running and says so.

mod reading;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot, watch};

use super::delivery::Delivery;
use super::desk::AllRequests;
use super::driver::Instruction;
use super::identity::{self, Identity};
use super::probes::Probes;
use super::service;
use crate::clock::Clock;
use crate::config::{self, Config, Origin};
use crate::domain::Kind;
use crate::engine::past::ledger::Agreed;
use crate::web::acts::Waiting;
use crate::web::tls::{Pair, Tls};
use crate::{probe, web};
pub use reading::{Read, Reader};

/// Somebody who waits for what becomes of it: that it holds, but for what of it waits for the next start; or everything that is wrong.
pub type Asker = oneshot::Sender<Result<Waiting, String>>;

/// So many may wait for the reading after the one that is under way.
const MOST_ASKERS: usize = 64;

/// What takes effect at a start alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    listen: Vec<SocketAddr>,
    store: config::Store,
    control: config::Control,
}

impl InForce {
    /// What `config` has otherwise, which waits for the next start.
    fn waiting(&self, config: &Config) -> Waiting {
        let new = Self::of(config);
        let others = [
            ("[web] listen", new.listen != self.listen),
            ("[store]", new.store != self.store),
            ("[control]", new.control != self.control),
        ];
        Waiting(others.into_iter().filter_map(|(what, is_other)| is_other.then_some(what)).collect())
    }

    /// As a start with `config` has it.
    pub fn of(config: &Config) -> Self {
        Self { listen: config.web.listen.clone(), store: config.store.clone(), control: config.control.clone() }
    }
}

/// What a reload swaps.
pub struct Reloader {
    /// Who reads the config.
    pub reader: Reader,
    /// For whom it is being read.
    pub askers: Vec<Asker>,
    /// For whom it is to be read once more: they asked meanwhile, and it may have been written since.
    pub again: Option<Vec<Asker>>,
    /// What each check looks at, since when.
    pub identity: Identity,
    /// Who remembers that for the next start.
    pub identity_writer: identity::Writer,
    /// Where the config stands.
    pub origin: Origin,
    /// The one that runs.
    pub config: Config,
    /// What it was started with, which stays in force until it is started again.
    pub in_force: InForce,
    /// To the judge.
    pub instruct: mpsc::Sender<Instruction>,
    /// How the room speaks to people.
    pub said: watch::Sender<Arc<web::Voice>>,
    /// To whoever connects over TLS.
    pub tls: watch::Sender<Option<Arc<Tls>>>,
    /// To whoever follows the config.
    pub configs: watch::Sender<Arc<Config>>,
    /// Where active checks are asked for tests.
    pub requests: watch::Sender<AllRequests>,
    /// To the receivers.
    pub delivery: Delivery,
    /// What became of it.
    pub reloaded: watch::Sender<web::Reloaded>,
    /// The clocks.
    pub clock: Clock,
}

impl Reloader {
    /// Begins to read the config anew; whoever asks is told how that ends. While one is being read, it is read once more after that.
    pub fn begin(&mut self, asker: Option<Asker>) {
        if self.reader.is_at_it() {
            let waiting = self.again.get_or_insert_default();
            // Whoever has gone waits no longer.
            waiting.retain(|asker| !asker.is_closed());
            if let Some(asker) = asker {
                if waiting.len() < MOST_ASKERS {
                    waiting.push(asker);
                } else {
                    _ = asker.send(Err("too many ask for a reload at once".to_owned()));
                }
            }
            return;
        }
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            service::tell(&[NotifyState::Reloading, now]);
        }
        self.askers.extend(asker);
        self.reader.begin(&self.origin, self.clock);
    }

    /// Waits for the config that is being read; for ever, if none is. What is dropped before its end loses nothing.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub async fn read(&mut self) -> Read {
        self.reader.next(self.clock).await
    }

    /// Takes what was read. The old config goes on if anything is wrong with it.
    pub async fn finish(&mut self, read: Read, probes: &mut Probes) {
        let result = match read {
            Ok((config, tls)) => self.swap(config, tls, probes).await,
            Err(why) => Err(why),
        };
        service::tell(&[NotifyState::Ready]);
        match &result {
            Ok(_) => {
                tracing::info!(config = %self.origin, "the config was read anew");
                let at = self.clock.now().wall;
                self.reloaded.send_replace(web::Reloaded { ok: true, newest: true, at });
            }
            Err(why) => {
                tracing::error!(config = %self.origin, "the new config is not used; the old one goes on\n{why}");
                self.reloaded.send_modify(|reloaded| (reloaded.ok, reloaded.newest) = (false, false));
            }
        }
        for asker in self.askers.drain(..) {
            _ = asker.send(result.clone());
        }
        if let Some(waiting) = self.again.take() {
            self.askers = waiting;
            self.begin(None);
        }
    }

    async fn swap(&mut self, config: Config, tls: Option<Arc<Tls>>, probes: &mut Probes) -> Result<Waiting, String> {
        if config.blank && !self.config.blank {
            return Err("there is nothing in it: a room does without a config only from a start on; restart siaga if that is meant".to_owned());
        }
        let was_self = self.config.probes.iter().any(probe::ProbeConfig::is_against_self);
        if !was_self && config.probes.iter().any(probe::ProbeConfig::is_against_self) {
            return Err(
                "measuring against this machine itself (\"self\") begins only at a start: restart siaga".to_owned()
            );
        }
        let waiting = self.in_force.waiting(&config);
        if !waiting.0.is_empty() {
            tracing::warn!(changed = %waiting, "[web] listen, [store] and [control] take effect only at a start: restart siaga");
        }
        let from = self.clock.now().wall;
        let plan = Instruction::Adopt(Box::new(config.plan.clone()));
        self.instruct.send(plan).await.map_err(|_| "the judge has ended".to_owned())?;
        probes.know(&config.uplinks);
        probes.keep(config.plan.checks.iter().zip(&config.probes), |_| None);
        self.requests.send_replace(probes.requests());
        self.said.send_replace(voice(&config));
        self.tls.send_if_modified(|shown| {
            let is_same = match (&*shown, &tls) {
                (Some(shown), Some(tls)) => shown.is_same(tls),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                *shown = tls;
            }
            !is_same
        });
        self.configs.send_replace(Arc::new(config.clone()));
        if config.receivers != self.config.receivers || config.room.language != self.config.room.language {
            self.delivery.serve(&config);
        }
        self.identity.adopt(&config, from);
        self.identity_writer.write(&self.identity);
        self.config = config;
        Ok(waiting)
    }
}

/// The certificate that whoever connects is shown, if the config names one. What is doubtful about it stands in the log.
///
/// # Errors
/// What is wrong with it or its key, in words.
pub fn certificate(config: &Config, clock: Clock) -> Result<Option<Arc<Tls>>, String> {
    let Some(pair) = pair(config)? else { return Ok(None) };
    for doubt in pair.doubts(clock.now().wall) {
        tracing::warn!("{doubt}");
    }
    Tls::new(pair).map(|tls| Some(Arc::new(tls)))
}

fn pair(config: &Config) -> Result<Option<Pair>, String> {
    let Some(said) = &config.web.tls else { return Ok(None) };
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Pair::read(said, folder.as_deref()).map(Some).map_err(|error| format!("[web] tls: {error}"))
}

/// What is doubtful about a config on this machine and is no error: of the certificate that it names, of where it listens, of what will be
/// remembered, and of what is pushed. What is wrong with the certificate is told by whoever reads the config.
pub fn doubts(config: &Config, now: jiff::Timestamp) -> Vec<String> {
    let of_pair = pair(config).ok().flatten().map_or_else(Vec::new, |pair| pair.doubts(now));
    of_pair
        .into_iter()
        .chain(super::listening::doubts(&config.web.listen))
        .chain(super::forgotten::forgotten(config))
        .chain(super::behind::behind(config))
        .collect()
}

/// What a month of the line is held against where nobody says what is sold: what the default profile needs, whichever is in force.
pub fn agreed(config: &Config) -> Agreed {
    let needed = &config.plan.profiles[config.plan.default_profile];
    Agreed { down: Some(needed.down.degraded), up: Some(needed.up.degraded), enough: config.enough() }
}

/// How the room speaks to people.
pub fn voice(config: &Config) -> Arc<web::Voice> {
    let remedies =
        config.remedies.iter().map(|(code, remedy)| (*code, (remedy.id.clone(), remedy.en.clone()))).collect();
    Arc::new(web::Voice {
        title: config.room.title().to_owned(),
        lang: config.room.language,
        zone: config.room.time_zone.0.clone(),
        agreed: agreed(config),
        hosts: web::Hosts::new(config.web.hosts.iter().map(|host| host.0.as_str())),
        open_to: config.web.open_to,
        remedies,
        settings: Arc::new(config.shown.clone()),
    })
}

/// What does not change while the process runs.
pub fn info() -> web::Info {
    let mut reasons: Vec<_> = probe::all_reasons().chain(web::REASONS.iter().copied()).collect();
    reasons.sort_by_key(|reason| reason.code);
    reasons.dedup_by_key(|reason| reason.code);
    web::Info {
        version: env!("CARGO_PKG_VERSION"),
        quantities: Kind::ALL.into_iter().flat_map(probe::quantities).copied().collect(),
        reasons,
    }
}
