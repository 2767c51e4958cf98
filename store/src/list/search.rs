//! Finding a text whatever its case.

use memchr::memchr2_iter;

/// A text to look for. ASCII letters are compared with ASCII letters; a term with other characters is
/// compared in lower case, by the rules of Unicode.
pub(super) enum Term {
    Ascii(Vec<u8>),
    Other(String),
}

impl Term {
    pub(super) fn new(text: &str) -> Term {
        if text.is_ascii() { Term::Ascii(text.as_bytes().to_vec()) } else { Term::Other(text.to_lowercase()) }
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        match self {
            Term::Other(term) => text.to_lowercase().contains(term.as_str()),
            Term::Ascii(term) => is_in(term, text.as_bytes()),
        }
    }
}

fn is_in(term: &[u8], text: &[u8]) -> bool {
    let Some(first) = term.first() else { return true };
    let starts = memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text);
    starts.filter_map(|start| text.get(start..start + term.len())).any(|part| part.eq_ignore_ascii_case(term))
}
