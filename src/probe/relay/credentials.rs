//! The user for whom a TURN server relays, and the password, read from its file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use ring::hmac;

use crate::domain::SecretFile;
use crate::named_file;
use crate::probe::stun::integrity::Key;

/// For how long a user is made: for the test, and for clocks that do not agree.
const WHILE: Duration = Duration::from_hours(1);

/// A user and a password. Shown nowhere.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    password: String,
}

impl Credentials {
    /// Those of `user`; white space at the end of the password's file does not count.
    ///
    /// # Errors
    /// In words, with the file's name and never its content; that its disk does not answer in time, too.
    pub(super) async fn read(user: &str, said: &SecretFile) -> Result<Self, String> {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let user = user.to_owned();
        named_file::read(&said.place(folder.as_deref())?, move |file| Self::read_at(&user, file)).await
    }

    fn read_at(user: &str, file: &Path) -> Result<Self, String> {
        let password = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let password = password.trim_ascii_end().to_owned();
        if password.is_empty() {
            return Err(format!("{}: no password in it", file.display()));
        }
        Ok(Self { user: user.to_owned(), password })
    }

    /// Those that a server with a shared secret gives a user for a while, where this password is that secret: the name says until
    /// when, and the password is its signature (draft-uberti-behave-turn-rest-00 §2.2, as coturn and those before it do).
    pub(super) fn for_a_while(self, now: Timestamp) -> Self {
        let user = format!("{}:{}", now.as_second().saturating_add(WHILE.as_secs().cast_signed()), self.user);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.password.as_bytes());
        let password = BASE64_STANDARD.encode(hmac::sign(&key, user.as_bytes()));
        Self { user, password }
    }

    /// What signs in that realm.
    pub(super) fn key(&self, realm: &[u8]) -> Key {
        Key::long_term(&self.user, realm, &self.password)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named_file::tests::leaves_the_thread;

    #[test]
    fn a_password_is_read_while_others_go_on() {
        assert!(leaves_the_thread(|file| async move { Credentials::read("room", &SecretFile::Path(file)).await }));
    }

    /// The signature as `openssl dgst -sha1 -hmac north -binary | base64` makes it.
    #[test]
    fn a_user_for_a_while_is_signed_with_the_secret() {
        let secret = Credentials { user: "room".to_owned(), password: "north".to_owned() };
        let credentials = secret.for_a_while(Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(
            (credentials.user.as_str(), credentials.password.as_str()),
            ("1700003600:room", "Q6HEoVbRl8xPbh3ljfwgNg78Ji4=")
        );
    }

    #[test]
    fn a_password_is_what_its_file_says_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        assert!(Credentials::read_at("room", &file).unwrap_err().contains("password: No such file"));
        std::fs::write(&file, " \n").unwrap();
        assert!(Credentials::read_at("room", &file).unwrap_err().contains("no password in it"));
        std::fs::write(&file, "rahasia dapur\n").unwrap();
        let credentials = Credentials::read_at("room", &file).unwrap();
        assert_eq!(credentials.password, "rahasia dapur");
        assert_eq!(format!("{credentials:?} {:?}", credentials.key(b"example.org")), "Credentials Key");
    }
}
