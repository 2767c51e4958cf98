//! Claiming a journal: the first that nobody holds, or a new one.
//!
//! The kernel frees a dead process's lock, so its journal goes to whoever claims next, and is recovered by them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::fs::{Fs, Lock, OpenMode, SharedPage, create_dir_durable, platform};
use crate::journal::place::{JOURNALS_MAX, Places};
use crate::lease::{Kind, Leases};
use crate::lock::Owner;
use crate::seeded::{Bug, bug};

/// Length of the roster, in bytes; journal n has word n.
const ROSTER_BYTES: u64 = 4096;
/// The word that holds the generation of the manifest in force.
const GENERATION_WORD: usize = 511;

/// How often a journal is tried that somebody looks at, which takes microseconds, or recovers.
const OPENING_ATTEMPTS: u32 = 20;
/// How often the sign of life of a dying predecessor is waited for to go: the kernel closes one file after another.
const DYING_ATTEMPTS: u32 = 5000;
/// The longest wait for the first journal's lock to go when its holder shows no sign of life.
const SILENT: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(10) };
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_micros(200);

/// A journal that is this process's to write, for as long as the lock is held.
pub(crate) struct Claim {
    pub places: Places,
    pub lock: Box<dyn Lock>,
    pub signs: Signs,
}

/// Claims the first free journal; with `leases` any, without only the first.
pub(crate) fn claim(fs: &dyn Fs, root: &Path, config: &Config, leases: Option<&Leases>) -> Result<Claim> {
    let journals = if leases.is_some() { config.journals_max.min(JOURNALS_MAX) } else { 1 };
    let mut refused = None;
    for number in 0..journals {
        let claimed = match claim_one(fs, Places::new(root, number), config, leases)? {
            // Dying, and then it is free in a moment; or its writer holds no leases, and excludes all others.
            Claimed::Silent(_) if number == 0 => wait_for_first(fs, root, config, leases)?,
            claimed => claimed,
        };
        match claimed {
            Claimed::Ours(claim) => return Ok(*claim),
            Claimed::Theirs(places) | Claimed::Silent(places) => {
                let owner = Box::new(owner_of(fs, &places));
                refused.get_or_insert(Error::Locked { owner, path: places.journal });
            }
        }
    }
    Err(refused.unwrap_or(Error::Closed))
}

/// What came of claiming one journal.
enum Claimed {
    Ours(Box<Claim>),
    /// Somebody writes it, or opens it.
    Theirs(Places),
    /// Its lock is held, and nobody shows a sign of life.
    Silent(Places),
}

fn claim_one(fs: &dyn Fs, places: Places, config: &Config, leases: Option<&Leases>) -> Result<Claimed> {
    make_directory(fs, &places.journal, &places.lock())?;
    let signs = Signs::new(leases.cloned(), places.number);
    if !signs.begin()? {
        return Ok(Claimed::Theirs(places));
    }
    match try_claim(fs, &places, config)? {
        Ok(lock) => Ok(Claimed::Ours(Box::new(Claim { places, lock, signs }))),
        Err(_) if leases.is_none() || signs.is_alive()? => Ok(Claimed::Theirs(places)),
        Err(_) => Ok(Claimed::Silent(places)),
    }
}

/// Waits until the first journal is free or shows a sign of life. The only writer that never does has the store to itself
/// ([`Config::journals_max`] 1).
fn wait_for_first(fs: &dyn Fs, root: &Path, config: &Config, leases: Option<&Leases>) -> Result<Claimed> {
    for pause in pauses(SILENT) {
        match claim_one(fs, Places::new(root, 0), config, leases)? {
            Claimed::Silent(_) => std::thread::sleep(pause),
            claimed => return Ok(claimed),
        }
    }
    let places = Places::new(root, 0);
    Err(Error::Locked { owner: Box::new(owner_of(fs, &places)), path: places.journal })
}

/// The pauses between looks for so long in all: each is twice the one before, up to 16 ms, so that many who wait leave the
/// processor to the one they wait for.
pub(crate) fn pauses(in_all: Duration) -> impl Iterator<Item = Duration> {
    let mut next = Duration::from_micros(500);
    let since = Instant::now();
    std::iter::from_fn(move || {
        let pause = next;
        next = next.saturating_mul(2).min(Duration::from_millis(16));
        (since.elapsed() <= in_all).then_some(pause)
    })
}

