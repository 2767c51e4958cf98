//! `threadlog du`: what takes the room.

use clap::Args;
use serde::Serialize;
use threadlog::maintain::{Sizes, ThreadUsage, Usage, UsageKind};

use crate::command::work::stopped;
use crate::command::{Context, interrupted, soundness};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{FAINT, STRONG, paint};
use crate::output::table::{Lean, Table};

/// Arguments of `du`.
#[derive(Args, Debug)]
pub struct Du {
    /// How many of the largest threads to show
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N")]
    pub threads: usize,
}

/// Runs `du`. The store is only read.
pub fn run(arguments: &Du, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let progress = Progress::new("measuring", out.is_json());
    let usage = stopped(store.usage(&progress))?;
    drop(progress);
    let Some(usage) = usage else { return interrupted(true, Exit::Stopped, out) };
    kinds(&usage, out)?;
    threads(usage.threads.get(..arguments.threads).unwrap_or(&usage.threads), out)?;
    totals(&usage, out)?;
    soundness(&store.log().damage(), usage.lost_records, out)
}

fn kinds(usage: &Usage, out: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&[("kind", Lean::Left), ("logical", Lean::Right), ("on disk", Lean::Right)]);
    for kind in UsageKind::ALL {
        let sizes = usage.kinds.get(&kind).copied().unwrap_or_default();
        out.record("kind", &OfKind { kind, logical_bytes: sizes.logical, disk_bytes: sizes.physical })?;
        table.row([kind.name().to_owned(), human::size(sizes.logical), human::size(sizes.physical)]);
    }
    out.table(&table)
}

fn threads(largest: &[ThreadUsage], out: &mut Output) -> Result<(), Failure> {
    if largest.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[("largest threads", Lean::Left), ("logical", Lean::Right), ("on disk", Lean::Right)]);
    for ThreadUsage { thread, sizes: Sizes { logical, physical, .. }, .. } in largest {
        let thread_id = thread.to_string();
        table.row([thread_id.clone(), human::size(*logical), human::size(*physical)]);
        out.record("thread", &OfThread { thread_id, logical_bytes: *logical, disk_bytes: *physical })?;
    }
    out.line("")?;
    out.table(&table)
}

fn totals(usage: &Usage, out: &mut Output) -> Result<(), Failure> {
    let (total, shared) = (usage.total(), &usage.shared);
    out.record(
        "summary",
        &Summary {
            logical_bytes: total.logical,
            record_bytes: total.physical,
            disk_bytes: usage.disk_bytes,
            hot_bytes: usage.hot.physical,
            shared_values: shared.values,
            shared_bytes: shared.bytes,
            shared_disk_bytes: shared.physical,
            references: shared.references,
            referenced_bytes: shared.referenced_bytes,
            lost_records: usage.lost_records,
        },
    )?;
    out.line("")?;
    let part = human::percent(usage.disk_bytes, total.logical).map_or(String::new(), |part| format!(" ({part})"));
    let (logical, disk) = (human::size(total.logical), human::size(usage.disk_bytes));
    out.line(format_args!("{} {logical} of records in files of {disk}{part}", paint(STRONG, "together")))?;
    if shared.references > 0 {
        let values = counted(shared.values, "value is", "values are");
        let (bytes, all) = (human::size(shared.bytes), human::size(shared.referenced_bytes));
        let times = counted(shared.references, "time", "times");
        out.line(format_args!("{values} stored once ({bytes}) and used {times} ({all})"))?;
    }
    if usage.hot.physical > 0 {
        let hot = human::size(usage.hot.physical);
        out.line(paint(FAINT, format_args!("{hot} is not sealed yet: `threadlog seal` compresses it")))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct OfKind {
    kind: UsageKind,
    logical_bytes: u64,
    disk_bytes: u64,
}

#[derive(Serialize)]
struct OfThread {
    thread_id: String,
    logical_bytes: u64,
    disk_bytes: u64,
}

#[derive(Serialize)]
struct Summary {
    logical_bytes: u64,
    record_bytes: u64,
    disk_bytes: u64,
    hot_bytes: u64,
    shared_values: u64,
    shared_bytes: u64,
    shared_disk_bytes: u64,
    references: u64,
    referenced_bytes: u64,
    lost_records: u64,
}
