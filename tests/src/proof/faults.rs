//! A fault at the n-th call, for every n, until a run meets none; and a disk that is full at every block.

use threadlog_engine::fs::sim::{CallKind, EINTR, EIO, ENOSPC, Fault, SimFs};

use super::invariants::Checked;
use super::probe::Recorder;
use super::step::Step;
use super::world::World;

const SEGMENT_BYTES: u64 = 16 << 10;

/// Runs of everything there is. Those with records in files of their own are short: each costs a megabyte to write and to read.
pub const WORKLOADS: [&[Step]; 3] = [
    &[
        Step::Batch,
        Step::Sync,
        Step::Look,
        Step::Rival,
        Step::Wrong,
        Step::Spare,
        Step::Small,
        Step::TickWrite,
        Step::Small,
        Step::TickSync,
        Step::TickWitness,
        Step::Fill,
        Step::Look,
        Step::Wait,
        Step::Spare,
        Step::Small,
        Step::Close,
        Step::Fill,
        Step::Small,
        Step::Sync,
        Step::Batch,
        Step::TickWrite,
        Step::Kill,
        Step::Batch,
        Step::TickSync,
        Step::Spare,
        Step::Fill,
        Step::Blocks,
        Step::Sync,
        Step::Kill,
        Step::Small,
        Step::TickWrite,
        Step::PowerCut,
        Step::Batch,
        Step::Sync,
        Step::TickWitness,
        Step::Close,
        Step::Read,
        Step::Look,
    ],
    &[
        Step::Small,
        Step::Large,
        Step::Sync,
        Step::Large,
        Step::TickSync,
        Step::PowerCut,
        Step::Read,
        Step::Large,
        Step::Kill,
        Step::Look,
        Step::Close,
    ],
    &[
        Step::Batch,
        Step::Blocks,
        Step::Sync,
        Step::Look,
        Step::Seal,
        Step::Blocks,
        Step::Batch,
        Step::Sync,
        Step::Merge,
        Step::Look,
        Step::Small,
        Step::Sync,
        Step::Kill,
        Step::Seal,
        Step::Read,
        Step::Close,
        Step::Look,
    ],
];

/// After a fault everything must work: the program goes on, and what it is told then is true.
const AFTERWARDS: &[Step] =
    &[Step::Close, Step::Batch, Step::Small, Step::Sync, Step::Read, Step::Look, Step::PowerCut];

/// The faults to be tried, with the calls that they fit.
pub const FAULTS: &[(&str, Fault, &[CallKind])] = &[
    ("input/output error", Fault::Error(EIO), &CallKind::ALL),
    ("interrupted", Fault::Error(EINTR), &CallKind::ALL),
    ("disk full", Fault::Error(ENOSPC), CHANGES),
    ("read of one byte", Fault::ShortRead(1), &[CallKind::Read]),
    ("write of one byte", Fault::ShortWrite(1), &[CallKind::Write]),
    ("write of a block, then disk full", Fault::ShortWriteThenError { bytes: 4096, errno: ENOSPC }, &[CallKind::Write]),
    (
        "write of half a block, then an error",
        Fault::ShortWriteThenError { bytes: 2048, errno: EIO },
        &[CallKind::Write],
    ),
    ("failed sync", Fault::FailedSync, &[CallKind::Sync, CallKind::SyncDir]),
];

/// Whether a fault is tried at such a call.
///
/// A directory that was made, and whose name a failed sync made "clean", cannot be saved by anything that the engine could
/// do later, short of making it again under another name. Journaling file systems stop at that point, so it is not tried.
pub fn is_tried(fault: Fault, fits: &[CallKind], (kind, class): (CallKind, &str)) -> bool {
    let makes_directories = ["root directory", "directory of journals"].contains(&class);
    fits.contains(&kind) && !(fault == Fault::FailedSync && kind == CallKind::SyncDir && makes_directories)
}

const CHANGES: &[CallKind] =
    &[CallKind::Create, CallKind::Write, CallKind::SetLen, CallKind::Rename, CallKind::Lock, CallKind::Map];

/// Runs a workload with a fault at the `number`-th call. False if the run ended before that.
///
/// # Errors
/// The invariant that does not hold.
pub fn run_with_fault(workload: &[Step], number: u64, fault: Fault, recorder: &Recorder) -> Checked<bool> {
    let mut world = World::new(SimFs::new(1), SEGMENT_BYTES, recorder.clone());
    world.plan(number, fault);
    let name = |step: usize| format!("{fault:?} at call {number}, step {step} of the workload");
    world.begin();
    world.reopen().map_err(|broken| broken.after(name(0)))?;
    for (at, step) in workload.iter().enumerate() {
        world.apply(*step).map_err(|broken| broken.after(name(at)))?;
    }
    let met = !world.is_fault_to_come();
    for step in AFTERWARDS {
        world.apply(*step).map_err(|broken| broken.after(name(workload.len())))?;
    }
    Ok(met)
}

/// The calls of a run without a fault, in order: kind, and class of path.
///
/// # Errors
/// An invariant that does not hold even so.
pub fn calls(workload: &[Step], recorder: &Recorder) -> Checked<Vec<(CallKind, &'static str)>> {
    recorder.list();
    let met = run_with_fault(workload, u64::MAX / 2, Fault::Error(EIO), recorder)?;
    assert!(!met, "a fault was met that is not there");
    Ok(recorder.listed())
}

/// Runs a workload on a disk with room for so many blocks; then there is room again. Says whether the disk was ever full.
///
/// # Errors
/// The invariant that does not hold.
pub fn run_on_a_small_disk(workload: &[Step], room: u64, recorder: &Recorder) -> Checked<bool> {
    let mut world = World::new(SimFs::new(1), SEGMENT_BYTES, recorder.clone());
    let name = |step: usize| format!("a disk of {room} blocks, step {step} of the workload");
    world.bound(Some(room));
    world.begin();
    world.reopen().map_err(|broken| broken.after(name(0)))?;
    for (at, step) in workload.iter().enumerate() {
        world.apply(*step).map_err(|broken| broken.after(name(at)))?;
    }
    let full = world.was_refused();
    world.bound(None);
    for step in AFTERWARDS {
        world.apply(*step).map_err(|broken| broken.after(format!("room again: {}", name(workload.len()))))?;
    }
    Ok(full)
}
