//! Why a link says what it says.

use crate::domain::{ErrorTable, ReasonDef, Text};

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &LINK_DOWN,
    &WIFI_DOWN,
    &INTERFACE_OFF,
    &INTERFACE_MISSING,
    &NO_INTERFACE,
    &NO_ADDRESS,
    &NO_GATEWAY,
    &WIFI_WEAK,
    &LINK_SLOW,
    &LINK_DAMAGED,
    &LINK_DROPPING,
    &CALL_TRAFFIC,
    &CALL_TRAFFIC_NOTED,
    &POLLING,
    &UNSEEN,
];

pub(super) static LINK_DOWN: ReasonDef = ReasonDef::new(
    "internet.link_down",
    Text::new("Kabel jaringan {interface} tidak tersambung", "The network cable of {interface} is not connected"),
    Text::new(
        "Pasang kembali kabel jaringan di komputer dan di switch, dan pastikan switch menyala",
        "Plug the network cable in again at the computer and at the switch, and make sure that the switch has power",
    ),
);

pub(super) static WIFI_DOWN: ReasonDef = ReasonDef::new(
    "internet.wifi_down",
    Text::new("Wi-Fi {interface} tidak tersambung", "The Wi-Fi {interface} is not connected"),
    Text::new(
        "Sambungkan komputer ke Wi-Fi ruang rapat, atau pasang kabel jaringan",
        "Connect the computer to the room's Wi-Fi, or plug in a network cable",
    ),
);

pub(super) static INTERFACE_OFF: ReasonDef = ReasonDef::new(
    "internet.interface_off",
    Text::new("Kartu jaringan {interface} dimatikan", "The network interface {interface} is switched off"),
    Text::new(
        "Nyalakan {interface} di pengaturan jaringan, dan matikan mode pesawat",
        "Switch {interface} on in the network settings, and switch flight mode off",
    ),
);

pub(super) static INTERFACE_MISSING: ReasonDef = ReasonDef::new(
    "internet.interface_missing",
    Text::new("Kartu jaringan {interface} tidak ditemukan", "The network interface {interface} is not there"),
    Text::new(
        "Pasang kembali adaptor jaringan; bila tetap begini, minta petugas TI memeriksa interface di berkas konfigurasi",
        "Plug the network adapter in again; if its name has changed, correct interface in the config file",
    ),
)
.lasting();

// Not ready and lasting: whoever has no interface but the loopback holds no conference, today or tomorrow, until
// somebody puts a card in or mends its driver.
pub(super) static NO_INTERFACE: ReasonDef = ReasonDef::new(
    "internet.no_interface",
    Text::new("Komputer ini tidak punya kartu jaringan", "This computer has no network interface"),
    Text::new(
        "Pasang adaptor jaringan, atau minta petugas TI memeriksa driver-nya",
        "Plug in a network adapter, or ask IT staff to check its driver",
    ),
)
.lasting();

pub(super) static NO_ADDRESS: ReasonDef = ReasonDef::new(
    "internet.no_address",
    Text::new("{interface} belum mendapat alamat IP", "{interface} has no IP address"),
    Text::new(
        "Nyalakan ulang router, lalu cabut dan pasang kabel jaringan; bila tetap begini, hubungi petugas TI",
        "Restart the router, then unplug and plug the network cable; if it stays so, call IT staff",
    ),
);

pub(super) static NO_GATEWAY: ReasonDef = ReasonDef::new(
    "internet.no_gateway",
    Text::new("Tidak ada jalan ke internet lewat {interface}", "There is no way to the internet by {interface}"),
    Text::new(
        "Nyalakan ulang router; bila alamatnya diisi secara manual, minta petugas TI mengisi gateway-nya",
        "Restart the router; if the address was set by hand, ask IT staff to set its gateway",
    ),
);

