//! A document that is mentioned can be opened.

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

/// Names that are examples or belong to others.
const NOT_OURS: &[&str] = &["AGENTS.md", "SKILL.md", "CLAUDE.md"];

/// Mentions of Markdown files, in code and in documents, that are not in the repository.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let known: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_prose(source)) {
        for (line, text) in source.lines() {
            for name in mentions(text).filter(|name| !exists(&known, &source.path, name)) {
                let what = format!("{name} is mentioned but not in the repository");
                findings.push(Finding { path: source.path.clone(), line, what });
            }
        }
    }
    findings
}

/// Sample data and the rules' own snippets name documents that need not exist.
fn is_prose(source: &Source) -> bool {
    let imitates = source.path.starts_with("sample/") || source.path == "tests/src/tidy/tests.rs";
    let maintained = source.is_rust() || source.path.ends_with(".md") || source.path.ends_with(".toml");
    maintained && !imitates
}

/// The words of a line that end in `.md`.
fn mentions(text: &str) -> impl Iterator<Item = &str> {
    let part_of_path = |c: char| c.is_ascii_alphanumeric() || "._-/~".contains(c);
    text.split(move |c: char| !part_of_path(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.strip_suffix(".md").is_some_and(|stem| stem.ends_with(|c: char| c.is_ascii_alphanumeric())))
}

fn exists(known: &BTreeSet<&str>, mentioned_in: &str, name: &str) -> bool {
    let name = name.trim_start_matches("./");
    let folder = mentioned_in.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let in_docs = format!("docs/{name}");
    let above = name.trim_start_matches("../");
    let base = name.rsplit('/').next().unwrap_or(name);
    NOT_OURS.contains(&base) || [name, &beside, &in_docs, above].iter().any(|path| known.contains(path))
}
