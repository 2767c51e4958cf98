//! What the README promises is what is checked.

use super::Finding;
use super::source::Source;

const README: &str = "README.md";
const CHECKED_BY: &str = ".ci/run";

/// `cargo` lines in the README's blocks that `.ci/run` does not run as they stand; and blocks without any.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let text_of = |path: &str| sources.iter().find(|source| source.path == path).map(|source| source.text.as_str());
    let Some(readme) = text_of(README) else {
        return vec![Finding { path: README.to_owned(), line: 0, what: "there is none".to_owned() }];
    };
    let checked: Vec<&str> = text_of(CHECKED_BY).unwrap_or("").lines().map(command_of).collect();
    let promised = promised(readme);
    let mut findings: Vec<Finding> = promised
        .iter()
        .filter(|(_, command)| !checked.contains(command))
        .map(|(line, command)| Finding {
            path: README.to_owned(),
            line: *line,
            what: format!("`{command}` is not a line of {CHECKED_BY}"),
        })
        .collect();
    if promised.is_empty() {
        findings.push(Finding { path: README.to_owned(), line: 0, what: "shows no cargo command".to_owned() });
    }
    findings
}

/// The command of a line of `.ci/run`, without the helper that prints what runs.
fn command_of(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("step ").unwrap_or(line)
}

/// The `cargo` lines between fences, without what a comment says.
fn promised(readme: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut promised = Vec::new();
    for (index, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside && line.starts_with("cargo ") {
            promised.push((index + 1, line.split('#').next().unwrap_or(line).trim()));
        }
    }
    promised
}
