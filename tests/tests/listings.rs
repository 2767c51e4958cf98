//! Lists that are read page by page while other processes make, rename and archive threads: what is there all the time is
//! neither skipped nor met twice.
//!
//! Threads begin in few milliseconds, so that most have neighbours of the same time, and those that come while a list is read
//! come anywhere in it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadlog::item::Timestamp;
use threadlog::list::{ArchiveFilter, Cursor, Direction, ListParams, SortKey, ThreadRow};
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, ResumeThreadParams, StoredThread, ThreadStore, UpdateThreadMetadataParams,
};
use threadlog::{Store, ThreadId};
use threadlog_tests::real::config;
use threadlog_tests::setting;
use threadlog_tests::words::{current_thread, message};

const WORKERS: u64 = 3;
/// Threads that each worker makes.
const MADE: u64 = 334;
/// When the first thread begins.
const BEGINNING: u64 = 1_750_000_000_000;
/// How many milliseconds later the last one does.
const MOMENTS: u64 = 60;
/// The folder of half of the threads.
const FOLDER: &str = "/projects/one";

/// What happens to a thread while lists are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// It is renamed.
    Steady,
    /// The same in the archive.
    Shelved,
    /// Something is added to it.
    Restless,
    /// It comes, and goes to the archive and back.
    Passing(u64),
}

impl Sort {
    /// How many of them there are before any other process begins.
    fn count(self) -> u64 {
        match self {
            Sort::Steady => 200,
            Sort::Shelved => 60,
            Sort::Restless => 12,
            Sort::Passing(_) => 0,
        }
    }

