//! What is measured of a UPS.

use crate::domain::{Quantity, Unit};

/// Charge.
pub(super) static BATTERY_CHARGE: Quantity =
    Quantity::gauge("ups_battery_charge_ratio", Unit::Ratio, "Battery charge as the UPS reports it, 0 to 1.")
        .called("Isi baterai UPS", "Charge of the UPS");
/// Runtime as reported.
pub(super) static BATTERY_RUNTIME: Quantity = Quantity::gauge(
    "ups_battery_runtime_seconds",
    Unit::Seconds,
    "Runtime on battery at the present load as the UPS itself estimates it.",
)
.called("Daya tahan UPS menurut UPS", "Runtime of the UPS, as it says");
/// Runtime that may be counted on.
pub(super) static USABLE_RUNTIME: Quantity = Quantity::gauge(
    "ups_usable_runtime_seconds",
    Unit::Seconds,
    "Runtime that may be counted on: the believed share of the estimate and, on battery, without the margin.",
)
.by("source")
.reckoned_from(&BATTERY_RUNTIME)
.called("Daya tahan UPS yang dapat dipakai", "Usable runtime of the UPS");
/// Load.
pub(super) static LOAD: Quantity =
    Quantity::gauge("ups_load_ratio", Unit::Ratio, "Load as a share of the UPS's rating; above 1 when overloaded.")
        .called("Beban UPS", "Load of the UPS");
/// Input voltage.
pub(super) static INPUT_VOLTS: Quantity =
    Quantity::gauge("ups_input_volts", Unit::Volts, "Voltage of mains at the UPS.")
        .called("Tegangan PLN", "Mains voltage");
/// Input frequency.
pub(super) static INPUT_HERTZ: Quantity =
    Quantity::gauge("ups_input_hertz", Unit::Hertz, "Frequency of mains at the UPS.")
        .called("Frekuensi PLN", "Mains frequency");
/// Output voltage.
pub(super) static OUTPUT_VOLTS: Quantity =
    Quantity::gauge("ups_output_volts", Unit::Volts, "Voltage that the UPS gives to its load.")
        .called("Tegangan keluar UPS", "Output of the UPS");
/// Battery voltage.
pub(super) static BATTERY_VOLTS: Quantity =
    Quantity::gauge("ups_battery_volts", Unit::Volts, "Voltage of the battery.")
        .called("Tegangan baterai UPS", "Voltage of the UPS's battery");
/// Temperature.
pub(super) static TEMPERATURE: Quantity = Quantity::gauge(
    "ups_temperature_celsius",
    Unit::Celsius,
    "Temperature in the UPS, or of its battery where only that is reported.",
)
.called("Suhu UPS", "Temperature of the UPS");
/// Battery age.
pub(super) static BATTERY_AGE: Quantity = Quantity::gauge(
    "ups_battery_age_seconds",
    Unit::Seconds,
    "Time since the battery was put in, or was made where only that is reported.",
)
.called("Umur baterai UPS", "Age of the UPS's battery");
/// Status words.
pub(super) static STATUS: Quantity =
    Quantity::gauge("ups_status", Unit::Flag, "Whether the UPS's status has this word of NUT's.")
        .by("flag")
        .called("Keadaan UPS", "Status of the UPS");
/// Last self-test.
pub(super) static SELF_TEST: Quantity =
    Quantity::gauge("ups_self_test", Unit::Flag, "Whether the UPS's last self-test ended so.")
        .by("result")
        .called("Uji mandiri UPS", "Self-test of the UPS");

/// All.
pub(super) const ALL: &[&Quantity] = &[
    &BATTERY_CHARGE,
    &BATTERY_RUNTIME,
    &USABLE_RUNTIME,
    &LOAD,
    &INPUT_VOLTS,
    &INPUT_HERTZ,
    &OUTPUT_VOLTS,
    &BATTERY_VOLTS,
    &TEMPERATURE,
    &BATTERY_AGE,
    &STATUS,
    &SELF_TEST,
];
