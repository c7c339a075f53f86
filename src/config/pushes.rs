//! `[remote_write]`: the secrets that it names are there, and what it says fits together.

use super::beside::Beside;
use super::problem::Problems;
use super::reader::{Table, read};
use crate::domain::SecretFile;
use crate::remote_write::Config;

/// Reads where samples are pushed, if anywhere.
pub(super) fn remote_write(root: Table<'_>, beside: &Beside<'_>, problems: &mut Problems) -> Option<Config> {
    let value = root.get("remote_write")?;
    let Some(table) = Table::of(value) else {
        problems.say(value.span(), "remote_write is a table; write [remote_write]");
        return None;
    };
    let mut config: Config = read(table, problems)?;
    // A credential is there only while the service runs: a missing one is told at the first push.
    for (key, secret) in config.secrets() {
        if let SecretFile::Path(file) = secret
            && let Err(message) = beside.find(file)
        {
            problems.say(table.at(key), message);
        }
    }
    if let Some((key, why)) = config.misfit() {
        problems.say(if table.get(key).is_some() { table.at(key) } else { table.head() }, why);
    }
    Some(config)
}
