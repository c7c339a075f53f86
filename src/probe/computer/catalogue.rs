//! What the `computer` probe measures, and why it says what it says.

use crate::domain::{ErrorTable, Quantity, ReasonDef, Text, quantity::Unit};

pub(super) static CPU: Quantity = Quantity::gauge(
    "computer_cpu_ratio",
    Unit::Ratio,
    "Processor time in use since the observation before, all processors.",
)
.called("Beban prosesor", "Load of the processor");
pub(super) static PRESSURE: Quantity = Quantity::gauge(
    "computer_pressure_ratio",
    Unit::Ratio,
    "Share of the last ten seconds in which some task waited for the resource (PSI).",
)
.by("resource")
.called("Waktu yang tertahan", "Time that was held up");
pub(super) static MEMORY: Quantity = Quantity::gauge(
    "computer_memory_available_bytes",
    Unit::Bytes,
    "Memory that programs may still take without swapping.",
)
.called("Memori tersedia", "Memory available");
pub(super) static DISK_FREE: Quantity =
    Quantity::gauge("computer_disk_free_bytes", Unit::Bytes, "Space that a program may still write.")
        .by("mount")
        .called("Ruang disk tersisa", "Free disk space");
pub(super) static INODES_FREE: Quantity = Quantity::gauge(
    "computer_disk_inodes_free_ratio",
    Unit::Ratio,
    "Share of the files that a file system can hold which a program may still make (inodes); none where it sets itself no such limit.",
)
.by("mount")
.called("Tempat berkas baru tersisa", "Room for new files");
pub(super) static DISK_READ_ONLY: Quantity =
    Quantity::gauge("computer_disk_read_only", Unit::Flag, "Whether the mount cannot be written (1) or can (0).")
        .by("mount")
        .called("Disk hanya dapat dibaca", "Disk can only be read");
pub(super) static TEMPERATURE: Quantity =
    Quantity::gauge("computer_temperature_celsius", Unit::Celsius, "What a sensor reads.")
        .by("sensor")
        .called("Suhu komputer", "Temperature of the computer");
pub(super) static CLOCK_SYNCHRONISED: Quantity = Quantity::gauge(
    "computer_clock_synchronised",
    Unit::Flag,
    "Whether the clock follows a time server (1) or runs free (0).",
)
.called("Jam mengikuti server waktu", "The clock follows a time server");
pub(super) static RESTART_PENDING: Quantity = Quantity::gauge(
    "computer_restart_pending",
    Unit::Flag,
    "Whether an update waits for a restart (1) or none does (0).",
)
.called("Menunggu mulai ulang", "A restart is waited for");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[
    &CPU,
    &PRESSURE,
    &MEMORY,
    &DISK_FREE,
    &INODES_FREE,
    &DISK_READ_ONLY,
    &TEMPERATURE,
    &CLOCK_SYNCHRONISED,
    &RESTART_PENDING,
];

const CLOSE_PROGRAMS: Text = Text::new(
    "Tutup program yang tidak dipakai untuk rapat; bila tetap begini, nyalakan ulang komputer",
    "Close programs that the meeting does not need; if it stays so, restart the computer",
);

pub(super) static CPU_HIGH: ReasonDef = ReasonDef::new(
    "computer.cpu_high",
    Text::new(
        "Prosesor komputer bekerja {value} (batas {limit})",
        "The computer's processor is {value} busy (limit {limit})",
    ),
    CLOSE_PROGRAMS,
);

pub(super) static CPU_PRESSURE_HIGH: ReasonDef = ReasonDef::new(
    "computer.cpu_pressure_high",
    Text::new(
        "Program menunggu prosesor {value} dari waktu (batas {limit})",
        "Programs wait for a processor {value} of the time (limit {limit})",
    ),
    CLOSE_PROGRAMS,
);

pub(super) static MEMORY_PRESSURE_HIGH: ReasonDef = ReasonDef::new(
    "computer.memory_pressure_high",
    Text::new(
        "Program menunggu memori {value} dari waktu (batas {limit})",
        "Programs wait for memory {value} of the time (limit {limit})",
    ),
    CLOSE_PROGRAMS,
);

pub(super) static MEMORY_LOW: ReasonDef = ReasonDef::new(
    "computer.memory_low",
    Text::new(
        "Memori komputer tersisa {value} (batas {limit})",
        "The computer has {value} of memory left (limit {limit})",
    ),
    CLOSE_PROGRAMS,
);

pub(super) static DISK_LOW: ReasonDef = ReasonDef::new(
    "computer.disk_low",
    Text::new("Ruang disk {part} tersisa {value} (batas {limit})", "Disk {part} has {value} left (limit {limit})"),
    Text::new(
        "Hapus berkas yang tidak perlu (rekaman lama, unduhan) atau pindahkan ke tempat lain",
        "Delete files that are not needed (old recordings, downloads) or move them elsewhere",
    ),
)
.lasting();