    fn id(self, number: u64) -> ThreadId {
        let sort = match self {
            Sort::Steady => 0,
            Sort::Shelved => 1,
            Sort::Restless => 2,
            Sort::Passing(worker) => 3 + worker,
        };
        // Those of one millisecond stand in the order of their ids: all sorts are mixed.
        let place = (sort << 32 | number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        format!("{place:08x}-0000-7000-8000-{sort:04x}{number:08x}").parse().expect("an id")
    }

    fn of(id: ThreadId) -> Sort {
        match &id.to_string()[24..28] {
            "0000" => Sort::Steady,
            "0001" => Sort::Shelved,
            "0002" => Sort::Restless,
            _ => Sort::Passing(0),
        }
    }

    fn all(self) -> impl Iterator<Item = ThreadId> {
        (0..self.count()).map(move |number| self.id(number))
    }
}

fn time(ms: u64) -> Timestamp {
    Timestamp::from_ms(BEGINNING + ms).expect("a time")
}

async fn make(store: &LocalThreadStore, id: ThreadId, ms: u64) {
    let mut params = CreateThreadParams::new(id);
    params.created_at = Some(time(ms));
    params.cwd = ms.is_multiple_of(2).then(|| FOLDER.to_owned());
    store.create_thread(params).await.expect("a thread");
    add(store, id, ms).await;
}

/// Adds a message to a live thread, and lets go of it.
async fn add(store: &LocalThreadStore, id: ThreadId, ms: u64) {
    let mut item = message("something");
    if let threadlog::RolloutItem::Enveloped { timestamp, .. } = &mut item {
        *timestamp = time(ms);
    }
    store.append_items(AppendItemsParams::new(id, vec![item])).await.expect("it is accepted");
    store.shutdown_thread(id.into()).await.expect("it is stored");
}

async fn rename(store: &LocalThreadStore, id: ThreadId, name: String) {
    let params = UpdateThreadMetadataParams::new(id, MetadataPatch::rename(name)).with_archived();
    store.update_thread_metadata(params).await.expect("a new name");
}

#[test]
#[ignore = "a process that is killed: the other test starts it"]
fn worker() {
    let Ok(root) = std::env::var("THREADLOG_LISTINGS_ROOT") else { return };
    let own = Sort::Passing(setting("THREADLOG_LISTINGS_WORKER", 0));
    current_thread().block_on(async {
        let store = LocalThreadStore::open(Path::new(&root), config()).await.expect("the store");
        let mut random = ChaCha8Rng::seed_from_u64(own.id(0).uuid().as_u64_pair().1);
        for step in 0_u64.. {
            if step < MADE {
                make(&store, own.id(step), random.random_range(0..MOMENTS)).await;
            } else if step == MADE {
                std::io::stdout().write_all(b"@made\n").expect("the parent listens");
            }
            let of_own = own.id(random.random_range(0..=step.min(MADE - 1)));
            let known = if random.random_bool(0.5) { Sort::Steady } else { Sort::Shelved };
            rename(&store, known.id(random.random_range(0..known.count())), format!("name {step}")).await;
            rename(&store, of_own, format!("name {step}")).await;
            if random.random_bool(0.6) {
                store.archive_thread(of_own.into()).await.expect("archived");
            } else {
                store.unarchive_thread(of_own.into()).await.expect("no longer archived");
            }
            if own == Sort::Passing(0) {
                let id = Sort::Restless.id(step % Sort::Restless.count());
                store.resume_thread(ResumeThreadParams::new(id)).await.expect("nobody else writes it");
                // Later than all that is listed: time goes on.
                add(&store, id, MOMENTS + step).await;
            }
        }
    });
}

/// A process that changes the store until it is killed.
struct Worker(Child);

impl Worker {
    fn start(root: &Path, number: u64, done: &Arc<AtomicU64>) -> Worker {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["worker", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("THREADLOG_LISTINGS_ROOT", root).env("THREADLOG_LISTINGS_WORKER", number.to_string());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("a process starts");
        let (pipe, done) = (child.stdout.take().expect("a pipe"), Arc::clone(done));
        std::thread::spawn(move || {
            let made = BufReader::new(pipe).lines().map_while(Result::ok).any(|line| line.ends_with("@made"));
            done.fetch_add(if made { 1 } else { WORKERS + 1 }, Ordering::Release);
        });
        Worker(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().expect("it is there to be killed");
        self.0.wait().expect("a child");
    }
}

/// Which list.
#[derive(Clone, Copy, Debug)]
struct Order {
    key: SortKey,
    direction: Direction,
    archived: ArchiveFilter,
    /// Only threads of one folder.
    filtered: bool,
}

impl Order {
    fn all() -> Vec<Order> {
        let mut all = Vec::new();
        for key in [SortKey::Created, SortKey::Updated, SortKey::Recency] {
            for direction in [Direction::Descending, Direction::Ascending] {
                for (archived, filtered) in
                    [(ArchiveFilter::Active, false), (ArchiveFilter::Archived, false), (ArchiveFilter::Active, true)]
                {
                    all.push(Order { key, direction, archived, filtered });
                }
            }
        }
        all
    }

    fn params(self) -> ListParams {
        let mut params = ListParams::default();
        (params.sort_key, params.direction, params.archived) = (self.key, self.direction, self.archived);
        params.cwds = self.filtered.then(|| vec![FOLDER.to_owned()]);
        params
    }
}

/// Who reads lists: a program that has the store open, or one that opens it to read, now and then anew.
struct Lister {
    root: PathBuf,
    store: LocalThreadStore,
    /// After so many pages it opens the store anew; `None` if it writes and stays.
    pages_left: Option<u64>,
    random: ChaCha8Rng,
}

/// A list, read to its end.
struct Whole {
    order: Order,
    threads: Vec<StoredThread>,
    back: Option<Cursor>,
    /// Totals that its pages told.
    totals: Vec<u64>,
}

impl Lister {
    fn reading(root: &Path) -> LocalThreadStore {
        LocalThreadStore::reading(&Store::open_read(root).expect("a store to read")).expect("its threads")
    }

    async fn whole(&mut self, order: Order) -> Whole {
        let mut whole = Whole { order, threads: Vec::new(), back: None, totals: Vec::new() };
        let mut params = order.params();
        loop {
            if let Some(left) = &mut self.pages_left {
                *left = left.checked_sub(1).unwrap_or_else(|| {
                    self.store = Lister::reading(&self.root);
                    20
                });
            }
            params.page_size = self.random.random_range(1..25);
            let page = self.store.list_threads(params.clone()).await.expect("a page");
            assert!(page.threads.len() <= params.page_size);
            whole.back = whole.back.or(page.backwards_cursor);
            whole.totals.push(page.total);
            whole.threads.extend(page.threads);
            let Some(next) = page.next_cursor else { return whole };
            params.cursor = Some(next.to_string().parse().expect("a cursor is a text"));
        }
    }

    /// What came to the beginning of the list since.
    async fn since(&self, whole: &Whole) -> Vec<ThreadId> {
        let mut params = whole.order.params();
        (params.direction, params.cursor, params.page_size) = (Direction::Ascending, whole.back, 1000);
        let page = self.store.list_threads(params).await.expect("a page");
        assert_eq!(page.next_cursor, None);
        page.threads.iter().map(StoredThread::id).collect()
    }
}

impl Whole {
    /// Panics if anything is skipped, comes twice, or stands in the wrong place.
    fn examine(&self, since: &[ThreadId]) {
        let order = self.order;
        let place = |thread: &StoredThread| (thread.metadata.time_ms(order.key), thread.id());
        let mut places: Vec<_> = self.threads.iter().map(place).collect();
        if order.direction == Direction::Descending {
            places.reverse();
        }
        assert!(places.is_sorted_by(|one, next| one < next), "{order:?}: out of order");
        let mut met: BTreeMap<ThreadId, u64> = BTreeMap::new();
        self.threads.iter().for_each(|thread| *met.entry(thread.id()).or_default() += 1);
        let times = |id: ThreadId| met.get(&id).copied().unwrap_or(0);
        let moves = |id: ThreadId| Sort::of(id) == Sort::Restless && order.key != SortKey::Created;
        for (id, times) in &met {
            assert!(*times == 1 || moves(*id), "{order:?}: {id} comes {times} times");
        }
        let there = if order.archived == ArchiveFilter::Archived { Sort::Shelved } else { Sort::Steady };
        for (number, id) in (0..).zip(there.all()) {
            let wanted = !order.filtered || begins(number).is_multiple_of(2);
            assert_eq!(times(id) == 1, wanted, "{order:?}: {id} is skipped, or should not be there");
        }
        for id in Sort::Restless.all().filter(|_| order.archived == ArchiveFilter::Active && !order.filtered) {
            let found = times(id) > 0 || (order.direction == Direction::Descending && since.contains(&id));
            assert!(found, "{order:?}: {id}, to which something is added, is skipped");
        }
    }
}

/// In which millisecond a thread begins that is there before others come.
fn begins(number: u64) -> u64 {
    number * 7 % MOMENTS
}

async fn begin(root: &Path) -> LocalThreadStore {
    let store = LocalThreadStore::open(root, config()).await.expect("a store");
    for sort in [Sort::Steady, Sort::Shelved, Sort::Restless] {
        for (number, id) in (0..).zip(sort.all()) {
            make(&store, id, begins(number)).await;
            if sort == Sort::Shelved {
                store.archive_thread(id.into()).await.expect("archived");
            }
        }
    }
    store
}

/// Reads all lists at least once, and as long as threads are made; says how many changed while they were read.
async fn read_lists(mut lister: Lister, first: usize, done: &AtomicU64) -> (u64, u64) {
    let (mut read, mut changed) = (0, 0);
    let orders = Order::all();
    for at in first.. {
        if read >= orders.len() as u64 && done.load(Ordering::Acquire) >= WORKERS {
            break;
        }
        let whole = lister.whole(orders[at % orders.len()]).await;
        whole.examine(&lister.since(&whole).await);
        read += 1;
        changed += u64::from(whole.totals.iter().any(|total| Some(total) != whole.totals.first()));
    }
    (read, changed)
}

#[test]
fn lists_that_are_read_beside_processes_that_change_threads_skip_nothing_and_repeat_nothing() {
    let place = tempfile::tempdir().expect("a place");
    let root = &place.path().join("store");
    let writing = current_thread().block_on(begin(root));
    let (done, random) = (Arc::new(AtomicU64::new(0)), ChaCha8Rng::seed_from_u64);
    let staying = Lister { root: root.clone(), store: writing, pages_left: None, random: random(1) };
    let coming = Lister { root: root.clone(), store: Lister::reading(root), pages_left: Some(20), random: random(2) };
    let workers: Vec<Worker> = (0..WORKERS).map(|number| Worker::start(root, number, &done)).collect();
    let (one, two) = std::thread::scope(|scope| {
        let read = |lister, first| current_thread().block_on(read_lists(lister, first, &done));
        let other = scope.spawn(move || read(coming, 9));
        (read(staying, 0), other.join().expect("every list is whole"))
    });
    assert_eq!(done.load(Ordering::Acquire), WORKERS, "a worker died");
    drop(workers);
    println!("lists read, and of these changed meanwhile: {one:?} and {two:?}");
    assert!(one.1 > 0 && two.1 > 0, "no list changed while it was read: {one:?} {two:?}");
    let there = current_thread().block_on(async {
        let mut params = ListParams::default();
        params.page_size = 10_000;
        let active = Lister::reading(root).list_threads(params).await.expect("a page");
        active.total + active.hidden.all()
    });
    let before: u64 = [Sort::Steady, Sort::Shelved, Sort::Restless].into_iter().map(Sort::count).sum();
    assert_eq!(there, before + WORKERS * MADE, "every thread is there");
}
