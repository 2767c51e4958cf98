//! SQLite with group commit by hand, as a program would do it that knows its writers.

use parking_lot::{Condvar, Mutex};

use crate::Result;
use crate::solo::Solo;
use crate::sqlite::Sqlite;

#[derive(Default)]
struct Queue {
    waiting: Vec<usize>,
    /// Appends ever queued, and of those the ones that are durable.
    queued: u64,
    durable: u64,
    transactions: u64,
    leading: bool,
    failed: bool,
}

/// One connection for many writers: what queued while a transaction ran is the next one.
pub struct Batched {
    sqlite: Mutex<Sqlite>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Batched {
    /// Around a database.
    #[must_use]
    pub fn new(sqlite: Sqlite) -> Batched {
        Batched { sqlite: Mutex::new(sqlite), queue: Mutex::default(), changed: Condvar::new() }
    }

    /// Appends for one writer; durable when it returns.
    ///
    /// # Errors
    /// Those of SQLite, for all who waited.
    pub fn append(&self, writer: usize) -> Result<()> {
        let mut queue = self.queue.lock();
        queue.waiting.push(writer);
        queue.queued += 1;
        let own = queue.queued;
        loop {
            if queue.failed {
                return Err("a transaction failed".into());
            }
            if queue.durable >= own {
                return Ok(());
            }
            if queue.leading {
                self.changed.wait(&mut queue);
                continue;
            }
            queue.leading = true;
            let (streams, upto) = (std::mem::take(&mut queue.waiting), queue.queued);
            drop(queue);
            let inserted = self.sqlite.lock().insert(&streams);
            queue = self.queue.lock();
            queue.leading = false;
            queue.transactions += 1;
            queue.failed = inserted.is_err();
            if inserted.is_ok() {
                queue.durable = upto;
            }
            self.changed.notify_all();
            inserted?;
        }
    }

    /// Mean number of rows in a transaction.
    #[must_use]
    pub fn fan_in(&self) -> f64 {
        let queue = self.queue.lock();
        queue.durable as f64 / queue.transactions.max(1) as f64
    }

    /// Opens the database again and counts.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn count_again(self) -> Result<u64> {
        Box::new(self.sqlite.into_inner()).count_again()
    }
}
