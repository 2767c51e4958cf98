//! A file system between the engine and the simulated disk that notes every call, and what a power cut right before
//! it could leave.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use threadlog_engine::fs::sim::{CallKind, SimFs};
use threadlog_engine::fs::{DirEntry, File, Fs, Lock, LockRange, OpenMode, RangeLocks, RangeMode, SharedPage, Trust};

use super::model::Duty;
use super::sites::{self, Site};

/// The disk before a call, and what was owed then.
pub struct Moment {
    /// A copy at rest, with everything that was pending.
    pub disk: SimFs,
    /// What a recovery of it may find.
    pub duty: Arc<Duty>,
    /// What was about to be called.
    pub next: String,
}

/// What is noted of calls. Clones share it; it outlives the machine that is probed.
#[derive(Clone, Default)]
pub struct Recorder {
    inner: Arc<Mutex<Recording>>,
}

#[derive(Default)]
struct Recording {
    moments: Option<Vec<Moment>>,
    duty: Arc<Duty>,
    calls: Option<BTreeMap<(CallKind, &'static str), u64>>,
    list: Option<Vec<(CallKind, &'static str)>>,
    total: u64,
    seen: BTreeMap<&'static str, u64>,
    sites: Option<BTreeSet<Site>>,
    changes: u64,
}

impl Recorder {
    /// Keeps a moment for every call from now on.
    pub fn start(&self) {
        self.lock().moments = Some(Vec::new());
    }

    /// Whether moments are kept: whoever changes what is owed must say so then.
    pub fn is_on(&self) -> bool {
        self.lock().moments.is_some()
    }

    /// What is owed from now on.
    pub fn owe(&self, duty: Duty) {
        self.lock().duty = Arc::new(duty);
    }

    /// The moments so far, and the one now; keeps none from here on.
    pub fn finish(&self, disk: &SimFs) -> Vec<Moment> {
        let mut recording = self.lock();
        let duty = Arc::clone(&recording.duty);
        let mut moments = recording.moments.take().unwrap_or_default();
        moments.push(Moment { disk: disk.snapshot(), duty, next: "the end".to_owned() });
        moments
    }

    /// Counts calls from now on.
    pub fn count(&self) {
        self.lock().calls = Some(BTreeMap::new());
    }

    /// How often each kind of call went to each class of path, since [`Recorder::count`].
    pub fn calls(&self) -> BTreeMap<(CallKind, &'static str), u64> {
        self.lock().calls.clone().unwrap_or_default()
    }

    /// Notes from now on where in the engine calls come from.
    pub fn locate(&self) {
        self.lock().sites.get_or_insert_default();
    }

    /// The places since [`Recorder::locate`].
    pub fn sites(&self) -> BTreeSet<Site> {
        self.lock().sites.clone().unwrap_or_default()
    }

    /// Calls so far.
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// Notes the kind and the target of every call from now on, in order.
    pub fn list(&self) {
        self.lock().list = Some(Vec::new());
    }

    /// The kinds since [`Recorder::list`]; notes no more.
    pub fn listed(&self) -> Vec<(CallKind, &'static str)> {
        self.lock().list.take().unwrap_or_default()
    }

    /// Something happened that a run should come by now and then.
    pub fn saw(&self, what: &'static str) {
        *self.lock().seen.entry(what).or_default() += 1;
    }

    /// How often each such thing happened.
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.lock().seen.clone()
    }

    /// Calls so far that can change the disk.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recording> {
        self.inner.lock().expect("a panic elsewhere ends the test anyway")
    }

