//! The secret that both ends of a signed session know, read from its file: a key, or a token for a reflector, of which the reflector
//! keeps the SHA-256 alone. That hash is the key then, so that whoever speaks STAMP can sign by it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use super::codec::Key;
use crate::domain::{SecretFile, is_like_a_token};
use crate::named_file;

/// A shorter one is guessed sooner than its signature (RFC 8762 §4.4: 128 bits).
const LEAST: usize = 16;

/// Reads it. White space at its end does not count.
///
/// # Errors
/// In words, with the file's name and never its content.
pub fn read(said: &SecretFile) -> Result<Key, String> {
    read_at(&no_pipe(said)?)
}

/// Reads a token, and makes of it what its reflector knows it by. White space at its end does not count.
///
/// # Errors
/// In words, with the file's name and never its content.
pub fn read_token(said: &SecretFile) -> Result<Key, String> {
    token_at(&no_pipe(said)?)
}

/// [`read`], while others go on.
///
/// # Errors
/// As there, and that its disk does not answer in time.
pub(super) async fn read_in_time(said: &SecretFile) -> Result<Key, String> {
    named_file::read(&place(said)?, read_at).await
}

/// [`read_token`], while others go on.
///
/// # Errors
/// As there, and that its disk does not answer in time.
pub(super) async fn read_token_in_time(said: &SecretFile) -> Result<Key, String> {
    named_file::read(&place(said)?, token_at).await
}

/// Where such a file is, now.
///
/// # Errors
/// A credential that systemd did not give.
pub fn place(said: &SecretFile) -> Result<PathBuf, String> {
    said.place(std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).as_deref())
}

/// Where such a file is, for whoever has nothing else to do than to read it: over a pipe it would wait for ever.
fn no_pipe(said: &SecretFile) -> Result<PathBuf, String> {
    let file = place(said)?;
    named_file::open(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

/// Where such a file is, if everybody on this machine can read it.
pub fn open_to_all(said: &SecretFile) -> Option<PathBuf> {
    let file = place(said).ok()?;
    let mode = std::fs::metadata(&file).ok()?.permissions().mode();
    (mode & 0o004 != 0).then_some(file)
}

fn read_at(file: &Path) -> Result<Key, String> {
    let secret = named_file::bytes(file)?;
    let secret = secret.trim_ascii_end();
    if secret.len() < LEAST {
        return Err(format!("{}: a key has at least {LEAST} bytes", file.display()));
    }
    Ok(Key::new(secret))
}

fn token_at(file: &Path) -> Result<Key, String> {
    let secret = named_file::bytes(file)?;
    let token = std::str::from_utf8(secret.trim_ascii_end()).ok().filter(|token| is_like_a_token(token));
    let token =
        token.ok_or_else(|| format!("{}: that is no token, as \"siaga token add\" prints it", file.display()))?;
    Ok(Key::new(digest(&SHA256, token.as_bytes()).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::super::codec::{Request, SIGNED, write_request};
    use super::super::moment::{Estimate, Stamp};
    use super::*;

    const SIGNATURE: [u8; 16] =
        [0x9b, 0xbf, 0xb9, 0xb6, 0x3a, 0x13, 0x65, 0xa9, 0xb8, 0xc7, 0xd5, 0xe3, 0xc5, 0x71, 0x70, 0x81];

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

    #[test]
    fn a_key_that_everybody_can_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "sixteen letters!").unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o604, true)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(open_to_all(&SecretFile::Path(file.clone())), open.then(|| file.clone()), "{mode:o}");
        }
    }

    /// The signature by `openssl dgst -sha256 -mac hmac -macopt hexkey:KEY` over the first 96 bytes, where KEY is what
    /// `openssl dgst -sha256` says of the token.
    #[test]
    fn of_a_token_its_hash_is_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let token = format!("siaga_{}", "Ab3-_".repeat(9).split_at(43).0);
        std::fs::write(&file, format!("{token}\n")).unwrap();
        let key = token_at(&file).unwrap();
        let request = Request { sequence: 7, sent: Stamp(1 << 40), estimate: Estimate::OURS, session: 0 };
        let mut packet = [0; SIGNED];
        write_request(&mut packet, &request, Some(&key)).unwrap();
        assert_eq!(packet[96..], SIGNATURE);
        for other in ["", "siaga_", &token[1..], &format!("{token}x"), "sixteen letters and more of them"] {
            std::fs::write(&file, other).unwrap();
            let told = token_at(&file).unwrap_err();
            assert!(told.contains("token: that is no token") && !told.contains("sixteen"), "{told}");
        }
    }
}
