//! No notes to self, and nothing about the place where the code was written.

use super::Finding;
use super::source::Source;

/// Words that say a thing is not finished. Split here, so that this file does not accuse itself.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Macros that say the same.
const STUBS: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!(")];

/// Where this code was written. What must run everywhere names no such place.
const WORKPLACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/fa", "rm/")];

/// Where people live. Only sample data, tests and documents may imitate that.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Names that examples give to people.
const NOBODY: &[&str] = &["me/", "dev/", "user/"];

/// Words that, before a number, point to the planning of the work: a reader of the code cannot look that up.
const PLANNING: &[&str] = &[concat!("ses", "sion"), concat!("is", "sue"), concat!("mile", "stone")];

/// Every such word in every file but `Cargo.lock`.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.path.ends_with(".lock")) {
        for (line, text) in source.lines() {
            for what in faults(text, imitates_people(&source.path)) {
                findings.push(Finding { path: source.path.clone(), line, what });
            }
            if source.is_rust() && text.trim_start().starts_with("#[ignore]") {
                let what = "an ignored test must name the recipe that runs it: #[ignore = \"just …\"]".to_owned();
                findings.push(Finding { path: source.path.clone(), line, what });
            }
        }
    }
    findings
}

/// Sample data, tests and documents imitate people's machines.
fn imitates_people(path: &str) -> bool {
    path.starts_with("sample/") || path.contains("tests/") || path.ends_with("tests.rs") || path.starts_with("docs/")
}

fn faults(text: &str, imitates_people: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for note in NOTES {
        if has_word(text, note) {
            faults.push(format!("{note}: finish it, or leave it out"));
        }
    }
    for stub in STUBS {
        if text.contains(stub) {
            faults.push(format!("{stub}…): finish it, or leave it out"));
        }
    }
    let homes = HOMES.iter().filter(|home| !imitates_people && is_somebodys(text, home));
    for path in WORKPLACES.iter().filter(|path| text.contains(**path)).chain(homes) {
        faults.push(format!("{path}: the path of one machine"));
    }
    for word in PLANNING {
        if has_numbered(text, word) {
            faults.push(format!("{word} with a number: the code does not know how it was planned"));
        }
    }
    faults
}

/// Whether a path below `home` stands in `text` that is not an example's.
fn is_somebodys(text: &str, home: &str) -> bool {
    text.match_indices(home).any(|(at, _)| !NOBODY.iter().any(|name| text[at + home.len()..].starts_with(name)))
}

/// Whether `word` stands in `text` with no letter, digit or underscore beside it.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(part_of_word);
        let after = text[at + word.len()..].chars().next().is_some_and(part_of_word);
        !before && !after
    })
}

/// Whether `word` stands in `text`, then `' '`, `#` or both, then a digit.
fn has_numbered(text: &str, word: &str) -> bool {
    let lower = text.to_lowercase();
    lower.match_indices(word).any(|(at, _)| {
        let after = &lower[at + word.len()..];
        let number = after.trim_start_matches([' ', '#']);
        number.len() < after.len() && number.starts_with(|c: char| c.is_ascii_digit())
    })
}
