//! A fault at the n-th call, for every n, of every operation that a store offers.

use threadlog_engine::fs::sim::{CallKind, EIO, Fault};

use super::act::Act;
use super::house::House;
use super::run::end;
use crate::proof::invariants::Checked;
use crate::proof::probe::Recorder;

const SEGMENT_BYTES: u64 = 16 << 10;
const PROCESSES: usize = 2;

/// Every operation, by two processes that share the threads.
pub const WORKLOAD: &[(u8, Act)] = &[
    (0, Act::Create(0)),
    (0, Act::Append(0, 2, 300)),
    (0, Act::Flush(0)),
    (0, Act::Name(0)),
    (1, Act::Read(0)),
    (1, Act::Name(0)),
    (1, Act::Create(1)),
    (1, Act::Append(1, 3, 5000)),
    (1, Act::Persist(1)),
    (0, Act::Tag(1, true)),
    (0, Act::Archive(1, true)),
    (1, Act::List(2)),
    (1, Act::Archive(1, false)),
    (0, Act::Rollback(0, 1)),
    (0, Act::Tick(15)),
    (0, Act::Shutdown(0)),
    (1, Act::Resume(0, false)),
    (1, Act::Append(0, 1, 20)),
    (1, Act::Flush(0)),
    (1, Act::Fork(0, 2, 255)),
    (0, Act::Fork(0, 3, 4)),
    (0, Act::Range(3, 17)),
    (0, Act::Trash(3, true)),
    (1, Act::Trash(3, false)),
    (1, Act::Delete(3)),
    (0, Act::Create(3)),
    (0, Act::Append(3, 1, 400)),
    (0, Act::Tick(1000)),
    (0, Act::Discard(3)),
    (1, Act::Append(1, 1, 40)),
    (1, Act::Tick(15)),
    (1, Act::Die),
    (0, Act::Resume(1, false)),
    (0, Act::Append(1, 1, 40)),
    (0, Act::Flush(1)),
    (1, Act::Delete(2)),
    (0, Act::Reopen),
    (0, Act::Append(1, 1, 60)),
    (0, Act::Close),
    (1, Act::Resume(1, true)),
    (1, Act::Look),
];

/// Runs it with a fault at the `number`-th call. False if the run ended before that.
///
/// # Errors
/// The invariant that does not hold.
pub fn run_with_fault(number: u64, fault: Fault, recorder: &Recorder) -> Checked<bool> {
    let mut house = House::new(1, SEGMENT_BYTES, PROCESSES, recorder.clone());
    house.plan(number, fault);
    let name = |at: usize| format!("{fault:?} at call {number}, act {at} of the store's workload");
    for (at, (who, act)) in WORKLOAD.iter().enumerate() {
        house.apply((*who).into(), *act).map_err(|broken| broken.after(name(at)))?;
    }
    let met = !house.is_fault_to_come();
    end(&mut house, PROCESSES).map_err(|broken| broken.after(name(WORKLOAD.len())))?;
    Ok(met)
}

/// The calls of a run without a fault, in order: kind, and class of path.
///
/// # Errors
/// An invariant that does not hold even so.
pub fn calls() -> Checked<Vec<(CallKind, &'static str)>> {
    let recorder = Recorder::default();
    recorder.list();
    let met = run_with_fault(u64::MAX / 2, Fault::Error(EIO), &recorder)?;
    assert!(!met, "a fault was met that is not there");
    Ok(recorder.listed())
}
