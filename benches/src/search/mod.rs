//! What a search costs, and whether it finds what a plain scan of the files finds.
//!
//! Each search runs in a process of its own, so that its memory can be told. The control is a program without a store: it
//! reads the rollout files and looks at each line that has the term somewhere. What it finds is what the search must find.

pub mod child;
pub mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use threadlog::{ImportOptions, Silent, Store, ThreadId};
use threadlog_compaction::Config as CompactionConfig;
use threadlog_engine::Config;
use threadlog_sample::Plan;

use self::child::Cost;
use self::scan::Scanned;
use crate::place::Place;
use crate::sealed::{bytes_below, corpus, median};
use crate::{Result, machine};

/// Generated at once, and removed when it is imported and scanned.
const PART_BYTES: u64 = 512 << 20;
/// Lines of a generated thread, and what one is long on average.
const ITEMS: u32 = 400;
const LINE_BYTES: u64 = 2300;
/// What an event and the model's item of the same message are apart at most, in lines.
const TWINS_APART: u64 = 8;

/// What is searched for.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// The text.
    pub text: &'static str,
    /// Whether it is a regular expression: there is no control for it then.
    pub regex: bool,
    /// Whether in all texts, not only in messages and calls.
    pub everywhere: bool,
}

/// The searches: nothing to find, something, much, and a pattern.
pub const TERMS: [Term; 5] = [
    Term { text: "zyzzyva", regex: false, everywhere: false },
    Term { text: "zyzzyva", regex: false, everywhere: true },
    Term { text: "cargo", regex: false, everywhere: false },
    Term { text: "the", regex: false, everywhere: false },
    Term { text: r"fn\s+[a-z]+_timeout", regex: true, everywhere: false },
];

/// A store, what stands in its files, and what the control found there.
struct Prepared {
    name: String,
    root: PathBuf,
    /// Of the files.
    bytes: u64,
    /// For each term that has a control.
    scans: BTreeMap<usize, Scanned>,
}

impl Prepared {
    fn new(name: String, root: PathBuf) -> Prepared {
        let scans = (0..).zip(TERMS).filter(|(_, term)| !term.regex && !term.everywhere);
        Prepared { name, root, bytes: 0, scans: scans.map(|(at, _)| (at, Scanned::default())).collect() }
    }

    fn scan(&mut self, files: &[PathBuf]) -> Result<()> {
        for (at, scanned) in &mut self.scans {
            scanned.scan(files, TERMS[*at].text)?;
        }
        Ok(())
    }
}

fn import(folder: &Path, root: &Path) -> Result<u64> {
    let store = Store::open(root, Config::default())?;
    let report = store.import(&[folder.to_owned()], &ImportOptions::default(), &Silent)?;
    store.close()?;
    if let Some(refused) = report.refused.first() {
        return Err(format!("{}: {}", refused.path, refused.reason).into());
    }
    Ok(report.bytes())
}

/// Real rollout files, imported and compacted; `None` if there are none.
fn real(place: &Place) -> Result<Option<Prepared>> {
    let Some(folder) = corpus::folder() else { return Ok(None) };
    let folder = folder.canonicalize()?;
    let mut files = Vec::new();
    corpus::files(&folder, &mut files)?;
    let root = place.path("real");
    let name = format!("{} real rollout files, imported and compacted", files.len());
    let mut prepared = Prepared::new(name, root.clone());
    prepared.bytes = import(&folder, &root)?;
    let store = Store::open(&root, Config::default())?;
    store.compact(true, &CompactionConfig::default(), &Silent)?;
    store.close()?;
    prepared.scan(&files)?;
    Ok(Some(prepared))
}

/// So many bytes of generated files, made, imported and scanned part by part.
fn generated(place: &Place, bytes: u64) -> Result<Prepared> {
    let root = place.path("generated");
    let mut prepared = Prepared::new(String::new(), root.clone());
    let mut threads = 0;
    for seed in 7.. {
        let left = bytes.saturating_sub(prepared.bytes).min(PART_BYTES);
        if left == 0 {
            break;
        }
        let part = u32::try_from(left / (u64::from(ITEMS) * LINE_BYTES))?.max(1);
        let plan = Plan { threads: part, items: ITEMS, seed, ..Plan::default() };
        let folder = place.path("part");
        threadlog_sample::write_tree(&plan, &folder, |_| ())?;
        let mut files = Vec::new();
        corpus::files(&folder, &mut files)?;
        prepared.bytes += import(&folder, &root)?;
        prepared.scan(&files)?;
        std::fs::remove_dir_all(&folder)?;
        threads += part;
    }
    prepared.name = format!("{threads} generated threads of {ITEMS} lines on average, imported");
    Ok(prepared)
}

