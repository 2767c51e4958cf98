//! An embedded, event-sourced storage engine for the threads of AI agents.

pub mod clock;
pub mod error;
pub mod event;
pub mod import;
pub mod item;
pub mod list;
pub mod metadata;
pub mod path;
pub mod policy;
mod table;
pub mod thread;
pub mod thread_store;
pub mod view;
