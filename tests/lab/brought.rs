//! A program of this machine that one test wants, brought into its guest with its libraries: the image need not carry it.

use std::path::Path;

use crate::guest::Lab;
use crate::image::{found, libraries};

impl Lab {
    /// Brings a program, of this Debian package, and gives the words that start it in the guest.
    pub(crate) fn bring(&self, name: &str, package: &str) -> String {
        let program = found(name, package);
        let folder = format!("/share/{name}");
        self.sh(&format!("mkdir {folder}"));
        let copy = |from: &Path| {
            let file = from.file_name().and_then(|file| file.to_str()).unwrap();
            self.push_file(from, &format!("{name}/{file}"));
        };
        copy(&program);
        for library in libraries(&[program]) {
            copy(&library);
        }
        format!("env LD_LIBRARY_PATH={folder} {folder}/{name}")
    }
}
