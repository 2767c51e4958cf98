//! The house rules that a script can check, so that no review has to.
//!
//! Each rule is a pure function from files to findings; `tests/tests/tidy.rs` runs them all on this repository, and
//! the unit tests beside them show on bad snippets that each one bites.

use std::fmt;
use std::path::Path;

pub mod commands;
pub mod documents;
pub mod fences;
pub mod manifests;
pub mod safety;
pub mod size;
pub mod source;
pub mod words;

#[cfg(test)]
mod tests;

use source::Source;

/// One place that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the repository, with `/` between components.
    pub path: String,
    /// Line, from 1; 0 if the rule is about the whole file.
    pub line: usize,
    /// What is wrong and what is wanted.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A rule: everything that breaks it, in the whole repository.
pub type Rule = fn(&[Source]) -> Vec<Finding>;

/// Every rule, with the name its failures are printed under.
pub const RULES: &[(&str, Rule)] = &[
    ("files and functions are short", size::check),
    ("no notes to self, no workplace words", words::check),
    ("unsafe only where memory is mapped, no way around the lints that forbid panics", safety::check),
    ("each layer knows only those below it", fences::check),
    ("manifests: layers, lints, reasons for dependencies", manifests::check),
    ("documents that are mentioned exist", documents::check),
    ("the README's commands are the ones that are checked", commands::check),
];

/// Runs every rule on the repository at `root`.
///
/// # Errors
/// The findings of all rules as one text, grouped by rule; or why the repository could not be read.
pub fn check_all(root: &Path) -> Result<(), String> {
    let sources = source::read_all(root)?;
    let mut text = String::new();
    for (name, rule) in RULES {
        let findings = rule(&sources);
        if findings.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{name}:\n"));
        for finding in findings {
            text.push_str(&format!("  {finding}\n"));
        }
    }
    if text.is_empty() { Ok(()) } else { Err(text) }
}
