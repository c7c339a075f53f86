//! The place of one camera's child, and the word that the camera is ours while a child is there.

use std::ffi::OsString;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::holder::{Ours, Purpose};
use super::nodes::Node;
use crate::domain::ProbeError;
use crate::probe::child::{self, Program, Slot};

/// Where a child that opens one camera runs. One that hangs there still has the camera open, and is no one's call.
#[derive(Default)]
pub(in crate::probe) struct Place {
    slot: Slot,
    ours: Option<Ours>,
}

impl Place {
    /// Whether a child still hangs there; if none does, the camera is nobody's.
    pub(in crate::probe) fn is_left_behind(&mut self) -> bool {
        let left_behind = self.slot.is_left_behind();
        if !left_behind {
            self.ours = None;
        }
        left_behind
    }

    /// One whose child asked a question and hangs.
    #[cfg(test)]
    pub(super) fn hanging(node: &Node, child: tokio::process::Child) -> Self {
        Self { slot: Slot::hanging(child), ours: Some(Ours::claim(node, Purpose::Question)) }
    }

    /// The children of this place.
    pub(in crate::probe) const fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Asks a child about a node, as [`child::ask_unless`] does.
    ///
    /// # Errors
    /// As there.
    pub(in crate::probe) async fn ask_unless<T: DeserializeOwned>(
        &mut self,
        (node, purpose): (&Node, Purpose),
        program: &Program,
        args: &[OsString],
        deadline: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<T>, ProbeError> {
        if !self.is_left_behind() {
            self.ours = Some(Ours::claim(node, purpose));
        }
        let answer = child::ask_unless(&mut self.slot, program, args, deadline, stop).await;
        self.is_left_behind();
        answer
    }
}
