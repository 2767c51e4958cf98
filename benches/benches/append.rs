//! Append latency under criterion: small samples, for a look at a change. `figures` gives the tables.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use threadlog_benches::batched::Batched;
use threadlog_benches::crowd::{Crowd, Quota};
use threadlog_benches::enqueue::Enqueue;
use threadlog_benches::latency::Latency;
use threadlog_benches::place::Place;
use threadlog_benches::plan::{PAYLOADS, WRITERS};
use threadlog_benches::raw::{JsonLines, Raw, RawGroups};
use threadlog_benches::solo::Solo;
use threadlog_benches::sqlite::Sqlite;
use threadlog_benches::tasks::runtimes;
use threadlog_benches::threadlog::Ours;
use threadlog_benches::{Result, payload};

/// Room for the files of one size, in bytes.
const ROOM_BYTES: u64 = 4 << 30;

fn one_writer(criterion: &mut Criterion) {
    for bytes in PAYLOADS {
        let place = Place::new(ROOM_BYTES).expect("a disk");
        let contenders = solos(&place, bytes).expect("files");
        let mut group = criterion.benchmark_group(format!("1 writer, {bytes} B"));
        for mut contender in contenders {
            group.bench_function(contender.name(), |bencher| {
                bencher.iter_custom(|appends| {
                    contender.prepare(appends).expect("room");
                    let start = Instant::now();
                    contender.turn(appends, &mut Latency::new()).expect("an append");
                    start.elapsed()
                });
            });
        }
        group.finish();
    }
}

fn solos(place: &Place, bytes: usize) -> Result<Vec<Box<dyn Solo>>> {
    let payload = payload(bytes);
    let ours = |name: &str| Ours::new(&place.path(name), &payload, 20_000);
    Ok(vec![
        Box::new(Raw::new(&place.path("zeroed"), &payload, true)?),
        Box::new(ours("ours")?),
        Box::new(Raw::new(&place.path("growing"), &payload, false)?),
        Box::new(JsonLines::new(&place.path("jsonl"), &payload)?),
        Box::new(Sqlite::new(&place.path("sqlite"), &payload)?),
        Box::new(Enqueue::new(ours("enqueue")?, &payload)),
    ])
}

fn many_writers(criterion: &mut Criterion) {
    for bytes in PAYLOADS {
        let place = Place::new(ROOM_BYTES).expect("a disk");
        let crowds = crowds(&place, bytes).expect("files");
        let mut group = criterion.benchmark_group(format!("{WRITERS} writers, {bytes} B"));
        for crowd in crowds {
            group.bench_function(crowd.name(), |bencher| {
                bencher.iter_custom(|appends| {
                    let groups = appends.div_ceil(crowd.records_each(WRITERS));
                    let start = Instant::now();
                    crowd.run(WRITERS, Quota::appends(groups)).expect("an append");
                    start.elapsed()
                });
            });
        }
        group.finish();
    }
}

fn crowds(place: &Place, bytes: usize) -> Result<Vec<Crowd>> {
    let payload = payload(bytes);
    let ours = |name: &str| Ours::new(&place.path(name), &payload, u64::MAX >> 20);
    let [(many, many_name), (current, current_name)] = runtimes()?;
    Ok(vec![
        Crowd::Raw(RawGroups::new(&place.path("raw"), &payload, WRITERS)?.into()),
        Crowd::Threads(ours("threads")?),
        Crowd::Tasks(ours(many_name)?, many, many_name),
        Crowd::Tasks(ours(current_name)?, current, current_name),
        Crowd::SqliteBatched(Batched::new(Sqlite::new(&place.path("batched"), &payload)?)),
        Crowd::SqliteLocked(Sqlite::new(&place.path("locked"), &payload)?.into()),
    ])
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1200))
}

criterion_group! { name = append; config = short(); targets = one_writer, many_writers }
criterion_main!(append);
