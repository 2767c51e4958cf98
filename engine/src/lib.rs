//! The bytes of threadlog: file systems, frames, hot segments, group commit and recovery.
//!
//! The engine keeps *streams* of opaque *records* in a segmented, append-only log. It has never heard of
//! what the records mean.
//!
//! - [`Engine`] appends and reads: [`Engine::append`] takes no system call, [`Engine::sync`] is an fsync barrier that
//!   callers share.
//! - [`Reader`] reads beside a running writer, without locks and without writes.
//! - [`fs`] is the boundary to the operating system, and to the simulated one of the tests.
//! - [`format`](mod@format) and [`recover`] are pure functions over bytes; `docs/format.md` is their specification.
//!
//! ```
//! use std::sync::Arc;
//! use threadlog_engine::{Batch, Config, Engine, NewRecord, OsFs, ReadLog, StreamId};
//!
//! # let root = tempfile::tempdir()?;
//! # let root = root.path().join("store");
//! let engine = Engine::open(Arc::new(OsFs), &root, Config::default())?;
//! let stream = StreamId { thread: [7; 16], incarnation: 1, channel: 0 };
//! let mut batch = Batch::new();
//! batch.push(NewRecord { stream, ordinal: Some(0), lease_epoch: 1, clock: 0, codec: 0, payload: b"hello" })?;
//! engine.sync(engine.append(batch)?)?; // now it survives a power cut
//! assert_eq!(engine.read(&stream, 0..u64::MAX).count(), 1);
//! engine.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod config;
pub mod dump;
pub mod error;
pub mod format;
pub mod fs;
pub mod holders;
pub mod id;
pub mod journal;
pub mod lease;
pub mod lock;
pub mod number;
pub mod recover;
pub mod seal;
pub mod sealed;
pub mod seeded;
mod store_format;
mod sync;

pub use config::{Background, Clock, Config, SystemClock};
pub use error::{Error, Result};
pub use fs::os::OsFs;
pub use holders::{Holders, JournalHolder};
pub use id::{Epoch, SegmentId, Sequence, StreamId};
pub use journal::batch::{BATCH_BYTES_MAX, Batch, NewRecord, RECORD_BYTES_MAX};
pub use journal::changes::Changes;
pub use journal::engine::Engine;
pub use journal::foreign::Facts;
pub use journal::index::Conflict;
pub use journal::parts::{Head, StreamInfo};
pub use journal::past::DurablePast;
pub use journal::reader::Reader;
pub use journal::records::{ReadLog, Record, Records};
pub use journal::salvage::{SalvageReport, salvage};
pub use journal::screen::{Screen, Verdict};
pub use journal::stats::Stats;
pub use journal::ticket::{Append, Durable, Ticket};
pub use journal::verify::{LostRecord, VerifyReport, verify};
pub use lease::{Lease, LeaseOn, Leases};
pub use lock::Owner;
pub use recover::log::{Damage, DamageKind};
pub use store_format::{read_format, write_format};
