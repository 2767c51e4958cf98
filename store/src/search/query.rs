//! What to look for.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use crate::search::pattern;

/// How the words of a query are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Match {
    /// As a person types them: anywhere, also inside of words; white space stands for any white space, and at the ends for
    /// nothing.
    #[default]
    Phrase,
    /// As [`Match::Phrase`], beginning and ending where words do.
    Words,
    /// As regular expressions, in the syntax of the crate `regex`: `^` and `$` are the ends of a line, `.` is no newline.
    Regex,
}

/// What to look for: one or more terms, which all must stand in the text of one item.
///
/// ```
/// use threadlog::search::{Match, Query};
///
/// let query = Query::new(["cargo test"], Match::Words, false)?;
/// assert_eq!(query.first_in("then Cargo\n  test ran"), Some(5..17));
/// assert_eq!(query.first_in("cargo tests"), None);
/// # Ok::<(), threadlog::search::QueryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Query {
    terms: Vec<Regex>,
    /// A part of each term that stands in the raw bytes of every record that has the term; see [`pattern`].
    pub(super) needle: Option<regex::bytes::Regex>,
}

/// Why a query cannot be.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is nothing to look for.
    #[error("there is nothing to look for: give a text that is not blank")]
    Empty,
    /// A regular expression is none, or too large.
    #[error("{pattern:?} cannot be searched for")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
}

impl Query {
    /// A query of these terms. Case makes a difference only if asked for.
    ///
    /// # Errors
    /// [`QueryError::Empty`] for no term, or a blank one; [`QueryError::Pattern`].
    pub fn new<Term: AsRef<str>>(
        terms: impl IntoIterator<Item = Term>,
        how: Match,
        case_sensitive: bool,
    ) -> Result<Query, QueryError> {
        let (mut regexes, mut needles) = (Vec::new(), Vec::new());
        for term in terms {
            let term = term.as_ref();
            if term.trim().is_empty() {
                return Err(QueryError::Empty);
            }
            let pattern = pattern::of(term, how);
            let regex = RegexBuilder::new(&pattern).case_insensitive(!case_sensitive).multi_line(true).build();
            let failed = |source| QueryError::Pattern { pattern: term.to_owned(), source: Box::new(source) };
            regexes.push(regex.map_err(failed)?);
            needles.push(pattern::needle(term, how, case_sensitive));
        }
        if regexes.is_empty() {
            return Err(QueryError::Empty);
        }
        Ok(Query { terms: regexes, needle: pattern::best(needles) })
    }

    /// Where the first term stands first in `text`, if all terms stand in it.
    #[must_use]
    pub fn first_in(&self, text: &str) -> Option<Range<usize>> {
        let (first, others) = self.terms.split_first()?;
        let found = first.find(text)?.range();
        others.iter().all(|term| term.is_match(text)).then_some(found)
    }

    /// Where the terms stand in `text`: rising, and apart.
    #[must_use]
    pub fn all_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut all: Vec<Range<usize>> =
            self.terms.iter().flat_map(|term| term.find_iter(text).map(|found| found.range())).collect();
        all.retain(|range| !range.is_empty());
        all.sort_by_key(|range| (range.start, range.end));
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in all {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }
}
