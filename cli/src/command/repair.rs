//! `threadlog repair`: what is lost or damaged and can be told from the rest of the store is made anew.

use clap::Args;
use serde::Serialize;
use threadlog::Store;
use threadlog::catalog::CatalogState;
use threadlog::repair::{ManifestRepair, Repairs};

use crate::command::{Context, wide};
use crate::confirm;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{GOOD, WARNING, paint};

/// Arguments of `repair`.
#[derive(Args, Debug)]
pub struct Repair {
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
    /// Only show what would be done
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
}

/// Runs `repair`.
pub fn run(arguments: &Repair, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let root = context.root()?;
    let plan = Store::plan_repair(&root)?;
    let exit = say(&plan, out)?;
    let mut repaired = false;
    let unused = unused_checkpoints(&plan, context, out)?;
    if plan.is_empty() && unused == 0 {
        out.line(paint(GOOD, "nothing to repair"))?;
    } else if !arguments.dry_run {
        confirm::go_on(arguments.yes, "repair the store", out)?;
        if !plan.is_empty() {
            Store::repair(&root, &context.config())?;
        }
        if unused > 0 {
            let store = context.open_existing()?;
            store.rebuild(&Progress::new("folding", out.is_json()))?;
            store.close()?;
        }
        repaired = true;
        out.line(format_args!("{}; run verify to see whether all is there", paint(GOOD, "repaired")))?;
    }
    let planned = wide(usize::from(plan.manifest.is_some())) + unused;
    out.record("summary", &Summary { planned, repaired, dry_run: arguments.dry_run })?;
    Ok(exit)
}

/// Shows the checkpoints of the catalog that cannot be used, and returns how many there are. Behind a MANIFEST that cannot be
/// believed nothing can be said of them.
fn unused_checkpoints(plan: &Repairs, context: &Context, out: &mut Output) -> Result<u64, Failure> {
    if !plan.is_empty() {
        return Ok(0);
    }
    let mut unused = 0;
    let store = context.open()?;
    if !store.log().damage().is_empty() || !store.sealed_damage().is_empty() {
        // No checkpoint is used beside a damaged log, and none can be written.
        return Ok(0);
    }
    for file in store.catalog_files()? {
        if let CatalogState::Unused(fault) = &file.state {
            unused += 1;
            let path = file.path.display().to_string();
            out.record("checkpoint", &Checkpoint { path: &path, fault })?;
            out.line(format_args!("{} {path}: {}", paint(WARNING, "cannot be used:"), human::plain(fault)))?;
            out.line("  the catalog is made anew from the log")?;
        }
    }
    Ok(unused)
}

/// Shows what is to be done.
fn say(plan: &Repairs, out: &mut Output) -> Result<Exit, Failure> {
    let Some(ManifestRepair { fault, manifest, records, payload_bytes, replaced, damage, .. }) = &plan.manifest else {
        return Ok(Exit::Done);
    };
    let fault = fault.to_string();
    out.record(
        "repair",
        &Planned {
            what: "manifest",
            fault: &fault,
            segments: wide(manifest.segments.len()),
            records: *records,
            payload_bytes: *payload_bytes,
            replaced_segments: wide(replaced.len()),
            dictionaries: wide(manifest.dictionaries.len()),
            journals: wide(manifest.journals.len()),
        },
    )?;
    out.line(format_args!("{} {}", paint(WARNING, "MANIFEST cannot be believed:"), human::plain(&fault)))?;
    let segments = counted(wide(manifest.segments.len()), "sealed segment", "sealed segments");
    out.line(format_args!(
        "  it is made anew: {segments} with {}, {}",
        counted(*records, "record", "records"),
        human::size(*payload_bytes)
    ))?;
    if !replaced.is_empty() {
        let left = counted(wide(replaced.len()), "segment", "segments");
        out.line(format_args!("  {left} that others replaced: left out"))?;
    }
    for error in damage {
        let message = error.to_string();
        out.record("damaged", &Damaged { message: &message })?;
        out.flush()?;
        failure::warn(&human::plain(&message));
    }
    Ok(if damage.is_empty() { Exit::Done } else { Exit::Damaged })
}

#[derive(Serialize)]
struct Planned<'a> {
    what: &'static str,
    fault: &'a str,
    segments: u64,
    records: u64,
    payload_bytes: u64,
    replaced_segments: u64,
    dictionaries: u64,
    journals: u64,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    path: &'a str,
    fault: &'a str,
}

#[derive(Serialize)]
struct Damaged<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    planned: u64,
    repaired: bool,
    dry_run: bool,
}
