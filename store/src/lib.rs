//! An embedded, event-sourced storage engine for the threads of AI agents.
//!
//! A [`Store`] keeps *threads*: sequences of [`RolloutItem`]s, the lines of rollout files, and the facts
//! about them. What is known of a thread is a pure fold over its events ([`view`]).
//!
//! ```
//! use threadlog::{ExportOptions, ImportOptions, Silent, Store};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (home, root, to) = (folder.path().join("home"), folder.path().join("store"), folder.path().join("to"));
//! # std::fs::create_dir(&home)?;
//! # std::fs::write(home.join("rollout-1.jsonl"), "{\"record_type\":\"state\"}\n")?;
//! let store = Store::open(&root, threadlog_engine::Config::default())?;
//! let report = store.import(&[home.clone()], &ImportOptions::default(), &Silent)?;
//! assert_eq!(report.files.len(), 1);
//!
//! for thread in store.threads() {
//!     println!("{}  {} lines", thread.thread, thread.current.facts.totals().lines);
//! }
//! let report = store.export(None, &to, &ExportOptions::default(), &Silent);
//! assert_eq!(report.files.len(), 1); // the same bytes under the same name
//! # store.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod backup;
mod backwards;
pub mod bundle;
pub mod catalog;
pub mod changes;
pub mod clock;
pub mod context;
mod copies;
pub mod error;
pub mod event;
pub mod export;
mod fold;
mod fork;
pub mod import;
pub mod item;
mod items;
mod lineage;
pub mod list;
pub mod live;
pub mod local;
mod log;
pub mod maintain;
pub mod memory;
pub mod metadata;
mod owners;
pub mod path;
pub mod policy;
pub mod progress;
pub mod prune;
mod reading;
mod refusal;
pub mod remains;
pub mod repair;
mod running;
pub mod salvage;
pub mod search;
mod stats;
mod store;
mod summary;
mod table;
pub mod thread;
pub mod thread_store;
pub mod tokens;
pub mod verify;
pub mod view;
mod workers;

pub use error::{BundleFault, Error, LineageFault, Result};
pub use export::{ExportOptions, ExportReport, Selected};
pub use import::{ImportOptions, ImportReport};
pub use item::RolloutItem;
pub use items::{Items, Rendering, StoredItem};
pub use progress::{Progress, Silent};
pub use running::StoreWriter;
pub use stats::StoreStats;
pub use store::Store;
pub use summary::{Revision, ThreadSummary};
pub use thread::{ThreadId, ThreadKey};

#[cfg(test)]
mod tests;

/// The README's example compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
