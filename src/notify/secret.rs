//! Secrets, read at each delivery: a file that is changed counts from the next message on.

use super::error::{DeliveryError, Failure};
use crate::domain::SecretFile;
use crate::outbound;

/// What the file holds, without the white space at its end.
pub(super) async fn read(said: &SecretFile) -> Result<Vec<u8>, DeliveryError> {
    outbound::secret(said).await.map_err(|what| DeliveryError::new(Failure::Secret, what))
}

/// The same as one line of text, for a secret that stands in a header, a path or a dialogue.
pub(super) async fn read_text(said: &SecretFile) -> Result<String, DeliveryError> {
    outbound::secret_text(said).await.map_err(|what| DeliveryError::new(Failure::Secret, what))
}
