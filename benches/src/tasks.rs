//! Writers that are tasks.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use crate::crowd::Quota;
use crate::latency::Latency;
use crate::threadlog::Ours;
use crate::{Failure, Result};

/// Both flavours, with their names.
///
/// # Errors
/// If a runtime cannot start its threads.
pub fn runtimes() -> Result<[(Runtime, &'static str); 2]> {
    let many = Builder::new_multi_thread().worker_threads(2).build()?;
    Ok([(many, "multi-thread"), (Builder::new_current_thread().build()?, "current-thread")])
}

/// Runs that many tasks until the quota is used up.
///
/// # Errors
/// The first of the tasks' errors.
pub fn run(runtime: &Runtime, ours: &Ours, writers: usize, quota: Quota) -> Result<Latency> {
    let quota = Arc::new(quota);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let (ours, quota) = (ours.clone(), Arc::clone(&quota));
                tokio::spawn(async move {
                    let mut latency = Latency::new();
                    while quota.take() {
                        let start = Instant::now();
                        ours.append_async(writer).await?;
                        latency.record(start.elapsed());
                    }
                    Ok::<Latency, Failure>(latency)
                })
            })
            .collect();
        let mut all = Latency::new();
        for task in tasks {
            all.add(&task.await??);
        }
        Ok(all)
    })
}
