//! Other processes on the same store: seeing what they did, and keeping threads apart.

use std::sync::Arc;

use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Changes, Engine, Error as EngineError, Holders, Lease, LeaseOn, Owner, ReadLog};

use crate::local::blocking::blocking;
use crate::local::error::from_engine;
use crate::local::slot::Opened;
use crate::local::{LocalThreadStore, Shared};
use crate::log::Log;
use crate::thread::ThreadId;
use crate::thread_store::{Holder, Report, Result, refuse};

impl LocalThreadStore {
    /// Who may be writing a thread, here or in another process; `None` if it is cold, or not there. It can be another by the
    /// time the answer is read: only the operations themselves are sure. *Cost:* a system call; some of them in a store that
    /// is open for reading.
    ///
    /// # Errors
    /// `Unavailable` if the system does not say.
    pub fn holder(&self, id: ThreadId) -> Result<Option<Holder>> {
        const OPERATION: &str = "holder";
        let shared = &self.shared;
        if shared.live.find(id).is_some() {
            return Ok(Some(shared.holder()));
        }
        let thread = id.uuid();
        let writer = LeaseOn::Writer(thread.as_bytes());
        let leases = shared.leases.lock().clone();
        let holder = match leases {
            Some(leases) => leases.holder(writer),
            None => shared.holder_from_outside(writer),
        };
        let holder = holder.map_err(|error| from_engine(OPERATION, Some(id), error))?;
        Ok(holder.as_ref().map(Holder::from))
    }
}

impl Shared {
    fn holder_from_outside(&self, lease: LeaseOn<'_>) -> threadlog_engine::Result<Option<Owner>> {
        let holders = Holders::open(Arc::clone(&self.fs), &self.root)?;
        Ok(holders.map_or(Ok(None), |holders| holders.of(lease))?.map(|holder| holder.owner))
    }

    /// The log that is open now, with what other processes made durable taken in. When there is nothing new that is some
    /// loads from mapped pages.
    pub(super) async fn fresh(self: &Arc<Self>, operation: &'static str, id: Option<ThreadId>) -> Result<Log> {
        let log = self.log(operation, id)?;
        // In this order: who is not looking any more has said what is new.
        if log.has_news() || self.looking.is_locked() {
            let (shared, log) = (Arc::clone(self), log.clone());
            let look = blocking(operation, move || shared.look_around(&log));
            look.await?.map_err(|error| from_engine(operation, id, error))?;
        }
        Ok(log)
    }

    /// As [`Shared::fresh`], with all that dead processes handed to the system: what a thread of theirs is continued on.
    pub(super) async fn settled(self: &Arc<Self>, operation: &'static str, id: ThreadId) -> Result<Opened> {
        let opened = self.opened(operation, id)?;
        if opened.engine.has_news() || opened.engine.has_open_neighbours() || self.looking.is_locked() {
            let (shared, engine) = (Arc::clone(self), opened.engine.clone());
            blocking(operation, move || shared.take_in_the_dead(&engine))
                .await?
                .map_err(|error| from_engine(operation, Some(id), error))?;
        }
        Ok(opened)
    }

    /// Takes in what other processes made durable. Blocks on the disk.
    pub(super) fn look_around(&self, log: &Log) -> threadlog_engine::Result<()> {
        let _looking = self.looking.lock();
        let changes = log.refresh()?;
        self.learn(log.read(), &changes);
        Ok(())
    }

    /// Recovers what dead processes left, and takes in what all others made durable. Blocks on the disk.
    pub(super) fn take_in_the_dead(&self, engine: &Engine) -> threadlog_engine::Result<()> {
        let _looking = self.looking.lock();
        let mut changes = Changes::default();
        let result = engine.recover_dead(&mut changes);
        self.learn(engine, &changes);
        result
    }

    /// Tells the catalog, and everybody who waits for news, what a look at others brought.
    fn learn(&self, log: &dyn ReadLog, changes: &Changes) {
        if !bug(Bug::ViewsNotTold) {
            self.catalog.learn(log, changes);
        }
        if !changes.is_empty() {
            self.watch.tell();
        }
    }

    /// The lease on writing a thread; `None` in a store of one journal, where nobody else can.
    pub(super) fn lease(&self, operation: &'static str, id: ThreadId) -> Result<Option<Lease>> {
        let Some(leases) = &*self.leases.lock() else { return Ok(None) };
        match leases.take(LeaseOn::Writer(id.uuid().as_bytes())) {
            Ok(lease) => Ok(Some(lease)),
            Err(EngineError::Leased { owner }) => Err(refuse::live(operation, id, Holder::from(&*owner))),
            Err(error) => Err(from_engine(operation, Some(id), error)),
        }
    }

    /// Lets go of the leases of all live threads, as the store is closed.
    pub(super) fn free_leases(&self) {
        self.live.all().iter().for_each(|writer| drop(writer.release()));
    }

    /// Takes them again. A thread that somebody else has taken meanwhile is no longer live here.
    ///
    /// # Errors
    /// `Conflict` if such a thread had accepted items that were not stored: they are gone.
    pub(super) fn retake_leases(&self, operation: &'static str) -> Result<()> {
        let mut result = Ok(());
        for writer in self.live.all() {
            match self.lease(operation, writer.id()) {
                Ok(lease) => writer.hold(lease),
                Err(error) => {
                    if writer.has_waiting() {
                        let what =
                            "another process has taken the thread, and items that were accepted here are not stored";
                        let report = Report::new(operation, what).of(writer.id()).because(error);
                        result = Err(report.advise("append them again where the thread is live now").conflict(None));
                    }
                    writer.end();
                    self.live.remove_this(&writer);
                }
            }
        }
        result
    }
}

impl Log {
    /// Whether [`Log::refresh`] might find something; never blocks on the disk.
    pub(super) fn has_news(&self) -> bool {
        match self {
            Log::Writer(engine) => engine.has_news(),
            Log::Reader(reader) => reader.has_news(),
        }
    }

    fn refresh(&self) -> threadlog_engine::Result<Changes> {
        match self {
            Log::Writer(engine) => engine.refresh(),
            Log::Reader(reader) => reader.refresh(),
        }
    }
}
