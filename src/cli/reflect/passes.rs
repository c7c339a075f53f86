//! Whom a reflector answers: who signs by the keys that it was given, and the holders of the tokens in a file, which is looked at
//! again and again. What cannot be read changes nothing: those read before stay in force.

use std::path::PathBuf;

use crate::domain::{SecretFile, in_full};
use crate::probe::stamp::key;
use crate::reflect::Pass;
use crate::tokens::{self, Version};

/// The file that stood there, or that there was none.
#[derive(PartialEq, Eq)]
struct Seen(Option<Version>);

/// Where it stands by what senders are known.
pub(super) struct Passes {
    keys: Vec<SecretFile>,
    tokens: Option<PathBuf>,
    /// Which file was read last; nothing where the next look should read it anyway.
    seen: Option<Seen>,
    /// What was said of it, so that it is said once.
    said: Option<String>,
}

impl Passes {
    /// Reads all for the first time; without keys and tokens there are none, and everybody is answered.
    ///
    /// # Errors
    /// In words, what cannot be read.
    pub(super) fn open(
        keys: Vec<SecretFile>,
        tokens: Option<&SecretFile>,
    ) -> Result<(Self, Option<Vec<Pass>>), String> {
        let tokens = tokens.map(key::place).transpose()?;
        let mut known = Self { keys, tokens, seen: None, said: None };
        let passes = known.is_asked().then(|| known.read()).transpose()?;
        Ok((known, passes))
    }

    /// Reads all anew, if the tokens' file is another than before or it shall be read `anyway`; gives who is known now. Blocks.
    pub(super) fn look(&mut self, anyway: bool) -> Option<Vec<Pass>> {
        let now = self.tokens.as_ref().and_then(|file| tokens::version(file).ok()).map(Seen);
        let is_same = self.tokens.is_none() || (now.is_some() && now == self.seen);
        if !self.is_asked() || (is_same && !anyway) {
            return None;
        }
        match self.read() {
            Ok(passes) => {
                self.said = None;
                tracing::info!(known = passes.len(), "keys and tokens were read anew");
                Some(passes)
            }
            Err(error) => {
                self.seen = None;
                if self.said.as_ref() != Some(&error) {
                    tracing::error!(error, "keys and tokens cannot be read; those that were read before stay in force");
                }
                self.said = Some(error);
                None
            }
        }
    }

    const fn is_asked(&self) -> bool {
        !self.keys.is_empty() || self.tokens.is_some()
    }

    fn read(&mut self) -> Result<Vec<Pass>, String> {
        let mut passes: Vec<_> =
            self.keys.iter().map(|file| key::read(file).map(Pass::key)).collect::<Result<_, _>>()?;
        if let Some(file) = &self.tokens {
            let (tokens, version) = tokens::read(file).map_err(|error| in_full(&error))?;
            let good = tokens.all().iter().filter(|token| token.reflects());
            passes.extend(good.map(|token| Pass::token(token.hash().bytes(), token.expires_at)));
            self.seen = Some(Seen(version));
            if passes.is_empty() {
                let file = file.display();
                tracing::warn!(
                    "nobody is answered: {file} has no token for it; \
                     \"siaga token --tokens {file} add NAME --scope reflect\" makes one"
                );
            }
        }
        Ok(passes)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;
    use crate::domain::Scope;

    fn add(file: &Path, name: &str, scope: Scope) {
        tokens::change(file, |tokens| tokens.add(name, &[scope], Timestamp::UNIX_EPOCH, None)).unwrap();
    }

    #[test]
    fn those_for_the_reflector_are_known_and_who_comes_and_goes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        let said = SecretFile::Path(file.clone());
        let (mut known, passes) = Passes::open(Vec::new(), Some(&said)).unwrap();
        assert_eq!(passes.map(|passes| passes.len()), Some(0), "nobody, and not everybody");
        let mut look = |anyway| known.look(anyway).map(|passes| passes.len());
        assert_eq!(look(false), None);
        add(&file, "Siti", Scope::Operate);
        assert_eq!(look(false), Some(0), "who acts is not answered");
        add(&file, "Aula", Scope::Reflect);
        assert_eq!((look(false), look(false), look(true)), (Some(1), None, Some(1)));
        let whole = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, "damaged").unwrap();
        assert_eq!((look(false), look(false)), (None, None), "who was known stays so");
        std::fs::write(&file, whole).unwrap();
        assert_eq!(look(false), Some(1));
        std::fs::remove_file(&file).unwrap();
        assert_eq!((look(false), look(false)), (Some(0), None));
    }

    #[test]
    fn keys_are_read_at_the_start_and_at_a_reload_and_without_anything_everybody_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let keys = vec![SecretFile::Path(file.clone())];
        assert!(Passes::open(keys.clone(), None).is_err());
        std::fs::write(&file, "sixteen letters!").unwrap();
        let (mut known, passes) = Passes::open(keys, None).unwrap();
        assert_eq!(passes.map(|passes| passes.len()), Some(1));
        assert!(known.look(false).is_none() && known.look(true).is_some());
        std::fs::write(&file, "short").unwrap();
        assert!(known.look(true).is_none());
        let (mut known, passes) = Passes::open(Vec::new(), None).unwrap();
        assert!(passes.is_none() && known.look(true).is_none());
    }
}
