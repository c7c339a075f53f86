//! `[inbound]` in the config: which alerts of other systems are told here, to whom, and who may send them.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::error::DeliveryError;
use super::secret;
use crate::domain::SecretFile;

/// Alerts of other systems, as Prometheus' Alertmanager sends them by its webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// They are told to these receivers, by name.
    #[schemars(with = "Vec<String>")]
    pub receivers: Vec<Arc<str>>,
    /// A file with the token that whoever sends them must show (`Authorization: Bearer`), of 16 characters or more. It is read at
    /// each message; `credential:NAME` is one of systemd's.
    #[schemars(with = "String")]
    pub secret_file: SecretFile,
    /// Of these severities, as the label `severity` has them; "critical" and "warning", if left out.
    #[serde(default = "severities")]
    pub severities: Vec<String>,
    /// So many may be open at once (1 to 100); more are refused.
    #[serde(default = "most")]
    pub most: usize,
}

fn severities() -> Vec<String> {
    vec!["critical".to_owned(), "warning".to_owned()]
}

const fn most() -> usize {
    20
}

/// A shorter token is guessed.
const SHORTEST: usize = 16;

impl Inbound {
    /// Whether `token` is the one.
    ///
    /// # Errors
    /// If the secret cannot be read.
    pub async fn admits(&self, token: &str) -> Result<bool, DeliveryError> {
        let secret = secret::read(&self.secret_file).await?;
        if let Some(what) = too_short(&secret) {
            return Err(DeliveryError::new(super::error::Failure::Secret, what));
        }
        // How long two digests take to be told apart says nothing of what they are of.
        Ok(digest(&SHA256, &secret).as_ref() == digest(&SHA256, token.as_bytes()).as_ref())
    }

    /// Why what stands in the token's file is none, in words and never with its content. A credential is there only while the
    /// service runs: what is wrong with one is told when somebody shows a token.
    pub fn useless_secret(&self) -> Option<String> {
        let SecretFile::Path(file) = &self.secret_file else { return None };
        let why = match std::fs::read(file) {
            Ok(secret) => too_short(secret.trim_ascii_end())?,
            Err(error) => error.to_string(),
        };
        Some(format!("{}: {why}", file.display()))
    }

    /// What does not fit together: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, &'static str)> {
        if self.receivers.is_empty() {
            Some(("receivers", "receivers names nobody"))
        } else if self.severities.is_empty() {
            Some(("severities", "severities names none, so that nothing is ever told"))
        } else if !(1..=100).contains(&self.most) {
            Some(("most", "most is 1 to 100"))
        } else {
            None
        }
    }
}

fn too_short(secret: &[u8]) -> Option<String> {
    (secret.len() < SHORTEST).then(|| format!("the token has fewer than {SHORTEST} characters"))
}
