//! Each layer knows only those below it: which folders may not name what.

use super::Finding;
use super::source::Source;

/// Something that a folder must not name.
struct Fence {
    /// The folder; its files of tests are free.
    inside: &'static str,
    /// Folders in it that are free.
    except: &'static [&'static str],
    /// The path (tokens joined) or the word.
    banned: Banned,
    /// What the layer would otherwise have to know.
    why: &'static str,
}

enum Banned {
    /// A Rust path: `std::fs`, also inside `use std::{fs, io}`.
    Path(&'static str),
    /// Text in any case, in comments too.
    Word(&'static str),
}

const PURE: &str = "this folder is a pure function of its input";
const OPAQUE: &str = "the engine knows streams of opaque records";
const OPAQUE_BELOW: &str = "what must be known of payloads is passed down as functions";

/// Shorthand for the table below.
const fn path(inside: &'static str, banned: &'static str, why: &'static str) -> Fence {
    Fence { inside, except: &[], banned: Banned::Path(banned), why }
}

const FENCES: &[Fence] = &[
    Fence {
        inside: "engine/src/",
        except: &["engine/src/fs/"],
        banned: Banned::Path("std::fs"),
        why: "all input and output goes through the Fs trait, so that the simulator sees it",
    },
    Fence { inside: "engine/src/", except: &[], banned: Banned::Word("rollout"), why: OPAQUE },
    Fence { inside: "engine/src/", except: &[], banned: Banned::Word("json"), why: OPAQUE },
    Fence { inside: "engine/src/", except: &[], banned: Banned::Word("thread store"), why: OPAQUE },
    Fence { inside: "engine/src/", except: &[], banned: Banned::Word("threadstore"), why: OPAQUE },
    path("compaction/src/", "std::fs", "all input and output goes through the Fs trait, so that the simulator sees it"),
    Fence { inside: "compaction/src/", except: &[], banned: Banned::Word("rollout"), why: OPAQUE_BELOW },
    Fence { inside: "compaction/src/", except: &[], banned: Banned::Word("json"), why: OPAQUE_BELOW },
    path("engine/src/format/", "crate::fs", PURE),
    path("engine/src/format/", "std::time", PURE),
    path("engine/src/recover/", "crate::fs", PURE),
    path("engine/src/recover/", "std::time", PURE),
    path("engine/src/recover/", "std::thread", PURE),
    path("store/src/view/", "std::fs", PURE),
    path("store/src/view/", "std::time", PURE),
    path("store/src/view/", "getrandom", PURE),
    path("store/src/view/", "uuid::Uuid::new_v4", PURE),
    path("store/src/", "memmap2", "files, offsets and syncs are the engine's"),
    path("store/src/", "libc", "files, offsets and syncs are the engine's"),
    path("session/src/", "std::fs", "what is stored is the store's"),
    path("session/src/", "threadlog_engine::fs", "what is stored is the store's"),
    path("session/src/", "threadlog_engine::Engine", "what is stored is the store's"),
    path("sample/src/", "threadlog", "the sample imitates other programs' files, not this one's"),
];

/// Every name that crosses a fence.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_shipped()) {
        let fences = FENCES.iter().filter(|fence| {
            source.path.starts_with(fence.inside) && !fence.except.iter().any(|free| source.path.starts_with(free))
        });
        let paths = paths(source);
        for fence in fences {
            let (name, lines) = match fence.banned {
                Banned::Path(path) => (path, lines_of_path(&paths, path)),
                Banned::Word(word) => (word, lines_of_word(source, word)),
            };
            findings.extend(lines.into_iter().map(|line| Finding {
                path: source.path.clone(),
                line,
                what: format!("{name} has no place in {}: {}", fence.inside, fence.why),
            }));
        }
    }
    findings
}

fn lines_of_path(paths: &[(String, usize)], banned: &str) -> Vec<usize> {
    let below = format!("{banned}::");
    paths.iter().filter(|(path, _)| path == banned || path.starts_with(&below)).map(|(_, line)| *line).collect()
}

fn lines_of_word(source: &Source, word: &str) -> Vec<usize> {
    source.lines().filter(|(_, text)| text.to_lowercase().contains(word)).map(|(line, _)| line).collect()
}

/// Every path in the tokens, the branches of `use a::{b, c}` written out, with its line.
///
/// Works on tokens rather than on the tree so that paths inside macros count too.
fn paths(source: &Source) -> Vec<(String, usize)> {
    let tokens = source.tokens();
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = path_at(&tokens, at, String::new(), &mut paths).max(at + 1);
    }
    paths
}

/// Reads the path that begins at `at` behind `prefix`; returns where it ends.
fn path_at(tokens: &[(String, usize)], mut at: usize, mut path: String, paths: &mut Vec<(String, usize)>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |(token, _)| token.as_str());
    let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let Some((_, line)) = tokens.get(at) else { return at };
    if !is_name(text(at)) {
        return at;
    }
    loop {
        path.push_str(text(at));
        at += 1;
        if text(at) != ":" || text(at + 1) != ":" {
            break;
        }
        at += 2;
        if text(at) == "{" {
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                at = path_at(tokens, at, format!("{path}::"), paths).max(at + 1);
            }
            return at + 1;
        }
        if !is_name(text(at)) {
            break;
        }
        path.push_str("::");
    }
    paths.push((path, *line));
    at
}
