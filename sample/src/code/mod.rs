//! Files of a project: source text in three dialects, prose and data.
//!
//! A file is a list of blocks, each from its own draw, and an edition replaces a few of them: so the same file read in
//! two threads of one week is nearly the same text, and over months it turns into another, as real repositories do.

mod python;
mod rust;
mod typescript;

use std::fmt::Write as _;
use std::ops::Range;

use crate::names::{Dialect, Names, capitalised};
use crate::project::Project;
use crate::random::{Random, Table, mix, size};
use crate::text::Writer;
use crate::words::{ENGLISH, Voice};

/// The patterns of one dialect. Slots: `%v` verb, `%n` noun, `%N` Noun, `%x %y` the block's own two variables, `%X` the
/// block's type, `%f` a function's name, `%d %D` numbers, `%s` a few words, `%h` hexadecimal.
pub(crate) struct Patterns {
    /// What stands at the head of a file.
    pub(crate) head: &'static [&'static str],
    /// First lines of a block.
    pub(crate) openings: &'static [&'static str],
    /// Statements inside one.
    pub(crate) statements: &'static [&'static str],
    /// Last lines of one.
    pub(crate) endings: &'static [&'static str],
    /// Blocks without a body.
    pub(crate) wholes: &'static [&'static str],
}

/// Blocks per file.
const BLOCKS: Table = &[(0, 3), (250, 9), (500, 20), (750, 40), (900, 75), (1000, 160)];

/// Editions after which, on average, a given block has changed once.
const EDITIONS_PER_CHANGE: u64 = 12;

/// Appends file `index` of a project as it stood at `edition`.
pub(crate) fn file(out: &mut String, project: &Project, index: u32, edition: u32) {
    let Project { seed, dialect, ref names, voice, .. } = *project;
    let path = names.path_at(index);
    let mut random = Random::new(seed, &[1, u64::from(index)]);
    let blocks = random.table(BLOCKS);
    let extension = path.rsplit('.').next().unwrap_or_default();
    let patterns = patterns(dialect);
    let source = extension == dialect.extension();
    if source {
        for _ in 0..random.between(2, 7) {
            let pattern = random.pick(patterns.head);
            Block::new(names, &mut random).fill(out, pattern, &mut random);
        }
    }
    for number in 0..blocks {
        let age = mix(seed ^ (u64::from(index) << 32) ^ u64::from(number)) % EDITIONS_PER_CHANGE;
        let change = (u64::from(edition) + age) / EDITIONS_PER_CHANGE;
        let mut random = Random::new(seed, &[2, u64::from(index), u64::from(number), change]);
        match extension {
            _ if source => block(out, patterns, names, &mut random),
            "md" => chapter(out, names, voice, &mut random),
            "csv" => rows(out, names, &mut random),
            "json" => json(out, names, &mut random, number == 0, number + 1 == blocks),
            _ => settings(out, names, &mut random),
        }
    }
}

/// Appends new source text of about `bytes` bytes: what an agent writes.
pub(crate) fn draft(out: &mut String, project: &Project, random: &mut Random, bytes: u32) {
    let end = out.len() + size(bytes);
    let patterns = patterns(project.dialect);
    while out.len() < end {
        block(out, patterns, &project.names, random);
    }
}

fn patterns(dialect: Dialect) -> &'static Patterns {
    match dialect {
        Dialect::Rust => &rust::PATTERNS,
        Dialect::Python => &python::PATTERNS,
        Dialect::TypeScript => &typescript::PATTERNS,
    }
}

/// One function, type or test.
fn block(out: &mut String, patterns: &Patterns, names: &Names, random: &mut Random) {
    let block = Block::new(names, random);
    if random.chance(220) {
        let whole = random.pick(patterns.wholes);
        block.fill(out, whole, random);
        return;
    }
    let (opening, ending) = (random.pick(patterns.openings), random.pick(patterns.endings));
    block.fill(out, opening, random);
    // A block does one thing: its statements are of a few patterns.
    let mut few = [""; 5];
    few.fill_with(|| random.pick(patterns.statements));
    for _ in 0..random.between(1, 10) {
        let statement = random.pick(&few);
        block.fill(out, statement, random);
    }
    block.fill(out, ending, random);
}

fn chapter(out: &mut String, names: &Names, voice: Voice, random: &mut Random) {
    let writer = Writer { voice, names };
    out.push_str("\n## ");
    capitalised(out, random.pick_early(&names.nouns));
    out.push_str("\n\n");
    let bytes = random.between(120, 600);
    writer.prose(out, random, bytes);
    out.push('\n');
}

