//! Local users and groups, from their files (passwd(5), group(5)).
//!
//! Not asked of the C library: a directory service that hangs may not hang the daemon, and a room's computer knows its people
//! by itself.

use std::io;
use std::path::Path;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// The number of a user.
///
/// # Errors
/// With the reason in words: the file cannot be read, or there is no such user in it.
pub fn number(name: &str) -> Result<u32, String> {
    number_in(name, &read(PASSWD)?).ok_or_else(|| format!("{PASSWD} has no user {name:?}"))
}

/// The name of a user; `None` where the file has none, as for a user that systemd made for a service alone.
pub fn name(uid: u32) -> Option<String> {
    name_in(uid, &read(PASSWD).ok()?)
}

/// Whether a user is in a group, by its own group's number or by its name among the group's members.
pub fn is_member(group: &str, user: Option<&str>, gid: u32) -> bool {
    read(GROUP).is_ok_and(|groups| is_member_in(group, user, gid, &groups))
}

/// The number of a group; `None` where there is none.
pub fn group(name: &str) -> Option<u32> {
    number_in(name, &read(GROUP).ok()?)
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(Path::new(file)).map_err(|error: io::Error| format!("{file}: {error}"))
}

/// `name:password:UID:GID:…`, of a group `name:password:GID:member,member`.
fn number_in(name: &str, users: &str) -> Option<u32> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

fn name_in(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// `name:password:GID:member,member`
fn is_member_in(group: &str, user: Option<&str>, gid: u32, groups: &str) -> bool {
    groups.lines().any(|line| {
        let mut fields = line.split(':');
        let own = fields.next() == Some(group);
        let number = fields.nth(1).and_then(|number| number.parse::<u32>().ok());
        let mut members = fields.next().unwrap_or_default().split(',');
        own && (number == Some(gid) || user.is_some_and(|user| members.any(|member| member == user)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str =
        "root:x:0:0:root:/root:/bin/sh\nroom:x:1000:1000::/home/room:/bin/sh\nbroken:x:many:1::/:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\noperators:x:1500:sari,budi\nempty:x:1600:\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        assert_eq!(number_in("room", USERS), Some(1000));
        assert_eq!(number_in("roo", USERS), None);
        assert_eq!(number_in("broken", USERS), None);
        assert_eq!(name_in(1000, USERS).as_deref(), Some("room"));
        assert_eq!(name_in(1001, USERS), None);
        assert_eq!(number("root"), Ok(0));
        assert!(number("nobody of this name").unwrap_err().contains("has no user"));
    }

    #[test]
    fn a_member_is_one_by_name_or_by_its_own_group() {
        let is = |group, user, gid| is_member_in(group, user, gid, GROUPS);
        assert!(is("operators", Some("budi"), 7) && is("operators", Some("sari"), 7));
        assert!(is("operators", None, 1500), "its own group");
        assert!(!is("operators", Some("bud"), 7) && !is("operators", None, 7));
        assert!(!is("empty", None, 7), "a group without members");
        assert!(!is("absent", Some("budi"), 1500));
    }
}
