//! `threadlog dump`: any file of a store, for people.
//!
//! The engine lists what stands in the file; what the records mean is added here.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use threadlog::event::{Body, Control, Event, ItemRecord, Origin};
use threadlog::item::Oddity;
use threadlog_engine::Record;
use threadlog_engine::dump::{Entry, Value, entries};
use threadlog_engine::format::frame::FRAME_HEADER_BYTES;
use threadlog_engine::format::store_file::FormatFile;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{BAD, FAINT, STRONG, paint};

/// Arguments of `dump`.
#[derive(Args, Debug)]
pub struct Dump {
    /// The file: a segment (*.hot, *.seal), a large record (*.rec), a dictionary (*.dict), a checkpoint of the catalog, FORMAT, MANIFEST, mark, LOCK or
    /// MAINTENANCE
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Runs `dump`. Reads that one file, and the store's FORMAT.
pub fn run(arguments: &Dump, out: &mut Output) -> Result<Exit, Failure> {
    let path = arguments.file.as_path();
    let bytes = fs::read(path).map_err(|error| Failure::io(format_args!("cannot read {}", path.display()), &error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut result = Ok(Exit::Done);
    let is_catalog = name.starts_with("catalog");
    let list = if is_catalog { catalog_entries } else { entries_of };
    list(&name, &bytes, store_of(path).as_ref(), &mut |entry| {
        if let Ok(exit) = &mut result {
            if entry.problem.is_some() {
                *exit = Exit::Damaged;
            }
            if let Err(failure) = say(&entry, &bytes, path, out) {
                result = Err(failure);
            }
        }
    });
    result
}

type Each<'a> = &'a mut dyn FnMut(Entry);

fn catalog_entries(_name: &str, bytes: &[u8], store: Option<&[u8; 16]>, each: Each<'_>) {
    threadlog::catalog::entries(bytes, store, each);
}

fn entries_of(name: &str, bytes: &[u8], store: Option<&[u8; 16]>, each: Each<'_>) {
    entries(name, bytes, store, each);
}

fn say(entry: &Entry, bytes: &[u8], path: &Path, out: &mut Output) -> Result<(), Failure> {
    if entry.kind == "unknown" {
        return Err(Failure::usage(format!(
            "{} is no file of a store: neither its name nor its first bytes say so",
            path.display()
        )));
    }
    let content = content(entry, bytes);
    let Entry { offset, end, depth, ref fields, ref problem, .. } = *entry;
    let kind = match entry.kind {
        "large header" => "large_header",
        "segment header" => "segment_header",
        "sealed header" => "sealed_header",
        "block row" => "block_row",
        "used value" => "used_value",
        kind => kind,
    };
    out.record(kind, &Listed { offset, end, depth, fields: Fields(fields), content: content.as_deref(), problem })?;
    let indent = depth.saturating_mul(2);
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let place = paint(FAINT, format_args!("{offset:>10}"));
    let kind = paint(STRONG, entry.kind);
    out.line(format_args!("{place}  {:indent$}{kind}: {}", "", fields.join(", ")))?;
    if let Some(content) = content {
        out.line(format_args!("{:12}{:indent$}= {content}", "", ""))?;
    }
    if let Some(problem) = problem {
        out.line(format_args!("{:12}{:indent$}{} {problem}", "", "", paint(BAD, "!!")))?;
    }
    Ok(())
}

/// The id of the store that a file belongs to: no file stands deeper than `journals/NNN/mark`.
fn store_of(file: &Path) -> Option<[u8; 16]> {
    let path = file.canonicalize().ok()?;
    let format = path.ancestors().skip(1).take(3).find_map(|directory| fs::read(directory.join("FORMAT")).ok())?;
    FormatFile::decode(&format).ok().map(|format| format.store)
}

/// What the record in a frame means, if its payload stands there whole.
fn content(entry: &Entry, bytes: &[u8]) -> Option<String> {
    let field = |name| entry.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value);
    let (Some(Value::Stream(stream)), Some(Value::Number(codec)), None) =
        (field("stream"), field("codec"), field("large"))
    else {
        return None;
    };
    let start = usize::try_from(entry.offset).ok()?.checked_add(FRAME_HEADER_BYTES)?;
    let payload = bytes.get(start..usize::try_from(entry.end).ok()?)?.to_vec();
    let codec = u8::try_from(*codec).ok()?;
    let record = Record { stream: *stream, ordinal: 0, lease_epoch: 0, clock: 0, codec, payload };
    Some(match Event::decode(&record).body {
        Body::Item(item) => of_item(&item),
        Body::Control(control) => of_control(&control),
        Body::Unreadable(why) => why.to_string(),
        Body::Erased => "erased".to_owned(),
    })
}

fn of_item(item: &ItemRecord<'_>) -> String {
    match item {
        ItemRecord::Enveloped { timestamp, kind, .. } => format!("{} of {timestamp}", human::one_line(kind.text(), 40)),
        ItemRecord::Verbatim { oddities, continues, .. } => {
            let what = if *continues { "the rest of a line" } else { "a line as it is" };
            let names: Vec<&str> = oddities.iter().map(Oddity::name).collect();
            if names.is_empty() { what.to_owned() } else { format!("{what}: {}", names.join(", ")) }
        }
    }
}

fn of_control(control: &Control) -> String {
    match control {
        Control::Created(created) => match &created.origin {
            Origin::Native => "a thread was created".to_owned(),
            Origin::Forked(fork) => {
                format!("a thread was created as a fork of {} at record {}", fork.source(), fork.base.end)
            }
            Origin::ImportedFork(place, fork) => {
                let path = human::one_line(&place.path.to_string(), 120);
                let (source, end) = (fork.source(), fork.base.end);
                format!("a thread was created from {path}, which repeats the first {end} records of {source}")
            }
            Origin::Imported(place) => {
                format!("a thread was created from {}", human::one_line(&place.path.to_string(), 120))
            }
        },
        Control::Source(source) => {
            let path = human::one_line(&source.place.path.to_string(), 120);
            format!("all {} bytes of {path} were imported", human::count(source.bytes))
        }
        Control::Patched(_) => "the thread's metadata was changed".to_owned(),
        Control::Archived => "the thread was archived".to_owned(),
        Control::Deleted => "the thread was deleted".to_owned(),
        Control::Unarchived => "the thread was taken back from the archive".to_owned(),
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    offset: u64,
    end: u64,
    depth: usize,
    fields: Fields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: &'a Option<String>,
}

/// The fields of an entry, in the order of the format.
struct Fields<'a>(&'a [(&'static str, Value)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            match value {
                Value::Number(number) => map.serialize_entry(name, number)?,
                Value::Flag(flag) => map.serialize_entry(name, flag)?,
                // Text is escaped by JSON; for a terminal it is by its Display.
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Checksum(_) | Value::Word(_) | Value::Bytes(_) | Value::Stream(_) => {
                    map.serialize_entry(name, &value.to_string())?;
                }
            }
        }
        map.end()
    }
}
