//! Folders listed.

use std::fmt::Write as _;

use super::{Run, shell};
use crate::project::Project;
use crate::random::{Random, size};

/// Lists paths, long or short, until `bytes` are reached.
pub(super) fn listing(run: &mut Run, project: &Project, random: &mut Random, bytes: u32) {
    let long = random.chance(450);
    let folder = random.pick(&["src", "app", "tests", ".", "docs", "packages"]);
    let _ = match long {
        true => write!(run.command, "{} {folder}", shell(project, "ls -la", "Get-ChildItem -Force")),
        false => write!(run.command, "{} {folder}", shell(project, "rg --files", "Get-ChildItem -Recurse -Name")),
    };
    if long && !project.windows {
        let _ = writeln!(run.output, "total {}", random.between(40, 900));
    } else if long {
        let _ = write!(
            run.output,
            "\n    Directory: {}\n\nMode                 LastWriteTime         Length Name\n",
            project.absolute(folder)
        );
    }
    let end = size(bytes);
    // A listing longer than the project goes on into folders of generated files.
    for round in 0_u32.. {
        for path in &project.names.paths {
            if run.output.len() >= end {
                return;
            }
            let path = project.local(path);
            let _ = match round {
                0 => entry(run, project.windows, long, &path, random),
                _ => entry(
                    run,
                    project.windows,
                    long,
                    &format!("build/{round:02}/{path}.{:08x}.map", random.bits() >> 32),
                    random,
                ),
            };
        }
    }
}

fn entry(run: &mut Run, windows: bool, long: bool, path: &str, random: &mut Random) -> std::fmt::Result {
    let (month, day, hour, minute) = (random.between(1, 12), random.between(1, 28), random.below(24), random.below(60));
    let bytes = random.between(80, 60_000);
    match (long, windows) {
        (false, _) => writeln!(run.output, "{path}"),
        (true, true) => {
            writeln!(run.output, "-a---          2026/{month:>2}/{day:>2}    {hour:02}:{minute:02} {bytes:>14} {path}")
        }
        (true, false) => {
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = months.get(size(month - 1)).copied().unwrap_or("Jan");
            writeln!(run.output, "-rw-r--r--  1 dev dev {bytes:>7} {month} {day:>2} {hour:02}:{minute:02} {path}")
        }
    }
}
