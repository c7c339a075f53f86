//! The yardsticks: Siaga side by side with Debian's own packages, on this machine, in one run.
//!
//! `make bench` runs all of it; `cargo bench --bench peers -- NAME...` runs the figures whose name contains a NAME, and
//! `--quick` takes fewer samples, to try the harness itself. Everything happens inside network and process namespaces made
//! for the run: nothing reaches another machine, and nothing outlives the run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report for people")]

mod alerting;
mod daemon;
mod figures;
mod http;
mod lab;
mod process;
mod profile;
mod report;
mod servers;
mod sink;
mod stats;
mod upsd;

use std::process::ExitCode;

use figures::Figure;
use lab::Lab;
use siaga::clock::Clock;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` when it means it; `cargo test --benches` does not.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    if !lab::is_inside() {
        return lab::enter(arguments);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| !name.starts_with("--")).collect();
    let chosen: Vec<&Figure> = figures::ALL
        .iter()
        .filter(|figure| names.is_empty() || names.iter().any(|name| figure.name.contains(name)))
        .collect();
    if chosen.is_empty() {
        let known: Vec<&str> = figures::ALL.iter().map(|figure| figure.name).collect();
        return Err(format!("no figure is called {names:?}; there are {known:?}"));
    }

    let clock = Clock::start();
    let lab = Lab::build(clock, quick)?;
    let mut report = report::Report::begin(&lab);
    for figure in chosen {
        eprintln!("bench: {} …", figure.name);
        let began = clock.mono();
        report.add(figure.name, (figure.measure)(&lab));
        eprintln!("bench: {} took {:.0} s", figure.name, clock.mono().since(began).as_secs_f64());
        // A run that is broken off has what it has.
        report.explain(&lab.profiles());
        report.write()?;
    }
    let files = report.write()?;
    println!("{}", report.markdown());
    println!("written to {} and {}", files.0.display(), files.1.display());
    Ok(())
}
