//! Where a secret is kept. Never the secret itself.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SecretFile {
    /// In a file of this path.
    Path(PathBuf),
    /// In the credential of this name, a file in the folder that systemd makes for the service (systemd.exec(5),
    /// "Credentials"): its short-lived user can read it there while root's own file stays root's.
    Credential(String),
}

/// Before the name of a credential, where a path is expected.
const CREDENTIAL: &str = "credential:";

impl TryFrom<String> for SecretFile {
    type Error = &'static str;

    fn try_from(said: String) -> Result<Self, Self::Error> {
        match said.strip_prefix(CREDENTIAL) {
            None => Ok(Self::Path(said.into())),
            Some(name) if name.is_empty() || name.contains('/') || matches!(name, "." | "..") => {
                Err("a credential has a name without slashes, as LoadCredential= in the unit says it")
            }
            Some(name) => Ok(Self::Credential(name.to_owned())),
        }
    }
}

impl SecretFile {
    /// The file, if it is one that the config names; a credential is there only while the service runs.
    pub const fn path(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Path(path) => Some(path),
            Self::Credential(_) => None,
        }
    }

    /// The file that holds it; `credentials` is the folder that systemd made for this service.
    ///
    /// # Errors
    /// When it is a credential and there is no such folder.
    pub fn place(&self, credentials: Option<&Path>) -> Result<PathBuf, String> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Credential(name) => credentials
                .map(|folder| folder.join(name))
                .ok_or_else(|| format!("credential {name:?}: systemd gave none; is LoadCredential= in the unit?")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_in_systemds_folder_and_nowhere_else() {
        let said = |said: &str| SecretFile::try_from(said.to_owned());
        let at = |text: &str, folder: Option<&str>| said(text).unwrap().place(folder.map(Path::new));
        let folder = Some("/run/credentials/siaga.service");
        assert_eq!(at("credential:desk", folder).unwrap(), Path::new("/run/credentials/siaga.service/desk"));
        assert_eq!(at("/etc/siaga/secret", folder).unwrap(), Path::new("/etc/siaga/secret"));
        assert!(at("credential:desk", None).unwrap_err().contains("LoadCredential="));
        for name in ["credential:", "credential:../desk", "credential:..", "credential:/etc/shadow"] {
            assert!(said(name).is_err(), "{name}");
        }
    }
}
