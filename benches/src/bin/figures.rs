//! Prints all tables of `docs/performance.md`, measured now.

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use threadlog_benches::crowd::{Quota, threads};
use threadlog_benches::place::Place;
use threadlog_benches::plan::{PAYLOADS, Plan, WRITERS};
use threadlog_benches::report::Table;
use threadlog_benches::solo::Solo;
use threadlog_benches::sqlite::Sqlite;
use threadlog_benches::threadlog::Ours;
use threadlog_benches::{Result, files, many, payload, running, tables};

/// Figures of threadlog beside controls and peers, all in turns.
#[derive(Parser)]
struct Arguments {
    /// A short run, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Length of the sustained run, in seconds.
    #[arg(long, default_value_t = 60)]
    sustained: u64,
    /// JSON instead of Markdown.
    #[arg(long)]
    json: bool,
    /// Only these tables.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    #[command(subcommand)]
    alone: Option<Command>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Enqueue,
    Solo,
    Async,
    Crowd,
    Live,
    Running,
    Throughput,
    Files,
}

#[derive(Subcommand)]
enum Command {
    /// Nothing but appends of 1 KiB, for a tool that counts system calls.
    Steady {
        /// Who appends.
        who: Who,
        /// How many appends.
        #[arg(default_value_t = 5000)]
        appends: u64,
    },
    /// Nothing but live threads; what the process then holds, as JSON.
    Live {
        /// How many.
        threads: u64,
    },
    /// Nothing but running threads that are idle; what the process then holds, as JSON.
    Running {
        /// How many.
        threads: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Who {
    Lone,
    Crowd,
    Sqlite,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.alone {
        Some(Command::Steady { who, appends }) => return steady(who, appends),
        Some(Command::Live { threads }) => {
            println!("{}", serde_json::to_string(&many::measure(threads)?)?);
            return Ok(());
        }
        Some(Command::Running { threads }) => {
            println!("{}", serde_json::to_string(&running::measure(threads)?)?);
            return Ok(());
        }
        None => {}
    }
    let plan = if arguments.quick { Plan::quick() } else { Plan::thorough(Duration::from_secs(arguments.sustained)) };
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut done = Vec::new();
    let mut add = |table: Table| {
        if !arguments.json {
            println!("{}", table.markdown());
        }
        done.push(table);
    };
    for bytes in PAYLOADS {
        if wanted(Part::Enqueue) {
            add(tables::enqueue(&plan, bytes)?);
        }
        if wanted(Part::Solo) {
            add(tables::solo(&plan, bytes)?);
        }
        if wanted(Part::Crowd) {
            add(tables::crowd(&plan, bytes)?);
        }
    }
    if wanted(Part::Async) {
        add(tables::solo_async(&plan, 1024, false)?);
        add(tables::solo_async(&plan, 1024, true)?);
    }
    if wanted(Part::Live) {
        add(tables::live(&plan, 1024)?);
        add(many::table(plan.live_threads)?);
    }
    if wanted(Part::Running) {
        add(running::turns(plan.live_threads / 100)?);
        add(running::table(plan.live_threads)?);
    }
    if wanted(Part::Throughput) {
        tables::throughput(&plan, 1024)?.into_iter().for_each(&mut add);
    }
    if wanted(Part::Files) {
        add(files::table(&plan)?);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&done)?);
    }
    Ok(())
}

fn steady(who: Who, appends: u64) -> Result<()> {
    let place = Place::new(1 << 30)?;
    let payload = payload(1024);
    if matches!(who, Who::Sqlite) {
        let mut sqlite = Sqlite::new(&place.path("sqlite"), &payload)?;
        (0..appends).try_for_each(|_| sqlite.append())?;
        println!("{appends} appends by SQLite");
        return Ok(());
    }
    let ours = Ours::new(&place.path("ours"), &payload, u64::MAX >> 20)?;
    let writers = if matches!(who, Who::Lone) { 1 } else { WRITERS };
    threads(writers, &Quota::appends(appends), |writer| ours.append_durable(writer))?;
    let stats = ours.engine.stats();
    println!("{appends} appends by {writers}: {} groups, {} syncs", stats.groups, stats.syncs);
    println!("fan-in {:.1}; {} MiB prepared in spares", stats.fan_in(), stats.prepared_bytes >> 20);
    Ok(())
}
