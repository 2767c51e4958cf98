//! Ending all threads within a time.

use std::sync::Arc;
use std::time::Duration;

use threadlog::ThreadId;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::error::SessionError;
use crate::manager::{ShutdownReport, ThreadManager};
use crate::op::Op;
use crate::thread::CodexThread;

/// How it went with one thread.
enum Outcome {
    Completed,
    SubmitFailed,
    TimedOut,
}

impl ThreadManager {
    /// Ends all threads that run here, at the same time, and waits for each at most `time`. Those that have ended are
    /// forgotten; the others stay and go on ending. New threads can be started meanwhile, and are not waited for.
    pub async fn shutdown_all(&self, time: Duration) -> ShutdownReport {
        let mut threads = JoinSet::new();
        for thread in self.shared.registry.all() {
            threads.spawn(async move { (thread.id(), end(&thread, time).await) });
        }
        let mut report = ShutdownReport::default();
        while let Some(ended) = threads.join_next().await {
            // The tasks neither panic nor are they aborted.
            let Ok((id, outcome)) = ended else { continue };
            match outcome {
                Outcome::Completed => report.completed.push(id),
                Outcome::SubmitFailed => report.submit_failed.push(id),
                Outcome::TimedOut => report.timed_out.push(id),
            }
        }
        for ids in [&mut report.completed, &mut report.submit_failed, &mut report.timed_out] {
            ids.sort_by_key(ThreadId::to_string);
        }
        report
    }
}

async fn end(thread: &Arc<CodexThread>, time: Duration) -> Outcome {
    if let Err(SessionError::Failed { .. }) = thread.submit(Op::Shutdown).await {
        return Outcome::SubmitFailed;
    }
    match timeout(time, thread.shutdown()).await {
        Ok(Ok(())) => Outcome::Completed,
        Ok(Err(_)) => Outcome::SubmitFailed,
        Err(_) => Outcome::TimedOut,
    }
}
