//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[cfg(unix)]
use crate::command::run;
use crate::command::{
    archive, backup, changes, compact, context, demo, doctor, du, dump, erase, export, fork, r#gen, import, list, pack,
    pin, prune, ps, rebuild, relink, rename, repair, rm, rollback, salvage, seal, search, show, stats, tag, tail,
    trash, tree, turns, unpack, usage, verify,
};
use crate::exit;

/// The heading of what every command takes.
const COMMON: &str = "Options of every command";

/// Rollout files of AI agents in a durable, checksummed log: import them, list them, read them, and get them back byte
/// for byte.
#[derive(Debug, Parser)]
#[command(name = "threadlog", version, after_help = exit::help(), propagate_version = true)]
pub struct Arguments {
    /// The store's folder [default: $THREADLOG_HOME, else the platform's folder for data]
    #[arg(long, global = true, value_name = "DIR", help_heading = COMMON)]
    pub store: Option<PathBuf>,
    /// Write JSON Lines for programs; the first line carries schema_version
    #[arg(long, global = true, help_heading = COMMON)]
    pub json: bool,
    /// Write to a store on a network mount or another file system whose locks or syncs cannot be trusted. Two programs may
    /// then write at once, and what is reported as stored may be gone after a power cut
    #[arg(long, global = true, help_heading = COMMON)]
    pub allow_untrusted: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take in rollout files or folders of them; run again to pick up what they gained
    Import(import::Import),
    /// Write threads back as rollout files: same paths, same bytes, same times
    Export(export::Export),
    /// List the threads, the one with the newest item first, or those that filters let through
    List(list::List),
    /// Read a thread
    Show(show::Show),
    /// Find what was said and done, in all threads
    Search(search::Search),
    /// Show the items around a position that `search` told
    Context(context::Context),
    /// List the turns of a thread
    Turns(turns::Turns),
    /// Show the last items of a thread, and with -f what is added to it, by any process
    Tail(tail::Tail),
    /// Show which processes write to the store, and the threads that they hold
    Ps(ps::Ps),
    /// Give a thread a name, or take it away
    Rename(rename::Rename),
    /// Take threads out of the list; they stay as they are
    Archive(archive::Archive),
    /// Take threads back into the list
    Unarchive(archive::Archive),
    /// Give a thread tags, take tags away, or show them
    Tag(tag::Tag),
    /// Mark threads as pinned
    Pin(pin::Pin),
    /// Take the mark away
    Unpin(pin::Pin),
    /// Tell threads where their project's folder is now
    Relink(relink::Relink),
    /// Make a thread that begins with another's items and goes on by itself; nothing is copied
    Fork(fork::Fork),
    /// Take back the last turns of a thread: a marker is appended, nothing is removed
    Rollback(rollback::Rollback),
    /// Show which threads came from which: forks, and threads that agents started
    Tree(tree::Tree),
    /// Delete threads for good; `trash put` has an undo
    Rm(rm::Rm),
    /// Put threads into the trash that nobody needs any more: by age, number, size or folder; shows them first
    Prune(prune::Prune),
    /// Put threads out of sight, look at what is there, take them back, or delete it all
    Trash(trash::Trash),
    /// Check every byte of the store
    Verify(verify::Verify),
    /// Sizes and counts of the store
    Stats(stats::Stats),
    /// What state the store is in, who uses it, and what to do about it
    Doctor(doctor::Doctor),
    /// Make the catalog anew, from which lists are made; it can be lost without loss
    Rebuild(rebuild::Rebuild),
    /// Which threads changed since an earlier look
    Changes(changes::Changes),
    /// Tokens used: by day, model, project or thread
    Usage(usage::Usage),
    /// What takes the room: by kind, the largest threads, what is stored once
    Du(du::Du),
    /// Compress what is in the journals
    Seal(seal::Seal),
    /// Seal, then merge sealed segments: archived threads smaller, repeated values once, nothing that was deleted
    Compact(compact::Compact),
    /// Remove every byte of deleted threads from the disk
    Erase(erase::Erase),
    /// Make a backup of the store while others use it, or bring one up to date; it is a store itself
    Backup(backup::Backup),
    /// Make a store of a backup
    Restore(backup::Restore),
    /// Put threads into one file, with what they were forked from
    Pack(pack::Pack),
    /// Take in the threads of such a file, or only check it
    Unpack(unpack::Unpack),
    /// Make anew what is lost or damaged and can be told from the rest of the store
    Repair(repair::Repair),
    /// Write everything that is intact, also from damaged places, as rollout files
    Salvage(salvage::Salvage),
    /// Print any file of a store, for people
    Dump(dump::Dump),
    /// Generate realistic rollout files
    Gen(r#gen::Gen),
    /// Import a folder of rollout files into a new store and list it; without one, generate a sample first
    Demo(demo::Demo),
    /// Talk with an agent that is a program; what is said is stored
    #[cfg(unix)]
    Run(run::Run),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
