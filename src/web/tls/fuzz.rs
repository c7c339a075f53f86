//! What `make fuzz` holds the reader of our own certificates to: an authority made them. Compiled where assertions are.

use rustls::pki_types::CertificateDer;

use super::pair::{chain, names_a_place, private, valid};

/// Whatever stands in a certificate (DER), and in the files of one and its key (PEM).
///
/// # Panics
/// Where a reader does; where it is of a chain that is none, or says more of why than a line.
pub fn files(bytes: &[u8]) {
    let one = [CertificateDer::from(bytes)];
    if valid(&one).is_err() {
        assert!(!names_a_place(&one[0]));
    }
    match chain(bytes) {
        Ok(all) => {
            assert!(!all.is_empty());
            _ = (valid(&all), names_a_place(&all[0]));
        }
        Err(why) => assert!(!why.chars().any(char::is_control), "{why:?}"),
    }
    if let Err(why) = private(bytes) {
        assert!(!why.chars().any(char::is_control), "{why:?}");
    }
}
