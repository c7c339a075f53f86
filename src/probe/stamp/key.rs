//! The secret that both ends of a signed session know, read from its file.

use std::path::{Path, PathBuf};

use super::codec::Key;
use crate::domain::SecretFile;

/// A shorter one is guessed sooner than its signature (RFC 8762 §4.4: 128 bits).
const LEAST: usize = 16;

/// Reads it. White space at its end does not count.
///
/// # Errors
/// In words, with the file's name and never its content.
pub fn read(said: &SecretFile) -> Result<Key, String> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    read_at(&said.place(folder.as_deref())?)
}

fn read_at(file: &Path) -> Result<Key, String> {
    let secret = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let secret = secret.trim_ascii_end();
    if secret.len() < LEAST {
        return Err(format!("{}: a key has at least {LEAST} bytes", file.display()));
    }
    Ok(Key::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_could_be_guessed_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        assert!(read_at(&file).unwrap_err().contains("key: No such file"));
        for (secret, fits) in [("", false), ("fifteen letters\n\n", false), ("sixteen letters!\n", true)] {
            std::fs::write(&file, secret).unwrap();
            assert_eq!(read_at(&file).is_ok(), fits, "{secret:?}");
        }
    }
}
