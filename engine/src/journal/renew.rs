//! Another manifest came into force: sealed segments stand in the place of hot ones, merged ones in that of others.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::id::{Sequence, StreamId};
use crate::journal::changes::Changes;
use crate::journal::claim::Roster;
use crate::journal::core::Core;
use crate::journal::engine::Engine;
use crate::journal::foreign::{self, AllNews, Foreign};
use crate::journal::opening::sync_root;
use crate::journal::parts::Parts;
use crate::journal::place;
use crate::sealed::{OnDamage, Sealed};
use crate::seeded::{Bug, bug};

impl Engine {
    /// Takes in which sealed segments are in force, and says which streams have records that were not known before: those of
    /// an import by another process, say. To be called by whoever replaced the manifest, before the files that it replaces
    /// are removed; everybody else finds out when a file is gone, or at the next [`Engine::refresh`].
    ///
    /// *Cost:* when nothing changed, 64 bytes read; else the footers of new segments.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Corrupt`]; what was known stays.
    pub fn renew_sealed(&self) -> Result<Changes> {
        let roster = self.inner.refreshing.lock();
        let changes = self.inner.core.renew_sealed()?;
        roster.announce(self.sealed().generation());
        Ok(changes)
    }

    /// The sealed segments in force, as this engine knows them. They stay readable for as long as this is held, whatever
    /// is merged or erased meanwhile.
    #[must_use]
    pub fn sealed(&self) -> Arc<Sealed> {
        Arc::clone(&self.inner.core.state.lock().sealed)
    }

    /// How far each journal is durable, by number; those that are sealed whole too.
    #[must_use]
    pub fn positions(&self) -> Vec<(u32, Sequence)> {
        self.inner.core.state.lock().parts(self.inner.core.durable()).positions()
    }

    /// The streams that have records which are not sealed behind these positions of their journals, sorted. *Cost:* a pass over
    /// those that are not sealed.
    #[must_use]
    pub fn hot_streams_since(&self, since: &BTreeMap<u32, Sequence>) -> Vec<StreamId> {
        self.inner.core.state.lock().parts(self.inner.core.durable()).hot_streams_since(since)
    }

    /// The streams that have records which are not sealed, durable or not, sorted. *Cost:* a pass over those.
    #[must_use]
    pub fn hot_streams(&self) -> Vec<StreamId> {
        self.inner.core.state.lock().parts(self.inner.core.durable()).hot_streams()
    }

    /// The journals in whose hot segments a stream has records that are not sealed, as this engine knows them, rising.
    #[must_use]
    pub fn hot_journals(&self, stream: &StreamId) -> Vec<u32> {
        let core = &self.inner.core;
        let mut journals = core.state.lock().parts(core.durable()).hot_journals(stream);
        journals.sort_unstable();
        journals
    }

    /// The settings that it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.core.config
    }
}

impl Core {
    /// What [`Engine::refresh`] says; the roster is locked.
    pub(in crate::journal) fn refresh(&self, roster: &Roster) -> Result<Changes> {
        let mut changes = Changes::default();
        if roster.generation() > self.state.lock().sealed.generation() {
            changes.add(self.renew_sealed()?);
        }
        loop {
            let (known, changed, sealed) = {
                let state = self.state.lock();
                let mut known: Vec<u32> = state.foreign.iter().map(|journal| journal.places.number).collect();
                known.push(self.places.number);
                (known, foreign::changed(&state.foreign, &self.store), Arc::clone(&state.sealed))
            };
            let mut made = Vec::new();
            if roster.has_more_than(known.len()) {
                made = place::journals(&*self.fs, &self.places.root)?;
                made.retain(|number| !known.contains(number));
            }
            if changed.is_empty() && made.is_empty() {
                return Ok(changes);
            }
            let news = foreign::look(&*self.fs, &self.places.root, self.store, &sealed, changed, &made);
            // Where the log of a journal begins is for the manifest to say that was in force all the while.
            if news.as_ref().map_or(true, AllNews::is_anew)
                && !sealed.is_current(&*self.fs, &self.places.root, self.store)?
            {
                changes.add(self.renew_sealed()?);
                if self.state.lock().sealed.generation() > sealed.generation() {
                    continue;
                }
                // What is there is older than what was seen, or nothing: the folder was removed, or put back.
                return Err(Error::NoStore { path: self.places.root.clone() });
            }
            let mut state = self.state.lock();
            changes.add(news?.apply(&mut state.foreign));
            if state.sealed.generation() != sealed.generation() {
                state.forget_sealed();
            }
            return Ok(changes);
        }
    }

    /// As [`Engine::renew_sealed`], telling nobody else.
    pub(crate) fn renew_sealed(&self) -> Result<Changes> {
        let known = Arc::clone(&self.state.lock().sealed);
        if known.is_current(&*self.fs, &self.places.root, self.store)? {
            return Ok(Changes::default());
        }
        let renewed = Sealed::load(&*self.fs, &self.places.root, self.store, Some(&known), OnDamage::Recover)?;
        // Whoever named it may have been killed before the sync of its name: what is appended here stands on it.
        sync_root(&*self.fs, &self.places.root)?;
        let grown = renewed.grown_since(&known);
        let mut state = self.state.lock();
        let changes = unknown(&state.parts(self.durable()), grown);
        // Whoever asked may want something else of it, and the streams would never be told of.
        state.found.add(changes.clone());
        state.take_over(renewed);
        Ok(changes)
    }

    /// Whether other sealed segments are in force than these. What cannot be told is no.
    pub(crate) fn has_moved(&self, seen: &Sealed) -> bool {
        let _ = self.renew_sealed();
        self.state.lock().sealed.generation() > seen.generation() && !bug(Bug::MovedNotLookedFor)
    }
}

/// Of streams that have more sealed records than before, those that do not end where they were known to.
pub(crate) fn unknown(parts: &Parts<'_>, grown: Vec<(StreamId, u64)>) -> Changes {
    let mut changes = Changes::default();
    for (stream, next_ordinal) in grown {
        if parts.head(&stream).is_none_or(|head| head.next_ordinal < next_ordinal) {
            changes.note(stream);
        }
    }
    changes
}

/// Lets go of what was sealed of each journal.
pub(crate) fn forget(journals: &mut [Foreign], sealed: &Sealed) {
    for journal in journals {
        if let Some(base) = sealed.base(journal.places.number) {
            journal.forget(&base);
        }
    }
}
