//! The thin binary: only it exits.

fn main() -> std::process::ExitCode {
    siaga::cli::main()
}
