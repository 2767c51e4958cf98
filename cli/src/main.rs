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
mod holding;
mod interrupt;
mod location;
mod output;
mod threads;
mod transcript;
mod usage;

fn main() -> ExitCode {
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
