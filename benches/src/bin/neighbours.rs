//! What other processes on the same store cost a writer, and how soon a killed one's thread goes on: `just neighbours`.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use threadlog::ThreadId;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{
    CreateThreadParams, LoadHistoryParams, ResumeThreadParams, ThreadStore, ThreadStoreError,
};
use threadlog_benches::latency::Latency;
use threadlog_benches::place::Place;
use threadlog_benches::solo::{Measured, Solo, Turns, interleave};
use threadlog_benches::threadlog::Ours;
use threadlog_benches::{Result, machine};
use tokio::runtime::Runtime;

const NEIGHBOURS: usize = 8;
const TURNS: Turns = Turns { rounds: 20, appends: 1_000, warm_up: 1_000 };
const TAKEOVERS: usize = 30;
const BYTES_FREE_MIN: u64 = 2 << 30;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(),
        ["attach", root] => attach(Path::new(root), ThreadId::generate(), true),
        ["hold", root, id] => attach(Path::new(root), id.parse()?, false),
        _ => Err("neighbours takes no arguments".into()),
    }
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?)
}

/// A process with the store open and a live thread of which something is stored. It does nothing until its input ends.
fn attach(root: &Path, id: ThreadId, new: bool) -> Result<()> {
    let runtime = runtime()?;
    let (store, thread) = runtime.block_on(async {
        let store = LocalThreadStore::open(root, LocalConfig::default()).await?;
        let thread = if new {
            LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(id)).await?
        } else {
            LiveThread::resume(Arc::new(store.clone()), ResumeThreadParams::new(id)).await?
        };
        thread.append(vec![item()?]).await?;
        thread.flush().await?;
        Ok::<_, threadlog_benches::Failure>((store, thread))
    })?;
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.block_on(async {
        thread.shutdown().await?;
        store.close().await?;
        Ok(())
    })
}

/// A message of about 1 KiB.
fn item() -> Result<NewItem> {
    let content = json!([{"type": "output_text", "text": "something that was said ".repeat(38)}]);
    Ok(NewItem::response(&json!({"type": "message", "role": "assistant", "content": content}))?)
}

/// Processes on a store; they end in order when dropped.
struct Neighbours(Vec<Child>);

