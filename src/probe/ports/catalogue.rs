//! What a `ports` probe measures, and why it says what it says.

use crate::domain::{ErrorKind, ErrorTable, Quantity, ReasonDef, Text, Unit, Verdict};

/// The part of a quantity for each port, and for each platform.
pub(super) const PORT: &str = "port";
pub(super) const PLATFORM: &str = "platform";

pub(super) static REACHED: Quantity = Quantity::gauge(
    "ports_reached",
    Unit::Flag,
    "Whether the far end answers at a port by UDP, or takes a connection by TCP; missing where it says that nobody listens.",
)
.by(PORT).called("Port terhubung", "Port reached");
pub(super) static UDP_BLOCKED: Quantity = Quantity::gauge(
    "ports_udp_blocked",
    Unit::Flag,
    "Whether a UDP port of a platform's media gets no answer, or is said to be unreachable, at a far end that is reached otherwise.",
)
.by(PLATFORM).called("Port UDP diblokir", "UDP port blocked");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&REACHED, &UDP_BLOCKED];

pub(super) static BLOCKED: ReasonDef = ReasonDef::new(
    "internet.platform_udp_blocked",
    Text::new(
        "Port UDP untuk rapat {part} tidak tembus: mutu suara dan gambar akan turun",
        "UDP ports for meetings by {part} do not get through: sound and picture will suffer",
    ),
    Text::new(
        "Minta petugas TI membuka port UDP itu di firewall atau router (siaga platforms), dan memeriksa bahwa ujung jauh menjawab di sana",
        "Ask IT staff to open these UDP ports on the firewall or router (siaga platforms), and to check that the far end answers there",
    ),
)
.lasting();

pub(super) static SEEN: ReasonDef = ReasonDef::new(
    "internet.ports_seen",
    Text::new(
        "Di {server} menjawab: {reached}; tidak menjawab: {silent}",
        "At {server} there answers: {reached}; there does not: {silent}",
    ),
    Text::new("Tidak perlu tindakan", "Nothing needs to be done"),
);

pub(super) static UNHEARD: ReasonDef = ReasonDef::new(
    "internet.ports_nobody_listens",
    Text::new("Di {server} tidak ada layanan di {ports}", "At {server} nobody listens at {ports}"),
    Text::new(
        "Minta petugas TI menyalakan layanan STUN di port itu pada ujung jauh, atau menulis udp_ports di berkas konfigurasi",
        "Ask IT staff to have STUN answered at these ports of the far end, or to write udp_ports in the config file",
    ),
);

pub(super) static UNTRIED: ReasonDef = ReasonDef::new(
    "siaga.ports_untried",
    Text::new("Tidak dapat ditanya dari komputer ini: {ports}", "This computer could not ask at {ports}"),
    Text::new(
        "Minta petugas TI memeriksa firewall di komputer ini dan melihat log Siaga",
        "Ask IT staff to check this computer's own firewall and to read Siaga's log",
    ),
);

pub(super) static LIST_OLD: ReasonDef = ReasonDef::new(
    "siaga.platform_list_old",
    Text::new(
        "Daftar port {platform} seharusnya diperiksa ulang sebelum {day}",
        "The list of ports of {platform} should have been read again by {day}",
    ),
    Text::new(
        "Minta petugas TI memasang versi Siaga yang lebih baru",
        "Ask IT staff to install a newer version of Siaga",
    ),
);

pub(super) static SILENT: ReasonDef = ReasonDef::new(
    "siaga.ports_silent",
    Text::new(
        "Ujung jauh tidak menjawab di port mana pun, jadi port yang tertahan tidak dapat diketahui",
        "The far end answers at no port, so which ports are blocked cannot be told",
    ),
    Text::new(
        "Bila internet lainnya jalan, minta petugas TI memeriksa ujung jauh itu",
        "If the internet works otherwise, ask IT staff to check that far end",
    ),
);

pub(super) static UNRESOLVED: ReasonDef = ReasonDef::new(
    "siaga.ports_unresolved",
    Text::new("Alamat ujung jauh untuk uji port belum diketahui", "The address of the far end for ports is not known"),
    Text::new(
        "Minta petugas TI memeriksa DNS dan ejaan far_end di berkas konfigurasi",
        "Ask IT staff to check DNS and the spelling of far_end in the config file",
    ),
);

pub(super) static FAILED: ReasonDef = ReasonDef::new(
    "siaga.ports_failed",
    Text::new("Port rapat tidak dapat diperiksa", "The ports for meetings could not be looked at"),
    Text::new(
        "Minta petugas TI melihat log Siaga dan memeriksa far_end di berkas konfigurasi",
        "Ask IT staff to read Siaga's log and to check far_end in the config file",
    ),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[&BLOCKED, &SEEN, &UNHEARD, &UNTRIED, &LIST_OLD, &SILENT, &UNRESOLVED, &FAILED];

/// What answers nowhere says nothing of ports: every failure is of our eyes.
pub static ERRORS: ErrorTable = ErrorTable {
    rows: &[
        (ErrorKind::Timeout, Verdict::Unknown, &SILENT),
        (ErrorKind::Refused, Verdict::Unknown, &SILENT),
        (ErrorKind::Unreachable, Verdict::Unknown, &SILENT),
        (ErrorKind::Dns, Verdict::Unknown, &UNRESOLVED),
    ],
    otherwise: &FAILED,
};
