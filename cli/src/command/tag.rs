//! `threadlog tag`: a thread's tags.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::{MetadataPatch, ThreadMetadata};
use threadlog::thread_store::{ReadThreadParams, ThreadStore, UpdateThreadMetadataParams};

use crate::command::Context;
use crate::command::change::{Change, called};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, paint};
use crate::threads::wait;

/// Arguments of `tag`.
#[derive(Args, Debug)]
pub struct Tag {
    /// The thread: its id or the beginning of one
    #[arg(value_name = "ID")]
    pub id: String,
    /// Tags to add and to remove; without any, the thread's are shown. Options stand before the first of them
    #[arg(value_name = "+TAG|-TAG", allow_hyphen_values = true)]
    pub tags: Vec<String>,
}

/// Runs `tag`. What it says is durable.
pub fn run(arguments: &Tag, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let mut patch = MetadataPatch::default();
    patch.tags = wanted(&arguments.tags)?;
    // Before the store is touched.
    let patch = patch.checked().map_err(|error| Failure::usage(error.to_string()))?;
    if patch.tags.is_empty() {
        let store = context.open()?;
        let params = ReadThreadParams::new(store.resolve(&arguments.id)?.thread).with_archived();
        let thread = wait(LocalThreadStore::reading(&store)?.read_thread(params))?;
        say(&thread.metadata, false, out)?;
        return Ok(Exit::Done);
    }
    let change = Change::of(std::slice::from_ref(&arguments.id), context)?;
    for id in &change.threads {
        let before = wait(change.store.read_thread(ReadThreadParams::new(*id).with_archived()))?;
        let differs = |(tag, wanted): (&String, &bool)| before.metadata.tags().any(|own| own == tag) != *wanted;
        if patch.tags.iter().any(differs) {
            let params = UpdateThreadMetadataParams::new(*id, patch.clone()).with_archived();
            say(&wait(change.store.update_thread_metadata(params))?.metadata, true, out)?;
        } else {
            say(&before.metadata, false, out)?;
        }
    }
    change.close()?;
    Ok(Exit::Done)
}

/// Which tags are to be there, and which are not.
fn wanted(words: &[String]) -> Result<BTreeMap<String, bool>, Failure> {
    let mut wanted = BTreeMap::new();
    for word in words {
        let (tag, add) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(tag), _) => (tag, true),
            (_, Some(tag)) if !tag.starts_with('-') => (tag, false),
            (_, Some(_)) => {
                return Err(Failure::usage(format!(
                    "{word} stands among the tags: give options before the thread's id"
                )));
            }
            _ => return Err(Failure::usage(format!("{word}: write +{word} to add the tag, -{word} to remove it"))),
        };
        if tag.trim().is_empty() {
            return Err(Failure::usage(format!("{word} names no tag: write it right behind the sign")));
        }
        if wanted.insert(tag.trim().to_owned(), add).is_some_and(|before| before != add) {
            return Err(Failure::usage(format!("{tag} is to be added and removed: give one of the two")));
        }
    }
    Ok(wanted)
}

fn say(thread: &ThreadMetadata, changed: bool, out: &mut Output) -> Result<(), Failure> {
    let tags: Vec<&str> = thread.tags().collect();
    out.record("thread", &Thread { id: thread.thread().to_string(), tags: tags.clone(), changed })?;
    let tags: Vec<String> = tags.into_iter().map(|tag| human::one_line(tag, 80)).collect();
    let tags = if tags.is_empty() { paint(FAINT, "no tags") } else { tags.join(", ") };
    out.line(format_args!("{}: {tags}", called(thread)))
}

#[derive(Serialize)]
struct Thread<'a> {
    id: String,
    tags: Vec<&'a str>,
    changed: bool,
}
