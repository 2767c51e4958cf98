//! Patches: what an agent changes in a file, in the tool's own notation and as a unified diff.

use std::fmt::Write as _;

use super::Run;
use super::view::lines_before;
use crate::code;
use crate::desk::Desk;
use crate::project::Project;
use crate::random::{Random, narrow, size};

/// One change of one file.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    /// Relative to the project's folder, with `/`.
    pub(crate) path: String,
    /// The file did not exist before.
    pub(crate) new: bool,
    /// What the tool is given.
    pub(crate) input: String,
    /// The same as a unified diff; for a new file its text.
    pub(crate) unified: String,
}

/// A place in a file: byte offset, line number from 1, and the lines there.
struct Place<'a> {
    offset: usize,
    line: usize,
    before: &'a str,
    old: &'a str,
    after: &'a str,
}

/// Changes a file of the desk by about `bytes` bytes of patch.
pub(crate) fn patch(project: &Project, desk: &mut Desk, random: &mut Random, bytes: u32) -> Patch {
    if random.chance(140) {
        return addition(project, desk, random, bytes);
    }
    let file = desk.take(project, random);
    let mut patch = Patch { path: file.path.clone(), ..Patch::default() };
    let _ = writeln!(patch.input, "*** Begin Patch\n*** Update File: {}", project.local(&file.path));
    let hunks = 1 + bytes / 2_500;
    for _ in 0..hunks {
        let mut fresh = String::new();
        code::draft(&mut fresh, project, random, (bytes / hunks).saturating_sub(250) / 2);
        let place = place(&file.text, random, bytes / hunks / 4);
        let _ = writeln!(
            patch.unified,
            "@@ -{},{} +{},{} @@",
            place.line,
            place.before.lines().count() + place.old.lines().count() + place.after.lines().count(),
            place.line,
            place.before.lines().count() + fresh.lines().count() + place.after.lines().count()
        );
        patch.input.push_str("@@\n");
        let start = patch.unified.len();
        prefixed(&mut patch.unified, ' ', place.before);
        prefixed(&mut patch.unified, '-', place.old);
        prefixed(&mut patch.unified, '+', &fresh);
        prefixed(&mut patch.unified, ' ', place.after);
        patch.input.push_str(patch.unified.get(start..).unwrap_or_default());
        let (from, length) = (place.offset, place.old.len());
        file.text.replace_range(from..from + length, &fresh);
    }
    patch.input.push_str("*** End Patch\n");
    patch
}

fn addition(project: &Project, desk: &mut Desk, random: &mut Random, bytes: u32) -> Patch {
    let near = desk.take(project, random);
    let stem = near.path.rsplit_once('.').map_or("src/new", |(stem, _)| stem);
    let path = format!("{stem}_{}.{}", random.pick(&project.names.verbs), project.dialect.extension());
    let mut patch = Patch { path, new: true, ..Patch::default() };
    code::draft(&mut patch.unified, project, random, bytes);
    let _ = writeln!(patch.input, "*** Begin Patch\n*** Add File: {}", project.local(&patch.path));
    prefixed(&mut patch.input, '+', &patch.unified);
    patch.input.push_str("*** End Patch\n");
    patch
}

/// A place with up to `bytes` of old lines and three lines around them.
fn place<'a>(text: &'a str, random: &mut Random, bytes: u32) -> Place<'a> {
    let start = random.below(narrow(text.len()).saturating_sub(200).max(1));
    let begin = code::window(text, size(start), 0).start;
    let before = first_lines(text.get(begin..).unwrap_or_default(), 3);
    let offset = begin + before.len();
    let rest = text.get(offset..).unwrap_or_default();
    let old = rest.get(code::window(rest, 0, bytes)).unwrap_or_default();
    let after = first_lines(rest.get(old.len()..).unwrap_or_default(), 3);
    let line = 1 + lines_before(text, begin);
    Place { offset, line, before, old, after }
}

/// The first `count` lines of `text`.
fn first_lines(text: &str, count: usize) -> &str {
    let end = text.match_indices('\n').nth(count - 1).map_or(text.len(), |(at, _)| at + 1);
    text.get(..end).unwrap_or_default()
}

fn prefixed(out: &mut String, mark: char, lines: &str) {
    for line in lines.lines() {
        out.push(mark);
        out.push_str(line);
        out.push('\n');
    }
}

/// The working tree's changes, until `bytes` are reached.
pub(super) fn diff(run: &mut Run, project: &Project, desk: &mut Desk, random: &mut Random, bytes: u32) {
    run.command.push_str("git diff");
    let end = size(bytes);
    while run.output.len() < end {
        let file = desk.take(project, random);
        let path = &file.path;
        let _ = writeln!(
            run.output,
            "diff --git a/{path} b/{path}\nindex {:07x}..{:07x} 100644\n--- a/{path}\n+++ b/{path}",
            random.bits() >> 36,
            random.bits() >> 36
        );
        for _ in 0..random.between(1, 6) {
            let width = random.between(60, 700);
            let place = place(&file.text, random, width);
            let (before, old) = (place.before.lines().count(), place.old.lines().count());
            let _ = writeln!(run.output, "@@ -{},{} +{},{} @@", place.line, before + 3, place.line, before + old + 3);
            prefixed(&mut run.output, ' ', place.before);
            prefixed(&mut run.output, if random.chance(600) { '+' } else { '-' }, place.old);
            prefixed(&mut run.output, ' ', place.after);
        }
    }
}
