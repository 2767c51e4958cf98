//! The tables, each measured in turns within one run.

use std::time::Duration;

use parking_lot::Mutex;

use crate::batched::Batched;
use crate::crowd::{Crowd, Quota};
use crate::enqueue::{Enqueue, Unsynced};
use crate::latency::Latency;
use crate::machine::{self, Cpus};
use crate::place::Place;
use crate::plan::{Plan, WRITERS};
use crate::raw::{JsonLines, Raw, RawGroups, bandwidth};
use crate::report::{Row, Table};
use crate::solo::{Measured, Solo, Turns, interleave};
use crate::sqlite::Sqlite;
use crate::tasks::runtimes;
use crate::threadlog::{Ours, OursAsync, config};
use crate::threads::{LiveCrowd, LiveItems};
use crate::{Result, payload};

/// Appends that wait for nothing.
///
/// # Errors
/// Those of the contenders.
pub fn enqueue(plan: &Plan, bytes: usize) -> Result<Table> {
    let place = Place::new(plan.room_bytes())?;
    let payload = payload(bytes);
    let ours = Ours::new(&place.path("ours"), &payload, all(plan.enqueue))?;
    let contenders: Vec<Box<dyn Solo>> =
        vec![Box::new(Unsynced::new(&place.path("unsynced"), &payload)?), Box::new(Enqueue::new(ours, &payload))];
    let rows = interleave(contenders, plan.enqueue, || None)?;
    Ok(Table::new(format!("enqueue, {}", text(bytes)), rows.into_iter().map(Row::from).collect()))
}

/// One writer that waits for each append.
///
/// # Errors
/// Those of the contenders.
pub fn solo(plan: &Plan, bytes: usize) -> Result<Table> {
    let place = Place::new(plan.room_bytes())?;
    let payload = payload(bytes);
    let contenders: Vec<Box<dyn Solo>> = vec![
        Box::new(Raw::new(&place.path("zeroed"), &payload, true)?),
        Box::new(Ours::new(&place.path("ours"), &payload, all(plan.solo))?),
        Box::new(Raw::new(&place.path("growing"), &payload, false)?),
        Box::new(JsonLines::new(&place.path("jsonl"), &payload)?),
        Box::new(Sqlite::new(&place.path("sqlite"), &payload)?),
    ];
    let rows = interleave(contenders, plan.solo, || machine::device_flushes(&place.path("zeroed")))?;
    Ok(Table::new(format!("durable, 1 writer, {}", text(bytes)), rows.into_iter().map(Row::from).collect()))
}

/// One writer on a task, with the cost of two wake-ups from the same minute. Everything on one CPU, or free.
///
/// # Errors
/// Those of the contenders.
pub fn solo_async(plan: &Plan, bytes: usize, pinned: bool) -> Result<Table> {
    if pinned {
        machine::on_one_cpu(|| solo_async_here(plan, bytes, true))
    } else {
        solo_async_here(plan, bytes, false)
    }
}

fn solo_async_here(plan: &Plan, bytes: usize, pinned: bool) -> Result<Table> {
    let place = Place::new(plan.room_bytes())?;
    let payload = payload(bytes);
    let mut contenders: Vec<Box<dyn Solo>> = vec![
        Box::new(Raw::new(&place.path("zeroed"), &payload, true)?),
        Box::new(Ours::new(&place.path("ours"), &payload, all(plan.solo))?),
    ];
    for (runtime, flavour) in runtimes()? {
        let ours = Ours::new(&place.path(flavour), &payload, all(plan.solo))?;
        contenders.push(Box::new(OursAsync::new(ours, runtime, flavour)));
    }
    for (runtime, flavour) in runtimes()? {
        let (root, config) = (place.path(&format!("live-{flavour}")), config(bytes, all(plan.solo)));
        contenders.push(Box::new(LiveItems::new(&root, config, bytes, runtime, flavour)?));
    }
    let mut rows = interleave(contenders, plan.solo, || machine::device_flushes(&place.path("zeroed")))?;
    let kinds = if pinned { &[Cpus::Same][..] } else { &[Cpus::Free, Cpus::Same, Cpus::Different] };
    let wake_ups = kinds.iter().map(|cpus| Ok((*cpus, machine::two_wake_ups(*cpus, plan.wake_ups)?)));
    let wake_ups: Vec<(Cpus, Latency)> = wake_ups.collect::<Result<_>>()?;
    let slowest = wake_ups.iter().map(|(_, latency)| latency.quantile_us(0.5)).fold(0.0, f64::max);
    let target = rows.first().map_or(0.0, |control| control.latency.quantile_us(0.5)) + slowest;
    for row in rows.iter_mut().skip(2) {
        row.note = format!("control + two wake-ups: {target:.0} µs; {}", row.note);
    }
    let wake_ups = wake_ups.into_iter().map(|(cpus, latency)| {
        let per_second = 1e6 / latency.quantile_us(0.5);
        let name = format!("two wake-ups, CPUs: {cpus:?}").to_lowercase();
        Measured { name, latency, per_second, syncs_per_append: None, flushes_per_append: None, note: String::new() }
    });
    let rows = rows.into_iter().chain(wake_ups).map(Row::from).collect();
    let cpus = if pinned { "pinned to one CPU" } else { "free" };
    Ok(Table::new(format!("durable, 1 task, {}, {cpus}", text(bytes)), rows))
}

