//! A file system whose calls wait until the test lets them through.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use threadlog_engine::fs::{DirEntry, File, Fs, Lock, LockRange, OpenMode, RangeLocks, RangeMode, SharedPage, Trust};

/// Wraps a file system; every call that can reach the disk passes the gate.
#[derive(Clone)]
pub struct GateFs {
    inner: Arc<dyn Fs>,
    gate: Arc<Gate>,
    /// Whether locks on ranges pass the gate too: they are no matter of the disk, but steps of what processes do.
    gates_locks: bool,
}

/// Lets calls through: all while it is open, otherwise as many as were released.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    shut: bool,
    released: u64,
    waiting: u64,
    passed: u64,
}

impl Gate {
    /// Blocks the calling thread until it may pass.
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        while state.shut && state.released == 0 {
            state = self.changed.wait(state).unwrap();
        }
        state.waiting -= 1;
        state.passed += 1;
        if state.shut {
            state.released -= 1;
        }
    }

    pub fn shut(&self) {
        self.state.lock().unwrap().shut = true;
    }

    pub fn open(&self) {
        let mut state = self.state.lock().unwrap();
        (state.shut, state.released) = (false, 0);
        self.changed.notify_all();
    }

    /// Lets those through that wait now; says how many.
    pub fn release_waiting(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        let more = state.waiting.saturating_sub(state.released);
        state.released += more;
        self.changed.notify_all();
        more
    }

    /// Lets so many calls through, beside those that wait.
    pub fn release(&self, calls: u64) {
        self.state.lock().unwrap().released += calls;
        self.changed.notify_all();
    }

    /// Whether a call waits and none may pass.
    pub fn is_stuck(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.shut && state.released == 0 && state.waiting > 0
    }

    pub fn waiting(&self) -> u64 {
        self.state.lock().unwrap().waiting
    }
}

impl GateFs {
    pub fn new(inner: impl Fs) -> (GateFs, Arc<Gate>) {
        let gate = Arc::<Gate>::default();
        (GateFs { inner: Arc::new(inner), gate: gate.clone(), gates_locks: false }, gate)
    }
}

struct GateFile {
    inner: Arc<dyn File>,
    gate: Arc<Gate>,
}

impl File for GateFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.gate.pass();
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.gate.pass();
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass();
        self.inner.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.gate.pass();
        self.inner.len()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.gate.pass();
        self.inner.set_len(bytes)
    }
}

struct GatePage {
    inner: Arc<dyn SharedPage>,
    gate: Arc<Gate>,
}

/// Loads and stores touch memory only.
impl SharedPage for GatePage {
    fn words(&self) -> usize {
        self.inner.words()
    }

    fn load(&self, index: usize) -> u64 {
        self.inner.load(index)
    }

    fn store(&self, index: usize, value: u64) {
        self.inner.store(index, value);
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass();
        self.inner.sync()
    }
}

struct GateLock {
    inner: Box<dyn Lock>,
    gate: Arc<Gate>,
}

impl Lock for GateLock {
    fn describe(&self, text: &str) -> io::Result<()> {
        self.gate.pass();
        self.inner.describe(text)
    }
}

impl GateFs {
    /// One whose locks pass the gate as well.
    pub fn of_process(inner: impl Fs) -> (GateFs, Arc<Gate>) {
        let (fs, gate) = GateFs::new(inner);
        (GateFs { gates_locks: true, ..fs }, gate)
    }
}

struct GateRanges {
    inner: Arc<dyn RangeLocks>,
    gate: Arc<Gate>,
}

impl RangeLocks for GateRanges {
    fn try_lock(&self, range: LockRange, mode: RangeMode) -> io::Result<bool> {
        self.gate.pass();
        self.inner.try_lock(range, mode)
    }

    fn unlock(&self, range: LockRange) -> io::Result<()> {
        self.gate.pass();
        self.inner.unlock(range)
    }

    fn holder(&self, range: LockRange, mode: RangeMode) -> io::Result<Option<LockRange>> {
        self.gate.pass();
        self.inner.holder(range, mode)
    }
}

impl Fs for GateFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        self.gate.pass();
        let inner = self.inner.open(path, mode)?;
        Ok(Arc::new(GateFile { inner, gate: self.gate.clone() }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.gate.pass();
        self.inner.create_dir(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.gate.pass();
        self.inner.read_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.gate.pass();
        self.inner.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.gate.pass();
        self.inner.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.gate.pass();
        self.inner.sync_dir(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.gate.pass();
        let lock = self.inner.try_lock(path)?;
        Ok(lock.map(|inner| Box::new(GateLock { inner, gate: self.gate.clone() }) as Box<dyn Lock>))
    }

    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        self.gate.pass();
        let inner = self.inner.range_locks(path)?;
        Ok(if self.gates_locks { Arc::new(GateRanges { inner, gate: self.gate.clone() }) } else { inner })
    }

    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        self.gate.pass();
        self.inner.range_locks_read(path)
    }

    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>> {
        self.gate.pass();
        let inner = self.inner.shared_page(path, bytes)?;
        Ok(Arc::new(GatePage { inner, gate: self.gate.clone() }))
    }

    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>> {
        self.gate.pass();
        let inner = self.inner.shared_page_read(path)?;
        Ok(Arc::new(GatePage { inner, gate: self.gate.clone() }))
    }

    fn boot_id(&self) -> io::Result<[u8; 16]> {
        self.gate.pass();
        self.inner.boot_id()
    }

    fn trust(&self, path: &Path) -> io::Result<Trust> {
        self.gate.pass();
        self.inner.trust(path)
    }

    fn block_bytes(&self, path: &Path) -> io::Result<u32> {
        self.gate.pass();
        self.inner.block_bytes(path)
    }

    /// Not gated: it waits for nothing, so tasks call it where they are.
    fn random(&self) -> io::Result<u64> {
        self.inner.random()
    }
}
