//! What a test of the line measures.

use crate::domain::{Figure, Quantity, Unit};
use crate::probe::budget::{Accounts, by_uplink};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[
    &DOWN,
    &UP,
    &AT_LEAST,
    &CAPACITY,
    &CAPACITY_LOW,
    &CAPACITY_HIGH,
    &IDLE_DELAY,
    &LOADED_DELAY,
    &ROUND_TRIPS,
    &DOWN_CONFIDENCE,
    &UP_CONFIDENCE,
    &ADDED_GRADE,
    &USED,
    &USED_TODAY,
    &USED_BY_UPLINK,
];

pub(super) static DOWN: Quantity = Quantity::gauge(
    "bandwidth_down_bits_per_second",
    Unit::BitsPerSecond,
    "Content that the line carries down: as measured, or as far as it was proven.",
)
.figure(Figure::Down)
.called("Unduh", "Download");
pub(super) static UP: Quantity = Quantity::gauge(
    "bandwidth_up_bits_per_second",
    Unit::BitsPerSecond,
    "Content that the line carries up: as measured, or as far as it was proven.",
)
.figure(Figure::Up)
.called("Unggah", "Upload");
pub(super) static AT_LEAST: Quantity = Quantity::gauge(
    "bandwidth_at_least_bits_per_second",
    Unit::BitsPerSecond,
    "Content that the line carries at least, where a test could not tell how much more: it proves, and refutes nothing.",
)
.by("direction").called("Laju, sekurang-kurangnya", "Rate, at least");
pub(super) static CAPACITY: Quantity = Quantity::gauge(
    "bandwidth_capacity_bits_per_second",
    Unit::BitsPerSecond,
    "What the line carries with the headers of TCP, IP and Ethernet, as a provider's shaper counts it.",
)
.by("direction")
.called("Kapasitas jalur", "Capacity of the line");
pub(super) static CAPACITY_LOW: Quantity = Quantity::gauge(
    "bandwidth_capacity_low_bits_per_second",
    Unit::BitsPerSecond,
    "Lower end of the interval in which the capacity lies about 95 times in a hundred.",
)
.by("direction")
.called("Kapasitas jalur, paling kecil", "Capacity of the line, at least");
pub(super) static CAPACITY_HIGH: Quantity = Quantity::gauge(
    "bandwidth_capacity_high_bits_per_second",
    Unit::BitsPerSecond,
    "Upper end of the interval in which the capacity lies about 95 times in a hundred.",
)
.by("direction")
.called("Kapasitas jalur, paling besar", "Capacity of the line, at most");
pub(super) static IDLE_DELAY: Quantity = Quantity::gauge(
    "bandwidth_idle_delay_seconds",
    Unit::Seconds,
    "Shortest TCP handshake with the transfer's server on the line that is empty again.",
)
.by("direction")
.called("Jeda saat jalur kosong", "Delay of the empty line");
pub(super) static LOADED_DELAY: Quantity = Quantity::gauge(
    "bandwidth_loaded_delay_seconds",
    Unit::Seconds,
    "Median TCP handshake with the transfer's server while the transfer fills the line.",
)
.by("direction")
.called("Jeda saat jalur penuh", "Delay of the full line");
pub(super) static ROUND_TRIPS: Quantity = Quantity::gauge(
    "bandwidth_round_trips_per_minute",
    Unit::Count,
    "Responsiveness (RPM) under load by the foreign probes of draft-ietf-ippm-responsiveness, by TCP alone.",
)
.by("direction")
.called("Bolak-balik per menit saat jalur penuh (RPM)", "Round trips a minute when full");
pub(super) static DOWN_CONFIDENCE: Quantity = Quantity::gauge(
    "bandwidth_round_trips_down_confidence",
    Unit::Flag,
    "Confidence of the download's RPM by draft-ietf-ippm-responsiveness: low (shorter than four intervals of 1 s), medium, or high (within 5 %).",
)
.by("level").called("Keyakinan atas nilai unduh itu", "Confidence in that of the download");
pub(super) static UP_CONFIDENCE: Quantity = Quantity::gauge(
    "bandwidth_round_trips_up_confidence",
    Unit::Flag,
    "Confidence of the upload's RPM by draft-ietf-ippm-responsiveness: low (shorter than four intervals of 1 s), medium, or high (within 5 %).",
)
.by("level").called("Keyakinan atas nilai unggah itu", "Confidence in that of the upload");
pub(super) static ADDED_GRADE: Quantity = Quantity::gauge(
    "bandwidth_added_delay_grade",
    Unit::Flag,
    "Grade of the delay that transfers add, mean of both directions: A+ below 5 ms, A 30, B 60, C 200, D 400, else F.",
)
.by("grade")
.called("Nilai jeda tambahan saat jalur penuh", "Grade of the delay that a full line adds");
pub(super) static USED: Quantity = Quantity::counter(
    "bandwidth_used_bytes_total",
    Unit::Bytes,
    "Bytes that the tests of this check have sent and received, headers of IP and TCP among them.",
)
.called("Data yang dipakai uji laju", "Data that tests of the rate took");

pub(super) static USED_TODAY: Quantity = Quantity::gauge(
    "bandwidth_used_today_bytes",
    Unit::Bytes,
    "Bytes that the tests of this check had taken on that day (UTC), headers among them, over restarts too.",
)
.of_budget()
.called("Data yang dipakai uji laju hari ini", "Data that tests of the rate took today");
pub(super) static USED_BY_UPLINK: Quantity = by_uplink("bandwidth_used_by_uplink_today_bytes")
    .called("Data uji laju hari ini, jalur ini", "Data of tests of the rate today, this uplink");

/// Where an observation carries what tests have taken.
pub(in crate::probe) const ACCOUNTS: Accounts =
    Accounts { total: &USED, today: &USED_TODAY, by_uplink: &USED_BY_UPLINK };
