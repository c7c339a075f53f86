//! Why the power is what it is said to be, and why nothing can be said.

use crate::domain::{ReasonDef, Text};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal $(($lasting:ident))?, $id:literal / $en:literal, $do_id:literal / $do_en:literal;)*) => {
        $($(#[$doc])*
        pub(super) static $name: ReasonDef =
            ReasonDef::new($code, Text::new($id, $en), Text::new($do_id, $do_en))$(.$lasting())?;)*

        /// All.
        pub(super) const ALL: &[&ReasonDef] = &[$(&$name),*];
    };
}

reasons! {
    /// OB.
    ON_BATTERY = "power.on_battery",
        "Listrik padam: UPS memakai baterai" / "Mains is out: the UPS lives on its battery",
        "Periksa stopkontak dan MCB ruangan; bila PLN yang padam, nyalakan genset atau siapkan penundaan rapat"
        / "Check the room's socket and breaker; if the grid is out, start the generator or prepare to postpone the meeting";
    /// Battery part of the runtime rule.
    RUNTIME_SHORT_ON_BATTERY = "power.runtime_short_on_battery",
        "Menurut UPS, baterainya cukup untuk {reported}; yang dapat diandalkan hanya {value}, padahal perlu {limit}"
        / "The UPS reports {reported} on battery, of which {value} can be counted on where {limit} is needed",
        "Nyalakan genset sekarang, atau tunda rapat dan matikan peralatan dengan tertib"
        / "Start the generator now, or postpone the meeting and shut the equipment down in order";
    /// Mains part of the runtime rule.
    RUNTIME_SHORT = "power.runtime_short" (lasting),
        "Bila listrik padam, menurut UPS baterainya cukup untuk {reported}; yang dapat diandalkan hanya {value}, padahal perlu {limit}"
        / "If mains failed, the UPS reports {reported} on battery, of which {value} can be counted on where {limit} is needed",
        "Lepaskan beban yang tidak perlu dari UPS, biarkan baterai terisi, atau ganti baterainya"
        / "Unplug what the UPS need not carry, let the battery charge, or replace it";
    /// No runtime reported.
    RUNTIME_UNKNOWN = "power.runtime_unknown",
        "UPS tidak melaporkan berapa lama baterainya bertahan" / "The UPS does not report how long its battery lasts",
        "Bila listrik sedang padam, anggap waktunya singkat; minta petugas TI mengatur perkiraan waktu (runtimecal) di NUT"
        / "While mains is out, take it to be short; ask IT staff to configure an estimate (runtimecal) in NUT";
    /// LB.
    BATTERY_LOW = "power.battery_low",
        "Baterai UPS hampir habis" / "The UPS's battery is nearly empty",
        "Simpan pekerjaan dan matikan peralatan dengan tertib, atau nyalakan genset sekarang"
        / "Save work and shut the equipment down in order, or start the generator now";
    /// OFF.
    OUTPUT_OFF = "power.output_off",
        "Keluaran UPS mati: peralatan tidak mendapat listrik dari UPS" / "The UPS's output is off: it feeds nothing",
        "Nyalakan UPS dengan tombol dayanya" / "Switch the UPS on at its power button";
    /// OVER.
    OVERLOADED = "power.overloaded",
        "UPS kelebihan beban" / "The UPS is overloaded",
        "Lepaskan peralatan yang tidak perlu dari UPS, mulai dari printer, pemanas, dan layar tambahan"
        / "Unplug what the UPS need not carry, beginning with printers, heaters and extra screens";
    /// Load above the rating, without OVER.
    LOAD_HIGH = "power.load_high",
        "Beban UPS {value} dari kemampuannya, lebih dari {limit}" / "The UPS carries {value} of its rating, more than {limit}",
        "Lepaskan peralatan yang tidak perlu dari UPS, mulai dari printer, pemanas, dan layar tambahan"
        / "Unplug what the UPS need not carry, beginning with printers, heaters and extra screens";
    /// FSD.
    FORCED_SHUTDOWN = "power.forced_shutdown",
        "NUT sedang mematikan semua peralatan pada UPS ini" / "NUT is shutting down everything on this UPS",
        "Simpan pekerjaan; setelah listrik pulih, minta petugas TI memulai ulang nut-server agar tanda FSD hilang"
        / "Save work; once mains is back, ask IT staff to restart nut-server, which clears FSD";
    /// BYPASS.
    BYPASSED = "power.bypassed",
        "UPS dalam mode bypass: tanpa perlindungan baterai" / "The UPS is in bypass: no battery protects the load",
        "Keluarkan UPS dari mode bypass, atau panggil teknisi bila ia kembali sendiri ke bypass"
        / "Take the UPS out of bypass, or call a technician if it goes back by itself";
    /// RB.
    BATTERY_REPLACE = "power.battery_replace" (lasting),
        "UPS meminta baterainya diganti" / "The UPS asks for a new battery",
        "Pesan dan pasang baterai pengganti, lalu jalankan uji mandiri UPS" / "Order and fit a new battery, then run the UPS's self-test";
    /// Age.
    BATTERY_OLD = "power.battery_old" (lasting),
        "Baterai UPS sudah berumur {value}, lebih dari {limit}" / "The UPS's battery is {value} old, more than {limit}",
        "Rencanakan penggantian baterai, dan catat tanggalnya di UPS (battery.date)" / "Plan to replace the battery, and write the date into the UPS (battery.date)";
    /// HB.
    BATTERY_HIGH = "power.battery_high",
        "Tegangan baterai UPS terlalu tinggi" / "The voltage of the UPS's battery is too high",
        "Panggil teknisi: pengisi daya UPS mungkin rusak" / "Call a technician: the UPS's charger may be broken";
    /// Charge under 80 % with mains.
    CHARGE_LOW = "power.charge_low",
        "Baterai UPS baru terisi {charge}" / "The UPS's battery is charged to {charge} only",
        "Biarkan UPS terisi sebelum rapat; bila isinya tidak naik, periksa baterainya" / "Let the UPS charge before the meeting; if it does not rise, check the battery";
    /// Self-test failed.
    SELF_TEST_FAILED = "power.self_test_failed" (lasting),
        "Uji mandiri UPS yang terakhir tidak lulus: {result}" / "The UPS did not pass its last self-test: {result}",
        "Ulangi uji mandiri di luar jam rapat; bila tetap gagal, ganti baterainya" / "Repeat the self-test outside meetings; if it fails again, replace the battery";
    /// Self-test running.
    SELF_TEST_RUNNING = "power.self_test_running",
        "UPS sedang menjalankan uji mandiri" / "The UPS is running a self-test",
        "Tunggu sampai selesai, biasanya kurang dari satu menit" / "Wait until it is done, usually less than a minute";
    /// CAL.
    CALIBRATING = "power.calibrating",
        "UPS sedang mengalibrasi baterai: sesudahnya baterai kosong dan perlu diisi" / "The UPS is calibrating: its battery will be empty and must charge again",
        "Jangan mulai rapat penting sampai kalibrasi selesai dan baterai terisi" / "Begin no important meeting until it is done and the battery is charged";
    /// ALARM.
    ALARM = "power.alarm",
        "Alarm UPS: {alarm}" / "UPS alarm: {alarm}",
        "Lihat layar UPS dan ikuti buku petunjuknya" / "Look at the UPS's display and follow its manual";
    /// OVERHEAT.
    OVERHEATED = "power.overheated",
        "UPS terlalu panas" / "The UPS is too hot",
        "Pastikan lubang udaranya tidak tertutup, nyalakan pendingin ruangan, kurangi beban" / "Clear its vents, cool the room, lessen the load";
    /// Temperature.
    HOT = "power.hot",
        "Suhu UPS {value}, lebih dari {limit}: baterainya cepat rusak" / "The UPS is at {value}, above {limit}: its battery ages fast",
        "Pastikan lubang udaranya tidak tertutup, dan nyalakan pendingin ruangan" / "Clear its vents and cool the room";
    /// SD.
    SHUTTING_DOWN = "power.shutting_down",
        "UPS akan mematikan diri" / "The UPS is about to shut down",
        "Simpan pekerjaan; periksa siapa yang memerintahkannya pada layar UPS atau di NUT" / "Save work; see on the UPS's display or in NUT who ordered it";
    /// Low input voltage.
    VOLTAGE_LOW = "power.voltage_low",
        "Tegangan listrik masuk {value}, di bawah {limit}" / "Mains is at {value}, below {limit}",
        "Pastikan stabilizer menyala; bila sering terjadi, laporkan ke PLN" / "See that the stabilizer is on; if it happens often, report it to the grid's operator";
    /// High input voltage.
    VOLTAGE_HIGH = "power.voltage_high",
        "Tegangan listrik masuk {value}, di atas {limit}" / "Mains is at {value}, above {limit}",
        "Pastikan stabilizer menyala; bila sering terjadi, laporkan ke PLN" / "See that the stabilizer is on; if it happens often, report it to the grid's operator";
    /// TRIM.
    VOLTAGE_TRIMMED = "power.voltage_trimmed",
        "Stabilizer UPS sedang menurunkan tegangan" / "The UPS's stabilizer is lowering the voltage",
        "Tidak perlu tindakan; bila terus-menerus, laporkan ke PLN" / "Nothing to do; if it goes on, report it to the grid's operator";
    /// BOOST.
    VOLTAGE_BOOSTED = "power.voltage_boosted",
        "Stabilizer UPS sedang menaikkan tegangan" / "The UPS's stabilizer is raising the voltage",
        "Tidak perlu tindakan; bila terus-menerus, laporkan ke PLN" / "Nothing to do; if it goes on, report it to the grid's operator";
    /// Contradiction.
    STATUS_CONTRADICTORY = "power.status_contradictory",
        "Keterangan UPS tidak ada atau saling bertentangan ({evidence})" / "What the UPS says is missing or contradicts itself ({evidence})",
        "Baca keadaan UPS pada layarnya sendiri, dan minta petugas TI memeriksa driver NUT-nya" / "Read the state from the UPS's own display, and ask IT staff to check its NUT driver";
    /// Words unknown here.
    STATUS_OTHER = "power.status_other",
        "UPS memakai kata status yang belum dikenal: {words}" / "The UPS uses status words that are not known here: {words}",
        "Tidak perlu tindakan segera; beri tahu petugas TI" / "Nothing urgent to do; tell IT staff";
    /// Nonsense values.
    VALUE_IMPLAUSIBLE = "power.value_implausible",
        "UPS melaporkan nilai yang tidak masuk akal dan diabaikan: {values}" / "The UPS reports values that make no sense and are left out: {values}",
        "Tidak perlu tindakan segera; beri tahu petugas TI agar driver NUT diperiksa" / "Nothing urgent to do; tell IT staff, who should check the NUT driver";

    /// Timeout.
    UPSD_SILENT = "siaga.upsd_silent",
        "Server UPS (upsd) tidak menjawab" / "The UPS server (upsd) does not answer",
        "Minta petugas TI memulai ulang nut-server; sementara itu baca layar UPS" / "Ask IT staff to restart nut-server; meanwhile read the UPS's display";
    /// Refused or EOF.
    UPSD_DOWN = "siaga.upsd_down",
        "Server UPS (upsd) tidak berjalan" / "The UPS server (upsd) is not running",
        "Minta petugas TI menjalankan nut-server; sementara itu baca layar UPS" / "Ask IT staff to start nut-server; meanwhile read the UPS's display";
    /// No route.
    UPSD_UNREACHABLE = "siaga.upsd_unreachable",
        "Server UPS (upsd) tidak terjangkau lewat jaringan" / "The UPS server (upsd) cannot be reached over the network",
        "Periksa apakah komputer server UPS menyala dan kabel jaringannya terpasang; bila ya, minta petugas TI memeriksa alamatnya di berkas konfigurasi dan memulai ulang nut-server di sana" / "Check that the UPS server's computer is on, its network cable, and its address in the config; if all are right, restart nut-server there";
    /// No name.
    UPSD_UNRESOLVED = "siaga.upsd_unresolved",
        "Nama server UPS (upsd) tidak ditemukan" / "The UPS server's (upsd's) name does not resolve",
        "Minta petugas TI memeriksa nama server UPS di berkas konfigurasi, atau menulis alamat IP-nya" / "Check the server's name in the config, or write its IP address";
    /// Access denied.
    UPSD_DENIED = "siaga.upsd_denied",
        "Server UPS (upsd) menolak akses" / "The UPS server (upsd) denies access",
        "Minta petugas TI mengizinkan komputer ini pada upsd.conf dan aturan jaringan" / "Ask IT staff to allow this computer in upsd.conf and the network's rules";
    /// Not the protocol.
    UPSD_NONSENSE = "siaga.upsd_not_understood",
        "Jawaban server UPS tidak dapat dimengerti" / "What the UPS server answers is not understood",
        "Minta petugas TI memastikan alamat di berkas konfigurasi memang milik upsd (port 3493)" / "See that the address in the config is upsd's (port 3493)";
    /// Unknown UPS.
    UPS_NOT_FOUND = "siaga.ups_not_found",
        "UPS yang dikonfigurasi tidak dikenal oleh server UPS" / "The UPS server does not know the configured UPS",
        "Minta petugas TI menyamakan nama UPS di berkas konfigurasi dengan yang ada di ups.conf" / "Give the UPS the same name in the config as in ups.conf";
    /// Several.
    UPS_NOT_NAMED = "siaga.ups_not_named",
        "Server UPS mengenal beberapa UPS: {names}" / "The UPS server knows several UPSes: {names}",
        "Minta petugas TI menulis UPS yang dipakai ruangan ini di berkas konfigurasi (ups = \"nama\")" / "Name the one that this room uses in the config (ups = \"name\")";
    /// DATA-STALE.
    UPS_STALE = "siaga.ups_stale",
        "Sambungan ke UPS terputus: datanya tidak diperbarui lagi" / "The link to the UPS is lost: its data is stale",
        "Periksa kabel USB atau serial dari UPS ke komputer; bila sudah benar, minta petugas TI memulai ulang driver NUT"
        / "Check the USB or serial cable from the UPS to the computer; if it is in place, ask IT staff to restart the NUT driver";
    /// DRIVER-NOT-CONNECTED.
    UPS_DRIVER_AWAY = "siaga.ups_driver_away",
        "Driver UPS tidak berjalan" / "The UPS's driver is not running",
        "Minta petugas TI menjalankan driver NUT (nut-driver), dan periksa kabel UPS" / "Ask IT staff to start the NUT driver (nut-driver), and check the UPS's cable";
    /// WAIT.
    UPS_STARTING = "siaga.ups_starting",
        "Driver UPS baru dimulai dan belum melaporkan keadaan" / "The UPS's driver has just started and has reported nothing yet",
        "Tunggu beberapa detik; bila tetap begini, minta petugas TI memeriksa driver NUT" / "Wait a few seconds; if it stays so, ask IT staff to check the NUT driver";
    /// Anything else.
    UPS_FAILED = "siaga.ups_failed",
        "Siaga gagal membaca UPS" / "Siaga could not read the UPS",
        "Minta petugas TI melihat log Siaga" / "See Siaga's log (journalctl -u siaga)";
}
