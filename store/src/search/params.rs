//! What a search is told.

use crate::item::Timestamp;
use crate::list::ListParams;
use crate::search::text::ItemText;
use crate::search::{Query, Speaker, TextKind};
use crate::thread::ThreadId;

/// How long a snippet is, unless told otherwise, in bytes.
const SNIPPET_BYTES: usize = 160;

/// What [`ThreadStore::search`](crate::thread_store::ThreadStore::search) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SearchParams {
    /// What to look for.
    pub query: Query,
    /// Which threads, in which order; a page size makes no difference, and a cursor says behind which thread to begin. Default: those that a list shows, the one
    /// that was created last first. In the order of creation, either way, threads that share blocks come one after
    /// another, so that is the fastest.
    pub threads: ListParams,
    /// Only this thread, archived or not, with all that it inherited. Default: `None`.
    pub thread: Option<ThreadId>,
    /// Which texts. Default: messages and calls.
    pub kinds: Vec<TextKind>,
    /// Of the messages, whose. Default: empty, which means everybody's.
    pub speakers: Vec<Speaker>,
    /// Only items from this time on; those that state no time are left out then. Default: `None`.
    pub since: Option<Timestamp>,
    /// Only items before this time; those that state no time are left out then. Default: `None`.
    pub until: Option<Timestamp>,
    /// About how many bytes of text come with a find. Default: 160.
    pub snippet_bytes: usize,
    /// How many threads work at once. Default: 0, which means one for each core, at most 4.
    pub jobs: usize,
}

impl SearchParams {
    /// A search for this, in messages and calls of the threads that a list shows, whether or not a user wrote to them.
    #[must_use]
    pub fn new(query: Query) -> SearchParams {
        SearchParams {
            query,
            threads: ListParams { include_without_preview: true, ..ListParams::default() },
            thread: None,
            kinds: TextKind::DEFAULT.to_vec(),
            speakers: Vec::new(),
            since: None,
            until: None,
            snippet_bytes: SNIPPET_BYTES,
            jobs: 0,
        }
    }

    /// Whether such texts are searched.
    pub(super) fn wants(&self, text: &ItemText) -> bool {
        self.kinds.contains(&text.kind)
            && (self.speakers.is_empty() || text.speaker.is_none_or(|speaker| self.speakers.contains(&speaker)))
    }

    /// Whether items of this time are searched.
    pub(super) fn covers(&self, time: Option<Timestamp>) -> bool {
        let Some(time) = time else { return self.since.is_none() && self.until.is_none() };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}