/// What a writer lets others know of its journal while it opens it and while it writes it, so that they need not try its
/// lock: a lock that is tried is held for a moment, and whoever looks then takes the journal for alive.
///
/// A journal is claimed by who holds its *opening* range, and nobody tries its lock without. It is recovered when the
/// *alive* range is held. (A store of one journal has neither.)
pub(crate) struct Signs {
    leases: Option<Leases>,
    number: u32,
    /// Which ranges are this one's to free: to the kernel all of a process are one holder.
    opening: AtomicBool,
    alive: AtomicBool,
}

impl Signs {
    /// Those of a journal.
    pub fn new(leases: Option<Leases>, number: u32) -> Signs {
        Signs { leases, number, opening: AtomicBool::new(false), alive: AtomicBool::new(false) }
    }

    /// Begins to open the journal; `false` if somebody else does, and not just for a look.
    pub fn begin(&self) -> Result<bool> {
        self.insist(Kind::Opening, &self.opening, OPENING_ATTEMPTS)
    }

    /// As [`Signs::begin`], without waiting for anybody.
    pub fn try_begin(&self) -> Result<bool> {
        self.insist(Kind::Opening, &self.opening, 1)
    }

    /// Ends what [`Signs::begin`] began.
    pub fn end(&self) {
        self.free(Kind::Opening, &self.opening);
    }

    /// The journal is recovered and has a writer.
    pub fn alive(&self, places: &Places) -> Result<()> {
        if !self.insist(Kind::Alive, &self.alive, DYING_ATTEMPTS)? {
            let dying = std::io::Error::other("its last writer is gone and still shows a sign of life");
            return Err(Error::io("claim", &places.journal, dying));
        }
        self.end();
        Ok(())
    }

    /// Whether the journal is recovered and has a writer elsewhere: one system call.
    pub fn is_alive(&self) -> Result<bool> {
        self.leases.as_ref().map_or(Ok(false), |leases| leases.is_journal_locked(Kind::Alive, self.number))
    }

    fn insist(&self, kind: Kind, taken: &AtomicBool, attempts: u32) -> Result<bool> {
        let Some(leases) = &self.leases else { return Ok(true) };
        for attempt in 1..=attempts {
            if leases.lock_journal(kind, self.number)? {
                taken.store(true, Ordering::Relaxed);
                return Ok(true);
            }
            if attempt < attempts {
                std::thread::sleep(PAUSE);
            }
        }
        Ok(false)
    }

    fn free(&self, kind: Kind, taken: &AtomicBool) {
        if let Some(leases) = self.leases.as_ref().filter(|_| taken.swap(false, Ordering::Relaxed)) {
            leases.unlock_journal(kind, self.number);
        }
    }
}

impl Drop for Signs {
    fn drop(&mut self) {
        self.free(Kind::Opening, &self.opening);
        self.free(Kind::Alive, &self.alive);
    }
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
pub(crate) struct Roster(Option<Arc<dyn SharedPage>>);

impl Roster {
    /// Maps it, making it if it is missing, and enters the journals that are known.
    pub fn open(fs: &dyn Fs, root: &Path, known: &[u32]) -> Result<Roster> {
        let path = root.join("journals").join("roster");
        let page = fs.shared_page(&path, ROSTER_BYTES).map_err(|error| Error::io("map", &path, error))?;
        for number in known {
            page.store(usize::try_from(*number).unwrap_or(usize::MAX), 1);
        }
        Ok(Roster(Some(page)))
    }

    /// Maps it for reading; one that is missing knows nothing.
    pub fn open_read(fs: &dyn Fs, root: &Path) -> Roster {
        Roster(fs.shared_page_read(&root.join("journals").join("roster")).ok())
    }

    /// Which manifest is in force at least: its generation. 0 if that is not known.
    pub fn generation(&self) -> u64 {
        self.0.as_ref().map_or(0, |page| page.load(GENERATION_WORD))
    }

    /// Tells the others that a manifest is in force. For who writes; a lower generation than is known is not told.
    pub fn announce(&self, generation: u64) {
        if let Some(page) = self.0.as_ref().filter(|page| page.load(GENERATION_WORD) < generation) {
            page.store(GENERATION_WORD, generation);
        }
    }

    /// Whether it knows anything.
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// One that knows nothing.
    pub fn none() -> Roster {
        Roster(None)
    }

    /// The journals after the first `count` that are entered: they are numbered without holes.
    pub fn has_more_than(&self, count: usize) -> bool {
        !bug(Bug::NewJournalNotSeen) && self.0.as_ref().is_some_and(|page| page.load(count) != 0)
    }
}
