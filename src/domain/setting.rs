//! What the config says, for readers: each value, and where it comes from.

/// All of a config that may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What the config is called: its path, or what is built in.
    pub source: String,
    /// In the order of the sections.
    pub all: Vec<Setting>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In which section, with the entry's name where it is a list: `check gateway`.
    pub section: String,
    /// Its key.
    pub key: String,
    /// As it is written; nothing where it is set and not shown, because it may be a secret or lead to a person.
    pub value: Option<String>,
    /// In which line of the source it stands; none where it is left out and this is what holds then.
    pub line: Option<usize>,
}