pub(super) static INODES_LOW: ReasonDef = ReasonDef::new(
    "computer.disk_inodes_low",
    Text::new(
        "Disk {part} hampir tidak dapat menerima berkas baru: sisa {value} (batas {limit})",
        "Disk {part} can hardly take new files: {value} of them left (limit {limit})",
    ),
    Text::new(
        "Minta petugas TI menghapus berkas kecil yang menumpuk (df -i menunjukkan disknya); ruang disk yang masih kosong tidak membantu",
        "Delete the small files that have piled up (df -i shows the disk); free space on it does not help",
    ),
)
.lasting();

pub(super) static READ_ONLY: ReasonDef = ReasonDef::new(
    "computer.disk_read_only",
    Text::new("Disk {mount} hanya bisa dibaca, tidak bisa ditulis", "Disk {mount} can be read but not written"),
    Text::new(
        "Nyalakan ulang komputer; bila tetap begini, disk mungkin rusak: hubungi petugas TI dan pakai komputer cadangan",
        "Restart the computer; if it stays so, the disk may be failing: call IT staff and use a spare computer",
    ),
)
.lasting();

pub(super) static MOUNT_MISSING: ReasonDef = ReasonDef::new(
    "computer.mount_missing",
    Text::new("Disk {mount} tidak terpasang", "Nothing is mounted at {mount}"),
    Text::new(
        "Sambungkan disk itu; bila tetap begini, minta petugas TI memasangnya, atau menghapus {mount} dari berkas konfigurasi",
        "Connect and mount that disk, or remove {mount} from the config",
    ),
)
.lasting();

pub(super) static DISK_UNANSWERING: ReasonDef = ReasonDef::new(
    "computer.disk_unanswering",
    Text::new("Disk {mount} tidak menjawab", "Disk {mount} does not answer"),
    Text::new(
        "Nyalakan ulang komputer; bila terulang, minta petugas TI memeriksa disk",
        "Restart the computer; if it happens again, ask IT staff to check the disk",
    ),
);

pub(super) static MOUNT_REMOTE: ReasonDef = ReasonDef::new(
    "computer.mount_remote",
    Text::new(
        "Disk {mount} ada di jaringan; ruang kosongnya tidak diperiksa",
        "Disk {mount} is on the network; its space is not checked",
    ),
    Text::new("Tidak perlu tindakan", "Nothing to do"),
)
.lasting();

pub(super) static TEMPERATURE_HIGH: ReasonDef = ReasonDef::new(
    "computer.temperature_high",
    Text::new("Suhu {part} mencapai {value} (batas {limit})", "{part} is at {value} (limit {limit})"),
    Text::new(
        "Bersihkan lubang udara komputer, jauhkan dari panas, dan nyalakan AC ruangan",
        "Clear the computer's air vents, keep it away from heat, and switch the room's air conditioning on",
    ),
);

pub(super) static CLOCK_FREE: ReasonDef = ReasonDef::new(
    "computer.clock_unsynchronised",
    Text::new("Jam komputer tidak mengikuti server waktu", "The computer's clock follows no time server"),
    Text::new(
        "Bandingkan jam komputer dengan jam yang benar, lalu minta petugas TI menyalakan sinkronisasi waktu",
        "Compare the computer's clock with a correct one, then ask IT staff to switch time synchronisation on",
    ),
);

pub(super) static CLOCK_UNSEEN: ReasonDef = ReasonDef::new(
    "siaga.clock_unseen",
    Text::new(
        "Tidak dapat melihat apakah jam komputer mengikuti server waktu",
        "It cannot be seen whether the computer's clock follows a time server",
    ),
    Text::new(
        "Bandingkan sendiri jam komputer dengan jam yang benar; petugas TI dapat memasang systemd-timesyncd",
        "Compare the computer's clock yourself; IT staff can install systemd-timesyncd",
    ),
)
.lasting();

pub(super) static RESTART: ReasonDef = ReasonDef::new(
    "computer.restart_pending",
    Text::new("Pembaruan menunggu komputer dinyalakan ulang", "An update waits for the computer to be restarted"),
    Text::new("Nyalakan ulang komputer saat tidak ada rapat", "Restart the computer when there is no meeting"),
)
.lasting();

pub(super) static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.computer_unreadable",
    Text::new("Keadaan komputer tidak dapat dibaca", "The computer's state cannot be read"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &CPU_HIGH,
    &CPU_PRESSURE_HIGH,
    &MEMORY_PRESSURE_HIGH,
    &MEMORY_LOW,
    &DISK_LOW,
    &INODES_LOW,
    &READ_ONLY,
    &MOUNT_MISSING,
    &DISK_UNANSWERING,
    &MOUNT_REMOTE,
    &TEMPERATURE_HIGH,
    &CLOCK_FREE,
    &CLOCK_UNSEEN,
    &RESTART,
    &UNREADABLE,
];

/// Which failures speak of the equipment, and which of our eyes: a look at procfs that fails is of our eyes.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &UNREADABLE };
