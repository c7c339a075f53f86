//! Why a look at a camera's picture says what it says.

use crate::domain::{ErrorKind, ErrorTable, ReasonDef, Text, Verdict};
use crate::probe::camera::NO_PERMISSION;

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &DEAD,
    &STREAM_FAILED,
    &DAMAGED,
    &BLACK,
    &UNIFORM,
    &FROZEN,
    &DARK,
    &BRIGHT,
    &FEW,
    &STILL,
    &FORMAT_UNREAD,
    &UNREADABLE,
];

/// Which failures speak of the equipment, and which of our eyes.
pub static ERRORS: ErrorTable =
    ErrorTable { rows: &[(ErrorKind::Permission, Verdict::Unknown, &NO_PERMISSION)], otherwise: &UNREADABLE };

pub(super) static DEAD: ReasonDef = ReasonDef::new(
    "video.camera_dead",
    Text::new(
        "Kamera {device} terhubung tetapi tidak mengirim gambar",
        "Camera {device} is connected but sends no picture",
    ),
    Text::new(
        "Cabut kamera {device}, tunggu 10 detik, lalu sambungkan lagi; bila tetap begini, ganti kamera atau kabelnya",
        "Unplug camera {device}, wait 10 seconds and connect it again; if it stays so, change the camera or its cable",
    ),
);

pub(super) static STREAM_FAILED: ReasonDef = ReasonDef::new(
    "video.stream_failed",
    Text::new("Gambar kamera {device} terputus", "The picture of camera {device} broke off"),
    Text::new(
        "Sambungkan kamera {device} langsung ke komputer, tanpa hub, pada port USB lain; bila tetap begini, ganti kabelnya",
        "Connect camera {device} straight to the computer, without a hub, at another USB port; if it stays so, change its cable",
    ),
);

pub(super) static DAMAGED: ReasonDef = ReasonDef::new(
    "video.frames_damaged",
    Text::new(
        "Gambar dari kamera {device} rusak ({value} dari gambar yang diperiksa)",
        "Pictures from camera {device} are damaged ({value} of those that were looked at)",
    ),
    Text::new(
        "Sambungkan kamera {device} langsung ke komputer, tanpa hub atau perpanjangan; bila tetap begini, ganti kabel atau kameranya",
        "Connect camera {device} straight to the computer, without a hub or an extension; if it stays so, change the cable or the camera",
    ),
);

pub(super) static BLACK: ReasonDef = ReasonDef::new(
    "video.frame_black",
    Text::new("Gambar kamera {device} hitam", "The picture of camera {device} is black"),
    Text::new(
        "Buka penutup lensa kamera {device} dan nyalakan lampu ruangan; bila tetap hitam, cabut lalu sambungkan lagi kameranya",
        "Open the lens cover of camera {device} and switch the room's light on; if it stays black, unplug the camera and connect it again",
    ),
);

pub(super) static UNIFORM: ReasonDef = ReasonDef::new(
    "video.frame_uniform",
    Text::new(
        "Gambar kamera {device} polos, mungkin lensanya tertutup",
        "The picture of camera {device} is of one shade, perhaps its lens is covered",
    ),
    Text::new(
        "Periksa apakah ada yang menutupi lensa kamera {device}, bersihkan lensanya, dan arahkan ke ruangan",
        "See whether something covers the lens of camera {device}, clean the lens, and point it at the room",
    ),
);

pub(super) static FROZEN: ReasonDef = ReasonDef::new(
    "video.frame_frozen",
    Text::new(
        "Gambar kamera {device} macet: sama persis selama {value}",
        "The picture of camera {device} is frozen: exactly the same for {value}",
    ),
    Text::new(
        "Cabut kamera {device}, tunggu 10 detik, lalu sambungkan lagi; bila tetap begini, nyalakan ulang komputer",
        "Unplug camera {device}, wait 10 seconds and connect it again; if it stays so, restart the computer",
    ),
);

pub(super) static DARK: ReasonDef = ReasonDef::new(
    "video.frame_dark",
    Text::new(
        "Gambar kamera {device} terlalu gelap ({value} gambar tidak terlihat)",
        "The picture of camera {device} is too dark ({value} of it cannot be seen)",
    ),
    Text::new(
        "Nyalakan lampu ruangan dan bersihkan lensa kamera {device}",
        "Switch the room's light on and clean the lens of camera {device}",
    ),
);

pub(super) static BRIGHT: ReasonDef = ReasonDef::new(
    "video.frame_bright",
    Text::new(
        "Gambar kamera {device} terlalu terang ({value} gambar putih)",
        "The picture of camera {device} is too bright ({value} of it is white)",
    ),
    Text::new(
        "Tutup tirai jendela, atau arahkan kamera {device} menjauh dari jendela dan lampu",
        "Close the curtains, or point camera {device} away from windows and lamps",
    ),
);

pub(super) static FEW: ReasonDef = ReasonDef::new(
    "video.frames_few",
    Text::new(
        "Kamera {device} hanya mengirim {value} dari gambar yang seharusnya, gerakan akan tersendat",
        "Camera {device} sends only {value} of the pictures that it should, movement will stutter",
    ),
    Text::new(
        "Nyalakan lampu ruangan (kamera melambat dalam gelap), lalu sambungkan kamera {device} langsung ke komputer, tanpa hub",
        "Switch the room's light on (cameras slow down in the dark), then connect camera {device} straight to the computer, without a hub",
    ),
);

pub(super) static STILL: ReasonDef = ReasonDef::new(
    "video.frame_still",
    Text::new(
        "Gambar kamera {device} hampir tidak berubah; wajar di ruangan kosong",
        "The picture of camera {device} hardly changes; natural in an empty room",
    ),
    Text::new(
        "Tidak perlu tindakan; bila ragu, lambaikan tangan di depan kamera dan lihat gambarnya",
        "Nothing to do; if in doubt, wave before the camera and watch its picture",
    ),
);

pub(super) static FORMAT_UNREAD: ReasonDef = ReasonDef::new(
    "video.format_unread",
    Text::new(
        "Kamera {device} mengirim gambar dalam format {format}; terang dan gelapnya tidak diperiksa",
        "Camera {device} sends its picture as {format}; whether it is bright or dark is not looked at",
    ),
    Text::new(
        "Tidak perlu tindakan; lihat gambarnya sendiri sebelum rapat",
        "Nothing to do; look at the picture yourself before the meeting",
    ),
);

pub(super) static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.frames_unreadable",
    Text::new("Gambar kamera tidak dapat diperiksa", "The camera's picture cannot be looked at"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);
