//! Many writers at once, each with one append outstanding.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Result;
use crate::batched::Batched;
use crate::latency::Latency;
use crate::raw::{JsonLines, RawGroups};
use crate::solo::Solo;
use crate::sqlite::Sqlite;
use crate::tasks;
use crate::threadlog::Ours;
use crate::threads::LiveCrowd;

/// When the writers stop: after so many appends in all, or at a time.
pub struct Quota {
    left: AtomicU64,
    until: Option<Instant>,
}

impl Quota {
    /// So many appends in all.
    #[must_use]
    pub fn appends(count: u64) -> Quota {
        Quota { left: AtomicU64::new(count), until: None }
    }

    /// From now on for so long.
    #[must_use]
    pub fn time(time: Duration) -> Quota {
        Quota { left: AtomicU64::new(u64::MAX), until: Some(Instant::now() + time) }
    }

    /// Whether one more append may begin.
    #[must_use]
    pub fn take(&self) -> bool {
        match self.until {
            Some(until) => Instant::now() < until,
            None => self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok(),
        }
    }
}

/// Runs that many threads until the quota is used up.
///
/// # Errors
/// The first of the threads' errors.
pub fn threads(writers: usize, quota: &Quota, append: impl Fn(usize) -> Result<()> + Sync) -> Result<Latency> {
    let all = Mutex::new(Latency::new());
    std::thread::scope(|scope| {
        let (all, append) = (&all, &append);
        let started = (0..writers).map(|writer| {
            scope.spawn(move || -> Result<()> {
                let mut own = Latency::new();
                while quota.take() {
                    let start = Instant::now();
                    append(writer)?;
                    own.record(start.elapsed());
                }
                all.lock().add(&own);
                Ok(())
            })
        });
        let started: Vec<_> = started.collect();
        started.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a writer panicked")?)
    })?;
    Ok(all.into_inner())
}

/// One way to let many write.
pub enum Crowd {
    /// The control: one thread that writes and syncs groups of one record of each writer.
    Raw(Mutex<RawGroups>),
    /// Our engine, a thread for each writer.
    Threads(Ours),
    /// Our engine, a task for each writer.
    Tasks(Ours, tokio::runtime::Runtime, &'static str),
    /// Live threads of our store, a task for each; as many as it has, whatever the number of writers.
    Live(LiveCrowd),
    /// A connection that the writers take in turns, a transaction each.
    SqliteLocked(Mutex<Sqlite>),
    /// A connection; whoever finds it free inserts what all others wait for, in one transaction.
    SqliteBatched(Batched),
    /// A file that the writers take in turns, a sync each.
    JsonLines(Mutex<JsonLines>),
}

impl Crowd {
    /// Its name in the table.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Crowd::Raw(_) => "raw, groups of all writers".to_owned(),
            Crowd::Threads(_) => "threadlog, threads".to_owned(),
            Crowd::Tasks(_, _, flavour) => format!("threadlog, tasks, tokio {flavour}"),
            Crowd::Live(live) => format!("threadlog, live threads, tokio {}", live.flavour),
            Crowd::SqliteLocked(_) => "SQLite, a transaction each".to_owned(),
            Crowd::SqliteBatched(_) => "SQLite, batched by hand".to_owned(),
            Crowd::JsonLines(_) => "JSONL, a sync each".to_owned(),
        }
    }

    /// Lets that many writers append until the quota is used up.
    ///
    /// # Errors
    /// The first of the writers' errors.
    pub fn run(&self, writers: usize, quota: Quota) -> Result<Latency> {
        match self {
            Crowd::Raw(groups) => threads(1, &quota, |_| groups.lock().append()),
            Crowd::Threads(ours) => threads(writers, &quota, |writer| ours.append_durable(writer)),
            Crowd::Tasks(ours, runtime, _) => tasks::run(runtime, ours, writers, quota),
            Crowd::Live(live) => live.run(quota),
            Crowd::SqliteLocked(sqlite) => threads(writers, &quota, |_| sqlite.lock().append()),
            Crowd::SqliteBatched(sqlite) => threads(writers, &quota, |writer| sqlite.append(writer)),
            Crowd::JsonLines(file) => threads(writers, &quota, |_| file.lock().append()),
        }
    }

    /// Syncs called so far, if it knows.
    #[must_use]
    pub fn syncs(&self) -> Option<u64> {
        match self {
            Crowd::Raw(groups) => Some(groups.lock().groups()),
            Crowd::Threads(ours) | Crowd::Tasks(ours, ..) => ours.syncs(),
            Crowd::Live(live) => live.syncs(),
            Crowd::JsonLines(file) => file.lock().syncs(),
            Crowd::SqliteLocked(_) | Crowd::SqliteBatched(_) => None,
        }
    }

    /// What a reader of the row should know.
    #[must_use]
    pub fn note(&self) -> String {
        match self {
            Crowd::Threads(ours) | Crowd::Tasks(ours, ..) => ours.note(),
            Crowd::Live(live) => live.note(),
            Crowd::SqliteBatched(sqlite) => format!("fan-in {:.1}", sqlite.fan_in()),
            Crowd::Raw(_) => "a group for each latency".to_owned(),
            Crowd::SqliteLocked(_) | Crowd::JsonLines(_) => String::new(),
        }
    }

    /// Records that one operation makes durable.
    #[must_use]
    pub fn records_each(&self, writers: usize) -> u64 {
        if matches!(self, Crowd::Raw(_)) { writers as u64 } else { 1 }
    }

    /// Closes it, opens it again and counts the records; `None` for the control, which overwrites.
    ///
    /// # Errors
    /// Those of the contender.
    pub fn count_again(self) -> Result<Option<u64>> {
        Ok(Some(match self {
            Crowd::Raw(_) => return Ok(None),
            Crowd::Threads(ours) | Crowd::Tasks(ours, ..) => ours.count_again()?,
            Crowd::Live(live) => live.count_again()?,
            Crowd::SqliteLocked(sqlite) => Box::new(sqlite.into_inner()).count_again()?,
            Crowd::SqliteBatched(sqlite) => sqlite.count_again()?,
            Crowd::JsonLines(file) => Box::new(file.into_inner()).count_again()?,
        }))
    }
}
