//! An embedded, event-sourced storage engine for the threads of AI agents.

pub mod clock;
pub mod event;
pub mod item;
pub mod list;
pub mod log;
pub mod metadata;
pub mod path;
pub mod thread;
pub mod view;
