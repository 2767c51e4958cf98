//! Finding a text whatever its case.

use memchr::memchr2_iter;

/// A text to look for, in lower case. ASCII is only compared with ASCII; a term with other characters by
/// the rules of Unicode.
pub(super) enum Term {
    Ascii(Vec<u8>),
    Other(String),
}

impl Term {
    pub(super) fn new(text: &str) -> Term {
        let text = text.to_lowercase();
        if text.is_ascii() { Term::Ascii(text.into_bytes()) } else { Term::Other(text) }
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        match self {
            // Lower case of ASCII is ASCII, so most texts need not be looked into.
            Term::Other(term) => !text.is_ascii() && text.to_lowercase().contains(term.as_str()),
            Term::Ascii(term) => is_in(term, text.as_bytes()),
        }
    }
}

fn is_in(term: &[u8], text: &[u8]) -> bool {
    let Some(first) = term.first() else { return true };
    let starts = memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text);
    starts.filter_map(|start| text.get(start..start + term.len())).any(|part| part.eq_ignore_ascii_case(term))
}
