//! `threadlog verify`: every byte read and checked.

use clap::Args;
use serde::Serialize;
use threadlog::Store;
use threadlog::catalog::CatalogState;
use threadlog::thread::ThreadKey;
use threadlog::verify::{Fault, VerifyReport};
use threadlog_engine::{Damage, DamageKind};

use crate::command::{Context, interrupted, remains, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Progress;
use crate::output::style::{BAD, GOOD, STRONG, WARNING, paint};

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// Instead, list what of a deleted thread is still in the store's files: its id, or the beginning of it
    #[arg(long, value_name = "ID")]
    pub deleted: Option<String>,
}

/// Runs `verify`. The store is only read.
pub fn run(arguments: &Verify, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    if let Some(id) = &arguments.deleted {
        return remains::run(id, context, out);
    }
    let root = context.root()?;
    let report = {
        let progress = Progress::new("verifying", out.is_json());
        Store::verify(&root, &progress)?
    };
    wrong(&report, out)?;
    for conflict in &report.conflicts {
        let (key, ordinal) = (ThreadKey::of(&conflict.stream), conflict.ordinal);
        out.record("conflict", &Conflict { thread_id: key.thread.to_string(), ordinal })?;
        let text =
            format_args!("{} two records claim place {ordinal} of {key}; one counts", paint(WARNING, "conflict"));
        out.line(text)?;
    }
    let drifted = if report.is_sound() { catalog(context, out)? } else { 0 };
    let summary = Summary::new(&report, drifted);
    out.record("summary", &summary)?;
    verdict(&report, &summary, out)?;
    interrupted(report.stopped, if report.is_sound() && drifted == 0 { Exit::Done } else { Exit::Damaged }, out)
}

/// Compares the catalog's checkpoint and what came since with a fold of everything; returns of how many threads it says
/// something else. A checkpoint that cannot be used is no damage: nothing depends on it.
fn catalog(context: &Context, out: &mut Output) -> Result<u64, Failure> {
    let store = context.open()?;
    for file in store.catalog_files()? {
        let unused = match &file.state {
            CatalogState::Unused(why) => Some(why.as_str()),
            _ => None,
        };
        let path = file.path.display().to_string();
        out.record("catalog", &Checkpoint { path: &path, bytes: file.bytes, usable: unused.is_none(), unused })?;
        if let Some(why) = unused {
            let why = human::plain(why);
            out.line(format_args!("{} {path} is not used: {why}; `threadlog rebuild`", paint(WARNING, "note")))?;
        }
    }
    let progress = Progress::new("folding", out.is_json());
    threadlog::progress::Progress::planned(
        &progress,
        0,
        store.log().streams().iter().map(|stream| stream.payload_bytes).sum(),
    );
    let drifted = store.catalog_drift(&progress)?;
    drop(progress);
    for thread in &drifted {
        out.record("drift", &Drift { thread_id: thread.to_string() })?;
        out.line(format_args!("{} the catalog is wrong about {thread}; `threadlog rebuild`", paint(BAD, "drift")))?;
    }
    Ok(wide(drifted.len()))
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    path: &'a str,
    bytes: u64,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unused: Option<&'a str>,
}

#[derive(Serialize)]
struct Drift {
    thread_id: String,
}

fn wrong(report: &VerifyReport, out: &mut Output) -> Result<(), Failure> {
    for damage in &report.damage {
        out.record("damage", &Damaged::new(damage))?;
        let place = place(damage);
        out.line(format_args!("{} {place}: {damage}", paint(BAD, "damage")))?;
    }
    for error in &report.sealed_damage {
        out.record("sealed_damage", &SealedDamage::new(error))?;
        out.line(format_args!("{} {}", paint(BAD, "damage"), human::plain(&error.to_string())))?;
    }
    for fault in &report.faults {
        out.record("fault", &Faulty::new(fault))?;
        let lost = human::counted(fault.lost_records, "record", "records");
        let strange = match fault.unreadable_records {
            0 => String::new(),
            count => format!(", {} written by a newer threadlog", human::counted(count, "record", "records")),
        };
        out.line(format_args!("{} {}: {lost} lost{strange}", paint(BAD, "thread"), fault.key))?;
        for file in &fault.files {
            out.line(format_args!("  {} can no longer be exported whole", human::plain(&file.to_string())))?;
        }
    }
    Ok(())
}

/// Where a damage is: bytes of a segment; or the journal, where no segment is left that it could be in.
fn place(damage: &Damage) -> String {
    let Damage { segment, offset, end, .. } = damage;
    match segment.number {
        0 => "the journal, which has no segments".to_owned(),
        _ => format!("{segment} at bytes {} to {}", human::count(*offset), human::count(*end)),
    }
}

