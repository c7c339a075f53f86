//! The daemon under another wall clock: libfaketime, with the monotonic clock left alone, as by a real jump. Debian package:
//! `faketime`.

use std::path::Path;
use std::process::Command;

use super::daemon::siaga;

/// The binary under test, whose wall clock is off by what the file says (`+30m`), read anew at each call.
pub(crate) fn siaga_by(offset: &Path) -> Command {
    let library =
        ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];
    let library = library.into_iter().find(|path| Path::new(path).exists()).expect("install Debian's package faketime");
    let mut command = siaga();
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}
