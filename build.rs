//! Says how the program is linked.
#![forbid(unsafe_code)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The loader reads every relocation at start, and what it has read stays resident: packed (DT_RELR; glibc 2.36, Debian 12)
    // they are 10 kB instead of 300 kB. A linker that does not know the word says so and does without.
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
