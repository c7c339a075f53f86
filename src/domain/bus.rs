//! Places on the USB bus, as the kernel writes them (`usb_make_path`): a controller is `0000:00:14.0`, what hangs on the first
//! port of a hub at its second one `usb-0000:00:14.0-2.1`.

/// Whether `place` is on the bus `other`, a controller or a hub, however many hubs are between.
pub fn is_behind(place: &str, other: &str) -> bool {
    let goes_on = |other: &str, by: char| place.strip_prefix(other).is_some_and(|rest| rest.starts_with(by));
    goes_on(other, '.') || goes_on(&format!("usb-{other}"), '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stands_behind_another_or_does_not() {
        for (place, other, behind) in [
            ("usb-0000:00:14.0-2.1", "usb-0000:00:14.0-2", true),
            ("usb-0000:00:14.0-2", "0000:00:14.0", true),
            ("usb-0000:00:14.0-2", "usb-0000:00:14.0-2", false),
            ("usb-0000:00:14.0-21", "usb-0000:00:14.0-2", false),
            ("usb-0000:00:14.0-2", "0000:00:1", false),
            ("0000:00:14.0", "usb-0000:00:14.0-2", false),
        ] {
            assert_eq!(is_behind(place, other), behind, "{place} behind {other}");
        }
    }
}
