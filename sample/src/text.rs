//! Prose: patterns filled with words, up to a wanted number of bytes.

use std::fmt::Write as _;

use crate::names::Names;
use crate::random::Random;
use crate::words::{Vocabulary, Voice};

/// Writes texts of one project in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) voice: Voice,
    pub(crate) names: &'a Names,
}

impl Writer<'_> {
    /// Appends one statement.
    pub(crate) fn sentence(self, out: &mut String, random: &mut Random) {
        let words = self.voice.vocabulary();
        let pattern = random.pick(words.sentences);
        self.fill(out, pattern, words, random);
    }

    /// Appends what a person asks, about `bytes` long.
    pub(crate) fn prompt(self, out: &mut String, random: &mut Random, bytes: u32) {
        let words = self.voice.vocabulary();
        let end = out.len() + crate::random::size(bytes);
        loop {
            // Long prompts carry notes and logs, not a hundred wishes.
            let pattern = if random.chance(600) { random.pick(words.prompts) } else { random.pick(words.sentences) };
            self.fill(out, pattern, words, random);
            if out.len() >= end {
                break;
            }
            if random.chance(120) {
                out.push('\n');
            }
        }
        trim_end(out);
    }

    /// Appends plain paragraphs of about `bytes` bytes.
    pub(crate) fn prose(self, out: &mut String, random: &mut Random, bytes: u32) {
        let end = out.len() + crate::random::size(bytes);
        loop {
            self.sentence(out, random);
            if out.len() >= end {
                break;
            }
            if random.chance(180) {
                trim_end(out);
                out.push_str("\n\n");
            }
        }
        trim_end(out);
    }

    /// Appends an agent's answer in Markdown of about `bytes` bytes: paragraphs, lists, headings, code.
    pub(crate) fn answer(self, out: &mut String, random: &mut Random, bytes: u32) {
        let start = out.len();
        let end = start + crate::random::size(bytes);
        while out.len() < end {
            if out.len() > start {
                out.push_str("\n\n");
            }
            let left = crate::random::narrow(end.saturating_sub(out.len()));
            match random.below(10) {
                0 if left > 400 => {
                    let heading = random.pick(self.voice.vocabulary().headings);
                    let _ = write!(out, "**{heading}**");
                }
                1..=4 if left > 300 => self.bullets(out, random, end),
                5 if left > 500 => self.snippet(out, random),
                _ => {
                    let bytes = left.min(random.between(90, 390));
                    self.prose(out, random, bytes);
                }
            }
        }
    }

    /// Appends a document of instructions of about `bytes` bytes: headings, rules as lists, paragraphs.
    pub(crate) fn document(self, out: &mut String, random: &mut Random, bytes: u32) {
        let end = out.len() + crate::random::size(bytes);
        out.push_str("# ");
        self.title(out, random);
        out.push('\n');
        while out.len() < end {
            out.push_str("\n## ");
            self.title(out, random);
            out.push_str("\n\n");
            for _ in 0..random.between(1, 3) {
                let left = crate::random::narrow(end.saturating_sub(out.len()));
                if random.chance(550) {
                    self.bullets(out, random, end);
                } else {
                    let bytes = left.min(random.between(200, 700));
                    self.prose(out, random, bytes);
                }
                out.push_str("\n\n");
                if out.len() >= end {
                    break;
                }
            }
            trim_end(out);
            out.push('\n');
        }
    }

    fn title(self, out: &mut String, random: &mut Random) {
        let words = self.voice.vocabulary();
        let pattern = random.pick(&["%a %n", "%n, %n", "%v %n", "%n %r", "%a %n, %a %n"]);
        self.fill(out, pattern, words, random);
    }

    /// A list of 2 to 6 entries that ends soon after `end`.
    fn bullets(self, out: &mut String, random: &mut Random, end: usize) {
        let numbered = random.chance(300);
        for entry in 1..=random.between(2, 6) {
            if entry > 1 {
                out.push('\n');
            }
            if numbered {
                let _ = write!(out, "{entry}. ");
            } else {
                out.push_str("- ");
            }
            self.sentence(out, random);
            trim_end(out);
            if out.len() >= end {
                break;
            }
        }
    }

    fn snippet(self, out: &mut String, random: &mut Random) {
        out.push_str("```\n");
        for _ in 0..random.between(2, 5) {
            self.fill(out, "%v %p --%n %d %i", &crate::words::ENGLISH, random);
            out.push('\n');
        }
        out.push_str("```");
    }

    /// Appends `pattern` with its slots filled; `words` may be of another language than the writer's own.
    pub(crate) fn fill(self, out: &mut String, pattern: &str, words: &Vocabulary, random: &mut Random) {
        let mut pieces = pattern.split('%');
        out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let mut rest = piece.chars();
            match rest.next() {
                Some('n') => {
                    // Real prose is full of names that stand in no list.
                    if self.voice == Voice::English && random.chance(170) {
                        coined(out, random);
                        out.push(' ');
                    }
                    out.push_str(random.pick(words.nouns));
                }
                Some('v') => out.push_str(random.pick(words.verbs)),
                Some('a') => out.push_str(random.pick(words.adjectives)),
                Some('r') => out.push_str(random.pick(words.adverbs)),
                Some('i') => {
                    out.push('`');
                    self.names.function(out, random);
                    out.push('`');
                }
                Some('p') => {
                    let path = self.names.path(random);
                    let _ = write!(out, "`{path}`");
                }
                Some('w') => coined(out, random),
                Some('d') => {
                    let _ = write!(out, "{}", random.between(2, 12));
                }
                Some('D') => {
                    let _ = write!(out, "{}", random.between(13, 900));
                }
                Some('h') => {
                    let _ = write!(out, "{:08x}", random.bits() >> 32);
                }
                _ => {}
            }
            out.push_str(rest.as_str());
        }
    }
}

/// Appends a name that stands in no list: two to four syllables.
fn coined(out: &mut String, random: &mut Random) {
    let start = out.len();
    for _ in 0..random.between(2, 4) {
        out.push_str(random.pick(&[
            "b", "br", "c", "d", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "qu", "r", "s", "st", "t",
            "tr", "v", "w", "z",
        ]));
        out.push_str(random.pick(&["a", "e", "i", "o", "u", "ai", "ea", "an", "el", "in", "or", "us"]));
    }
    if let Some(first) = out.get_mut(start..start + 1) {
        first.make_ascii_uppercase();
    }
}

/// Drops spaces and line ends from the end of `out`.
pub(crate) fn trim_end(out: &mut String) {
    out.truncate(out.trim_end().len());
}
