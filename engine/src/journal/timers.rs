//! What happens without a caller: bytes reach the system and the disk in time, witnesses are written,
//! and tasks that wait get a leader.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::journal::core::{Core, Goal};
use crate::sync;

/// What the engine's thread should do next.
enum Step {
    Lead(Goal),
    Sleep(Option<Duration>),
    Stop,
}

impl Core {
    /// Does what is due now; says whether something was. For engines without threads of their own.
    pub(crate) fn tick(&self) -> bool {
        match self.next_step() {
            Step::Lead(goal) => self.try_lead(goal),
            _ => false,
        }
    }

    /// Runs the timers until the engine is closed. On a thread of its own.
    pub(crate) fn run_timers(&self) {
        loop {
            match self.next_step() {
                Step::Lead(goal) => {
                    if !self.try_lead(goal) {
                        // Whoever leads now wakes this thread if tasks still wait after that.
                        sync::park_timeout(self.half_write());
                    }
                }
                Step::Sleep(Some(time)) => sync::park_timeout(time),
                Step::Sleep(None) => sync::park(),
                Step::Stop => return,
            }
        }
    }

    fn next_step(&self) -> Step {
        let now_ms = self.config.clock.ticks_ms();
        let durable = self.durable();
        let mut state = self.state.lock();
        if state.closed || state.poison.is_some() {
            return Step::Stop;
        }
        let threads_lead = state.waiters.leader().is_some();
        if !state.waiters.is_empty() && !threads_lead {
            return if state.leading { Step::Sleep(Some(self.half_write())) } else { Step::Lead(Goal::Sync) };
        }
        let age = |since: Option<u64>| since.map(|since| Duration::from_millis(now_ms.saturating_sub(since)));
        if age(state.undurable_since_ms)
            .is_some_and(|age| age.saturating_add(self.half_write()) >= self.config.sync_after)
        {
            return Step::Lead(Goal::Sync);
        }
        // Half the time, because this thread looks only every half: together they keep the promise.
        if age(state.arena_since_ms).is_some_and(|age| age >= self.half_write()) {
            return Step::Lead(Goal::Write);
        }
        if state.undurable_since_ms.is_some() {
            return Step::Sleep(Some(self.half_write()));
        }
        let idle = Duration::from_millis(now_ms.saturating_sub(state.appended_ms));
        if self.witnessed.load(Ordering::Acquire) < durable.0 {
            return match self.config.witness_after.checked_sub(idle) {
                Some(rest) if !rest.is_zero() => Step::Sleep(Some(rest)),
                _ => Step::Lead(Goal::Witness),
            };
        }
        state.dormant = true;
        Step::Sleep(None)
    }

    fn half_write(&self) -> Duration {
        self.config.write_after / 2
    }
}
