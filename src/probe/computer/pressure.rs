//! Pressure stall information (the kernel's `Documentation/accounting/psi.rst`): how much of the time work waited.

use std::path::Path;

/// The resources that the kernel tells of.
pub(super) const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// The share of the last ten seconds in which some task waited for `resource`, ratio. `None` where the kernel does not tell: not
/// built with it, or started with `psi=0` (the file then refuses to be read).
pub(super) fn some(proc: &Path, resource: &str) -> Option<f64> {
    parse(&std::fs::read_to_string(proc.join("pressure").join(resource)).ok()?)
}

/// `some avg10=1.47 avg60=1.19 avg300=0.85 total=13387243`, in percent.
fn parse(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let percent: f64 = some.split(' ').find_map(|field| field.strip_prefix("avg10="))?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_seconds_are_read() {
        let text =
            "some avg10=25.50 avg60=1.19 avg300=0.85 total=13387243\nfull avg10=1.42 avg60=1.17 avg300=0.83 total=1\n";
        assert_eq!(parse(text), Some(0.255));
        for nonsense in ["", "full avg10=1.0", "some avg60=1.0", "some avg10=x", "some avg10=nan", "some avg10=101"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}
