//! A store under any sequence of operations, failing calls, full disks, kills and power cuts, beside the model of what must
//! be there.

use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::random::{run as run_steps, steps_of};

/// So many steps at most: a longer run finds what two shorter ones find.
const STEPS_MAX: usize = 300;

/// The first byte is the seed of the disk; two bytes, and more for some, are a step.
pub fn run(input: &[u8]) {
    let Some((seed, bytes)) = input.split_first() else { return };
    let steps = steps_of(bytes, STEPS_MAX);
    if let Err((at, broken)) = run_steps(u64::from(*seed), &steps, &Recorder::default()) {
        panic!("step {at} of {steps:?}: {broken}");
    }
}
