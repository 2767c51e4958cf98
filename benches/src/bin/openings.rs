//! What it costs to open a journal again, after a clean end and after a death, and what the two syncs that only the latter
//! needs cost alone: `just openings`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadlog_benches::place::Place;
use threadlog_benches::threadlog::Ours;
use threadlog_benches::{Result, machine};
use threadlog_engine::{Config, Engine, OsFs};

const ROUNDS: usize = 100;
const APPENDS: u64 = 200;
const PAYLOAD: [u8; 1024] = [b'x'; 1024];
const BYTES_FREE_MIN: u64 = 1 << 30;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(),
        ["die", root] => die(Path::new(root)),
        _ => Err("openings takes no arguments".into()),
    }
}

/// Writes a store, every record durable, and comes to a sudden end.
fn die(root: &Path) -> Result<()> {
    let ours = Ours::new(root, &PAYLOAD, APPENDS)?;
    for _ in 0..APPENDS {
        ours.append_durable(0)?;
    }
    std::process::abort()
}

fn measure() -> Result<()> {
    let place = Place::new(BYTES_FREE_MIN)?;
    let (mut after_death, mut after_close, mut page, mut names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let root = place.path(&format!("store-{round}"));
        Command::new(std::env::current_exe()?).arg("die").arg(&root).status()?;
        after_death.push(open(&root)?);
        after_close.push(open(&root)?);
        let (one, other) = control(&place, round)?;
        page.push(one);
        names.push(other);
        std::fs::remove_dir_all(&root)?;
    }
    println!("{} records of 1 KiB, {ROUNDS} rounds; {}\n", APPENDS, machine::describe());
    println!("| | p50 µs | p90 µs |\n|---|---|---|");
    let rows = [
        ("opening after a death", after_death),
        ("opening after a close", after_close),
        ("a page of a file written and synced", page),
        ("its directory synced, nothing new in it", names),
    ];
    for (name, mut times) in rows {
        times.sort_unstable();
        let us = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
        println!("| {name} | {:.0} | {:.0} |", us(50), us(90));
    }
    Ok(())
}

/// How long opening takes; closes in order.
fn open(root: &Path) -> Result<Duration> {
    let start = Instant::now();
    let engine = Engine::open(Arc::new(OsFs), root, Config::default())?;
    let time = start.elapsed();
    engine.close()?;
    Ok(time)
}

/// The two syncs by themselves: of a page that was written, and of a directory.
fn control(place: &Place, round: usize) -> Result<(Duration, Duration)> {
    let path = place.path("page");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    let folder = File::open(path.parent().unwrap_or(&path))?;
    folder.sync_all()?;
    file.write_all_at(&[round as u8; 4096], 0)?;
    let start = Instant::now();
    file.sync_data()?;
    let page = start.elapsed();
    let start = Instant::now();
    folder.sync_all()?;
    Ok((page, start.elapsed()))
}
