//! From a term to the regular expression that finds it in a text, and to a needle that finds it in raw bytes.
//!
//! A record holds its text as JSON, sometimes as JSON within JSON: quotation marks, backslashes and line ends stand there
//! escaped, any other character may. A *needle* is a part of the term without such characters. It stands in the raw bytes of
//! every record that has the term, unless a character of it is escaped without need (`\u0063`): records with such
//! escapes count as having it. So no find is missed, and few records are parsed.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;

use crate::search::Match;

/// Escapes of characters that a needle can have. Those below a space, which any encoder escapes, are not among them.
const ESCAPED: &str = r"\\u(?:00[2-9A-Fa-f]|0[1-9A-Fa-f]|[1-9A-Fa-f])";
/// A needle is at least so many bytes long.
const NEEDLE_BYTES_MIN: usize = 2;
/// Most alternatives of a needle.
const LITERALS_MAX: usize = 64;

/// The regular expression of a term.
pub(super) fn of(term: &str, how: Match) -> String {
    if how == Match::Regex {
        return term.to_owned();
    }
    let parts: Vec<String> = term.split_whitespace().map(regex::escape).collect();
    let phrase = parts.join(r"\s+");
    if how == Match::Words { format!(r"\b{{start-half}}{phrase}\b{{end-half}}") } else { phrase }
}

/// What the raw bytes of a record must contain that has the term: alternatives, and how long the shortest is.
pub(super) struct Needle {
    shortest: usize,
    alternatives: Vec<String>,
    case_sensitive: bool,
}

/// The needle of a term; `None` if none can be told.
pub(super) fn needle(term: &str, how: Match, case_sensitive: bool) -> Option<Needle> {
    if how != Match::Regex {
        let run = longest_run(term)?;
        return Some(Needle { shortest: run.len(), alternatives: vec![run.to_owned()], case_sensitive });
    }
    // As it is searched for: what a flag inside of the expression says of case is then in its literals.
    let parser = ParserBuilder::new().case_insensitive(!case_sensitive).multi_line(true).build().parse(term);
    let literals = Extractor::new().limit_total(LITERALS_MAX).extract(&parser.ok()?);
    let runs: Vec<&str> = literals
        .literals()?
        .iter()
        .map(|literal| longest_run(std::str::from_utf8(literal.as_bytes()).ok()?))
        .collect::<Option<_>>()?;
    let shortest = runs.iter().map(|run| run.len()).min()?;
    // All ways to write them are there already.
    Some(Needle { shortest, alternatives: runs.into_iter().map(str::to_owned).collect(), case_sensitive: true })
}

/// Of needles that must all be there, the one that is found least often, as far as can be told: the longest.
pub(super) fn best(needles: Vec<Option<Needle>>) -> Option<regex::bytes::Regex> {
    let best = needles.into_iter().flatten().max_by_key(|needle| needle.shortest)?;
    let alternatives: Vec<String> = best.alternatives.iter().map(|text| regex::escape(text)).collect();
    let flag = if best.case_sensitive { "" } else { "(?i)" };
    regex::bytes::Regex::new(&format!("(?:{flag}{})|{ESCAPED}", alternatives.join("|"))).ok()
}

/// The longest run of characters that nothing must escape, if it is long enough.
fn longest_run(text: &str) -> Option<&str> {
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '/'));
    let runs = text.split(|c| !plain(c)).filter(|run| run.len() >= NEEDLE_BYTES_MIN);
    runs.max_by_key(|run| run.len())
}
