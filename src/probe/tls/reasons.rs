//! Why a certificate says what it says.

use crate::domain::{ErrorKind, ErrorTable, ReasonDef, Text, Verdict};
use crate::probe::dial;

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &EXPIRING,
    &EXPIRED,
    &NOT_YET_VALID,
    &OTHER_NAME,
    &UNTRUSTED,
    &TIMEOUT,
    &dial::DNS_FAILED,
    &dial::CONNECT_FAILED,
    &dial::TLS_FAILED,
    &UNREADABLE,
];

pub(super) static EXPIRING: ReasonDef = ReasonDef::new(
    "internet.certificate_expiring",
    Text::new("Sertifikat {host} habis dalam {days} hari", "The certificate of {host} expires in {days} days"),
    Text::new(
        "Minta pengelola {host} memperbarui sertifikatnya",
        "Ask the operator of {host} to renew its certificate",
    ),
)
.lasting();

pub(super) static EXPIRED: ReasonDef = ReasonDef::new(
    "internet.certificate_expired",
    Text::new("Sertifikat {host} sudah habis masa berlakunya", "The certificate of {host} has expired"),
    Text::new(
        "Periksa tanggal komputer ini; bila benar, minta pengelola {host} memperbarui sertifikatnya",
        "Check this computer's date; if it is right, ask the operator of {host} to renew its certificate",
    ),
)
.lasting();

// As a rule it is our own clock that is behind, after an empty battery on the board: so it is of the moment.
pub(super) static NOT_YET_VALID: ReasonDef = ReasonDef::new(
    "internet.certificate_not_yet_valid",
    Text::new("Sertifikat {host} belum berlaku", "The certificate of {host} is not valid yet"),
    Text::new(
        "Betulkan tanggal dan jam komputer ini; bila sudah benar, hubungi pengelola {host}",
        "Set this computer's date and time right; if they are right, call the operator of {host}",
    ),
);

pub(super) static OTHER_NAME: ReasonDef = ReasonDef::new(
    "internet.certificate_wrong_name",
    Text::new("Sertifikat yang diterima bukan milik {host}", "The certificate that was shown is not for {host}"),
    Text::new(
        "Buka peramban dan lihat apakah muncul halaman masuk Wi-Fi; bila tidak, minta petugas TI memeriksa nama {host} di berkas konfigurasi",
        "Make sure that no Wi-Fi login page stands in between; then check the name {host} in the config file",
    ),
)
.lasting();

pub(super) static UNTRUSTED: ReasonDef = ReasonDef::new(
    "internet.certificate_untrusted",
    Text::new(
        "Sertifikat {host} tidak dipercaya komputer ini",
        "This computer does not trust the certificate of {host}",
    ),
    Text::new(
        "Pastikan tidak ada yang mencegat sambungan; minta petugas TI memasang sertifikat penerbitnya, atau mengisi ca_file",
        "Make sure that nobody intercepts the connection; ask IT staff to install the issuer's certificate, or to set ca_file",
    ),
)
.lasting();

static TIMEOUT: ReasonDef = ReasonDef::new(
    "internet.tls_timeout",
    Text::new("Sambungan aman (TLS) tidak selesai pada waktunya", "The secure connection (TLS) was not made in time"),
    Text::new(
        "Periksa apakah internet di ruangan ini berfungsi; bila situs lain cepat, hubungi penyelenggara tujuan ini",
        "Check that the internet works in this room; if other sites are quick, call this target's operator",
    ),
);

static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.tls_unreadable",
    Text::new("Sertifikat tidak dapat diperiksa", "The certificate cannot be checked"),
    Text::new(
        "Minta petugas TI melihat log Siaga dan memasang paket ca-certificates",
        "Ask IT staff to read Siaga's log and to install the package ca-certificates",
    ),
);

/// As for `http`: whoever refuses, is away or says nothing is not there for a meeting either.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Dns, Verdict::NotReady, &dial::DNS_FAILED),
        (ErrorKind::Refused, Verdict::NotReady, &dial::CONNECT_FAILED),
        (ErrorKind::Unreachable, Verdict::NotReady, &dial::CONNECT_FAILED),
        (ErrorKind::Tls, Verdict::NotReady, &dial::TLS_FAILED),
        (ErrorKind::Timeout, Verdict::NotReady, &TIMEOUT),
    ],
    otherwise: &UNREADABLE,
};
