//! Where the files of a run lie: on a disk, or nowhere.

use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, statfs, statvfs};

use crate::Result;

/// `f_type` of file systems that live in memory: tmpfs and ramfs. A sync there costs nothing.
const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

/// A folder for one run; gone when dropped.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A fresh folder in `$THREADLOG_BENCH_DIR`, or in `target/bench-data` of this repository.
    ///
    /// # Errors
    /// If the folder is in memory, or has no room for `bytes`.
    pub fn new(bytes: u64) -> Result<Place> {
        let base = match std::env::var_os("THREADLOG_BENCH_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-data"),
        };
        std::fs::create_dir_all(&base)?;
        let base = base.canonicalize()?;
        if IN_MEMORY.contains(&i128::from(statfs(&base)?.f_type)) {
            let base = base.display();
            return Err(
                format!("{base} is in memory, where a sync costs nothing: set THREADLOG_BENCH_DIR to a disk").into()
            );
        }
        let StatVfs { f_bavail, f_frsize, .. } = statvfs(&base)?;
        let free = f_bavail.saturating_mul(f_frsize);
        if free < bytes {
            let (free, bytes, base) = (free >> 20, bytes >> 20, base.display());
            return Err(format!("{base} has {free} MiB left and {bytes} are needed: set THREADLOG_BENCH_DIR").into());
        }
        Ok(Place { folder: tempfile::tempdir_in(base)? })
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
