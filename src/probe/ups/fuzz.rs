//! What `make fuzz` holds the reader of NUT's answers to. Compiled where assertions are.

use jiff::Timestamp;

use super::protocol::{Line, parse, quoted};
use super::status::{Believed, Policy, Status, judge};
use super::variables::{Variable, Variables};

/// The lines of an answer to `LIST VAR`, as some server gives it.
///
/// # Panics
/// Where the reader does; where a word is another after it was written and read; where a measurement is no number.
pub fn answer(text: &str) {
    let mut variables = Variables::default();
    for line in text.lines() {
        // A line as it came, and one that is sure to be a variable.
        let whole = format!("VAR ups {line}");
        for line in [line, &whole] {
            match parse(line) {
                Ok(Line::Var { name, value, .. }) => variables.put(&name, &value),
                Ok(Line::Ups { name }) => {
                    let asked = format!("UPS {}", quoted(&name));
                    let plain: String = name.chars().filter(|c| !c.is_control()).collect();
                    assert_eq!(parse(&asked), Ok(Line::Ups { name: plain.into() }), "{asked}");
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    let status = Status::parse(variables.text(Variable::Status).unwrap_or_default());
    let policy = Policy { usable_share: 0.8, margin: 300.0 };
    let reading = judge(&variables, &status, Believed { test: true, calibration: true }, policy, Timestamp::UNIX_EPOCH);
    for measurement in &reading.measurements {
        assert!(measurement.value.is_finite(), "{measurement:?}");
    }
}
