//! Which other processes still have files open that were removed from a store: their bytes are on the disk until these let go.

use std::collections::BTreeMap;
use std::path::Path;

/// A process that has removed files of a store open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its id.
    pub process: u32,
    /// What it is called; empty if that is not known.
    pub program: String,
    /// How many removed files it has open or mapped.
    pub files: u64,
}

/// What the system calls a file that has no name any more.
const REMOVED: &str = " (deleted)";

/// All of them, as far as this process may look: those of the same user, or all for root. Only where there is a `/proc`.
pub fn holding(root: &Path) -> Vec<Holding> {
    let Ok(root) = root.canonicalize() else { return Vec::new() };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    let mut found: Vec<Holding> = Vec::new();
    for (process, folder) in processes {
        if process == std::process::id() {
            continue;
        }
        // An open file may be mapped too, and counts once.
        let mut files: BTreeMap<String, ()> = BTreeMap::new();
        for link in ["fd", "map_files"] {
            for entry in std::fs::read_dir(folder.join(link)).into_iter().flatten().flatten() {
                let Ok(target) = std::fs::read_link(entry.path()) else { continue };
                let Some(name) = target.to_str().and_then(|target| target.strip_suffix(REMOVED)) else { continue };
                if Path::new(name).starts_with(&root) {
                    files.insert(name.to_owned(), ());
                }
            }
        }
        if !files.is_empty() {
            let program = std::fs::read_to_string(folder.join("comm")).unwrap_or_default().trim_end().to_owned();
            found.push(Holding { process, program, files: u64::try_from(files.len()).unwrap_or(u64::MAX) });
        }
    }
    found.sort_unstable_by_key(|holding| holding.process);
    found
}

#[cfg(all(test, target_os = "linux"))]
#[path = "holding_tests.rs"]
mod tests;
