//! The words of the page that are not of the catalogue.

use crate::domain::Lang;

/// The page's words in one language.
pub(super) struct Words {
    pub(super) room: &'static str,
    pub(super) meeting: &'static str,
    pub(super) true_at: &'static str,
    pub(super) renewed: &'static str,
    pub(super) old: &'static str,
    pub(super) all_well: &'static str,
    pub(super) to_do: &'static str,
    pub(super) detail: &'static str,
    pub(super) since: &'static str,
    pub(super) because: &'static str,
    pub(super) not_counted: &'static str,
    pub(super) absent: &'static str,
    pub(super) in_use: &'static str,
    pub(super) held: &'static str,
    pub(super) pending: &'static str,
    pub(super) checks: &'static str,
    pub(super) check: &'static str,
    pub(super) state: &'static str,
    pub(super) measured: &'static str,
    pub(super) never_measured: &'static str,
    pub(super) ago: &'static str,
    pub(super) other_language: &'static str,
    pub(super) months: [&'static str; 12],
}

/// The words for a reader of `lang`.
pub(super) const fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::Id => &ID,
        Lang::En => &EN,
    }
}

static ID: Words = Words {
    room: "Ruangan",
    meeting: "Jenis rapat",
    true_at: "Keadaan pada",
    renewed: "Halaman ini memuat ulang sendiri tiap 5 detik.",
    old: "Halaman ini sudah lama tidak diperbarui. Jangan dipercaya: muat ulang, atau minta petugas TI memeriksa siaga.",
    all_well: "semua yang diperlukan berfungsi",
    to_do: "Yang harus dilakukan",
    detail: "Rincian teknis",
    since: "sejak",
    because: "akibat dari",
    not_counted: "tidak wajib",
    absent: "memang tidak ada di ruangan ini",
    in_use: "Ruangan sedang dipakai; pemeriksaan yang bisa mengganggu rapat ditahan.",
    held: "ditahan selama rapat",
    pending: "mungkin menjadi",
    checks: "Pemeriksaan",
    check: "Nama",
    state: "Keadaan",
    measured: "Diukur",
    never_measured: "belum pernah",
    ago: "yang lalu",
    other_language: "English",
    months: ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"],
};

static EN: Words = Words {
    room: "Room",
    meeting: "Kind of meeting",
    true_at: "As of",
    renewed: "This page loads itself anew every 5 seconds.",
    old: "This page has not been renewed for a while. Do not trust it: reload it, or ask IT staff to look after Siaga.",
    all_well: "everything that is required works",
    to_do: "What to do",
    detail: "Technical detail",
    since: "since",
    because: "because of",
    not_counted: "not required",
    absent: "deliberately not in this room",
    in_use: "The room is in use; checks that could disturb a meeting are held.",
    held: "held during the meeting",
    pending: "may become",
    checks: "Checks",
    check: "Name",
    state: "State",
    measured: "Measured",
    never_measured: "never",
    ago: "ago",
    other_language: "Bahasa Indonesia",
    months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
};
