//! Threads through the trait that embedders use, from a program that has nothing else to do meanwhile.

use std::future::Future;

use threadlog::thread_store::{ThreadStoreError, Unavailability};

use crate::exit::Exit;
use crate::failure::{self, Failure};

/// Waits until it is done.
pub fn wait<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
    runtime.block_on(work).map_err(Into::into)
}

impl From<ThreadStoreError> for Failure {
    fn from(error: ThreadStoreError) -> Failure {
        let exit = match &error {
            ThreadStoreError::ThreadNotFound { .. } => Exit::NotFound,
            ThreadStoreError::InvalidRequest(_) => Exit::Usage,
            ThreadStoreError::Corrupt(_) => Exit::Damaged,
            ThreadStoreError::Unavailable(_, Unavailability::Locked) | ThreadStoreError::Conflict(_, Some(_)) => {
                Exit::Locked
            }
            _ => Exit::Failed,
        };
        Failure::new(exit, failure::sentence(&error))
    }
}
