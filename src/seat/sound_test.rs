//! A sound test in the session: at what is chosen there, through its sound server, in a child of ours.
//!
//! ```text
//!   order ─▶ who is chosen, does anybody record? ─▶ child: opens, plays, captures ─▶ numbers
//!                                                     ▲ killed: by order, by its deadline, or as soon as a program records
//! ```

use std::convert::Infallible;
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tokio::sync::oneshot;

use super::changes::Changes;
use super::pactl::Pactl;
use crate::domain::{ErrorKind, ProbeError};
use crate::probe::child::{self, Program, Slot};
use crate::probe::seat::order::SoundTest;
use crate::probe::seat::report::Told;

/// ALSA's names of the session's sound server: by the plugin of Debian's libasound2-plugins, by that of its pipewire-alsa.
const PCMS: [&str; 2] = ["pulse", "pipewire"];

/// How long nothing may be heard of changes before it is looked all the same whether anybody records: the wait for changes may
/// have begun a moment too late.
const LOOK: Duration = Duration::from_millis(250);

/// The most that an answer may be, bytes: it goes into one line to the daemon.
const MOST: usize = 16 * 1024;

/// Makes tests, one at a time.
pub(super) struct Maker {
    slot: Slot,
    pactl: Pactl,
}

impl Maker {
    pub(super) fn new() -> Self {
        let slot = Slot::default();
        let pactl = Pactl::new(slot.newest());
        Self { slot, pactl }
    }

    /// The process number of its newest child, which is nobody's recording.
    pub(super) fn own(&self) -> Arc<AtomicU32> {
        self.slot.newest()
    }

    /// Makes one. `stop` ends it by its own end.
    pub(super) async fn make(&mut self, id: u64, what: SoundTest, stop: oneshot::Receiver<Infallible>) -> Told {
        let mut told = Told { id, card: String::new(), canceller: false, answer: String::new() };
        let said = self.try_make(what, stop, &mut told).await.unwrap_or_else(child::failure);
        told.answer = String::from_utf8_lossy(&said).into_owned();
        told
    }

    async fn try_make(
        &mut self,
        what: SoundTest,
        mut stop: oneshot::Receiver<Infallible>,
        told: &mut Told,
    ) -> Result<Vec<u8>, ProbeError> {
        let stopped = || ProbeError::new(ErrorKind::Internal, "it was told to stop");
        // Whether the server answers is told by the reports.
        let unseen = |error: ProbeError| ProbeError::new(ErrorKind::Internal, error.detail);
        let chosen = tokio::select! {
            chosen = self.pactl.chosen() => chosen.map_err(unseen)?,
            _ = &mut stop => return Err(stopped()),
        };
        let gone = || ProbeError::new(ErrorKind::Gone, "none is chosen in the sound settings");
        let heard = chosen.source.ok_or_else(gone)?;
        told.card = match what {
            SoundTest::Microphone => heard,
            SoundTest::Loopback => match chosen.sink.ok_or_else(gone)? {
                played if played == heard => heard,
                played => format!("{played}, {heard}"),
            },
        };
        told.canceller = chosen.canceller;
        let used = |names: Vec<String>| ProbeError::new(ErrorKind::Busy, names.join(", "));
        // Begun before the look, so that whoever comes after it is heard of.
        let mut changes = Changes::default();
        changes.begin();
        let recorders = self.pactl.recorders().await.map_err(unseen)?;
        if !recorders.is_empty() {
            return Err(used(recorders));
        }
        let mut last = None;
        for pcm in PCMS {
            let args: Vec<OsString> = match what {
                SoundTest::Microphone => vec![what.word().into(), pcm.into()],
                SoundTest::Loopback => vec![what.word().into(), pcm.into(), pcm.into()],
            };
            let mut recorders = Vec::new();
            let ends = async {
                tokio::select! {
                    _ = &mut stop => {}
                    others = others(&mut self.pactl, &mut changes) => recorders = others,
                }
            };
            let said = self.slot.run_unless(&Program::device_child(), &args, what.deadline(), ends).await?;
            match said.map(|said| (child::understand::<serde::de::IgnoredAny>(&said), said)) {
                None if recorders.is_empty() => return Err(stopped()),
                None => return Err(used(recorders)),
                // No such plugin, or the device has just gone.
                Some((Err(error), _)) if error.kind == ErrorKind::Gone => last = Some(error.detail),
                Some((_, said)) if said.len() > MOST => {
                    return Err(ProbeError::new(ErrorKind::Protocol, "the child said too much"));
                }
                Some((_, said)) => return Ok(said),
            }
        }
        let still = self.pactl.chosen().await.map_err(unseen)?;
        if still.source.is_none() || (what == SoundTest::Loopback && still.sink.is_none()) {
            return Err(gone());
        }
        let why = format!("no way to the sound server (libasound2-plugins): {}", last.unwrap_or_default());
        Err(ProbeError::new(ErrorKind::Internal, why))
    }
}

/// Waits until a program records, and gives the names of those that do.
async fn others(pactl: &mut Pactl, changes: &mut Changes) -> Vec<String> {
    loop {
        _ = tokio::time::timeout(LOOK, changes.next()).await;
        // A server that does not answer gives nobody anything to record.
        match pactl.recorders().await {
            Ok(recorders) if !recorders.is_empty() => return recorders,
            _ => {}
        }
    }
}
