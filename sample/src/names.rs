//! The identifiers and paths of one project: a small, fixed part of the word lists, so that a project's texts name the
//! same things again and again.

use crate::random::{Random, size};
use crate::words::ENGLISH;

/// The kind of files a project is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Rust,
    Python,
    TypeScript,
}

impl Dialect {
    /// The ending of its source files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Dialect::Rust => "rs",
            Dialect::Python => "py",
            Dialect::TypeScript => "ts",
        }
    }
}

/// What a project calls things.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) nouns: Vec<&'static str>,
    pub(crate) verbs: Vec<&'static str>,
    /// Paths of all files, relative to the project's folder, with `/`.
    pub(crate) paths: Vec<String>,
}

impl Names {
    /// The names of the project that `random` is the source of, with `files` files.
    pub(crate) fn new(random: &mut Random, dialect: Dialect, files: u32) -> Names {
        // Some projects have a rich language, some say everything with few words.
        let richness = random.between(18, 56);
        let nouns: Vec<&'static str> = (0..richness).map(|_| random.pick(ENGLISH.nouns)).collect();
        let verbs: Vec<&'static str> = (0..richness / 2).map(|_| random.pick(ENGLISH.verbs)).collect();
        let folders: Vec<String> = (0..9).map(|_| folder(random, &nouns)).collect();
        let paths = (0..files).map(|number| path(random, dialect, &folders, &nouns, number)).collect();
        Names { nouns, verbs, paths }
    }

    /// Appends `snake_case`: a verb and a noun.
    pub(crate) fn function(&self, out: &mut String, random: &mut Random) {
        out.push_str(random.pick_early(&self.verbs));
        out.push('_');
        out.push_str(random.pick_early(&self.nouns));
    }

    /// Appends `CamelCase`: one or two nouns.
    pub(crate) fn type_name(&self, out: &mut String, random: &mut Random) {
        capitalised(out, random.pick_early(&self.nouns));
        if random.chance(600) {
            capitalised(out, random.pick_early(&self.nouns));
        }
    }

    /// A path; the earlier ones of the project more often.
    pub(crate) fn path(&self, random: &mut Random) -> &str {
        let end = crate::random::narrow(self.paths.len());
        let index = random.below(end).min(random.below(end));
        self.path_at(index)
    }

    /// The path of file `index`.
    pub(crate) fn path_at(&self, index: u32) -> &str {
        self.paths.get(size(index)).map_or("README.md", String::as_str)
    }
}

fn folder(random: &mut Random, nouns: &[&'static str]) -> String {
    let top = random.pick(&["src", "src", "src", "app", "tests", "packages", "lib", "crates"]);
    match random.below(3) {
        0 => top.to_owned(),
        1 => format!("{top}/{}", random.pick(nouns)),
        _ => format!("{top}/{}/{}", random.pick(nouns), random.pick(nouns)),
    }
}

/// One file in eight is prose and one in eight is data; the number keeps names apart.
fn path(random: &mut Random, dialect: Dialect, folders: &[String], nouns: &[&'static str], number: u32) -> String {
    let noun = random.pick(nouns);
    let other = random.pick(nouns);
    let folder = folders.get(size(random.below(9))).map_or("src", String::as_str);
    match number % 8 {
        3 => format!("docs/{noun}-{other}-{number}.md"),
        6 => format!("{folder}/{noun}_{number}.{}", random.pick(&["json", "toml", "yaml", "csv"])),
        _ => format!("{folder}/{noun}_{other}{}.{}", number / 8, dialect.extension()),
    }
}

/// Appends `word` with a capital first letter.
pub(crate) fn capitalised(out: &mut String, word: &str) {
    let mut letters = word.chars();
    out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
    out.push_str(letters.as_str());
}
