//! Names of threads: ids, their lives, and what a rollout file's name says.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use threadlog_engine::id::{Channel, StreamId};
use uuid::Uuid;

/// A thread's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ThreadId(Uuid);

/// Namespace of ids made from a file's path, for files that name no thread.
const PATHS: Uuid = Uuid::from_u128(0x6f3c_2a4e_8d17_5b90_9c41_e2d7_03b6_a8f5);

impl ThreadId {
    /// The id with this UUID.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> ThreadId {
        ThreadId(uuid)
    }

    /// The id of a file that names no thread: always the same for the same path.
    #[must_use]
    pub fn from_path(path: &[u8]) -> ThreadId {
        ThreadId(Uuid::new_v5(&PATHS, path))
    }

    /// As a UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl FromStr for ThreadId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<ThreadId, uuid::Error> {
        Uuid::try_parse(text).map(ThreadId)
    }
}

/// One life of a thread: a revision of an imported file, or a native thread between creation and deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadKey {
    /// The thread.
    pub thread: ThreadId,
    /// A random number drawn when this life began.
    pub incarnation: u64,
}

impl ThreadKey {
    /// One of its streams: that of its items ([`crate::event::ITEMS`]), or of a journal's control records
    /// ([`crate::event::control_channel`]).
    #[must_use]
    pub fn stream(self, channel: Channel) -> StreamId {
        StreamId { thread: self.thread.0.into_bytes(), incarnation: self.incarnation, channel }
    }

    /// The life that a stream belongs to.
    #[must_use]
    pub fn of(stream: &StreamId) -> ThreadKey {
        ThreadKey { thread: ThreadId(Uuid::from_bytes(stream.thread)), incarnation: stream.incarnation }
    }
}

impl fmt::Display for ThreadKey {
    /// For messages: `<thread id> (life <16 hex digits>)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (life {:016x})", self.thread, self.incarnation)
    }
}

/// What a rollout file's name says: `rollout-<time>-<thread id>[_<rollout id>].jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The thread.
    pub thread: ThreadId,
    /// Which of the thread's files, where a thread has several.
    pub rollout: Option<Uuid>,
}

/// Whether a file of this name can be taken for a rollout without looking into it.
#[must_use]
pub fn is_rollout_name(name: &[u8]) -> bool {
    name.starts_with(b"rollout-") && name.ends_with(b".jsonl")
}

impl FileName {
    /// Reads the ids at the end of a name; `None` if there are none.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<FileName> {
        let stem = std::str::from_utf8(name).ok()?;
        let stem = stem.strip_suffix(".jsonl").unwrap_or(stem);
        let (front, last) = split_uuid(stem)?;
        match front.strip_suffix('_').and_then(split_uuid) {
            Some((_, thread)) => Some(FileName { thread: ThreadId(thread), rollout: Some(last) }),
            None => Some(FileName { thread: ThreadId(last), rollout: None }),
        }
    }
}

/// Splits the hyphenated UUID off the end of a text.
fn split_uuid(text: &str) -> Option<(&str, Uuid)> {
    const UUID_BYTES: usize = 36;
    let (front, last) = text.split_at_checked(text.len().checked_sub(UUID_BYTES)?)?;
    let whole = front.is_empty() || front.ends_with(['-', '_']);
    if whole { Some((front, Uuid::try_parse(last).ok()?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb";
    const B: &str = "0b6cc088-1f70-49ba-9104-83619ec703e0";

    fn parse(name: &str) -> Option<(String, Option<String>)> {
        FileName::parse(name.as_bytes()).map(|name| (name.thread.to_string(), name.rollout.map(|id| id.to_string())))
    }

    #[test]
    fn file_names_give_thread_and_rollout() {
        let one = format!("rollout-2026-02-04T21-29-45-{A}.jsonl");
        assert_eq!(parse(&one), Some((A.to_owned(), None)));
        let several = format!("rollout-2026-10-05T21-29-45-{A}_{B}.jsonl");
        assert_eq!(parse(&several), Some((A.to_owned(), Some(B.to_owned()))));
        assert_eq!(parse(&format!("{A}.jsonl")), Some((A.to_owned(), None)));
        assert_eq!(parse("rollout-2026.jsonl"), None);
        assert_eq!(parse(&format!("x{A}.jsonl")), None);
        assert_eq!(FileName::parse(b"\xff\xfe.jsonl"), None);
    }

    #[test]
    fn ids_read_back_in_any_case_and_print_in_lower_case() {
        let id: ThreadId = A.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), A);
        assert_eq!(format!("{id:.8}"), &A[..8]);
    }

    #[test]
    fn keys_and_streams_name_each_other() {
        let key = ThreadKey { thread: A.parse().unwrap(), incarnation: 7 };
        assert_eq!(ThreadKey::of(&key.stream(1)), key);
        assert_ne!(key.stream(0), key.stream(1));
        assert_ne!(ThreadId::from_path(b"a"), ThreadId::from_path(b"b"));
    }
}
