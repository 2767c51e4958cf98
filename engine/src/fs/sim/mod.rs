//! A simulated file system: deterministic, in memory, with a power switch.
//!
//! It keeps apart what calls see (the page cache) and what is on the medium, block by block and name
//! by name, so that [`SimFs::crash`] can leave *any* legal subset of what was pending:
//! - A block is as it was when it was last durable, or as after any write to it since. Blocks are
//!   independent of each other; one block is never torn.
//! - A file's length is any it had since the last sync. Blocks within it that were never written
//!   read as zeros. A file cut and grown again never shows bytes from before the cut in its new length.
//! - A name (made, renamed, removed) is as it was at the last sync of its directory, each operation
//!   since then kept or lost on its own; a rename is kept or lost whole.
//! - `sync_data` makes blocks and length of that one file durable, no name and no other file;
//!   `sync_dir` the names of that one directory, no content and no directory above or below.
//! - After a failed sync all it covered is clean to the kernel and may be on the medium or not.
//! - Shared pages are blocks like others: what is stored in them survives the process, not a crash.
//!
//! [`SimFs::kill`] is the death of the process only. [`Fault`]s go to calls by number or by kind.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::Trust;
use crash::Picker;
use disk::Disk;
use fault::{Plan, error};
use random::Random;
use ranges::Ranges;

mod block;
mod calls;
mod content;
mod crash;
mod damage;
mod disk;
mod fault;
mod handle;
mod names;
mod random;
mod ranges;
#[cfg(test)]
mod tests;

pub use crash::{Choice, CrashSpace};
pub use fault::{Call, CallKind, EINTR, EIO, ENOSPC, Fault};

/// A simulated file system and the machine it runs on. Clones share everything.
///
/// Paths are absolute or relative to `/`, which exists. Blocks are of 4 096 bytes.
#[derive(Clone)]
pub struct SimFs {
    shared: Arc<Shared>,
    process: Arc<Process>,
}

/// One process of the machine.
#[derive(Debug, Default)]
struct Process {
    dead: AtomicBool,
}

impl Process {
    /// Fails the calls of a dead one.
    fn check(&self) -> io::Result<()> {
        if self.dead.load(Ordering::Acquire) { Err(error(EIO)) } else { Ok(()) }
    }

    /// What tells it from others.
    fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }
}

type Shared = Mutex<State>;

struct State {
    disk: Disk,
    plan: Plan,
    power: bool,
    /// By inode, the process that holds its lock.
    locks: BTreeMap<u64, usize>,
    ranges: Ranges,
    random: Random,
    seed: u64,
    boot: u64,
    trust: Trust,
}

impl State {
    /// Counts a call; fails it if the power is off or a fault says so.
    fn enter(&mut self, kind: CallKind, path: &Path) -> io::Result<Option<Fault>> {
        let fault = self.plan.enter(kind, path)?;
        if self.power { Ok(fault) } else { Err(error(EIO)) }
    }

    /// The machine again: same disk or what is left of it, nothing open, nothing locked, no plan.
    fn again(&self, disk: Disk, boot: u64) -> SimFs {
        SimFs::start(State {
            disk,
            plan: Plan::default(),
            power: true,
            locks: BTreeMap::new(),
            ranges: Ranges::default(),
            random: self.random.clone(),
            seed: self.seed,
            boot,
            trust: self.trust.clone(),
        })
    }
}

impl SimFs {
    /// An empty disk. `seed` decides random numbers and boot ids.
    #[must_use]
    pub fn new(seed: u64) -> SimFs {
        SimFs::with_block_bytes(seed, 4096)
    }

    /// As [`SimFs::new`], with blocks of another size: what a crash keeps or loses as one. Raised to
    /// a power of two from 512 (sectors, torn blocks) to 1 MiB.
    #[must_use]
    pub fn with_block_bytes(seed: u64, bytes: usize) -> SimFs {
        let size = bytes.clamp(512, 1 << 20).next_power_of_two();
        SimFs::start(State {
            disk: Disk::new(size),
            plan: Plan::default(),
            power: true,
            locks: BTreeMap::new(),
            ranges: Ranges::default(),
            random: Random::new(seed),
            seed,
            boot: 1,
            trust: Trust::Local,
        })
    }

