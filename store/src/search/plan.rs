//! What is to be read, piece by piece, in the order of the finds.

use std::collections::{HashMap, VecDeque};

use threadlog_engine::ReadLog;

use crate::error::Error;
use crate::items::Items;
use crate::lineage::{Lineage, Part, own_end};
use crate::thread::{ThreadId, ThreadKey};

/// A stretch is no longer than this, in records: what one thread reads while others read others.
const STRETCH_RECORDS: u64 = 4096;
/// A worker is given stretches of about so many records at once: neighbours share blocks.
const BATCH_RECORDS: u64 = 4096;

/// A thread to be searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) key: ThreadKey,
    /// Whether it inherited something.
    pub(crate) is_fork: bool,
}

/// Records of one life, as part of a thread's history.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    /// The thread that they are found in.
    pub(crate) key: ThreadKey,
    pub(crate) part: Part,
    /// Whether it is the thread's last.
    pub(crate) ends: bool,
}

/// The threads, and what of them was given out.
pub(crate) struct Plan {
    threads: std::vec::IntoIter<Planned>,
    ready: VecDeque<Stretch>,
    claims: Claims,
    /// Whether what a thread inherited is searched in it although it is found in its source: one thread is asked for.
    whole: bool,
}

/// Threads of which it cannot be told what their histories are made of, and why.
type Unplanned = Vec<(ThreadId, Error)>;

/// Up to where lives that are nobody's any more were given out, by the ordinals of their histories.
#[derive(Default)]
pub(crate) struct Claims(HashMap<ThreadKey, u64>);

impl Claims {
    /// Of the parts of a thread's history, what is found in this thread.
    pub(crate) fn of(
        &mut self,
        thread: ThreadKey,
        parts: impl Iterator<Item = Part>,
        is_there: impl Fn(ThreadKey) -> bool,
    ) -> Vec<Part> {
        let mut found = Vec::new();
        for mut part in parts {
            if part.key != thread {
                if is_there(part.key) {
                    continue;
                }
                let claimed = self.0.entry(part.key).or_insert(part.range.start);
                part.range.start = part.range.start.max(*claimed);
                *claimed = part.range.end.max(*claimed);
            }
            if part.range.start < part.range.end {
                found.push(part);
            }
        }
        found
    }
}

impl Plan {
    pub(crate) fn new(threads: Vec<Planned>, whole: bool) -> Plan {
        Plan { threads: threads.into_iter(), ready: VecDeque::new(), claims: Claims::default(), whole }
    }

    /// The stretches that come next, and the threads that could not be planned; `None` at the end.
    pub(crate) fn next(
        &mut self,
        log: &dyn ReadLog,
        is_there: &dyn Fn(ThreadKey) -> bool,
    ) -> Option<(Vec<Stretch>, Unplanned)> {
        let (mut batch, mut records, mut lost) = (Vec::new(), 0_u64, Vec::new());
        while records < BATCH_RECORDS {
            let Some(stretch) = self.ready.pop_front() else {
                let Some(thread) = self.threads.next() else { break };
                lost.extend(self.plan(log, thread, is_there).err().map(|error| (thread.key.thread, error)));
                // Threads without records cost time too.
                records = records.saturating_add(1);
                continue;
            };
            let own = stretch.part.own();
            records = records.saturating_add(own.end.saturating_sub(own.start));
            batch.push(stretch);
        }
        (!lost.is_empty() || !batch.is_empty() || !self.ready.is_empty() || self.threads.len() > 0)
            .then_some((batch, lost))
    }

    fn plan(&mut self, log: &dyn ReadLog, thread: Planned, is_there: &dyn Fn(ThreadKey) -> bool) -> crate::Result<()> {
        let Planned { key, is_fork } = thread;
        let lineage = if is_fork { Lineage::of(log, key)? } else { Lineage::of_one(key) };
        let end = lineage.end(log);
        let parts = lineage.parts(0..end);
        let parts = if self.whole { parts.collect() } else { self.claims.of(key, parts, is_there) };
        for part in &parts {
            let mut start = part.range.start;
            while start < part.range.end {
                let mut to = start.saturating_add(STRETCH_RECORDS);
                if to < part.range.end {
                    to = Items::line_start(log, &lineage, to).max(start.saturating_add(1));
                }
                let range = start..to.min(part.range.end);
                start = range.end;
                self.ready.push_back(Stretch { key, part: Part { range, ..part.clone() }, ends: false });
            }
        }
        match self.ready.back_mut().filter(|stretch| stretch.key == key) {
            Some(last) => last.ends = true,
            None => {
                // Nothing to read: it is done all the same.
                let range = end..end;
                self.ready.push_back(Stretch {
                    key,
                    part: Part { key, range, offset: end.min(own_end(log, key)) },
                    ends: true,
                });
            }
        }
        Ok(())
    }
}