fn rows(out: &mut String, names: &Names, random: &mut Random) {
    for _ in 0..random.between(4, 20) {
        let _ = writeln!(
            out,
            "{},{},{},{}.{:02},{}",
            random.between(1000, 99_999),
            random.pick(&names.nouns),
            random.pick(&names.nouns),
            random.below(900),
            random.below(100),
            random.pick(&["true", "false", "open", "closed", "pending"])
        );
    }
}

fn json(out: &mut String, names: &Names, random: &mut Random, first: bool, last: bool) {
    if first {
        out.push_str("[\n");
    }
    let _ = write!(out, "  {{\n    \"id\": \"{:012x}\",\n", random.bits() >> 16);
    for _ in 0..random.between(2, 8) {
        let (noun, verb) = (random.pick_early(&names.nouns), random.pick_early(&names.verbs));
        match random.below(3) {
            0 => writeln!(out, "    \"{noun}_{verb}\": {},", random.below(5000)),
            1 => writeln!(out, "    \"{noun}\": \"{}\",", random.pick(ENGLISH.adjectives)),
            _ => writeln!(out, "    \"{verb}_{noun}\": [{}, {}],", random.below(100), random.below(100)),
        }
        .unwrap_or_default();
    }
    out.push_str("    \"active\": true\n  }");
    out.push_str(if last { "\n]\n" } else { ",\n" });
}

fn settings(out: &mut String, names: &Names, random: &mut Random) {
    let _ = writeln!(out, "\n[{}.{}]", random.pick_early(&names.nouns), random.pick(&names.nouns));
    for _ in 0..random.between(2, 7) {
        let noun = random.pick(&names.nouns);
        match random.below(3) {
            0 => writeln!(out, "{noun}_max = {}", random.below(4096)),
            1 => writeln!(out, "{noun} = \"{}\"", random.pick(ENGLISH.adjectives)),
            _ => writeln!(out, "{}_{noun} = {}", random.pick(&names.verbs), random.chance(500)),
        }
        .unwrap_or_default();
    }
}

/// The names that the lines of one block have in common.
struct Block<'a> {
    names: &'a Names,
    first: &'static str,
    second: &'static str,
    /// What its lines speak of, mostly.
    topics: [&'static str; 4],
    kind: String,
}

/// Of 1000 nouns in a block, how many are of its topics.
const ON_TOPIC: u32 = 620;

impl<'a> Block<'a> {
    fn new(names: &'a Names, random: &mut Random) -> Block<'a> {
        let mut kind = String::new();
        names.type_name(&mut kind, random);
        let topics = [(); 4].map(|()| random.pick(&names.nouns));
        Block { names, first: random.pick(&names.nouns), second: random.pick_early(&names.nouns), topics, kind }
    }

    fn noun(&self, random: &mut Random) -> &'static str {
        if random.chance(ON_TOPIC) { random.pick(&self.topics) } else { random.pick_early(&self.names.nouns) }
    }

    fn fill(&self, out: &mut String, pattern: &str, random: &mut Random) {
        let names = self.names;
        let mut pieces = pattern.split('%');
        out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let mut rest = piece.chars();
            match rest.next() {
                Some('x') => out.push_str(self.first),
                Some('y') => out.push_str(self.second),
                Some('X') => out.push_str(&self.kind),
                Some('n') => out.push_str(self.noun(random)),
                Some('v') => out.push_str(random.pick_early(&names.verbs)),
                Some('N') => names.type_name(out, random),
                Some('f') => names.function(out, random),
                Some('s') => words(out, random),
                Some('d') => push_number(out, u64::from(random.below(16))),
                Some('D') => push_number(out, u64::from(random.between(16, 5000))),
                Some('h') => {
                    let _ = write!(out, "{:08x}", random.bits() >> 32);
                }
                _ => {}
            }
            out.push_str(rest.as_str());
        }
    }
}

/// A few words, as in comments and messages.
fn words(out: &mut String, random: &mut Random) {
    out.push_str(random.pick_early(ENGLISH.adjectives));
    for _ in 0..random.between(1, 3) {
        out.push(' ');
        out.push_str(random.pick_early(ENGLISH.nouns));
    }
}

fn push_number(out: &mut String, number: u64) {
    let _ = write!(out, "{number}");
}

/// Where whole lines of `text` lie that start at the line on or after byte `start` and have about `bytes` bytes.
pub(crate) fn window(text: &str, start: usize, bytes: u32) -> Range<usize> {
    let from = line_start(text, start);
    from..line_start(text, from.saturating_add(size(bytes)))
}

/// The first line start at or after byte `at`, or the end.
fn line_start(text: &str, at: usize) -> usize {
    if at == 0 {
        return 0;
    }
    let rest = text.as_bytes().get(at - 1..).unwrap_or_default();
    rest.iter().position(|&byte| byte == b'\n').map_or(text.len(), |found| at + found)
}