    /// Notes a call. `lasting`: it can change what is on the disk, which a lock that only the kernel knows of does not.
    fn note(&self, disk: &SimFs, kind: CallKind, path: &Path, lasting: bool) {
        let mut recording = self.lock();
        if let Some(calls) = &mut recording.calls {
            *calls.entry((kind, class(path))).or_default() += 1;
        }
        recording.total += 1;
        if let Some(list) = &mut recording.list {
            list.push((kind, class(path)));
        }
        if let Some(sites) = &mut recording.sites {
            sites.extend(sites::on_the_stack());
        }
        recording.changes += u64::from(changes(kind));
        let duty = Arc::clone(&recording.duty);
        // Between two calls that change nothing there is nothing new for a power cut to leave.
        if let Some(moments) = recording.moments.as_mut().filter(|_| changes(kind) && lasting) {
            moments.push(Moment { disk: disk.snapshot(), duty, next: format!("{kind:?} {}", path.display()) });
        }
    }
}

/// Whether such a call can change what others see: the disk, or who holds what.
fn changes(kind: CallKind) -> bool {
    !matches!(kind, CallKind::Open | CallKind::Read | CallKind::List | CallKind::Fact)
}

/// What a path names, in one word.
pub fn class(path: &Path) -> &'static str {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match name.as_ref() {
        "FORMAT" => "FORMAT",
        "FORMAT.new" => "FORMAT.new",
        "MAINTENANCE" => "MAINTENANCE",
        "LOCK" => "LOCK",
        "mark" => "mark",
        "journals" => "directory of journals",
        "000" => "journal directory",
        "large" => "large directory",
        name if name.ends_with(".hot") => "segment",
        name if name.ends_with(".rec") => "large record",
        _ => "root directory",
    }
}

/// The simulated disk, with a recorder before it.
#[derive(Clone)]
pub struct Probe {
    disk: SimFs,
    recorder: Recorder,
    mute: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
    /// Calls and stores of this process so far that others could see.
    acts: Arc<AtomicU64>,
    /// The process dies in the place of this one of them.
    last: Arc<AtomicU64>,
}

impl Probe {
    /// Puts a recorder before a disk.
    pub fn new(disk: SimFs, recorder: Recorder) -> Probe {
        let last = Arc::new(AtomicU64::new(u64::MAX));
        Probe { disk, recorder, mute: Arc::default(), dead: Arc::default(), acts: Arc::default(), last }
    }

    /// Calls of this process so far that can change what others see, and words that it stored into shared pages.
    pub fn acts(&self) -> u64 {
        self.acts.load(Ordering::Relaxed)
    }

    /// The process dies in the place of the act with this number, from 1 and counted from its first, or of a later one if that has passed.
    pub fn die_at(&self, number: u64) {
        self.last.store(number, Ordering::Relaxed);
    }

    fn act(&self) {
        if self.acts.fetch_add(1, Ordering::Relaxed) + 1 >= self.last.load(Ordering::Relaxed) {
            self.kill();
        }
    }

    /// Notes nothing more: the process is dead, what it does now happens to nobody.
    pub fn mute(&self) {
        self.mute.store(true, Ordering::Relaxed);
    }

    /// The process dies, and no other on the machine: none of its calls reaches the disk any more, and the kernel lets go
    /// of its locks when its handles are dropped.
    pub fn kill(&self) {
        self.mute();
        self.dead.store(true, Ordering::Relaxed);
    }

    /// Whether the process is dead.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    fn note(&self, kind: CallKind, path: &Path) -> io::Result<()> {
        self.note_that(kind, path, true)
    }

    fn note_that(&self, kind: CallKind, path: &Path, lasting: bool) -> io::Result<()> {
        if changes(kind) {
            self.act();
        }
        if self.is_dead() {
            return Err(io::Error::other("the process is dead"));
        }
        if !self.mute.load(Ordering::Relaxed) {
            self.recorder.note(&self.disk, kind, path, lasting);
        }
        Ok(())
    }

    fn wrap<T>(&self, path: &Path, inner: T) -> Probed<T> {
        Probed { probe: self.clone(), path: path.into(), inner }
    }
}

struct Probed<T> {
    probe: Probe,
    path: Box<Path>,
    inner: T,
}