impl Neighbours {
    fn start(count: usize, arguments: &[&str]) -> Result<Neighbours> {
        let program = std::env::current_exe()?;
        let mut all = Neighbours(Vec::new());
        for _ in 0..count {
            let mut command = Command::new(&program);
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
            all.0.push(command.spawn()?);
        }
        for child in &mut all.0 {
            let mut line = String::new();
            BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
            if line != "ready\n" {
                return Err("a neighbour could not open the store".into());
            }
        }
        Ok(all)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// Who is there while a contender has its turn: at most the processes of one store.
type Present = Rc<RefCell<Option<Neighbours>>>;

/// A contender with so many processes on its store, or with none anywhere.
struct Beside<S> {
    inner: S,
    root: PathBuf,
    count: usize,
    present: Present,
}

impl<S: Solo> Solo for Beside<S> {
    fn name(&self) -> String {
        match self.count {
            0 => format!("{}, alone", self.inner.name()),
            count => format!("{}, {count} others attached", self.inner.name()),
        }
    }

    fn prepare(&mut self, appends: u64) -> Result<()> {
        self.inner.prepare(appends)?;
        self.present.take();
        let root = self.root.to_string_lossy().into_owned();
        *self.present.borrow_mut() = Some(Neighbours::start(self.count, &["attach", &root])?);
        // What they wrote as they began is on the disk; their files are let go of by then.
        std::thread::sleep(Duration::from_millis(300));
        Ok(())
    }

    fn append(&mut self) -> Result<()> {
        self.inner.append()
    }

    fn turn(&mut self, appends: u64, latency: &mut Latency) -> Result<()> {
        self.inner.turn(appends, latency)
    }

    fn syncs(&self) -> Option<u64> {
        self.inner.syncs()
    }

    fn note(&self) -> String {
        self.inner.note()
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        self.present.take();
        Box::new(self.inner).count_again()
    }
}

/// A live thread: append and flush, as an agent would.
struct Thread {
    runtime: Runtime,
    store: LocalThreadStore,
    thread: LiveThread,
}

impl Thread {
    fn new(root: &Path) -> Result<Thread> {
        let runtime = runtime()?;
        let (store, thread) = runtime.block_on(async {
            let store = LocalThreadStore::open(root, LocalConfig::default()).await?;
            let params = CreateThreadParams::new(ThreadId::generate());
            let thread = LiveThread::create(Arc::new(store.clone()), params).await?;
            Ok::<_, threadlog_benches::Failure>((store, thread))
        })?;
        Ok(Thread { runtime, store, thread })
    }
}

impl Solo for Thread {
    fn name(&self) -> String {
        "live thread, append + flush".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.turn(1, &mut Latency::new())
    }

    fn turn(&mut self, appends: u64, latency: &mut Latency) -> Result<()> {
        let thread = self.thread.clone();
        let task = async move {
            let mut latency = Latency::new();
            for _ in 0..appends {
                let item = item()?;
                let start = Instant::now();
                thread.append(vec![item]).await?;
                thread.flush().await?;
                latency.record(start.elapsed());
            }
            Ok::<Latency, threadlog_benches::Failure>(latency)
        };
        latency.add(&self.runtime.block_on(async { tokio::spawn(task).await })??);
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        self.store.stats().map(|stats| stats.syncs)
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        self.runtime.block_on(async {
            self.thread.shutdown().await?;
            let history = self.store.load_history(LoadHistoryParams::new(self.thread.id())).await?;
            self.store.close().await?;
            // The first item is what the session began with.
            Ok(history.next_ordinal.saturating_sub(1))
        })
    }
}

fn measure() -> Result<()> {
    let place = Place::new(BYTES_FREE_MIN)?;
    println!("{}\n", machine::describe());
    let present = Present::default();
    let appends = TURNS.warm_up + TURNS.rounds * TURNS.appends;
    let payload = vec![b'a'; 1024];
    let mut contenders: Vec<Box<dyn Solo>> = Vec::new();
    for count in [0, NEIGHBOURS] {
        let root = place.path(&format!("engine-{count}"));
        let inner = OwnStream(Ours::new(&root, &payload, appends)?);
        contenders.push(Box::new(Beside { inner, root, count, present: Rc::clone(&present) }));
    }
    for count in [0, NEIGHBOURS] {
        let root = place.path(&format!("threads-{count}"));
        let inner = Thread::new(&root)?;
        contenders.push(Box::new(Beside { inner, root, count, present: Rc::clone(&present) }));
    }
    let rows = interleave(contenders, TURNS, || None)?;
    println!("| one writer, 1 KiB | p50 µs | p99 µs | p99.9 µs |\n|---|---|---|---|");
    for Measured { name, latency, .. } in &rows {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| latency.quantile_us(share));
        println!("| {name} | {p50:.1} | {p99:.1} | {p999:.1} |");
    }
    for pair in rows.chunks(2) {
        if let [alone, beside] = pair {
            let [p50, p99] =
                [0.5, 0.99].map(|share| beside.latency.quantile_us(share) / alone.latency.quantile_us(share));
            println!("{}: p50 {p50:.2} times, p99 {p99:.2} times", beside.name);
        }
    }
    takeovers(&place.path("takeover"))
}

/// The engine of a store in which others write streams too: only its own are counted.
struct OwnStream(Ours);

impl Solo for OwnStream {
    fn name(&self) -> String {
        "engine, append + sync".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.0.append()
    }

    fn syncs(&self) -> Option<u64> {
        self.0.syncs()
    }

    fn note(&self) -> String {
        self.0.note()
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        self.0.count_of(0)
    }
}

/// How long after SIGKILL another process has the thread.
fn takeovers(root: &Path) -> Result<()> {
    let runtime = runtime()?;
    let mut times = Vec::new();
    runtime.block_on(async {
        let store = LocalThreadStore::open(root, LocalConfig::default()).await?;
        let id = ThreadId::generate();
        let first = LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(id)).await?;
        first.persist().await?;
        first.shutdown().await?;
        for _ in 0..TAKEOVERS {
            let mut holder = Neighbours::start(1, &["hold", &root.to_string_lossy(), &id.to_string()])?;
            if !matches!(store.resume_thread(ResumeThreadParams::new(id)).await, Err(ThreadStoreError::Conflict(..))) {
                return Err("the thread was not held".into());
            }
            holder.0.iter_mut().try_for_each(Child::kill)?;
            let killed = Instant::now();
            while let Err(error) = store.resume_thread(ResumeThreadParams::new(id)).await {
                if !matches!(error, ThreadStoreError::Conflict(..)) || killed.elapsed() > Duration::from_secs(10) {
                    return Err(error.into());
                }
            }
            times.push(killed.elapsed());
            store.shutdown_thread(id.into()).await?;
        }
        store.close().await?;
        Ok::<(), threadlog_benches::Failure>(())
    })?;
    times.sort_unstable();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (median, longest) = (ms(times.get(times.len() / 2)), ms(times.last()));
    println!("\n{TAKEOVERS} takeovers after SIGKILL: median {median:.1} ms, longest {longest:.1} ms");
    Ok(())
}
