//! The control socket: opened at the start, or as soon as it can be. Without it the daemon does all else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::service;
use crate::config::Config;
use crate::control::{Control, Desk};

/// So often it is tried: a state folder on a disk that takes nothing now may be well in a minute.
const AGAIN: Duration = Duration::from_secs(5);

/// The socket, or where it will be.
pub(super) struct Orders {
    opened: Option<Control>,
    path: PathBuf,
    group: Option<String>,
}

impl Orders {
    /// Opens it where the config says, or in the state folder.
    pub(super) fn open(config: &Config, folder: &Path) -> Self {
        Self::open_at(service::control_socket(&config.control, folder), config.control.group.clone())
    }

    fn open_at(path: PathBuf, group: Option<String>) -> Self {
        let opened = Control::open(&path, group.clone())
            .inspect_err(|error| {
                tracing::error!(socket = %path.display(), %error, "orders cannot be given there yet (siaga test); it is tried again");
            })
            .ok();
        Self { opened, path, group }
    }

    /// Serves until it is dropped; `lost` is for [`Control::run`].
    pub(super) async fn run<D: Desk>(self, desk: Arc<D>, lost: Arc<Notify>) {
        self.in_time().await.run(desk, lost).await;
    }

    async fn in_time(self) -> Control {
        if let Some(control) = self.opened {
            return control;
        }
        loop {
            tokio::time::sleep(AGAIN).await;
            if let Ok(control) = Control::open(&self.path, self.group.clone()) {
                tracing::info!(socket = %self.path.display(), "orders can be given there");
                return control;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_cannot_be_opened_at_the_start_is_opened_when_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/control.sock");
        let orders = Orders::open_at(path.clone(), None);
        assert!(orders.opened.is_none());
        let opening = tokio::spawn(orders.in_time());
        tokio::time::sleep(AGAIN * 3).await;
        assert!(!opening.is_finished());
        std::fs::create_dir(folder.path().join("state")).unwrap();
        let control = opening.await.unwrap();
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        drop(control);
    }
}
