//! `threadlog erase`: the bytes of deleted threads leave the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::maintain::{CompactionConfig, Erased, Pending};
use threadlog::{ThreadId, ThreadKey};

use crate::command::work::{Work, stopped};
use crate::command::{Context, interrupted, wide};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::holding::{Holding, holding};
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{GOOD, WARNING, paint};

/// Arguments of `erase`: none of its own.
#[derive(Args, Debug)]
pub struct Erase {}

/// Runs `erase`.
pub fn run(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let (root, store) = (context.root()?, context.open_existing()?);
    let started = Instant::now();
    let progress = Progress::new("erasing", out.is_json());
    let erased = stopped(store.erase(&CompactionConfig::default(), &progress))?;
    drop(progress);
    store.close()?;
    let exit = match &erased {
        Some(erased) => say(erased, &holding(&root), started, out)?,
        None => {
            let work = Work::new(None, started);
            out.record("summary", &Summary { records_erased: 0, dictionaries: 0, pending: 0, work })?;
            Exit::Stopped
        }
    };
    interrupted(erased.is_none(), exit, out)
}

fn say(erased: &Erased, held: &[Holding], started: Instant, out: &mut Output) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for Holding { process, program, files } in held {
        out.record("held", &Held { pid: *process, program, files: *files })?;
        out.line(format_args!(
            "{} process {process} ({}) still has {} open; what stands in them is on the disk until it lets go",
            paint(WARNING, "pending"),
            human::one_line(program, 80),
            counted(*files, "removed file", "removed files")
        ))?;
        exit = Exit::Partial;
    }
    let pending = by_thread(&erased.pending);
    for (thread, owners) in &pending {
        let thread_id = thread.to_string();
        let owners: Vec<String> = owners.iter().cloned().collect();
        let who = if owners.is_empty() { "another process".to_owned() } else { owners.join(" and ") };
        out.line(format_args!(
            "{} {thread_id}: {} still writes the segment it is in; erase again when that has ended",
            paint(WARNING, "pending"),
            human::plain(&who)
        ))?;
        out.record("pending", &Waiting { thread_id, holders: &owners })?;
        exit = Exit::Partial;
    }
    for (segment, error) in &erased.damaged {
        let message = error.to_string();
        out.record("damaged", &Damaged { segment: segment.to_string(), message: &message })?;
        failure::warn(&format!("left as it is, being damaged: {}", human::plain(&message)));
        exit = Exit::Damaged;
    }
    let summary = Summary {
        records_erased: erased.written.records_dropped,
        dictionaries: erased.dictionaries,
        pending: wide(pending.len()),
        work: Work::new(Some(&erased.written), started),
    };
    out.record("summary", &summary)?;
    if erased.written.files_replaced == 0 && exit == Exit::Done {
        out.line(paint(GOOD, "nothing to erase"))?;
    } else {
        let records = counted(summary.records_erased, "record", "records");
        out.line(format_args!("{} {records}", paint(GOOD, "erased")))?;
        summary.work.say("written again", "", out)?;
    }
    Ok(exit)
}

/// Who has something of each thread, in whichever of its streams.
fn by_thread(pending: &[Pending]) -> BTreeMap<ThreadId, BTreeSet<String>> {
    let mut found: BTreeMap<ThreadId, BTreeSet<String>> = BTreeMap::new();
    for Pending { stream, holders, .. } in pending {
        let owners = holders.iter().map(|holder| holder.owner.to_string());
        found.entry(ThreadKey::of(stream).thread).or_default().extend(owners);
    }
    found
}

#[derive(Serialize)]
struct Waiting<'a> {
    thread_id: String,
    holders: &'a [String],
}

#[derive(Serialize)]
struct Held<'a> {
    pid: u32,
    program: &'a str,
    files: u64,
}

#[derive(Serialize)]
struct Damaged<'a> {
    segment: String,
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    records_erased: u64,
    dictionaries: u64,
    pending: u64,
    #[serde(flatten)]
    work: Work,
}
