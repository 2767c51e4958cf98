//! Word lists and sentence patterns, all our own.
//!
//! A pattern is text with slots: `%n` a noun, `%v` a verb, `%a` an adjective, `%r` an adverb, `%i` an identifier in
//! backquotes, `%p` a path in backquotes, `%w` a coined name, `%d` a small and `%D` a larger number, `%h` a short
//! hexadecimal id.

mod chinese;
mod english;
mod french;

pub(crate) use chinese::CHINESE;
pub(crate) use english::ENGLISH;
pub(crate) use french::FRENCH;

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) nouns: &'static [&'static str],
    pub(crate) verbs: &'static [&'static str],
    pub(crate) adjectives: &'static [&'static str],
    pub(crate) adverbs: &'static [&'static str],
    /// Patterns of statements; each ends with what separates it from the next.
    pub(crate) sentences: &'static [&'static str],
    /// Patterns of what a person asks for.
    pub(crate) prompts: &'static [&'static str],
    pub(crate) headings: &'static [&'static str],
}

/// The language a thread is held in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    English,
    Chinese,
    French,
}

impl Voice {
    /// The words of this language.
    pub(crate) fn vocabulary(self) -> &'static Vocabulary {
        match self {
            Voice::English => &ENGLISH,
            Voice::Chinese => &CHINESE,
            Voice::French => &FRENCH,
        }
    }
}
