//! Arguments that make no sense: for people as the parser says it, for programs as an error record too.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::output::json::{self, Failed, Header};

/// Says what is wrong with the arguments, or what they asked for: help and the version come this way too.
///
/// Nobody is left to tell if that fails.
pub fn report(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done.code();
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).take_while(|argument| argument != "--").collect();
    if arguments.iter().any(|argument| argument == "--json") {
        let failed = Failed { exit: Exit::Usage.number(), kind: Exit::Usage.word(), message: &message(error) };
        let mut out = io::stdout().lock();
        let known = Arguments::command();
        let named =
            known.get_subcommands().map(clap::Command::get_name).find(|name| arguments.iter().any(|it| it == name));
        let header = Header::new(named.unwrap_or(""));
        let _ = json::write_line(&mut out, "header", &header)
            .and_then(|()| json::write_line(&mut out, "error", &failed))
            .and_then(|()| out.flush());
    }
    Exit::Usage.code()
}

/// What is wrong, without how it would be right: that is the help's.
fn message(error: &clap::Error) -> String {
    if matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand) {
        return "no command was given; `threadlog --help` lists them".to_owned();
    }
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or(&text);
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
