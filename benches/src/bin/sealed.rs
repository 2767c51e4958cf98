//! What is sealed: how fast, how long, beside what: `just sealed`. Names of parts as arguments run only these; `--quick` is
//! to see that everything works.

use std::path::Path;

use threadlog_benches::place::Place;
use threadlog_benches::sealed::{beside, corpus, files, history, images, tail};
use threadlog_benches::{Result, machine};
use threadlog_sample::Images;

const BYTES_FREE_MIN: u64 = 16 << 30;
const PARTS: [&str; 6] = ["corpus", "history", "tail", "files", "beside", "images"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["child", root, id] = arguments[..] {
        return tail::child(Path::new(root), id.parse()?);
    }
    let quick = arguments.contains(&"--quick");
    let named: Vec<&str> = arguments.iter().copied().filter(|argument| *argument != "--quick").collect();
    if let Some(unknown) = named.iter().find(|name| !PARTS.contains(name)) {
        return Err(format!("there is no part {unknown}: {}", PARTS.join(", ")).into());
    }
    let place = Place::new(BYTES_FREE_MIN)?;
    println!("{}\n", machine::describe());
    for part in PARTS.into_iter().filter(|part| named.is_empty() || named.contains(part)) {
        match part {
            "corpus" => corpus::run(&place)?,
            "history" => history::run(&place, if quick { 10 } else { 200 })?,
            "tail" => tail::run(&place, if quick { 2 } else { 15 })?,
            "files" => files::run(&place, if quick { 1 } else { 5 }, if quick { 3 } else { 12 })?,
            "beside" => beside::run(&place, if quick { 1 } else { 12 })?,
            _ => images::run(&place, if quick { few() } else { Images::default() })?,
        }
    }
    Ok(())
}

fn few() -> Images {
    Images { images: 5, compactions: 40, forks: 7, ..Images::default() }
}
