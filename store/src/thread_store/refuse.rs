//! Refusals that all stores of this crate give in the same words.

use crate::list::ListError;
use crate::metadata::{PatchError, ThreadMetadata};
use crate::policy::HistoryMode;
use crate::thread::ThreadId;
use crate::thread_store::{Absence, Holder, Report, Result, ThreadStoreError};

/// The thread is not there, or not in the state that is needed.
pub(crate) fn absent(operation: &'static str, thread_id: ThreadId, absence: Absence) -> ThreadStoreError {
    ThreadStoreError::ThreadNotFound { operation, thread_id, absence }
}

/// The thread is live already.
pub(crate) fn live(operation: &'static str, thread_id: ThreadId, holder: Holder) -> ThreadStoreError {
    Report::new(operation, "it is live: somebody else may append to it")
        .of(thread_id)
        .advise("shut it down there first, or read it without resuming it")
        .conflict(Some(holder))
}

/// What cannot happen to items in memory.
pub(crate) fn failed(operation: &'static str, thread_id: ThreadId, error: crate::Error) -> ThreadStoreError {
    Report::new(operation, error.to_string()).of(thread_id).because(error).internal()
}

/// The id is taken by a stored thread.
pub(crate) fn stored(operation: &'static str, thread_id: ThreadId) -> ThreadStoreError {
    Report::new(operation, "a thread with this id is stored already")
        .of(thread_id)
        .advise("resume it, or take another id")
        .conflict(None)
}

/// Something came from the thread that was not to go with it.
pub(crate) fn new_descendant(operation: &'static str, thread_id: ThreadId, new: ThreadId) -> ThreadStoreError {
    let what = format!("thread {new} came from it a moment ago");
    Report::new(operation, what).of(thread_id).advise("look at what is there, and call again").conflict(None)
}

/// The thread was to be deleted only if it is in the trash.
pub(crate) fn not_trashed(operation: &'static str, thread_id: ThreadId) -> ThreadStoreError {
    Report::new(operation, "it is not in the trash: somebody took it out, or something was added to it")
        .of(thread_id)
        .advise("leave it, or put it there again")
        .conflict(None)
}

/// Refuses a thread that is archived or in the trash to whoever did not ask for such.
pub(crate) fn unless_included(
    operation: &'static str,
    id: ThreadId,
    metadata: &ThreadMetadata,
    included: bool,
) -> Result<()> {
    let report = |what: &str| Report::new(operation, what).of(id);
    if included {
        Ok(())
    } else if metadata.trashed() {
        Err(report("it is in the trash")
            .advise("take it out with a patch (trashed: false), or ask for archived threads too")
            .invalid())
    } else if metadata.archived() {
        Err(report("it is archived").advise("unarchive it, or ask for archived threads too").invalid())
    } else {
        Ok(())
    }
}

/// The history mode that a stored thread states.
pub(crate) fn known_mode(thread_id: ThreadId, text: &str) -> Result<HistoryMode> {
    HistoryMode::from_text(text).ok_or_else(|| {
        Report::new("resume_thread", format!("its history mode \"{text}\" is not known here"))
            .of(thread_id)
            .advise("use a newer threadlog to append to it; reading it works")
            .unsupported()
    })
}

/// A patch that cannot be applied.
pub(crate) fn patch(thread_id: ThreadId, error: PatchError) -> ThreadStoreError {
    Report::new("update_thread_metadata", error.to_string()).of(thread_id).because(error).invalid()
}

/// A list that cannot be given.
pub(crate) fn list(error: ListError) -> ThreadStoreError {
    Report::new("list_threads", error.to_string()).because(error).invalid()
}

/// A `session_meta` that cannot be built.
pub(crate) fn session_meta(thread_id: ThreadId, error: serde_json::Error) -> ThreadStoreError {
    Report::new("create_thread", "its first item cannot be written as JSON").of(thread_id).because(error).invalid()
}
