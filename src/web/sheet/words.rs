//! The words of the run sheet's page.

use crate::domain::{Lang, Text};

/// In which language the page speaks.
#[derive(Clone, Copy)]
pub(super) struct Said(pub(super) Lang);

macro_rules! words {
    ($($name:ident: $id:literal, $en:literal;)*) => {
        impl Said {
            $(pub(super) const fn $name(self) -> &'static str {
                Text::new($id, $en).in_lang(self.0)
            })*
        }
    };
}

words! {
    from: "Mulai", "From";
    until: "sampai", "until";
    office: "Instansi pemohon", "Office";
    venue: "Tempat", "Place";
    cancelled: "Rapat ini dibatalkan.", "This session was cancelled.";
    over: "Rapat ini sudah selesai. Lembar ini memuat juga yang dicatat sesudah rapat dimulai; keadaan saat rapat dimulai ada di laporannya.", "This session is over. The sheet has what was written down after its start too; how it stood at the start is in its report.";
    report: "Laporan rapat ini", "The report of this session";
    unknown_id: "Tidak ada rapat dengan id itu", "There is no session of this id";
    taken_for: "Menurut keputusan petugas, rapat ini dianggap", "Staff have decided to take this session for";
    otherwise: "Tanpa keputusan itu", "Without that decision";
    reason: "Alasan", "Reason";
    by: "oleh", "by";
    written_by: "dicatat oleh", "written down by";
    machine: "Yang diukur Siaga", "What is measured";
    hand: "Yang diperiksa petugas", "What is checked by hand";
    no_items: "Tidak ada yang harus diperiksa petugas.", "There is nothing to check by hand.";
    only_noted: "hanya dicatat", "only noted";
    open: "belum", "not yet";
    done: "sudah", "done";
    expired: "sudah kedaluwarsa, periksa lagi", "too long ago, check again";
    late: "terlambat", "late";
    due: "paling lambat", "due";
    holds_until: "berlaku sampai", "holds until";
    taken_back: "dibatalkan", "taken back";
    after_start: "sesudah rapat dimulai", "after the start";
    tick: "Sudah", "Done";
    untick: "Batalkan", "Take back";
    name: "Nama yang memeriksa", "Name of who has checked it";
    decided_by: "Nama yang memutuskan", "Name of who decides";
    trial: "Uji coba", "Trial";
    no_trial: "Belum ada uji coba.", "No trial yet.";
    under_way: "sedang berjalan", "under way";
    not_ended: "belum diakhiri", "not ended yet";
    findings: "Temuan", "Findings";
    measured: "Yang diukur selama uji coba", "Measured in that time";
    no_measured: "Belum ada menit yang tercatat selama uji coba.", "No minute of it is recorded yet.";
    unread_measured: "Yang diukur tidak dapat dibaca sekarang.", "What was measured cannot be read now.";
    cut: "Tidak lengkap: tidak semua menit uji coba ini ada di sini.", "Incomplete: not all minutes of this trial are here.";
    minutes: "menit", "minutes";
    begin_trial: "Mulai uji coba", "Begin a trial";
    end_trial: "Akhiri uji coba", "End the trial";
    override_title: "Keputusan petugas", "Override";
    override_help: "Keputusan ini ditampilkan di samping hasil pemeriksaan dan tidak mengubahnya, lalu berakhir sendiri.", "It is shown beside what was found, changes nothing of it, and ends by itself.";
    take_for: "Anggap rapat ini", "Take this session for";
    until_start: "sampai rapat dimulai", "until it begins";
    until_end: "sampai rapat selesai", "until it ends";
    decide: "Catat keputusan", "Record it";
    end_override: "Akhiri keputusan", "End it";
    earlier: "Keputusan sebelumnya", "Earlier ones";
    cannot_read: "Lembar ini tidak dapat dibaca sekarang; coba lagi.", "The sheet cannot be read now; try again.";
    what: "Permintaan ini tidak dimengerti; ulangi dari sini.", "This is not understood; begin again from here.";
}
