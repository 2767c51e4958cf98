//! The engine's errors in the terms of the store.

use std::io::ErrorKind;

use threadlog_engine::Error as EngineError;

use crate::local::slot::Shut;
use crate::thread::ThreadId;
use crate::thread_store::{Report, ThreadStoreError, Unavailability};

/// What `operation` answers when the engine answers this.
pub(super) fn from_engine(operation: &'static str, id: Option<ThreadId>, error: EngineError) -> ThreadStoreError {
    let report = |what: &str| {
        let report = Report::new(operation, format!("{what}: {error}")).because(error.clone());
        if let Some(id) = id { report.of(id) } else { report }
    };
    match &error {
        EngineError::Corrupt { .. } => report("acknowledged data is damaged").corrupt(),
        EngineError::Poisoned { .. } => report("a sync failed")
            .advise("reopen the store; live threads keep what they have accepted and go on")
            .unavailable(Unavailability::Poisoned),
        EngineError::WriteFailed { source, .. } => unwritten(report("nothing was stored"), source),
        EngineError::Io { .. } => unwritten(report("the system refused"), &error),
        EngineError::Locked { .. } => report("another process has the store open")
            .advise("close it there, or open it for reading")
            .unavailable(Unavailability::Locked),
        EngineError::Recovering { .. } => {
            report("what a dead process left is not recovered").unavailable(Unavailability::Locked)
        }
        EngineError::Closed => report("the store is closed").unavailable(Unavailability::Closed),
        EngineError::WrongOrdinal { .. } | EngineError::StaleLease { .. } => {
            report("somebody else has appended to the thread").advise("resume it again").conflict(None)
        }
        EngineError::TooLarge { .. }
        | EngineError::NoStore { .. }
        | EngineError::NotEmpty { .. }
        | EngineError::Config { .. } => report("that cannot be").invalid(),
        EngineError::FormatVersion { .. } | EngineError::Untrusted { .. } => report("not here").unsupported(),
        _ => report("the engine failed").internal(),
    }
}

/// What `operation` answers when there is no log to do it with.
pub(super) fn from_shut(operation: &'static str, id: Option<ThreadId>, shut: Shut) -> ThreadStoreError {
    match shut {
        Shut::Closed => from_engine(operation, id, EngineError::Closed),
        Shut::ReadOnly => {
            let report = Report::new(operation, "the store was opened for reading only");
            let report = report.advise("open it for writing, with LocalThreadStore::open");
            if let Some(id) = id { report.of(id) } else { report }.unsupported()
        }
    }
}

/// A write that failed: with room on the disk the same call succeeds.
fn unwritten(report: Report, error: &EngineError) -> ThreadStoreError {
    let full = match error {
        EngineError::Io { source, .. } => {
            matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        }
        _ => false,
    };
    if full {
        return report.advise("make room and call again").unavailable(Unavailability::Full);
    }
    report.advise("call again").unavailable(Unavailability::Io)
}
