//! What an embedder holds in their hands: create, resume, append, read, list and change threads.
//!
//! [`ThreadStore`] says nothing about where threads are kept. Implementations here:
//! `InMemoryThreadStore` for tests and ephemeral use, `LocalThreadStore` over the engine. One contract
//! suite runs against all of them; `docs/contract.md` lists its cases.
//!
//! # The life of a thread
//! A thread is *live* in a store between create or resume and shutdown or discard. While it is live, items
//! are appended to it, by id; [`LiveThread`](crate::live::LiveThread) is the handle that does so. A thread
//! that is not live is *cold*: it can be read, listed, renamed and archived, as a live one can.
//!
//! A thread is *materialised* once anything of it is stored. Creation alone stores nothing, so a thread that
//! was started and never used leaves no trace.
//!
//! | verb | materialises | promise |
//! |---|---|---|
//! | create | no | the id is taken, in this process, until shutdown or discard |
//! | append | no | `Ok`: the items are accepted, in order, once. `Err`: none of them is |
//! | persist | always | `Ok`: as flush, and the thread exists for readers |
//! | flush | if items are pending | `Ok`: all that was appended before survives power loss |
//! | shutdown | if items are pending | `Ok`: as flush, and the thread is cold. `Err`: it is still live |
//! | discard | no | what is not stored yet is gone; what is stored stays; the thread is cold |
//!
//! # When storing fails
//! Accepted items are kept, in order, until the store has them for good. After an error of persist, flush or
//! shutdown the next of these calls goes on where the failed one stopped: nothing is lost and nothing is
//! stored twice. Callers never append again what was accepted.
//!
//! # Cancellation
//! Each operation may be dropped at any await. What was accepted stays accepted, a change that was under way
//! either happens or does not, and the next call finds a consistent state. [`ThreadStore::append_items`]
//! accepts at its first poll.

mod create;
mod error;
mod id;
mod params;
mod read;
mod source;

pub use create::CreateThreadParams;
pub use error::{Absence, Holder, Report, Result, ThreadStoreError, Unavailability};
pub use params::{
    AppendItemsParams, ArchiveThreadParams, DiscardThreadParams, FlushThreadParams, PersistThreadParams,
    ResumeThreadParams, ShutdownThreadParams, UnarchiveThreadParams,
};
pub use read::{HistoryRange, LoadHistoryParams, ReadThreadParams, StoredHistory};
pub use source::{SessionSource, SubAgentSource};