/// The names of the files that threads were imported from.
fn names(root: &Path) -> Result<BTreeMap<ThreadId, String>> {
    let store = Store::open_read(root)?;
    let name = |thread: threadlog::ThreadSummary| {
        let source = thread.current.facts.life.latest_source()?.place.path.to_string();
        Some((thread.thread, source.rsplit('/').next()?.to_owned()))
    };
    Ok(store.threads().into_iter().filter_map(name).collect())
}

/// Of what the control found, what the search found; an error if it found something else.
fn recall(scanned: &Scanned, found: &BTreeSet<(String, u64)>) -> Result<f64> {
    if let Some((name, line)) = found.difference(&scanned.found).next() {
        return Err(format!("line {line} of {name} is found, and does not say it").into());
    }
    // Of a message and the event beside it the first is found.
    let is_there = |(name, line): &&(String, u64)| {
        let near = (name.clone(), line.saturating_sub(TWINS_APART))..=(name.clone(), line.saturating_add(TWINS_APART));
        found.range(near).next().is_some()
    };
    let there = scanned.found.iter().filter(is_there).count();
    Ok(if scanned.found.is_empty() { 1.0 } else { there as f64 / scanned.found.len() as f64 })
}

/// One search in a process of its own; what it found goes to `to`.
fn search(root: &Path, term: usize, to: &Path) -> Result<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg("child").arg(root).arg(term.to_string()).arg(to).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn found(to: &Path, names: &BTreeMap<ThreadId, String>) -> Result<BTreeSet<(String, u64)>> {
    let mut found = BTreeSet::new();
    for line in std::fs::read_to_string(to)?.lines() {
        let (id, ordinal) = line.split_once(' ').ok_or("a find without a place")?;
        let name = names.get(&id.parse()?).ok_or("a find in a thread without a file")?;
        if !found.insert((name.clone(), ordinal.parse()?)) {
            return Err(format!("{line} is found twice").into());
        }
    }
    Ok(found)
}

fn table(place: &Place, prepared: &Prepared, rounds: usize) -> Result<()> {
    let (names, to) = (names(&prepared.root)?, place.path("finds"));
    let on_disk = bytes_below(&prepared.root)?;
    println!("### {}: {} bytes of files, {on_disk} bytes in the store\n", prepared.name, prepared.bytes);
    println!("{}\n", machine::describe());
    println!("| search | finds | wall s | first find s | processor s | MB/s of the files | peak MiB | recall |");
    println!("|---|---|---|---|---|---|---|---|");
    let (mut opens, mut lists) = (Vec::new(), Vec::new());
    for (at, term) in TERMS.iter().enumerate() {
        let (mut walls, mut firsts, mut cpus, mut peak, mut last) = (vec![], vec![], vec![], 0, None);
        for _ in 0..rounds.max(1) {
            let cost = search(&prepared.root, at, &to)?;
            walls.push(cost.wall);
            firsts.extend(cost.first);
            cpus.push(cost.processor);
            opens.push(cost.open);
            lists.push(cost.list);
            peak = peak.max(cost.peak_kib);
            last = Some(cost);
        }
        let cost = last.ok_or("no round")?;
        let recall = match prepared.scans.get(&at) {
            Some(scanned) => format!("{:.4}", recall(scanned, &found(&to, &names)?)?),
            None => "".to_owned(),
        };
        let wall = median(walls);
        let first = if firsts.is_empty() { String::new() } else { format!("{:.3}", median(firsts)) };
        let place = if term.everywhere { ", all texts" } else { "" };
        let speed = prepared.bytes as f64 / wall / 1e6;
        let (finds, processor, peak) = (cost.finds, median(cpus), peak >> 10);
        println!(
            "| `{}`{place} | {finds} | {wall:.3} | {first} | {processor:.3} | {speed:.0} | {peak} | {recall} |",
            term.text
        );
    }
    println!("\nBefore each: opening {:.3} s, learning what each thread is {:.3} s.", median(opens), median(lists));
    for (at, Scanned { seconds, found, .. }) in &prepared.scans {
        let speed = prepared.bytes as f64 / seconds / 1e6;
        let text = TERMS[*at].text;
        println!(
            "Control, one thread over the files, `{text}`: {} lines, {seconds:.3} s, {speed:.0} MB/s.",
            found.len()
        );
    }
    println!();
    Ok(())
}

/// The tables: real files, and so many bytes of generated ones.
///
/// # Errors
/// Those of files and of the store; a find that the control has not.
pub fn run(place: &Place, bytes: u64, rounds: usize) -> Result<()> {
    let start = Instant::now();
    match real(place)? {
        Some(prepared) => table(place, &prepared, rounds)?,
        None => println!("### Real rollout files\n\nSKIPPED: there are none; set THREADLOG_CORPUS.\n"),
    }
    table(place, &generated(place, bytes)?, rounds)?;
    println!("{} s in all.", start.elapsed().as_secs());
    Ok(())
}
