//! What `rename`, `archive`, `unarchive`, `fork` and `rollback` share: finding the threads, and opening the store to change them.

use std::collections::BTreeSet;

use threadlog::local::LocalThreadStore;
use threadlog::metadata::ThreadMetadata;
use threadlog::{Store, ThreadId};

use crate::command::Context;
use crate::failure::Failure;
use crate::output::human;
use crate::output::style::{FAINT, STRONG, paint};
use crate::threads::wait;

/// Most characters of a title that are shown.
const TITLE_CHARS_MAX: usize = 80;

/// A store that is open for changes, and the threads that were named, each once.
pub struct Change {
    pub store: LocalThreadStore,
    pub threads: Vec<ThreadId>,
}

impl Change {
    /// Finds the threads first, reading only: if one of them is not there, nothing was done and nobody was locked out.
    pub fn of(ids: &[String], context: &Context) -> Result<Change, Failure> {
        let threads = find(&context.open()?, ids)?;
        Ok(Change { store: context.open_threads()?, threads })
    }

    /// Closes the store: what was changed is durable already.
    pub fn close(self) -> Result<(), Failure> {
        wait(self.store.close())
    }
}

/// The threads that were named, each once.
pub fn find(store: &Store, ids: &[String]) -> Result<Vec<ThreadId>, Failure> {
    let mut seen = BTreeSet::new();
    let mut threads = Vec::new();
    for text in ids {
        if text.contains('~') {
            return Err(Failure::usage(format!(
                "{text} is one revision: this is done to the whole thread, as it is now, so leave ~N out"
            )));
        }
        let thread = store.resolve(text)?.thread;
        if seen.insert(thread) {
            threads.push(thread);
        }
    }
    Ok(threads)
}

/// A thread in a line about what became of it: its id, and what it is called.
pub fn called(thread: &ThreadMetadata) -> String {
    let id = paint(STRONG, thread.thread());
    match thread.title().or_else(|| thread.preview()) {
        Some(title) => format!("{id}  {}", paint(FAINT, human::one_line(title, TITLE_CHARS_MAX))),
        None => id,
    }
}
