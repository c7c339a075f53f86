//! What a test of the line measures.

use crate::domain::{Figure, Quantity, Unit};

/// What it measures.
pub const QUANTITIES: &[&Quantity] =
    &[&DOWN, &UP, &AT_LEAST, &CAPACITY, &CAPACITY_LOW, &CAPACITY_HIGH, &IDLE_DELAY, &LOADED_DELAY, &ROUND_TRIPS, &ADDED_GRADE, &USED, &USED_TODAY];

pub(super) static DOWN: Quantity = Quantity::gauge(
    "bandwidth_down_bits_per_second",
    Unit::BitsPerSecond,
    "Content that the line carries down: as measured, or as far as it was proven.",
)
.figure(Figure::Down);
pub(super) static UP: Quantity = Quantity::gauge(
    "bandwidth_up_bits_per_second",
    Unit::BitsPerSecond,
    "Content that the line carries up: as measured, or as far as it was proven.",
)
.figure(Figure::Up);
pub(super) static AT_LEAST: Quantity = Quantity::gauge(
    "bandwidth_at_least_bits_per_second",
    Unit::BitsPerSecond,
    "Content that the line carries at least, where a test could not tell how much more: it proves, and refutes nothing.",
)
.by("direction");
pub(super) static CAPACITY: Quantity = Quantity::gauge(
    "bandwidth_capacity_bits_per_second",
    Unit::BitsPerSecond,
    "What the line carries with the headers of TCP, IP and Ethernet, as a provider's shaper counts it.",
)
.by("direction");
pub(super) static CAPACITY_LOW: Quantity = Quantity::gauge(
    "bandwidth_capacity_low_bits_per_second",
    Unit::BitsPerSecond,
    "Lower end of the interval in which the capacity lies about 95 times in a hundred.",
)
.by("direction");
pub(super) static CAPACITY_HIGH: Quantity = Quantity::gauge(
    "bandwidth_capacity_high_bits_per_second",
    Unit::BitsPerSecond,
    "Upper end of the interval in which the capacity lies about 95 times in a hundred.",
)
.by("direction");
pub(super) static IDLE_DELAY: Quantity = Quantity::gauge(
    "bandwidth_idle_delay_seconds",
    Unit::Seconds,
    "Shortest TCP handshake with the transfer's server on the line that is empty again.",
)
.by("direction");
pub(super) static LOADED_DELAY: Quantity = Quantity::gauge(
    "bandwidth_loaded_delay_seconds",
    Unit::Seconds,
    "Median TCP handshake with the transfer's server while the transfer fills the line.",
)
.by("direction");
pub(super) static ROUND_TRIPS: Quantity = Quantity::gauge(
    "bandwidth_round_trips_per_minute",
    Unit::Count,
    "Responsiveness (RPM) under load by the foreign probes of draft-ietf-ippm-responsiveness, by TCP alone; of low confidence in \
     its sense, because the test is shorter than its four intervals.",
)
.by("direction");
pub(super) static ADDED_GRADE: Quantity = Quantity::gauge(
    "bandwidth_added_delay_grade",
    Unit::Flag,
    "Grade of the delay that transfers add, mean of both directions: A+ below 5 ms, A 30, B 60, C 200, D 400, else F.",
)
.by("grade");
pub(super) static USED: Quantity = Quantity::counter(
    "bandwidth_used_bytes_total",
    Unit::Bytes,
    "Bytes that the tests of this check have sent and received, headers of IP and TCP among them.",
);

pub(in crate::probe) static USED_TODAY: Quantity = Quantity::gauge(
    "bandwidth_used_today_bytes",
    Unit::Bytes,
    "Bytes that the tests of this check had taken on that day (UTC), headers among them, over restarts too.",
)
.of_budget();
