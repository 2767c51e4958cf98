//! What agents' tools were asked and what they answered: commands with output that fits them, patches with the files
//! they change.

mod listing;
mod logs;
mod patch;
mod view;

pub(crate) use patch::{Patch, patch};

use crate::desk::Desk;
use crate::project::Project;
use crate::random::Random;

/// A command and its output.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) output: String,
    pub(crate) exit: u32,
}

/// Above this many bytes a tool's output is cut in its middle.
const OUTPUT_BYTES_MAX: usize = 39_600;

/// Runs a command whose output is about `bytes` long.
pub(crate) fn run(project: &Project, desk: &mut Desk, random: &mut Random, bytes: u32) -> Run {
    let mut run = Run::default();
    if bytes < 170 {
        logs::brief(&mut run, project, desk, random);
        return run;
    }
    match random.below(1000) {
        0..490 => view::files(&mut run, project, desk, random, bytes),
        490..650 => view::search(&mut run, project, desk, random, bytes),
        650..770 => listing::listing(&mut run, project, random, bytes),
        770..890 => logs::tests(&mut run, project, random, bytes),
        890..945 => patch::diff(&mut run, project, desk, random, bytes),
        945..980 => logs::build(&mut run, project, random, bytes),
        _ => logs::records(&mut run, project, random, bytes),
    }
    cut(&mut run.output);
    run
}

/// Replaces the middle of a long output by a note of what is gone.
fn cut(output: &mut String) {
    if output.len() <= OUTPUT_BYTES_MAX {
        return;
    }
    let half = OUTPUT_BYTES_MAX / 2;
    let head = output.floor_char_boundary(half);
    let tail = output.ceil_char_boundary(output.len() - half);
    let note = format!("\n…{} bytes left out…\n", tail - head);
    output.replace_range(head..tail, &note);
}

/// A command line as the machine's shell wants it.
pub(crate) fn shell<'a>(project: &Project, unix: &'a str, windows: &'a str) -> &'a str {
    if project.windows { windows } else { unix }
}