fn verdict(report: &VerifyReport, summary: &Summary, out: &mut Output) -> Result<(), Failure> {
    let records = human::counted(report.records, "record", "records");
    let files = human::counted(report.files, "file", "files");
    let (hot, sealed) = (summary.segments, summary.sealed_segments);
    let bytes = human::size(summary.segment_bytes + summary.sealed_bytes);
    let segments = match sealed {
        0 => human::counted(hot, "segment", "segments"),
        _ => format!("{} and {} sealed", human::counted(hot, "hot segment", "hot segments"), human::count(sealed)),
    };
    out.line(format_args!("{records} checked in {segments} ({bytes}), {files} compared with what was imported"))?;
    for (segment, offset) in &report.facts.torn {
        let offset = human::count(*offset);
        out.line(format_args!("the log ends at byte {offset} of {segment}, where a crash cut an unfinished write"))?;
    }
    if report.stopped {
        return out.line(paint(WARNING, "stopped before the end: the rest was not checked"));
    }
    if report.is_sound() && summary.drifted > 0 {
        let threads = human::counted(summary.drifted, "thread", "threads");
        return out
            .line(format_args!("everything that was acknowledged is there; the catalog is wrong about {threads}"));
    }
    if report.is_sound() {
        return out.line(paint(GOOD, "everything that was acknowledged is there"));
    }
    let places = wide(report.damage.len() + report.sealed_damage.len());
    let places = paint(STRONG, human::counted(places, "damaged place", "damaged places"));
    let threads = human::counted(wide(report.faults.len()), "thread", "threads");
    out.line(format_args!("{places}, {threads} with losses; `threadlog salvage --to DIR` writes all that is intact"))
}

#[derive(Serialize)]
struct SealedDamage {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    message: String,
}

impl SealedDamage {
    fn new(error: &threadlog_engine::Error) -> SealedDamage {
        let place = match error {
            threadlog_engine::Error::Corrupt { path, offset, .. } => Some((path.display().to_string(), *offset)),
            _ => None,
        };
        let (path, offset) = place.unzip();
        SealedDamage { path, offset, message: error.to_string() }
    }
}

#[derive(Serialize)]
struct Damaged {
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<String>,
    offset: u64,
    end: u64,
    kind: &'static str,
    first_sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    message: String,
}

impl Damaged {
    fn new(damage: &Damage) -> Damaged {
        let kind = match damage.kind {
            DamageKind::Gap => "gap",
            DamageKind::Payload => "payload",
            DamageKind::MissingSegment => "missing_segment",
            DamageKind::Header => "header",
            DamageKind::Chain => "chain",
            DamageKind::TailLost => "tail_lost",
        };
        Damaged {
            segment: (damage.segment.number > 0).then(|| damage.segment.to_string()),
            offset: damage.offset,
            end: damage.end,
            kind,
            first_sequence: damage.first.0,
            records: damage.count,
            message: damage.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Faulty {
    thread_id: String,
    lost_records: u64,
    unreadable_records: u64,
    files: Vec<String>,
}

impl Faulty {
    fn new(fault: &Fault) -> Faulty {
        Faulty {
            thread_id: fault.key.thread.to_string(),
            lost_records: fault.lost_records,
            unreadable_records: fault.unreadable_records,
            files: fault.files.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Serialize)]
struct Conflict {
    thread_id: String,
    ordinal: u64,
}

#[derive(Serialize)]
struct Summary {
    sound: bool,
    drifted: u64,
    records: u64,
    payload_bytes: u64,
    files: u64,
    segments: u64,
    segment_bytes: u64,
    sealed_segments: u64,
    sealed_bytes: u64,
    groups: u64,
    last_sequence: u64,
    durable_sequence: u64,
    torn: Vec<Torn>,
    left_out: Vec<String>,
    stopped: bool,
}

#[derive(Serialize)]
struct Torn {
    segment: String,
    offset: u64,
}

impl Summary {
    fn new(report: &VerifyReport, drifted: u64) -> Summary {
        let facts = &report.facts;
        let torn = facts.torn.iter().map(|(segment, offset)| Torn { segment: segment.clone(), offset: *offset });
        Summary {
            sound: report.is_sound() && drifted == 0,
            drifted,
            records: report.records,
            payload_bytes: report.payload_bytes,
            files: report.files,
            segments: facts.segments,
            segment_bytes: facts.segment_bytes,
            sealed_segments: facts.sealed_segments,
            sealed_bytes: facts.sealed_bytes,
            groups: facts.groups,
            last_sequence: facts.last.0,
            durable_sequence: facts.witness.0,
            torn: torn.collect(),
            left_out: facts.left_out.clone(),
            stopped: report.stopped,
        }
    }
}
