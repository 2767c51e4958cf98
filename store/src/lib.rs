//! An embedded, event-sourced storage engine for the threads of AI agents.

pub mod clock;
pub mod event;
pub mod item;
pub mod log;
pub mod policy;
pub mod path;
pub mod thread;
pub mod thread_store;
pub mod view;
