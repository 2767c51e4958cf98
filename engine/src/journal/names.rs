//! Syncs of directories, in one place.
//!
//! After a failed sync the kernel takes the names it covered for clean, whoever made them: a later sync of the same
//! directory succeeds and means nothing. So a failure here is everybody's, and the journal stops.

use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The directories that a journal's names stand in.
#[derive(Debug, Default)]
pub(crate) struct Names {
    failure: Mutex<Option<Error>>,
    /// Whether there is one: read on the write path without the lock.
    failed: AtomicBool,
}

impl Names {
    /// Makes the names in a directory durable. Once this failed, it fails for ever.
    pub fn sync(&self, fs: &dyn Fs, directory: &Path) -> Result<()> {
        // Held over the call: who comes second must know what became of the first.
        let mut failure = self.failure.lock();
        if let Some(error) = &*failure {
            return Err(error.clone());
        }
        fs.sync_dir(directory).map_err(|error| {
            let error = Error::io("sync directory", directory, error);
            *failure = Some(error.clone());
            self.failed.store(true, Ordering::Release);
            error
        })
    }

    /// The failure, if there was one.
    pub fn failure(&self) -> Option<Error> {
        if self.failed.load(Ordering::Acquire) { self.failure.lock().clone() } else { None }
    }
}
