//! Asking a journal for what can be sealed of it: who writes it, and how far it is to be believed.

use std::sync::Arc;

use crate::error::Result;
use crate::fs::Lock;
use crate::id::Sequence;
use crate::journal::changes::Changes;
use crate::journal::claim::{self, Signs};
use crate::journal::engine::Engine;
use crate::journal::foreign::mark_of;
use crate::journal::mark;
use crate::journal::opening::open_journal;
use crate::journal::place::Places;
use crate::recover::log::Mark;
use crate::seal::bounds::Quiet;
use crate::seal::source::{Ask, Source};

impl Engine {
    /// What can be sealed now of a journal: whole segments, as many as have about `bytes_max` bytes together, but one at
    /// least. `None` if there is nothing, or somebody is opening the journal. Other processes go on writing and reading.
    ///
    /// Of the own journal and of one that another process writes, those segments that are left; of one that nobody writes,
    /// all: its lock is held until the source is dropped, and its dead writer is recovered before.
    ///
    /// The caller holds MAINTENANCE, so that nobody else replaces the manifest meanwhile.
    ///
    /// *Cost:* reads and checksums the journal's hot segments.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::Recovering`](crate::Error::Recovering); for the own journal as
    /// [`Engine::sync`].
    pub fn sealable(&self, journal: u32, bytes_max: u64) -> Result<Option<Source>> {
        self.renew_sealed()?;
        if journal == self.journal() {
            return self.sealable_own(bytes_max);
        }
        let mut changes = Changes::default();
        self.recover_dead(&mut changes)?;
        let core = &self.inner.core;
        let places = Places::new(&core.places.root, journal);
        let signs = Signs::new(self.leases().cloned(), journal);
        if signs.is_alive()? {
            return self.ask(journal, Quiet::BeforeMark, bytes_max, None);
        }
        if !signs.try_begin()? {
            return Ok(None);
        }
        let Ok(lock) = claim::try_claim(&*core.fs, &places, &core.config)? else { return Ok(None) };
        self.ask(journal, Quiet::All, bytes_max, Some((signs, lock)))
    }

    fn sealable_own(&self, bytes_max: u64) -> Result<Option<Source>> {
        self.sync(self.barrier())?;
        let core = &self.inner.core;
        let quiet = {
            let tail = core.tail.lock();
            let active = tail.active.as_ref().map(|active| active.id.number);
            // What stands in segments that were left without a sync is for the next time.
            if tail.left_dirty.is_empty() { active.map_or(u64::MAX, |number| number.saturating_sub(1)) } else { 0 }
        };
        self.ask(self.journal(), Quiet::Upto(quiet), bytes_max, None)
    }

    /// Leaves the segment that is being written, so that all that is durable by now can be sealed: before a clean close, or
    /// to make a store small. The next record begins another one.
    ///
    /// # Errors
    /// As [`Engine::sync`].
    pub fn end_segment(&self) -> Result<()> {
        let core = &self.inner.core;
        self.sync(self.barrier())?;
        let mut tail = core.tail.lock();
        // Whatever came since keeps its segment: it is not durable yet.
        if !tail.is_dirty() {
            tail.active = None;
        }
        Ok(())
    }

    fn ask(
        &self,
        journal: u32,
        quiet: Quiet,
        bytes_max: u64,
        claim: Option<(Signs, Box<dyn Lock>)>,
    ) -> Result<Option<Source>> {
        let core = &self.inner.core;
        let places = Places::new(&core.places.root, journal);
        let page = mark::map(&*core.fs, &places)?;
        let slot = page.as_deref().and_then(|page| mark::newest_of(page, &core.store));
        let boot = mark::boot_word(&*core.fs)?;
        let limit: Option<Sequence> = slot.filter(|slot| slot.boot == boot).map(|slot| slot.durable);
        let marked: Option<Mark> = slot.as_ref().map(mark_of);
        let base = self.sealed().base(journal);
        let found = Source::look(Ask {
            fs: &core.fs,
            root: &core.places.root,
            store: core.store,
            journal,
            base,
            quiet,
            mark: marked,
            limit,
            bytes_max,
            claim,
        })?;
        match found {
            // Of a journal that nobody writes: records that nothing vouches for, or what a writer left that came and died
            // meanwhile. As its next writer would, make them sound.
            Some(source) if source.is_unsettled(slot.is_some_and(|slot| slot.closed)) => {
                let Some((signs, lock)) = source.into_claim() else { return Ok(None) };
                let fs = Arc::clone(&core.fs);
                let core = open_journal(fs, places, core.store, core.config.clone(), base, Arc::default())?;
                Engine::of_dead(core, lock, signs).close()?;
                self.sealable(journal, bytes_max)
            }
            found => Ok(found),
        }
    }
}
