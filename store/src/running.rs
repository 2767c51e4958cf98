//! Who writes to a store now, and which threads they hold.

use std::sync::Arc;

use threadlog_engine::{Holders, JournalHolder, LeaseOn};

use crate::error::Result;
use crate::store::Store;
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::Holder;

/// A process that has a store open for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreWriter {
    /// The journal that it writes.
    pub journal: u32,
    /// Which process, and since when it has the store open.
    pub holder: Holder,
    /// The threads that are live there and of which something is stored, by id. What was begun and never stored nobody else
    /// can know.
    pub threads: Vec<ThreadId>,
}

impl Store {
    /// Who writes to the store now, this process included, by journal. Takes no lock and writes nothing; the answer is as of
    /// the moment it is given. Nobody is named in a store that was only ever open to one writer at a time
    /// ([`Config::journals_max`](threadlog_engine::Config::journals_max) 1): whoever has it open cannot be told from who died.
    ///
    /// *Cost:* a system call for each journal and each thread.
    ///
    /// ```
    /// use threadlog::Store;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let root = directory.path().join("store");
    /// let writing = Store::open(&root, threadlog_engine::Config::default())?;
    /// let writers = Store::open_read(&root)?.writers()?;
    /// # if writing.engine()?.leases().is_some() {
    /// assert_eq!(writers[0].holder.process, std::process::id());
    /// # }
    /// # writing.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) if the system refuses.
    pub fn writers(&self) -> Result<Vec<StoreWriter>> {
        let Some(holders) = Holders::open(Arc::clone(&self.fs), self.root())? else { return Ok(Vec::new()) };
        let mut writers: Vec<StoreWriter> = holders.writers()?.iter().map(StoreWriter::new).collect();
        let mut threads: Vec<ThreadId> =
            self.log().streams().iter().map(|info| ThreadKey::of(&info.stream).thread).collect();
        threads.sort_unstable();
        threads.dedup();
        for thread in threads {
            let Some(holder) = holders.of(LeaseOn::Writer(thread.uuid().as_bytes()))? else { continue };
            let known = writers.iter_mut().find(|writer| writer.journal == holder.journal);
            match known {
                Some(writer) => writer.threads.push(thread),
                // Its journal is being opened anew.
                None => writers.push(StoreWriter { threads: vec![thread], ..StoreWriter::new(&holder) }),
            }
        }
        Ok(writers)
    }
}

impl StoreWriter {
    fn new(holder: &JournalHolder) -> StoreWriter {
        StoreWriter { journal: holder.journal, holder: Holder::from(&holder.owner), threads: Vec::new() }
    }
}
