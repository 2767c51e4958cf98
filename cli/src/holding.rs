//! Which other processes still have files open that were removed from a store: their bytes are on the disk until these let go.

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

/// All of them, as far as this process may look: those of the same user, or all for root. None where there is no `/proc`.
#[cfg(target_os = "linux")]
pub fn holding(root: &Path) -> Vec<Holding> {
    use procfs::process::{Process, all_processes};

    let Ok(root) = root.canonicalize() else { return Vec::new() };
    // Those that end meanwhile, or may not be looked at, are passed over.
    let of_one = |process: Process| {
        let id = u32::try_from(process.pid).ok().filter(|id| *id != std::process::id())?;
        let files = u64::try_from(removed(&process, &root).len()).unwrap_or(u64::MAX);
        let program = process.stat().map(|stat| stat.comm).unwrap_or_default();
        (files > 0).then_some(Holding { process: id, program, files })
    };
    let mut found: Vec<Holding> = all_processes().into_iter().flatten().flatten().filter_map(of_one).collect();
    found.sort_unstable_by_key(|holding| holding.process);
    found
}

/// Nobody, as far as this system says.
#[cfg(not(target_os = "linux"))]
pub fn holding(_root: &Path) -> Vec<Holding> {
    Vec::new()
}

/// The removed files below a folder that a process has open or mapped.
#[cfg(target_os = "linux")]
fn removed(process: &procfs::process::Process, root: &Path) -> std::collections::BTreeSet<std::path::PathBuf> {
    use procfs::process::{FDTarget, MMapPath};

    let open = process.fd().into_iter().flatten().flatten().filter_map(|open| match open.target {
        FDTarget::Path(path) => Some(path),
        _ => None,
    });
    let mapped = process.maps().into_iter().flatten().filter_map(|mapped| match mapped.pathname {
        MMapPath::Path(path) => Some(path),
        _ => None,
    });
    let is_removed = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(" (deleted)");
    open.chain(mapped).filter(|path| path.starts_with(root)).filter(is_removed).collect()
}

#[cfg(all(test, target_os = "linux"))]
#[path = "holding_tests.rs"]
mod tests;