impl<T> Probed<T> {
    fn note(&self, kind: CallKind) -> io::Result<&T> {
        self.probe.note(kind, &self.path)?;
        Ok(&self.inner)
    }
}

impl File for Probed<Arc<dyn File>> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.note(CallKind::Read)?.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.note(CallKind::Write)?.write_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.note(CallKind::Sync)?.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.note(CallKind::Fact)?.len()
    }
    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.note(CallKind::SetLen)?.set_len(bytes)
    }
}

impl SharedPage for Probed<Arc<dyn SharedPage>> {
    fn words(&self) -> usize {
        self.inner.words()
    }
    fn load(&self, index: usize) -> u64 {
        self.inner.load(index)
    }
    fn store(&self, index: usize, value: u64) {
        self.probe.act();
        // A store into a page of a process that is no more.
        if !self.probe.is_dead() {
            self.inner.store(index, value);
        }
    }
    fn sync(&self) -> io::Result<()> {
        self.note(CallKind::Sync)?.sync()
    }
}

impl Lock for Probed<Box<dyn Lock>> {
    fn describe(&self, text: &str) -> io::Result<()> {
        self.note(CallKind::Lock)?.describe(text)
    }
}

impl Probed<Arc<dyn RangeLocks>> {
    fn lock(&self) -> io::Result<&dyn RangeLocks> {
        self.probe.note_that(CallKind::Lock, &self.path, false)?;
        Ok(&*self.inner)
    }
}

impl RangeLocks for Probed<Arc<dyn RangeLocks>> {
    fn try_lock(&self, range: LockRange, mode: RangeMode) -> io::Result<bool> {
        self.lock()?.try_lock(range, mode)
    }
    fn unlock(&self, range: LockRange) -> io::Result<()> {
        self.lock()?.unlock(range)
    }
    fn holder(&self, range: LockRange, mode: RangeMode) -> io::Result<Option<LockRange>> {
        self.lock()?.holder(range, mode)
    }
}

impl Fs for Probe {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        self.note(if mode == OpenMode::CreateNew { CallKind::Create } else { CallKind::Open }, path)?;
        Ok(Arc::new(self.wrap(path, self.disk.open(path, mode)?)))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.note(CallKind::Create, path)?;
        self.disk.create_dir(path)
    }
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.note(CallKind::List, path)?;
        self.disk.read_dir(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(CallKind::Rename, from)?;
        self.disk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.note(CallKind::Remove, path)?;
        self.disk.remove_file(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note(CallKind::SyncDir, path)?;
        self.disk.sync_dir(path)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.note(CallKind::Lock, path)?;
        let lock = self.disk.try_lock(path)?;
        Ok(lock.map(|lock| -> Box<dyn Lock> { Box::new(self.wrap(path, lock)) }))
    }
    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        self.note(CallKind::Lock, path)?;
        Ok(Arc::new(self.wrap(path, self.disk.range_locks(path)?)))
    }
    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        self.note(CallKind::Lock, path)?;
        Ok(Arc::new(self.wrap(path, self.disk.range_locks_read(path)?)))
    }
    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>> {
        self.note(CallKind::Map, path)?;
        Ok(Arc::new(self.wrap(path, self.disk.shared_page(path, bytes)?)))
    }
    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>> {
        self.note(CallKind::Map, path)?;
        self.disk.shared_page_read(path)
    }
    fn boot_id(&self) -> io::Result<[u8; 16]> {
        self.note(CallKind::Fact, Path::new("/"))?;
        self.disk.boot_id()
    }
    fn trust(&self, path: &Path) -> io::Result<Trust> {
        self.note(CallKind::Fact, path)?;
        self.disk.trust(path)
    }
    fn block_bytes(&self, path: &Path) -> io::Result<u32> {
        self.note(CallKind::Fact, path)?;
        self.disk.block_bytes(path)
    }
    fn random(&self) -> io::Result<u64> {
        self.note(CallKind::Fact, Path::new("/"))?;
        self.disk.random()
    }
}