    fn start(state: State) -> SimFs {
        SimFs { shared: Arc::new(Mutex::new(state)), process: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    // --- crashes ---------------------------------------------------------

    /// Cuts the power and starts the machine again, with what `choice` says is left: another boot
    /// id, no locks, counters at zero, no faults planned.
    ///
    /// The power of `self` stays off: its handles, and calls to it, fail with `EIO`. It can be
    /// crashed again, with another choice, as if for the first time.
    #[must_use]
    pub fn crash(&self, choice: &Choice) -> SimFs {
        let mut state = self.state();
        state.power = false;
        let disk = state.disk.crash(&mut Picker::new(choice));
        state.again(disk, state.boot.saturating_add(1))
    }

    /// What choices a crash now would have.
    #[must_use]
    pub fn crash_points(&self) -> CrashSpace {
        let mut picker = Picker::Count(Vec::new());
        let _ = self.state().disk.crash(&mut picker);
        match picker {
            Picker::Count(points) => CrashSpace::new(points),
            _ => CrashSpace::new(Vec::new()),
        }
    }

    /// Kills the process: the cache survives, locks are free, it is the same boot. Counters and
    /// faults as after [`SimFs::crash`]; handles of `self` fail likewise.
    #[must_use]
    pub fn kill(&self) -> SimFs {
        let killed = self.snapshot();
        self.state().power = false;
        killed
    }

    /// A copy as [`SimFs::kill`] would give it, while `self` runs on.
    #[must_use]
    pub fn snapshot(&self) -> SimFs {
        let state = self.state();
        state.again(state.disk.closed_copy(), state.boot)
    }

    /// A hash of all that is durable: names, lengths, contents. Equal for equal states of the medium.
    #[must_use]
    pub fn durable_hash(&self) -> u64 {
        self.state().disk.crash(&mut Picker::Lose).hash()
    }

    // --- processes -------------------------------------------------------

    /// Another process on the same running machine.
    #[must_use]
    pub fn process(&self) -> SimFs {
        SimFs { shared: Arc::clone(&self.shared), process: Arc::default() }
    }

    /// Kills the process that this handle and its clones are of, and no other: its locks are free, its handles and further
    /// calls fail with `EIO`; what it wrote is in the cache.
    pub fn kill_process(&self) {
        let mut state = self.state();
        self.process.dead.store(true, Ordering::Release);
        let id = self.process.id();
        state.locks.retain(|_, holder| *holder != id);
        state.ranges.free_all_of(id);
    }

    // --- faults ----------------------------------------------------------

    /// Lets the `number`-th call go wrong (from 1, counted since the machine started).
    pub fn fail_call(&self, number: u64, fault: Fault) {
        self.state().plan.by_number.insert(number, fault);
    }

    /// Lets the `number`-th call of a kind go wrong (from 1, counted since the machine started).
    pub fn fail_kind(&self, kind: CallKind, number: u64, fault: Fault) {
        self.state().plan.by_kind.insert((kind, number), fault);
    }

    /// Forgets all faults that have not happened yet, and `freeze_after`.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        let plan = &mut state.plan;
        plan.by_number.clear();
        plan.by_kind.clear();
        plan.next_write = None;
        plan.freeze_after = None;
    }

    /// Cuts the power after so many calls: each later one fails with `EIO`, and stores into shared
    /// pages are lost. What a crash then leaves is for [`SimFs::crash`] to choose.
    pub fn freeze_after(&self, calls: u64) {
        self.state().plan.freeze_after = Some(calls);
    }

    /// Calls made since the machine started, failed ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().plan.calls
    }

    /// Calls of one kind.
    #[must_use]
    pub fn calls_of(&self, kind: CallKind) -> u64 {
        self.state().plan.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// Faults that took effect. A loop over "fail the n-th call" is done when none did.
    #[must_use]
    pub fn faults_fired(&self) -> u64 {
        self.state().plan.fired
    }

    /// Begins (with an empty trace) or ends noting every call. Off at first.
    pub fn set_trace(&self, on: bool) {
        self.state().plan.trace = on.then(Vec::new);
    }

    /// The calls noted so far.
    #[must_use]
    pub fn trace(&self) -> Vec<Call> {
        self.state().plan.trace.clone().unwrap_or_default()
    }

    /// Bounds the disk to so many blocks (`None`: no bound). A file or directory takes one, and each
    /// block written one more; holes take none. At the bound, new files, growing files and writes
    /// into holes fail with `ENOSPC` (a write that fits in part is short); removing gives space back,
    /// once the file is closed.
    pub fn set_capacity(&self, blocks: Option<u64>) {
        self.state().disk.set_capacity(blocks);
    }

    /// Blocks in use, as [`SimFs::set_capacity`] counts them.
    #[must_use]
    pub fn used_blocks(&self) -> u64 {
        self.state().disk.used()
    }

    /// What [`Fs::trust`](super::Fs::trust) answers. At first: local.
    pub fn set_trust(&self, trust: Trust) {
        self.state().trust = trust;
    }

    // --- looking ---------------------------------------------------------

    /// The paths of all files, in order. Not a call.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let state = self.state();
        state.disk.tree().filter(|(_, inode)| state.disk.content(*inode).is_ok()).map(|(path, _)| path).collect()
    }

    /// A file's bytes as calls see them. Not a call.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, as `open` gives them.
    pub fn read_raw(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        let content = state.disk.content(state.disk.lookup(path)?)?;
        let mut bytes = vec![0; crate::number::narrow(content.len())?];
        content.read(0, &mut bytes);
        Ok(bytes)
    }
}
