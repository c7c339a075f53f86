//! How the audit names an acknowledgement: written when somebody orders it, read when a report tells who saw to what.

/// As the audit calls an incident that nobody named, because it was the only one that was open.
const THE_OPEN_ONE: &str = "the open one";
const BY_RADIO: &str = " by radio";
const SAID_BY: &str = ", said by ";

/// The subject of an audit's row, such as "power-1 by radio, said by Operator Satu".
///
/// `incident` is the id that was ordered, if one was; `by` whoever said it, where another wrote it down.
pub fn subject(incident: Option<&str>, radio: bool, by: Option<&str>) -> String {
    let way = if radio { BY_RADIO } else { "" };
    let who = by.map(|by| format!("{SAID_BY}{by}")).unwrap_or_default();
    format!("{}{way}{who}", incident.unwrap_or(THE_OPEN_ONE))
}

/// What such a subject says of an acknowledgement of `incident`: whether it was said by radio, and by whom, where another wrote
/// it down.
pub fn told<'a>(subject: &'a str, incident: &str) -> (bool, Option<&'a str>) {
    let how = [incident, THE_OPEN_ONE].into_iter().find_map(|named| subject.strip_prefix(named)).unwrap_or(subject);
    let (radio, who) = how.strip_prefix(BY_RADIO).map_or((false, how), |who| (true, who));
    (radio, who.strip_prefix(SAID_BY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for incident in [Some("power-1"), None] {
            for radio in [false, true] {
                // A name may hold any words, also ours.
                for by in [None, Some("Operator Satu"), Some(" by radio"), Some("x, said by y"), Some("the open one")] {
                    assert_eq!(told(&subject(incident, radio, by), "power-1"), (radio, by), "{incident:?}");
                }
            }
        }
        assert_eq!(told("something else", "power-1"), (false, None));
    }
}
