//! A private nginx on loopback ports. Debian package: `nginx`.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use tempfile::TempDir;

use super::certificates::Certificate;
use super::child::{Child, free_port};

/// A running nginx.
pub(crate) struct Nginx {
    folder: TempDir,
    child: Child,
    ports: Vec<u16>,
}

/// One `server` block: a certificate, if it speaks TLS, and what stands in it.
pub(crate) type Server<'a> = (Option<&'a Certificate>, &'a str);

impl Nginx {
    /// With `servers`, each on a port of its own; returns once all are listening. Files are served from [`Nginx::root`].
    pub(crate) fn start(servers: &[Server<'_>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let mut config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr warn;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n  access_log off; root {at}; default_type application/octet-stream;\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n"
        );
        let mut ports = Vec::new();
        for (certificate, body) in servers {
            let port = free_port();
            let tls = certificate.map_or(String::new(), |certificate| {
                let (file, key) = (certificate.file.display(), certificate.key.display());
                format!("ssl_certificate {file}; ssl_certificate_key {key};")
            });
            let ssl = if certificate.is_some() { " ssl" } else { "" };
            _ = writeln!(config, "  server {{ listen 127.0.0.1:{port}{ssl}; {tls}\n    {body}\n  }}");
            ports.push(port);
        }
        config.push_str("}\n");
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut child = Child::start("/usr/sbin/nginx", "nginx", &folder.path().join("log"), |command| {
            command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
        });
        for port in &ports {
            child.wait_until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok());
        }
        Self { folder, child, ports }
    }

    /// The port of the server at `place`.
    pub(crate) fn port(&self, place: usize) -> u16 {
        self.ports[place]
    }

    /// Stops it in its tracks: its ports still accept, and nothing is answered.
    pub(crate) fn freeze(&self) {
        self.child.freeze();
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.child.thaw();
    }

    /// Where files are served from.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }
}
