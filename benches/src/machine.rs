//! The machine during the run: load, CPUs, wake-ups, flushes of the device.

use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Result;
use crate::latency::Latency;

/// Load average of the last minute and the names of kernel and CPU count, as one line.
#[must_use]
pub fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let kernel = read("/proc/sys/kernel/osrelease");
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    format!("kernel {}, {cpus} CPUs, load average {load}", kernel.trim())
}

/// Runs `work` on a thread that is bound to one CPU, as are all threads that it starts.
///
/// # Errors
/// Those of `work`, or of binding.
pub fn on_one_cpu<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let bound = scope.spawn(|| {
            bind(0)?;
            work()
        });
        bound.join().map_err(|_| "the bound thread panicked")?
    })
}

/// Binds the calling thread to the `nth` of the CPUs it may use.
fn bind(nth: usize) -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let mut one = CpuSet::new();
    one.set(cpus[nth % cpus.len()]);
    Ok(sched_setaffinity(None, &one)?)
}

/// Where the two threads of a wake-up stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpus {
    /// Where the scheduler puts them.
    Free,
    /// On one.
    Same,
    /// On two.
    Different,
}

/// Time of a round trip between two threads: two wake-ups, by park and unpark.
///
/// # Errors
/// If threads cannot be bound.
pub fn two_wake_ups(cpus: Cpus, rounds: u64) -> Result<Latency> {
    let turn = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let measured = scope.spawn(|| -> Result<Latency> {
            let there = std::thread::current();
            let answering = scope.spawn({
                let turn = &turn;
                move || -> Result<()> {
                    if cpus != Cpus::Free {
                        bind(usize::from(cpus == Cpus::Different))?;
                    }
                    for _ in 0..rounds {
                        while !turn.swap(false, Ordering::AcqRel) {
                            std::thread::park();
                        }
                        there.unpark();
                    }
                    Ok(())
                }
            });
            if cpus != Cpus::Free {
                bind(0)?;
            }
            let mut latency = Latency::new();
            for _ in 0..rounds {
                let start = Instant::now();
                turn.store(true, Ordering::Release);
                answering.thread().unpark();
                std::thread::park();
                latency.record(start.elapsed());
            }
            answering.join().map_err(|_| "a thread panicked")??;
            Ok(latency)
        });
        measured.join().map_err(|_| "a thread panicked")?
    })
}

/// Flushes that the device under `path` has completed; `None` where the system does not say.
#[must_use]
pub fn device_flushes(path: &Path) -> Option<u64> {
    let device = std::fs::metadata(path).ok()?.st_dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mut folder = Path::new("/sys/dev/block").join(format!("{major}:{minor}")).canonicalize().ok()?;
    if folder.join("partition").exists() {
        folder.pop();
    }
    // The 16th number (Documentation/block/stat in the kernel's sources).
    std::fs::read_to_string(folder.join("stat")).ok()?.split_whitespace().nth(15)?.parse().ok()
}
