//! Reasons that several kinds give, each declared once.

use crate::domain::{ReasonDef, Text};

/// The target's name did not resolve.
pub(in crate::probe) static DNS_FAILED: ReasonDef = ReasonDef::new(
    "internet.dns_failed",
    Text::new("Alamat tujuan tidak ditemukan (DNS)", "The target's name cannot be resolved"),
    Text::new(
        "Periksa apakah internet di ruangan ini berfungsi; bila situs lain terbuka, minta petugas TI memeriksa DNS",
        "Check that the internet works in this room; if other sites open, ask IT staff to check the DNS",
    ),
);

/// There is no TCP connection to the target.
pub(in crate::probe) static CONNECT_FAILED: ReasonDef = ReasonDef::new(
    "internet.connect_failed",
    Text::new("Tujuan tidak dapat dihubungi", "The target cannot be connected to"),
    Text::new(
        "Periksa apakah internet di ruangan ini berfungsi; bila situs lain terbuka, laporkan ke petugas TI bahwa tujuan ini ditolak",
        "Check that the internet works in this room; if other sites open, tell IT staff that this target refuses",
    ),
);

/// The target's TLS handshake failed.
pub(in crate::probe) static TLS_FAILED: ReasonDef = ReasonDef::new(
    "internet.tls_failed",
    Text::new("Sambungan aman (TLS) ke tujuan gagal", "The secure connection (TLS) to the target failed"),
    Text::new(
        "Periksa tanggal dan jam komputer ini; bila sudah benar, minta petugas TI memeriksa sertifikat dan firewall",
        "Check this computer's date and time; if they are right, ask IT staff to check certificate and firewall",
    ),
);
