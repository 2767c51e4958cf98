//! Files shown, and lines of them found.

use std::fmt::Write as _;

use super::Run;
use crate::code;
use crate::desk::Desk;
use crate::project::Project;
use crate::random::{Random, narrow, size};

/// Bytes between the places a window into a file starts at: readers page, so windows repeat exactly.
const PAGE: u32 = 6_000;

/// Shows a file, or several until `bytes` are reached.
pub(super) fn files(run: &mut Run, project: &Project, desk: &mut Desk, random: &mut Random, bytes: u32) {
    let numbered = random.chance(130);
    for round in 0..16 {
        let left = bytes.saturating_sub(narrow(run.output.len()));
        if round > 0 && left < bytes / 6 {
            break;
        }
        let file = if round == 0 { desk.take(project, random) } else { desk.take_another(project, random) };
        let pages = narrow(file.text.len()) / PAGE;
        let page = random.below(pages + 1).min(random.below(pages + 1));
        let window = code::window(&file.text, size(page * PAGE), left);
        let first = 1 + lines_before(&file.text, window.start);
        let text = file.text.get(window).unwrap_or_default();
        let path = project.local(&file.path);
        let last = first + line_ends(text.as_bytes());
        if round > 0 {
            run.command.push_str(if project.windows { "; " } else { " && " });
        }
        let _ = match (project.windows, numbered, page) {
            (true, _, _) => write!(
                run.command,
                "Get-Content -Encoding utf8 '{path}' | Select-Object -Skip {} -First {}",
                first - 1,
                last - first
            ),
            (_, true, _) => write!(run.command, "nl -ba {path} | sed -n '{first},{last}p'"),
            (_, _, 0) => write!(run.command, "cat {path}"),
            _ => write!(run.command, "sed -n '{first},{last}p' {path}"),
        };
        if numbered {
            for (offset, line) in text.lines().enumerate() {
                let _ = writeln!(run.output, "{:6}\t{line}", first + offset);
            }
        } else {
            run.output.push_str(text);
        }
    }
}

/// Finds lines in files: `path:line:text`.
pub(super) fn search(run: &mut Run, project: &Project, desk: &mut Desk, random: &mut Random, bytes: u32) {
    let noun = random.pick_early(&project.names.nouns);
    let end = size(bytes);
    let _ = match project.windows {
        true => write!(run.command, "Get-ChildItem -Recurse -File | Select-String -Pattern '{noun}'"),
        false => write!(run.command, "rg -n \"{noun}\""),
    };
    for _ in 0..200 {
        if run.output.len() >= end {
            break;
        }
        let step = random.between(1, 9);
        let file = desk.take_another(project, random);
        let path = project.local(&file.path);
        let skip = size(random.below(step));
        for (number, line) in file.text.lines().enumerate().skip(skip).step_by(size(step)) {
            if line.len() > 8 {
                let _ = writeln!(run.output, "{path}:{}:{line}", number + 1);
            }
            if run.output.len() >= end {
                break;
            }
        }
    }
    for path in project.names.paths.iter().take(size(random.below(4))) {
        let _ = write!(run.command, " {path}");
    }
}

/// How many lines end before byte `at`.
pub(super) fn lines_before(text: &str, at: usize) -> usize {
    text.as_bytes().get(..at).map_or(0, line_ends)
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}
