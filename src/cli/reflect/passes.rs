//! Whom a reflector answers: who signs by the keys that it was given, and the holders of the tokens in a file, which is looked at
//! again and again. What cannot be read changes nothing of its own: the keys read before stay in force beside the tokens of now, and the
//! other way round.

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
    /// Who is known by a key, and by a token.
    by_key: Vec<Pass>,
    by_token: Vec<Pass>,
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
        let mut known = Self { keys, tokens, seen: None, said: None, by_key: Vec::new(), by_token: Vec::new() };
        if !known.is_asked() {
            return Ok((known, None));
        }
        if let (_, _, Some(error)) = known.read() {
            return Err(error);
        }
        for file in known.keys.iter().filter_map(key::open_to_all) {
            tracing::warn!("everybody on this machine can read the key in {}: chmod o-r", file.display());
        }
        let passes = known.all();
        Ok((known, Some(passes)))
    }

    /// Reads all anew, if the tokens' file is another than before, or something could not be read, or it shall be read `anyway`; gives
    /// who is known now, if that is news. Blocks.
    pub(super) fn look(&mut self, anyway: bool) -> Option<Vec<Pass>> {
        let now = self.tokens.as_ref().and_then(|file| tokens::version(file).ok()).map(Seen);
        let is_same = self.tokens.is_none() || (now.is_some() && now == self.seen);
        if !self.is_asked() || (is_same && !anyway && self.said.is_none()) {
            return None;
        }
        let (keys, tokens, error) = self.read();
        if let Some(error) = &error
            && self.said.as_ref() != Some(error)
        {
            tracing::error!(error, "of keys and tokens this cannot be read; what was read before stays in force");
        }
        let news = (keys || tokens) && (anyway || (tokens && !is_same) || error != self.said);
        self.said = error;
        news.then(|| {
            let all = self.all();
            tracing::info!(known = all.len(), "keys and tokens were read anew");
            all
        })
    }

    const fn is_asked(&self) -> bool {
        !self.keys.is_empty() || self.tokens.is_some()
    }

    fn all(&self) -> Vec<Pass> {
        self.by_key.iter().chain(&self.by_token).cloned().collect()
    }

    /// Reads of both what can be read; whether there were keys, and tokens, and what is wrong with the rest.
    fn read(&mut self) -> (bool, bool, Option<String>) {
        let (mut by_key, mut by_token, mut wrong) = (false, false, Vec::new());
        let keys: Result<Vec<_>, String> = self.keys.iter().map(|file| key::read(file).map(Pass::key)).collect();
        match keys {
            Ok(keys) => {
                by_key = !keys.is_empty();
                self.by_key = keys;
            }
            Err(error) => wrong.push(error),
        }
        if let Some(file) = &self.tokens {
            match tokens::read(file) {
                Ok((tokens, version)) => {
                    by_token = true;
                    let good = tokens.all().iter().filter(|token| token.reflects());
                    self.by_token = good.map(|token| Pass::token(token.hash().bytes(), token.expires_at)).collect();
                    self.seen = Some(Seen(version));
                }
                Err(error) => {
                    self.seen = None;
                    wrong.push(in_full(&error));
                }
            }
            if wrong.is_empty() && self.by_key.is_empty() && self.by_token.is_empty() {
                let file = file.display();
                tracing::warn!(
                    "nobody is answered: {file} has no token for it; \
                     \"siaga token --tokens {file} add NAME --scope reflect\" makes one"
                );
            }
        }
        (by_key, by_token, (!wrong.is_empty()).then(|| wrong.join("; ")))
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
        // A token that is revoked is no good any more, whatever is wrong with the keys.
        let tokens = folder.path().join("tokens.toml");
        std::fs::write(&file, "sixteen letters!").unwrap();
        add(&tokens, "Aula", Scope::Reflect);
        let keys = vec![SecretFile::Path(file.clone())];
        let (mut known, passes) = Passes::open(keys, Some(&SecretFile::Path(tokens.clone()))).unwrap();
        assert_eq!(passes.map(|passes| passes.len()), Some(2));
        std::fs::remove_file(&file).unwrap();
        tokens::change(&tokens, |tokens| tokens.revoke("Aula")).unwrap();
        assert_eq!(known.look(false).map(|passes| passes.len()), Some(1), "the key that was read before");
        assert!(known.look(false).is_none());
        std::fs::write(&file, "seventeen letters").unwrap();
        assert_eq!((known.look(false).is_some(), known.look(false).is_some()), (true, false), "it is there again");
        let (mut known, passes) = Passes::open(Vec::new(), None).unwrap();
        assert!(passes.is_none() && known.look(true).is_none());
    }
}
