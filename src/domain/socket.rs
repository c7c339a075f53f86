//! Where a unix socket may be that a config names.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};

/// `sun_path` (unix(7)): 108 bytes, the last of them a zero.
const LONGEST: usize = 107;

/// Reads such a place.
///
/// # Errors
/// One that the kernel has no room for, and one that is another for each who reads it: the daemon stands in `/`, a command anywhere.
pub fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.as_os_str().len() > LONGEST {
        let message = format!("a unix socket's path has at most {LONGEST} bytes, and this one more");
        return Err(D::Error::custom(message));
    }
    if !path.is_absolute() {
        return Err(D::Error::custom("a unix socket's path begins with /: else each who reads it looks elsewhere"));
    }
    Ok(path)
}
