//! Claiming a journal: the first that nobody holds, or a new one.
//!
//! The kernel frees a dead process's lock, so its journal goes to whoever claims next, and is recovered by them.

use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::fs::{Fs, Lock, OpenMode, SharedPage, create_dir_durable, platform};
use crate::journal::place::{JOURNALS_MAX, Places};
use crate::lock::Owner;

/// Length of the roster, in bytes; journal n has word n.
const ROSTER_BYTES: u64 = 4096;

/// A journal that is this process's to write, for as long as the lock is held.
pub(crate) struct Claim {
    pub places: Places,
    pub lock: Box<dyn Lock>,
}

/// Claims the first free journal.
pub(crate) fn claim(fs: &dyn Fs, root: &Path, config: &Config) -> Result<Claim> {
    let mut refused = None;
    for number in 0..config.journals_max.min(JOURNALS_MAX) {
        let places = Places::new(root, number);
        make_directory(fs, &places.journal, &places.lock())?;
        match try_claim(fs, &places, config)? {
            Ok(lock) => return Ok(Claim { places, lock }),
            Err(owner) => {
                refused.get_or_insert(Error::Locked { owner: Box::new(owner), path: places.journal });
            }
        }
    }
    Err(refused.unwrap_or(Error::Closed))
}

/// Claims this journal, or says who holds it.
pub(crate) fn try_claim(
    fs: &dyn Fs,
    places: &Places,
    config: &Config,
) -> Result<std::result::Result<Box<dyn Lock>, Owner>> {
    let path = places.lock();
    let Some(lock) = fs.try_lock(&path).map_err(|error| Error::io("lock", &path, error))? else {
        return Ok(Err(owner_of(fs, places)));
    };
    let boot = fs.boot_id().map_err(|error| Error::io("tell the boot id for", &path, error))?;
    let owner = Owner {
        pid: std::process::id(),
        host: platform::host_name(),
        client: config.client.clone(),
        since_ms: config.clock.now_ms(),
        boot: boot.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    // For people only: a full disk must not keep a store from being opened.
    let _ = lock.describe(&owner.to_text());
    Ok(Ok(lock))
}

/// Who wrote themselves into a journal's LOCK file last.
pub(crate) fn owner_of(fs: &dyn Fs, places: &Places) -> Owner {
    let bytes = crate::fs::read_file(fs, &places.lock()).unwrap_or_default();
    Owner::from_text(&String::from_utf8_lossy(&bytes))
}

/// Makes a directory durably, unless it holds `witness`, a file that is only ever made in a durable one: syncing
/// every directory above costs too much for each opening.
pub(crate) fn make_directory(fs: &dyn Fs, path: &Path, witness: &Path) -> Result<()> {
    if fs.open(witness, OpenMode::Read).is_ok() {
        return Ok(());
    }
    create_dir_durable(fs, path).map_err(|error| Error::io("create", path, error))
}

/// The roster: a page that says, to whoever has it mapped, which journals there are.
pub(crate) struct Roster(Arc<dyn SharedPage>);

impl Roster {
    /// Maps it, making it if it is missing, and enters the journals that are known.
    pub fn open(fs: &dyn Fs, root: &Path, known: &[u32]) -> Result<Roster> {
        let path = root.join("journals").join("roster");
        let page = fs.shared_page(&path, ROSTER_BYTES).map_err(|error| Error::io("map", &path, error))?;
        for number in known {
            page.store(usize::try_from(*number).unwrap_or(usize::MAX), 1);
        }
        Ok(Roster(page))
    }

    /// The journals after the first `count` that are entered: they are numbered without holes.
    pub fn has_more_than(&self, count: usize) -> bool {
        self.0.load(count) != 0
    }
}
