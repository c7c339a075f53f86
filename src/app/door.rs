//! The keeper of the door: knows the holders of tokens, and looks at their file each time, so that one that is revoked is good for
//! nothing at once. A file that cannot be read changes nothing: those read before stay in force.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::in_full;
use crate::tokens::{self, FileError, Hash, Tokens, Version};
use crate::web::{Door, Holder, Mark, Unadmitted};

/// How long a look at the file may take; a disk that hangs leaves those in force that were read before.
const LOOK: Duration = Duration::from_secs(1);

/// How often is looked where nobody shows a token.
const ONCE_IN: Duration = Duration::from_mins(1);

/// The keeper of the door.
pub struct Keeper {
    clock: Clock,
    folder: PathBuf,
    configs: watch::Receiver<Arc<Config>>,
    /// Held over a look, so that those who come meanwhile do not look too.
    looking: Arc<tokio::sync::Mutex<Looked>>,
    known: Arc<Mutex<Known>>,
}

/// What is in force.
#[derive(Clone, Default)]
struct Known {
    tokens: Arc<Tokens>,
    /// The file cannot be read as it is now.
    broken: bool,
}

/// What was looked at last.
#[derive(Default)]
struct Looked {
    /// Which file, and which one stood there; nothing before the first look, and where the next look should read it anyway.
    file: Option<(PathBuf, Option<Version>)>,
    /// What was said of it, so that it is said once.
    said: Option<String>,
    /// One was read, so that tokens may be in force.
    was_read: bool,
}

impl Keeper {
    /// One that has looked at nothing yet.
    pub fn new(clock: Clock, folder: PathBuf, configs: watch::Receiver<Arc<Config>>) -> Self {
        Self { clock, folder, configs, looking: Arc::default(), known: Arc::default() }
    }

    /// Looks at the file, and reads it if it is another than before.
    pub async fn look(&self) {
        let file = place(&self.configs.borrow(), &self.folder);
        let known = Arc::clone(&self.known);
        let look = async {
            let mut looked = Arc::clone(&self.looking).lock_owned().await;
            // A look that hangs keeps the turn, so that no second one hangs beside it.
            _ = tokio::task::spawn_blocking(move || looked.look(file, &known)).await;
        };
        _ = tokio::time::timeout(LOOK, look).await;
    }

    /// Looks at the file now and then, so that what the page says of those that end is of today's. Goes on until it is dropped.
    pub async fn follow(self: Arc<Self>) {
        loop {
            self.clock.sleep_until(self.clock.mono().after(ONCE_IN)).await;
            self.look().await;
        }
    }

    async fn find(&self, hash: Hash) -> Result<Holder, Unadmitted> {
        self.look().await;
        let Known { tokens, broken } = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match tokens.find(hash) {
            Some(token) if token.has_expired(self.clock.now().wall) => Err(Unadmitted::Expired),
            Some(token) => Ok(Holder {
                name: Arc::clone(&token.name),
                scopes: token.scopes.clone(),
                mark: Mark(token.hash().bytes()),
            }),
            None if broken => Err(Unadmitted::Unreadable),
            None => Err(Unadmitted::Unknown),
        }
    }
}

impl Door for Keeper {
    fn admit<'a>(&'a self, shown: &'a str) -> BoxFuture<'a, Result<Holder, Unadmitted>> {
        Box::pin(async move { self.find(Hash::of(shown).ok_or(Unadmitted::Unknown)?).await })
    }

    fn still(&self, Mark(mark): Mark) -> BoxFuture<'_, Result<Holder, Unadmitted>> {
        Box::pin(self.find(Hash::from_bytes(mark)))
    }

    fn ends(&self) -> Vec<Timestamp> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting =
            known.tokens.all().iter().filter(|token| token.expires_at.is_some_and(|end| is_long(token.made_at, end)));
        lasting.filter_map(|token| token.expires_at).collect()
    }
}

/// Whether a token is good for longer than a visit: that one of a day or a week ends is no news.
fn is_long(made_at: Timestamp, expires_at: Timestamp) -> bool {
    expires_at.duration_since(made_at) > SignedDuration::from_hours(30 * 24)
}

/// Where the tokens are kept.
pub fn place(config: &Config, folder: &Path) -> PathBuf {
    config.web.tokens.clone().unwrap_or_else(|| folder.join(tokens::FILE))
}

impl Looked {
    fn look(&mut self, file: PathBuf, known: &Mutex<Known>) {
        let now = tokens::version(&file).ok();
        if let (Some((before, version)), Some(now)) = (&self.file, &now)
            && (before, version) == (&file, now)
        {
            return;
        }
        match tokens::read(&file) {
            Ok((tokens, version)) => {
                if self.said.take().is_some() {
                    tracing::info!(file = %file.display(), "the tokens can be read again");
                } else if self.file.is_some() {
                    tracing::info!(file = %file.display(), "the tokens were read anew");
                }
                *known.lock().unwrap_or_else(PoisonError::into_inner) =
                    Known { tokens: Arc::new(tokens), broken: false };
                (self.file, self.was_read) = (Some((file, version)), true);
            }
            Err(error) => {
                known.lock().unwrap_or_else(PoisonError::into_inner).broken = true;
                // What the disk refuses may be given at the next look; a damaged file is the same until it is another.
                let lasts = !matches!(error, FileError::Read(..));
                self.file = now.filter(|_| lasts).map(|version| (file, version));
                let error = in_full(&error);
                if self.said.as_ref() != Some(&error) {
                    tracing::error!(error, "{}", self.unread());
                }
                self.said = Some(error);
            }
        }
    }

    /// What it means that the file cannot be read.
    const fn unread(&self) -> &'static str {
        if self.was_read {
            "the tokens cannot be read; those that were read before stay in force"
        } else {
            "the tokens cannot be read; none was read before, so that none is in force"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scope;

    #[test]
    fn a_damaged_file_leaves_in_force_what_was_read_before_and_where_nothing_was_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(tokens::FILE);
        let (mut looked, known) = (Looked::default(), Mutex::<Known>::default());
        std::fs::write(&file, "damaged").unwrap();
        looked.look(file.clone(), &known);
        assert!(looked.said.is_some() && known.lock().unwrap().broken);
        assert!(looked.unread().ends_with("none is in force"), "{}", looked.unread());
        std::fs::remove_file(&file).unwrap();
        tokens::change(&file, |tokens| tokens.add("Budi", &[Scope::Read], Timestamp::UNIX_EPOCH, None)).unwrap();
        looked.look(file.clone(), &known);
        std::fs::write(&file, "damaged again").unwrap();
        looked.look(file, &known);
        assert!(looked.said.is_some() && looked.unread().ends_with("stay in force"), "{}", looked.unread());
        assert_eq!(known.lock().unwrap().tokens.all().len(), 1);
    }
}
