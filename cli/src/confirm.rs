//! Asking before something goes for good.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::style::{STRONG, paint};

/// Goes on if `yes` was said on the command line, or is the answer to a question that is asked now. What it is about was
/// shown before. Only people at a terminal are asked: with `--json`, or where standard input or standard error is
/// something else, nobody can see the question or answer it.
///
/// # Errors
/// [`Exit::Unconfirmed`] in all other cases.
pub fn go_on(yes: bool, what: &str, out: &mut Output) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    out.flush()?;
    if out.is_json() || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let message =
            format!("nothing was done: to {what} say --yes, as nobody can be asked here; --dry-run only shows");
        return Err(Failure::new(Exit::Unconfirmed, message));
    }
    let question = paint(STRONG, format_args!("{} [y/N]", sentence(what)));
    // Nobody answers a question that could not be asked: then the answer is no.
    let asked = write!(anstream::stderr(), "{question} ").and_then(|()| io::stderr().flush());
    let mut answer = String::new();
    let heard = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    if heard.is_ok() && is_yes(&answer) {
        return Ok(());
    }
    Err(Failure::new(Exit::Unconfirmed, "nothing was done, as the answer was not yes"))
}

fn sentence(what: &str) -> String {
    let mut chars = what.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}?", first.unwrap_or_default(), chars.as_str())
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(["y\n", "Y", " yes \r\n", "YES"].iter().all(|answer| is_yes(answer)));
        assert!(["", "\n", "n\n", "no", "yess", "ye", "1", "y y"].iter().all(|answer| !is_yes(answer)));
    }
}
