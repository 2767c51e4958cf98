//! Running threads of AI agents, above the thread store.
//!
//! A [`ThreadManager`] owns what runs in this process: it starts, resumes and forks threads, finds them again, routes
//! changes to them, and shuts them down. A [`CodexThread`] is one running thread seen from outside: operations go in
//! ([`Op`]), events come out ([`Event`]). What happens in a turn is the embedder's, behind the trait [`Agent`]; two of
//! them are here: [`ProcessAgent`] runs a program that speaks JSON lines, [`ScriptedAgent`] plays what a test wrote.
//!
//! # What is stored, and when
//! A thread that was started and never spoken to leaves nothing behind. The first input opens its persistence; a
//! turn's items are durable before its end is announced. If storing fails the user is told by an event, the items are
//! kept in order, and storing is tried again until it succeeds. *Ephemeral* threads are never stored.
//!
//! # Runtime
//! Threads run on the tokio runtime in which they were started. It needs its time driver, and for [`ProcessAgent`]
//! its I/O driver too (`enable_all`). An idle thread has no task.
//!
//! ```
//! use std::sync::Arc;
//!
//! use threadlog::memory::InMemoryThreadStore;
//! use threadlog_session::{EventMsg, Op, Script, ScriptedAgent, StartParams, ThreadManager};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let agent = ScriptedAgent::new([Script::new().message("It lacks a semicolon.")]);
//! let manager = ThreadManager::new(Arc::new(InMemoryThreadStore::new()), Arc::new(agent));
//! let new = manager.start(StartParams::default()).await?;
//! new.thread.submit(Op::user("Why does it fail?")).await?;
//! while let Some(event) = new.thread.next_event().await {
//!     if let EventMsg::TurnComplete { last_agent_message, .. } = event.msg {
//!         assert_eq!(last_agent_message.as_deref(), Some("It lacks a semicolon."));
//!         break; // the turn is durable
//!     }
//! }
//! new.thread.shutdown().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod agent;
pub mod config;
pub mod error;
pub mod event;
pub mod id;
mod items;
pub mod manager;
pub mod op;
#[cfg(unix)]
pub mod process;
pub mod thread;

pub use agent::{Agent, AgentFailure, Script, ScriptedAgent, Turn, TurnHandle, TurnKind};
pub use config::{Origin, ThreadConfig, TurnSettings};
pub use error::{Result, SessionError};
pub use event::{AbortReason, Event, EventMsg, SessionConfigured};
pub use id::{IdGenerator, TimeOrderedIds};
pub use manager::{ForkParams, NewThread, ResumeParams, ShutdownReport, StartParams, ThreadManager};
pub use op::{Op, SubmissionId, UserInput};
#[cfg(unix)]
pub use process::{ProcessAgent, ProcessConfig};
pub use thread::{CodexThread, ThreadStatus};
