//! Journals whose writers died: made sound before anybody builds on what they hold.
//!
//! A dead writer's last records may stand in the page cache only, above its mark. Whoever continues one of its threads
//! recovers its journal first, as its next writer would: then they are durable, and seen.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::journal::changes::Changes;
use crate::journal::claim::{self, Signs, owner_of};
use crate::journal::core::Core;
use crate::journal::engine::Engine;
use crate::journal::mark;
use crate::journal::opening::open_journal;
use crate::journal::place::Places;
use crate::lease::Leases;
use crate::sealed::Manifest;
use crate::seeded::{Bug, bug, stolen_lock};

/// The longest wait for somebody who recovers a journal, and for a lock to go whose holder shows no sign of life: the kernel
/// closes a dying process's files one after another, and what it left is not seen before.
const WAIT: Duration = Duration::from_secs(30);

/// What is needed to recover another's journal.
struct Rescue<'a> {
    fs: &'a Arc<dyn Fs>,
    root: &'a Path,
    store: [u8; 16],
    config: &'a Config,
    leases: &'a Leases,
    /// How long somebody else may take over recovering it.
    wait: Duration,
    /// Tells everybody which manifest is in force.
    announce: &'a dyn Fn(u64),
}

impl Rescue<'_> {
    /// Recovers and closes this journal unless it was closed, or has a living writer. Says whether it had to.
    fn recover(&self, number: u32) -> Result<bool> {
        let places = Places::new(self.root, number);
        let signs = Signs::new(Some(self.leases.clone()), number);
        let mut pauses = claim::pauses(self.wait);
        let is_alive = || signs.is_alive().map(|alive| alive && !bug(Bug::SignOfLifeIgnored));
        // One that this process has opened meanwhile is no dead one's.
        while self.leases.journal() != number && !is_closed(&**self.fs, &places, &self.store)? && !is_alive()? {
            if signs.try_begin()? {
                let claimed = claim::try_claim(&**self.fs, &places, self.config)?.ok();
                if let Some(lock) = claimed.or_else(|| stolen_lock(Bug::SignOfLifeIgnored)) {
                    let core = self.open(&places)?;
                    Engine::of_dead(core, lock, signs).close()?;
                    return Ok(true);
                }
                signs.end();
            }
            let Some(pause) = pauses.next() else {
                let owner = Box::new(owner_of(&**self.fs, &places));
                return Err(Error::Recovering { path: places.journal, owner });
            };
            std::thread::sleep(pause);
        }
        Ok(false)
    }

    /// Recovers a journal whose lock is held from where the sealed segments end.
    fn open(&self, places: &Places) -> Result<Core> {
        loop {
            let manifest = Manifest::read(&**self.fs, self.root, self.store)?;
            let (fs, config, base) = (Arc::clone(self.fs), self.config.clone(), manifest.base(places.number));
            let opened = open_journal(fs, places.clone(), self.store, config, base, Arc::default());
            // As for its writer: somebody may have sealed more of it meanwhile.
            let is_sound = opened.as_ref().is_ok_and(|core| core.state.lock().index.damage.is_empty());
            if is_sound || Manifest::read(&**self.fs, self.root, self.store)?.generation == manifest.generation {
                // An import may have been killed between its last edit and telling of it: its leases are free, its threads
                // are there. As long as the journal is open, nobody goes on with them who has not heard of it.
                (self.announce)(manifest.generation);
                return opened;
            }
        }
    }
}

fn is_closed(fs: &dyn Fs, places: &Places, store: &[u8; 16]) -> Result<bool> {
    let page = mark::map(fs, places)?;
    let slot = page.as_deref().and_then(|page| mark::newest_of(page, store));
    Ok(slot.is_some_and(|slot| slot.closed))
}

impl Engine {
    /// Whether [`Engine::recover_dead`] would have to look at a journal that was not closed. Never blocks on the disk.
    #[must_use]
    pub fn has_open_neighbours(&self) -> bool {
        let core = &self.inner.core;
        core.state.lock().foreign.iter().any(|journal| !journal.is_closed(&core.store))
    }

    /// Recovers the journals of writers that died, and takes in what they and all others made durable. Which streams
    /// changed is added to `changes`, also if it comes to no end.
    ///
    /// To be called before a thread is continued that another process may have written: only then is everything in the log
    /// that its last writer handed to the system.
    ///
    /// *Cost:* a load from a mapped page for each journal that was closed, a system call for each that is being written; for one whose writer died
    /// what [`Engine::open`] would cost there.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Recovering`] if somebody recovers one and does not come to an end within 30 s.
    pub fn recover_dead(&self, changes: &mut Changes) -> Result<()> {
        self.recover_dead_within(WAIT, changes)
    }

    pub(crate) fn recover_dead_within(&self, wait: Duration, changes: &mut Changes) -> Result<()> {
        let core = &self.inner.core;
        changes.add(self.refresh()?);
        let Some(leases) = self.inner.leases.as_ref().filter(|_| !bug(Bug::DeadJournalNotRecovered)) else {
            return Ok(());
        };
        let root = &core.places.root;
        let announce = |generation| self.inner.refreshing.lock().announce(generation);
        let config = &core.config;
        let rescue = Rescue { fs: &core.fs, root, store: core.store, config, leases, wait, announce: &announce };
        let doubtful: Vec<u32> = {
            let state = core.state.lock();
            let open = state.foreign.iter().filter(|journal| !journal.is_closed(&core.store));
            open.map(|journal| journal.places.number).collect()
        };
        let _alone = leases.alone();
        for number in doubtful {
            if rescue.recover(number)? {
                changes.add(self.refresh()?);
            }
        }
        Ok(())
    }
}
