//! The thin binary: only it exits.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    siaga::cli::main()
}
