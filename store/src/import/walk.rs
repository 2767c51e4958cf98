//! Finds the files to import.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::event::Place;
use crate::path::PathBytes;
use crate::progress::Refusal;

/// How the name of a compressed file ends, after the name that it has uncompressed.
pub(super) const PACKED: &str = ".zst";

const GZIP: &str = "it is compressed with gzip, which is not read: decompress it (gunzip) and import again";

/// A file that may be a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it is called in the store.
    pub(crate) place: Place,
    /// Whether the user named it, rather than a folder above it.
    pub(crate) named: bool,
    /// Whether it is compressed (zstd). Its place is what it is called uncompressed: it is the same file.
    pub(crate) packed: bool,
}

impl Found {
    /// A file at `path`, which is `below` the folder `root`.
    fn new(path: &Path, root: PathBytes, below: &Path, named: bool) -> Found {
        let below = PathBytes::from_path(below);
        let plain = below.as_bytes().strip_suffix(PACKED.as_bytes()).map(PathBytes::new);
        let packed = plain.is_some();
        let place = Place { root, path: plain.unwrap_or(below) };
        Found { path: path.to_owned(), place, named, packed }
    }

    /// Its path below its folder, as it is on disk.
    pub(super) fn name(&self) -> PathBytes {
        let end = if self.packed { PACKED } else { "" };
        PathBytes::new([self.place.path.as_bytes(), end.as_bytes()].concat())
    }
}

/// All that was found below the paths given.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) files: Vec<Found>,
    pub(crate) refused: Vec<Refusal>,
    pub(crate) skipped: Vec<Refusal>,
    seen: BTreeSet<Place>,
}

impl Walk {
    /// Looks at each path: a file is taken whatever its name, a folder is searched for `*.jsonl`
    /// and `*.jsonl.zst`, links followed.
    pub(crate) fn of(paths: &[PathBuf]) -> Walk {
        let mut walk = Walk::default();
        for path in paths {
            let looked = match fs::metadata(path) {
                Ok(about) if about.is_dir() => walk.folder(path),
                Ok(about) if about.is_file() => walk.file(path),
                Ok(_) => Err(io::Error::other("it is neither a file nor a folder")),
                Err(error) => Err(error),
            };
            if let Err(error) = looked {
                walk.refused.push(refusal(path, &error.to_string()));
            }
        }
        walk
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let whole = std::path::absolute(path)?;
        let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let root = PathBytes::from_path(&parent.canonicalize()?);
        if Path::new(name).extension().is_some_and(|end| end == "gz") {
            return Err(io::Error::other(GZIP));
        }
        self.add(Found::new(path, root, Path::new(name), true));
        Ok(())
    }

    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        let whole = folder.canonicalize()?;
        let root = PathBytes::from_path(&whole);
        let mut entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Err(error) => self.unreachable(folder, &error),
                Ok(entry) if entry.file_type().is_dir() => {
                    // WalkDir sees a link to a folder it is in, but not one to a folder above where it began.
                    let above = |path: PathBuf| whole.starts_with(&path) && whole != path;
                    if entry.path_is_symlink() && entry.path().canonicalize().is_ok_and(above) {
                        self.skipped.push(refusal(entry.path(), "a link back to a folder that holds it"));
                        entries.skip_current_dir();
                    }
                }
                Ok(entry) => {
                    let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                    let found = Found::new(entry.path(), root.clone(), below, false);
                    let is_rollout = found.place.path.file_name().ends_with(b".jsonl");
                    if is_rollout && entry.file_type().is_file() {
                        self.add(found);
                    } else if is_rollout {
                        self.refused.push(refusal(entry.path(), "it is neither a file nor a folder"));
                    } else if found.place.path.file_name().ends_with(b".jsonl.gz") {
                        self.refused.push(refusal(entry.path(), GZIP));
                    }
                }
            }
        }
        Ok(())
    }

    fn unreachable(&mut self, folder: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(folder);
        match (error.loop_ancestor(), error.io_error()) {
            (Some(ancestor), _) => {
                let reason = format!("a link back to a folder that holds it: {}", ancestor.display());
                self.skipped.push(refusal(path, &reason));
            }
            (None, Some(error)) => self.refused.push(refusal(path, &error.to_string())),
            (None, None) => self.refused.push(refusal(path, &error.to_string())),
        }
    }

    fn add(&mut self, found: Found) {
        // Whoever compresses a file removes it afterwards: until then the one that can be appended to counts.
        let plain = || found.place.path.below(&found.place.root.to_path()).is_ok_and(|path| path.is_file());
        if found.packed && plain() {
            self.skipped.push(refusal(&found.path, "the same file stands beside it uncompressed"));
        } else if self.seen.insert(found.place.clone()) {
            self.files.push(found);
        }
    }
}

pub(crate) fn refusal(path: &Path, reason: &str) -> Refusal {
    Refusal { path: PathBytes::from_path(path), reason: reason.to_owned() }
}