/// Many writers, every contender in turns.
///
/// # Errors
/// Those of the contenders.
pub fn crowd(plan: &Plan, bytes: usize) -> Result<Table> {
    let place = Place::new(plan.room_bytes())?;
    let payload = payload(bytes);
    // Rollovers come by themselves here: at this rate the segments' greatest length is reached in seconds.
    let ours = |name: &str| Ours::new(&place.path(name), &payload, u64::MAX >> 20);
    let mut crowds = vec![
        Crowd::Raw(Mutex::new(RawGroups::new(&place.path("raw"), &payload, WRITERS)?)),
        Crowd::Threads(ours("threads")?),
    ];
    for (runtime, flavour) in runtimes()? {
        crowds.push(Crowd::Tasks(ours(flavour)?, runtime, flavour));
    }
    crowds.push(Crowd::SqliteBatched(Batched::new(Sqlite::new(&place.path("batched"), &payload)?)));
    crowds.push(Crowd::SqliteLocked(Mutex::new(Sqlite::new(&place.path("locked"), &payload)?)));
    crowds.push(Crowd::JsonLines(Mutex::new(JsonLines::new(&place.path("jsonl"), &payload)?)));
    let rows = turns(crowds, plan.crowd_rounds, plan.crowd_turn, &place)?;
    Ok(Table::new(format!("durable, {WRITERS} writers, {}", text(bytes)), rows))
}

/// Live threads of one store, all flushing at once: the rate is of flushes, the syncs are per flush.
///
/// # Errors
/// Those of the contenders.
pub fn live(plan: &Plan, bytes: usize) -> Result<Table> {
    let place = Place::new(plan.room_bytes())?;
    let payload = payload(bytes);
    let mut crowds = vec![Crowd::Raw(Mutex::new(RawGroups::new(&place.path("raw"), &payload, WRITERS)?))];
    for (runtime, flavour) in runtimes()? {
        crowds.push(Crowd::Live(LiveCrowd::new(&place.path(flavour), WRITERS, bytes, runtime, flavour)?));
    }
    let rows = turns(crowds, plan.crowd_rounds, plan.crowd_turn, &place)?;
    Ok(Table::new(format!("{WRITERS} live threads flushing, {}", text(bytes)), rows))
}

/// What many writers reach for a short and for a long time, as a share of the disk's sequential bandwidth, which is measured
/// before and after.
///
/// # Errors
/// Those of the engine.
pub fn throughput(plan: &Plan, bytes: usize) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for (name, time) in [("burst", plan.burst), ("sustained", plan.sustained)] {
        let mut rows = Vec::new();
        let [many, current] = runtimes()?;
        for kind in [None, Some(many), Some(current)] {
            let place = Place::new(plan.room_bytes())?;
            let payload = payload(bytes);
            let before = bandwidth(&place.path("before"), plan.bandwidth_bytes)?;
            let ours = Ours::new(&place.path("ours"), &payload, u64::MAX >> 20)?;
            let crowd = match kind {
                None => Crowd::Threads(ours),
                Some((runtime, flavour)) => Crowd::Tasks(ours, runtime, flavour),
            };
            for mut row in turns(vec![crowd], 1, time, &place)? {
                let after = bandwidth(&place.path("after"), plan.bandwidth_bytes)?;
                let own = row.per_second.unwrap_or(0.0) * bytes as f64;
                let share = 100.0 * own / f64::midpoint(before, after);
                let [own, before, after] = [own, before, after].map(|bytes| bytes / 1e6);
                let disk = format!("raw sequential before {before:.0} MB/s, after {after:.0}");
                row.note = format!("payload {own:.0} MB/s = {share:.0} %; {disk}; {}", row.note);
                rows.push(row);
            }
        }
        let title = format!("{name}, {} s, {WRITERS} writers, {}", time.as_secs_f64(), text(bytes));
        tables.push(Table::new(title, rows));
    }
    Ok(tables)
}

fn turns(crowds: Vec<Crowd>, rounds: u64, time: Duration, place: &Place) -> Result<Vec<Row>> {
    let mut latencies = vec![(Latency::new(), 0_u64, 0.0_f64); crowds.len()];
    let flushes = || machine::device_flushes(&place.path(".")).unwrap_or(0);
    for _ in 0..rounds {
        for (crowd, (latency, flushed, seconds)) in crowds.iter().zip(&mut latencies) {
            let (before, start) = (flushes(), std::time::Instant::now());
            latency.add(&crowd.run(WRITERS, Quota::time(time))?);
            *seconds += start.elapsed().as_secs_f64();
            *flushed += flushes().saturating_sub(before);
        }
    }
    let mut rows = Vec::new();
    for (crowd, (latency, flushed, seconds)) in crowds.into_iter().zip(latencies) {
        let records = latency.count() * crowd.records_each(WRITERS);
        let of_records = |count: u64| count as f64 / records.max(1) as f64;
        let measured = Measured {
            name: crowd.name(),
            per_second: records as f64 / seconds,
            syncs_per_append: crowd.syncs().map(of_records),
            flushes_per_append: (flushed > 0).then(|| of_records(flushed)),
            note: crowd.note(),
            latency,
        };
        let found = crowd.count_again()?;
        if found.is_some_and(|found| found != records) {
            return Err(format!("{}: {records} appended, {found:?} found", measured.name).into());
        }
        rows.push(Row::from(measured));
    }
    Ok(rows)
}

fn all(turns: Turns) -> u64 {
    turns.warm_up + turns.rounds * turns.appends
}

fn text(bytes: usize) -> String {
    if bytes < 1024 { format!("{bytes} B") } else { format!("{} KiB", bytes / 1024) }
}
