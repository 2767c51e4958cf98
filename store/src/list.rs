//! All threads of a store, and finding one by its name.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use threadlog_engine::{ReadLog, StreamId};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::event::Event;
use crate::item::Timestamp;
use crate::table::Table;
use crate::thread::{ThreadId, ThreadKey};
use crate::view::ThreadFacts;

/// A thread with all its lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSummary {
    /// Its id.
    pub thread: ThreadId,
    /// Its lives, the oldest first: what `ID~1`, `ID~2` name. Never empty.
    pub revisions: Vec<Revision>,
    current: usize,
}

/// One life of a thread, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Names it.
    pub key: ThreadKey,
    /// Totals and first facts.
    pub facts: ThreadFacts,
    /// Records of it that could not be read.
    pub lost_records: u64,
}
