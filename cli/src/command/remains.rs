//! `threadlog verify --deleted`: what of a deleted thread is still in the store's files.

use serde::Serialize;
use threadlog::ThreadId;
use threadlog::item::Timestamp;
use threadlog::remains::{DeletedLife, Remains};

use crate::command::summary::time;
use crate::command::{Context, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::style::{FAINT, GOOD, STRONG, paint};

/// Runs `verify --deleted ID`. The store is only read.
pub fn run(id: &str, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let remains = store.remains(id)?;
    let (mut records, mut bytes, mut lost): (u64, u64, u64) = (0, 0, 0);
    for life in &remains.lives {
        show(life, out)?;
        records = records.saturating_add(life.records);
        bytes = bytes.saturating_add(life.payload_bytes);
        lost = lost.saturating_add(life.lost_records);
    }
    let summary = Summary {
        thread_id: remains.thread.to_string(),
        lives: wide(remains.lives.len()),
        records,
        payload_bytes: bytes,
        is_back: remains.is_back,
    };
    out.record("summary", &summary)?;
    verdict(&remains, &summary, out)?;
    soundness(&store.log().damage(), lost, out)
}

fn show(life: &DeletedLife, out: &mut Output) -> Result<(), Failure> {
    let deleted = time(life.deleted_ms);
    let record = Remaining {
        thread_id: life.key.thread.to_string(),
        incarnation: format!("{:016x}", life.key.incarnation),
        deleted: deleted.as_ref().map(Timestamp::to_string),
        records: life.records,
        payload_bytes: life.payload_bytes,
        lost_records: life.lost_records,
        forks: life.forks.iter().map(|fork| fork.thread.to_string()).collect(),
    };
    out.record("remains", &record)?;
    let records = counted(life.records, "record", "records");
    let when = deleted.map_or_else(String::new, |time| format!(", deleted {}", human::minute(time)));
    let size = human::size(life.payload_bytes);
    out.line(format_args!("{}: {records} with {size}{when}", paint(STRONG, life.key)))?;
    for fork in &record.forks {
        out.line(format_args!("  {fork} {}", paint(FAINT, "is a fork that stands on it and reads what it inherited")))?;
    }
    Ok(())
}

fn verdict(remains: &Remains, summary: &Summary, out: &mut Output) -> Result<(), Failure> {
    let thread = remains.thread;
    match (remains.lives.is_empty(), remains.is_back) {
        (true, false) => out.line(paint(GOOD, format_args!("nothing of {thread} is in the store's files")))?,
        (true, true) => out.line(format_args!("{thread} was not deleted: `threadlog rm` deletes it"))?,
        (false, is_back) => {
            if summary.records == 0 {
                out.line(paint(
                    GOOD,
                    format_args!("nothing of {thread} is in the store's files, but that it was deleted"),
                ))?;
            } else {
                out.line(still_there(thread, summary))?;
                out.line(paint(FAINT, "deleting does not erase bytes: `threadlog erase` does"))?;
            }
            if is_back {
                out.line(paint(FAINT, "it was made or imported again since, and what it is now is not counted here"))?;
            }
        }
    }
    Ok(())
}

fn still_there(thread: ThreadId, summary: &Summary) -> String {
    let (records, size) = (counted(summary.records, "record", "records"), human::size(summary.payload_bytes));
    format!("{thread} is deleted: nobody finds it, but {records} of it with {size} are still in the store's files")
}

#[derive(Serialize)]
struct Remaining {
    thread_id: String,
    incarnation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<String>,
    records: u64,
    payload_bytes: u64,
    lost_records: u64,
    forks: Vec<String>,
}

#[derive(Serialize)]
struct Summary {
    thread_id: String,
    lives: u64,
    records: u64,
    payload_bytes: u64,
    is_back: bool,
}
