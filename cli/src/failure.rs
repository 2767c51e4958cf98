//! Why a command could not do its work, in words that help, with the exit code that says which sort it was.

use std::error::Error;
use std::io::{self, Write};

use crate::exit::Exit;
use crate::output::json::{self, Failed};
use crate::output::style::{BAD, WARNING, paint};

/// The end of a command that failed.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    /// Arguments that make no sense.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// The system's refusal: what was tried, on what, and its answer.
    pub fn io(what: impl std::fmt::Display, error: &io::Error) -> Failure {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, format!("{what}: {error}"))
    }

    /// Standard output refused. A reader that closed the pipe (`| head`) has what it wanted: a quiet success.
    pub fn output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Exit::Done, ""),
            _ => Failure::new(Exit::Failed, format!("cannot write the output: {error}")),
        }
    }

    /// Which sort.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What happened, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says so: to people on standard error, to programs as the last line of standard output too.
    ///
    /// Nobody is left to tell if that fails as well.
    pub fn report(&self, json: bool) {
        // The reader has gone: not worth a word.
        if self.exit == Exit::Done {
            return;
        }
        let _ = writeln!(anstream::stderr(), "{} {}", paint(BAD, "error:"), self.message);
        if json {
            let failed = Failed { exit: self.exit.number(), kind: self.exit.word(), message: &self.message };
            let mut out = io::stdout().lock();
            let _ = json::write_line(&mut out, "error", &failed).and_then(|()| out.flush());
        }
    }
}

/// Something that people should know although the command goes on: on standard error.
///
/// Nobody is left to tell if that fails.
pub fn warn(message: &str) {
    let _ = writeln!(anstream::stderr(), "{} {message}", paint(WARNING, "warning:"));
}

/// An error and its causes as one sentence, without saying twice what a cause's text already contains.
pub fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
