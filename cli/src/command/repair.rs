//! `threadlog repair`: what is lost or damaged and can be told from the rest of the store is made anew.

use clap::Args;
use serde::Serialize;
use threadlog::Store;
use threadlog::repair::{ManifestRepair, Repairs};

use crate::command::{Context, wide};
use crate::confirm;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::{self, counted};
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
    if plan.is_empty() {
        out.line(paint(GOOD, "nothing to repair"))?;
    } else if !arguments.dry_run {
        confirm::go_on(arguments.yes, "repair the store", out)?;
        Store::repair(&root, &context.config())?;
        repaired = true;
        out.line(format_args!("{}; run verify to see whether all is there", paint(GOOD, "repaired")))?;
    }
    let planned = wide(usize::from(plan.manifest.is_some()));
    out.record("summary", &Summary { planned, repaired, dry_run: arguments.dry_run })?;
    Ok(exit)
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
struct Damaged<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    planned: u64,
    repaired: bool,
    dry_run: bool,
}
