//! The `threadlog` command: rollout files of agents into a durable log, and back, byte for byte.
//!
//! One file per command in `command/`; what they share for talking to people and to programs in `output/`.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod command;
mod confirm;
mod exit;
mod failure;
mod interrupt;
mod location;
mod output;
mod threads;
mod transcript;
mod usage;

fn main() -> ExitCode {
    allow_files();
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error),
    };
    let json = arguments.json;
    match command::run(arguments) {
        Ok(exit) => exit.code(),
        Err(failure) => {
            failure.report(json);
            failure.exit().code()
        }
    }
}

/// Allows this process as many open files as the system lets it have: each sealed segment is held open twice while others are
/// made, and usual limits (256, 1 024) are meant for programs with few.
fn allow_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // If it may not: what does not fit is refused by name where it happens.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}
