//! Running what may wait for the disk where it holds up nobody.

use crate::thread_store::{Report, Result};

/// Runs `work` on a thread that may block, and waits for it without blocking.
///
/// Within a tokio runtime that is one of its blocking threads, elsewhere a thread of its own. Dropped, it
/// stops waiting; the work goes on to its end.
pub(super) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let failed = |what: &str| Report::new(operation, what).advise("call again");
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            let done = runtime.spawn_blocking(work).await;
            done.map_err(|error| failed("the runtime did not finish the work").because(error).internal())
        }
        Err(_) => {
            let (report, done) = tokio::sync::oneshot::channel();
            let body = move || drop(report.send(work()));
            let spawned = std::thread::Builder::new().name("threadlog-work".to_owned()).spawn(body);
            spawned.map_err(|error| failed("no thread could be started").because(error).internal())?;
            done.await.map_err(|error| failed("the work ended early").because(error).internal())
        }
    }
}
