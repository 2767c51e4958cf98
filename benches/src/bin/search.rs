//! What a search costs over real files and over so many megabytes of generated ones, beside a plain scan of the files, and
//! whether it finds the same: `just search`.

use std::path::Path;

use clap::Parser;
use threadlog_benches::place::Place;
use threadlog_benches::{Result, search};

/// What a search costs, and whether it finds what a plain scan of the files finds.
#[derive(Parser)]
struct Arguments {
    /// Megabytes of generated rollout files
    #[arg(long, value_name = "N", default_value_t = 200)]
    megabytes: u64,
    /// Searches of each sort; the tables have their medians
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, child, root, term, to] = &arguments[..]
        && child == "child"
    {
        return search::child::run(Path::new(root), term.parse()?, Path::new(to));
    }
    let Arguments { megabytes, rounds } = Arguments::parse();
    let bytes = megabytes.saturating_mul(1_000_000);
    // A part of the files, and the store, which is some four times smaller than they are.
    let place = Place::new((1 << 30) + bytes / 2)?;
    search::run(&place, bytes, rounds)
}