pub(super) static WIFI_WEAK: ReasonDef = ReasonDef::new(
    "internet.wifi_weak",
    Text::new(
        "Sinyal Wi-Fi {part} lemah: {value}, seharusnya {limit} atau lebih",
        "The Wi-Fi signal of {part} is weak: {value}, should be {limit} or more",
    ),
    Text::new(
        "Pindahkan komputer mendekati pemancar Wi-Fi, atau pakai kabel jaringan",
        "Move the computer nearer to the Wi-Fi access point, or use a network cable",
    ),
);

pub(super) static LINK_SLOW: ReasonDef = ReasonDef::new(
    "internet.link_slow",
    Text::new(
        "Kabel jaringan {part} hanya mencapai {value}, seharusnya {limit} atau lebih",
        "The network cable of {part} only reaches {value}, should be {limit} or more",
    ),
    Text::new(
        "Ganti kabel jaringan, lalu coba port lain di switch",
        "Replace the network cable, then try another port of the switch",
    ),
);

pub(super) static LINK_DAMAGED: ReasonDef = ReasonDef::new(
    "internet.link_damaged",
    Text::new(
        "{value} paket di {interface} rusak, batasnya {limit}",
        "{value} of the packets at {interface} are damaged, the limit is {limit}",
    ),
    Text::new(
        "Ganti kabel jaringan, lalu coba port lain di switch; pada Wi-Fi dekatkan komputer ke pemancarnya",
        "Replace the network cable, then try another port of the switch; on Wi-Fi move the computer nearer to the access point",
    ),
);

pub(super) static LINK_DROPPING: ReasonDef = ReasonDef::new(
    "internet.link_dropping",
    Text::new(
        "{interface} membuang {value} paketnya, batasnya {limit}",
        "{interface} drops {value} of its packets, the limit is {limit}",
    ),
    Text::new(
        "Tutup program yang tidak dipakai; bila tetap begini, minta petugas TI memeriksa kartu jaringan dan driver-nya",
        "Close programs that are not needed; if it stays so, ask IT staff to check the network card and its driver",
    ),
);

// Notes: they say why the room counts as in use, or why it does not.
pub(super) static CALL_TRAFFIC: ReasonDef = ReasonDef::new(
    "internet.call_traffic",
    Text::new(
        "Ada lalu lintas seperti panggilan ({received} paket UDP masuk, {sent} keluar per detik): ruangan dianggap sedang dipakai",
        "Traffic is like a call's ({received} UDP packets a second in, {sent} out): the room counts as in use",
    ),
    Text::new(
        "Bila tidak ada rapat, tutup program yang memakainya, atau minta petugas TI mengubah call_traffic di berkas konfigurasi",
        "If there is no meeting, close the program that makes it, or ask IT staff to change call_traffic in the config file",
    ),
);

pub(super) static CALL_TRAFFIC_NOTED: ReasonDef = ReasonDef::new(
    "internet.call_traffic_noted",
    Text::new(
        "Ada lalu lintas seperti panggilan ({received} paket UDP masuk, {sent} keluar per detik), tetapi belum tentu panggilan",
        "Traffic is like a call's ({received} UDP packets a second in, {sent} out), which may as well be something else",
    ),
    Text::new(
        "Tidak perlu tindakan; pengukuran kecepatan tetap berjalan",
        "Nothing needs to be done; tests of the line go on",
    ),
);

pub(super) static POLLING: ReasonDef = ReasonDef::new(
    "siaga.link_polling",
    Text::new(
        "Perubahan jaringan baru terlihat pada pemeriksaan berikutnya, tidak seketika",
        "Changes of the network are seen at the next reading only, not at once",
    ),
    Text::new(
        "Minta petugas TI mengizinkan AF_NETLINK untuk layanan siaga (RestrictAddressFamilies)",
        "Ask IT staff to allow AF_NETLINK to the siaga service (RestrictAddressFamilies)",
    ),
);

pub(super) static UNSEEN: ReasonDef = ReasonDef::new(
    "siaga.link_unseen",
    Text::new("Keadaan jaringan tidak dapat dibaca", "The network's state cannot be read"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Files of the kernel that cannot be read say nothing about the cable: every failure is of our eyes.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &UNSEEN };
