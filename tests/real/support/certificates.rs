//! Real certificates by a private authority. Debian package: `openssl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use tempfile::TempDir;

/// A private certificate authority in a folder of its own.
pub(crate) struct Authority {
    folder: TempDir,
    /// Its own certificate (PEM).
    pub(crate) file: PathBuf,
}

/// A server's certificate and key (PEM).
pub(crate) struct Certificate {
    pub(crate) file: PathBuf,
    pub(crate) key: PathBuf,
}

/// What `openssl ca` needs to issue by date; names are taken from the request.
const CONFIG: &str = "[ca]\ndefault_ca = ours\n[ours]\ndatabase = index\nserial = serial\nnew_certs_dir = .\n\
    default_md = sha256\npolicy = any\nunique_subject = no\ncopy_extensions = copy\n[any]\ncommonName = supplied\n\
    [req]\ndistinguished_name = dn\n[dn]\n";

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config"), CONFIG).unwrap();
        fs::write(folder.path().join("index"), "").unwrap();
        fs::write(folder.path().join("serial"), "01\n").unwrap();
        let authority = Self { file: folder.path().join("ca.pem"), folder };
        authority.openssl(
            "req -x509 -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=Lab \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem",
        );
        authority
    }

    /// A certificate for `subject` (`DNS:…`, `IP:…`), valid between the two times.
    pub(crate) fn issue(&self, name: &str, subject: &str, from: Timestamp, to: Timestamp) -> Certificate {
        let date = |moment: Timestamp| moment.strftime("%Y%m%d%H%M%SZ").to_string();
        self.openssl(&format!(
            "req -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
             -addext subjectAltName={subject} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "ca -config config -batch -notext -cert ca.pem -keyfile ca.key -startdate {} -enddate {} \
             -in {name}.csr -out {name}.pem",
            date(from),
            date(to)
        ));
        let at = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        Certificate { file: at("pem"), key: at("key") }
    }

    /// Does something else with openssl, in the folder where all of this lies.
    pub(crate) fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_ascii_whitespace())
            .current_dir(self.folder())
            .output()
            .unwrap_or_else(|error| panic!("openssl cannot be started ({error}): install Debian's package openssl"));
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Where all of this lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
