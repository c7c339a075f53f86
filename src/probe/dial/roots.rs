//! The machine's own root certificates, read anew when they have changed: a daemon runs for months, and browsers beside it follow each
//! update of `ca-certificates`.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls_platform_verifier::Verifier;

/// Where the roots stand, of Debian first, where `SSL_CERT_FILE` and `SSL_CERT_DIR` say nothing else: the places at which
/// `rustls-native-certs` looks (by way of `openssl-probe`), which does not tell which it has read.
const PLACES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
];

/// By what is seen that a file, or what stands in a folder, is another one: device, number, length, and the time of its last change,
/// s and ns. None where nothing is.
type Mark = Option<(u64, u64, u64, i64, i64)>;

fn mark(place: &Path) -> Mark {
    let meta = std::fs::metadata(place).ok()?;
    Some((meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

fn places() -> Vec<PathBuf> {
    let file = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let folders = std::env::var_os("SSL_CERT_DIR").unwrap_or_default();
    let said = file.into_iter().chain(std::env::split_paths(&folders));
    let said: Vec<PathBuf> = said.filter(|place| !place.as_os_str().is_empty()).collect();
    if said.is_empty() { PLACES.map(PathBuf::from).to_vec() } else { said }
}

/// What was made of the roots, with what their places looked like before.
type Kept<T> = Option<(Vec<Mark>, Arc<T>)>;

/// What checks by the roots that stand there now. They are looked at each time, which costs a few system calls beside the handshake
/// that follows, and read when they are others. A failure is not kept: the package with the roots may be installed meanwhile.
///
/// # Errors
/// There are none.
pub(super) fn by_the_machine(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    static KEPT: Mutex<Kept<Verifier>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let verifier = newest(&mut kept, &places(), || Verifier::new(Arc::clone(provider)))?;
    Ok(verifier)
}

fn newest<T, E>(kept: &mut Kept<T>, places: &[PathBuf], read: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
    // Before they are read: what changes meanwhile is seen the next time.
    let marks: Vec<Mark> = places.iter().map(|place| mark(place)).collect();
    if let Some((known, made)) = kept
        && *known == marks
    {
        return Ok(Arc::clone(made));
    }
    let made = Arc::new(read()?);
    *kept = Some((marks, Arc::clone(&made)));
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_read_anew_and_what_has_not_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        let places = [file.clone(), folder.path().join("none")];
        let mut kept = None;
        let mut read = || newest(&mut kept, &places, || std::fs::read_to_string(&file)).map(|made| (*made).clone());
        assert!(read().is_err(), "nothing is there");
        std::fs::write(&file, "one").unwrap();
        assert_eq!(read().unwrap(), "one");
        // As a package's script puts another in its place, here one of the same length and time.
        let new = folder.path().join("new");
        std::fs::write(&new, "two").unwrap();
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(&new).unwrap().set_modified(time).unwrap();
        std::fs::rename(&new, &file).unwrap();
        assert_eq!(read().unwrap(), "two");
        std::fs::remove_file(&file).unwrap();
        assert!(read().is_err(), "nothing is there any more");
        // One that is the same is not read again.
        std::fs::write(&file, "three").unwrap();
        assert_eq!(read().unwrap(), "three");
        let mut kept = Some((vec![mark(&file), None], Arc::new("kept".to_owned())));
        let made = newest(&mut kept, &places, || std::fs::read_to_string(&file)).unwrap();
        assert_eq!(*made, "kept");
    }
}
