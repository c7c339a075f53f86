//! Why a resolver says what it says.

use crate::domain::{ErrorKind, ErrorTable, ReasonDef, Text, Verdict};

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &RESOLVER_SILENT,
    &RESOLVER_FAILING,
    &RESOLVER_PARTLY,
    &RESOLVER_IS_SELF,
    &NO_RESOLVER,
    &NAME_UNKNOWN,
    &NAME_EMPTY,
    &UNASKED,
];

static RESOLVER_SILENT: ReasonDef = ReasonDef::new(
    "internet.resolver_silent",
    Text::new("Server DNS tidak menjawab", "The DNS server does not answer"),
    Text::new(
        "Nyalakan ulang router; bila tetap begini, minta petugas TI mengganti server DNS",
        "Restart the router; if it stays so, ask IT staff to set another DNS server",
    ),
);

pub(super) static RESOLVER_FAILING: ReasonDef = ReasonDef::new(
    "internet.resolver_failing",
    Text::new("Server DNS menjawab dengan galat untuk {name}", "The DNS server answers with an error for {name}"),
    Text::new(
        "Periksa apakah internet di ruangan ini berfungsi; bila ya, minta petugas TI mengganti server DNS",
        "Check that the internet works in this room; if it does, ask IT staff to set another DNS server",
    ),
);

pub(super) static RESOLVER_PARTLY: ReasonDef = ReasonDef::new(
    "internet.resolver_partly",
    Text::new(
        "Salah satu server DNS, {resolver}, tidak berfungsi; sambungan akan terasa lambat",
        "One of the DNS servers, {resolver}, is of no use; connecting will feel slow",
    ),
    Text::new(
        "Minta petugas TI menghidupkan {resolver} atau menghapusnya dari daftar server DNS",
        "Ask IT staff to bring {resolver} back, or to take it off the list of DNS servers",
    ),
);

pub(super) static RESOLVER_IS_SELF: ReasonDef = ReasonDef::new(
    "internet.resolver_is_self",
    Text::new(
        "Server DNS ada di komputer ini sendiri dan bisa saja menjawab dari simpanannya (cache)",
        "The DNS server is on this very computer and may answer from memory",
    ),
    Text::new(
        "Tidak perlu tindakan; jalannya internet diperiksa dengan cara lain",
        "Nothing needs to be done; whether the internet works is checked in other ways",
    ),
);

pub(super) static NO_RESOLVER: ReasonDef = ReasonDef::new(
    "internet.no_resolver",
    Text::new("Komputer ini tidak punya server DNS", "This computer has no DNS server"),
    Text::new(
        "Cabut dan pasang kabel jaringan; bila tetap begini, minta petugas TI mengisi server DNS",
        "Unplug and plug the network cable; if it stays so, ask IT staff to set a DNS server",
    ),
);

pub(super) static NAME_UNKNOWN: ReasonDef = ReasonDef::new(
    "internet.name_unknown",
    Text::new("Nama {name} tidak dikenal server DNS", "The DNS server does not know the name {name}"),
    Text::new(
        "Minta petugas TI memeriksa ejaan query di berkas konfigurasi, dan apakah nama itu diblokir",
        "Check the spelling of query in the config file; if it is right, ask IT staff whether the name is blocked",
    ),
);

pub(super) static NAME_EMPTY: ReasonDef = ReasonDef::new(
    "internet.name_empty",
    Text::new("Nama {name} tidak punya alamat", "The name {name} has no address"),
    Text::new(
        "Minta petugas TI memeriksa query dan record di berkas konfigurasi, lalu menghubungi pengelola nama itu",
        "Check query and record in the config file; if they are right, call the name's operator",
    ),
);

static UNASKED: ReasonDef = ReasonDef::new(
    "siaga.dns_unasked",
    Text::new("Server DNS tidak dapat ditanyai", "The DNS server cannot be asked"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// A resolver that refuses packets, is out of reach or says nothing is silent to every program here; what cannot be
/// understood, or asked, is ours.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Timeout, Verdict::NotReady, &RESOLVER_SILENT),
        (ErrorKind::Refused, Verdict::NotReady, &RESOLVER_SILENT),
        (ErrorKind::Unreachable, Verdict::NotReady, &RESOLVER_SILENT),
    ],
    otherwise: &UNASKED,
};
