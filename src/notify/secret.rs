//! Secrets, read at each delivery: a file that is changed counts from the next message on.

use std::path::PathBuf;

use super::error::{DeliveryError, Failure};
use crate::domain::SecretFile;

/// What the file holds, without the white space at its end.
pub(super) async fn read(said: &SecretFile) -> Result<Vec<u8>, DeliveryError> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let file = &said.place(folder.as_deref()).map_err(|what| DeliveryError::new(Failure::Secret, what))?;
    let failed = |what: String| DeliveryError::new(Failure::Secret, format!("{}: {what}", file.display()));
    let mut secret = tokio::fs::read(file).await.map_err(|error| failed(error.to_string()))?;
    secret.truncate(secret.trim_ascii_end().len());
    if secret.is_empty() { Err(failed("it is empty".to_owned())) } else { Ok(secret) }
}

/// The same as one line of text, for a secret that stands in a header, a path or a dialogue.
pub(super) async fn read_text(said: &SecretFile) -> Result<String, DeliveryError> {
    let secret = read(said).await?;
    match String::from_utf8(secret) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => Ok(text),
        // Nothing of it is repeated.
        _ => Err(DeliveryError::new(Failure::Secret, "the secret is not one line of text")),
    }
}
