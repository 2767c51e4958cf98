//! The commands, one file each, and what they share.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog::Store;
use threadlog::local::LocalThreadStore;
use threadlog_engine::{Config, Damage};

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::location;
use crate::output::Output;
use crate::output::human::counted;
use crate::threads::wait;

pub mod archive;
pub mod backup;
mod change;
pub mod changes;
pub mod compact;
pub mod context;
mod deleting;
pub mod demo;
pub mod doctor;
pub mod du;
pub mod dump;
pub mod erase;
pub mod export;
pub mod fork;
mod gathered;
pub mod r#gen;
pub mod import;
mod items;
pub mod list;
mod measure;
mod odd;
pub mod pack;
pub mod pin;
pub mod prune;
pub mod ps;
pub mod rebuild;
pub mod relink;
mod remains;
pub mod rename;
pub mod repair;
pub mod rm;
pub mod rollback;
#[cfg(unix)]
pub mod run;
pub mod salvage;
pub mod seal;
pub mod search;
pub mod show;
pub mod stats;
mod summary;
pub mod tag;
pub mod tail;
pub mod trash;
pub mod tree;
pub mod turns;
pub mod unpack;
pub mod usage;
pub mod verify;
mod work;

/// Runs the command and shows what it said.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let context = Context { store: arguments.store, allow_untrusted: arguments.allow_untrusted };
    let mut out = Output::new(name(&arguments.command), arguments.json)?;
    if changes(&arguments.command) {
        out.go_on_unread();
    }
    let exit = match &arguments.command {
        Command::Import(arguments) => import::run(arguments, &context, &mut out),
        Command::Export(arguments) => export::run(arguments, &context, &mut out),
        Command::List(arguments) => list::run(arguments, &context, &mut out),
        Command::Show(arguments) => return show::run(arguments, &context, out),
        Command::Search(arguments) => search::run(arguments, &context, &mut out),
        Command::Context(arguments) => context::run(arguments, &context, &mut out),
        Command::Turns(arguments) => turns::run(arguments, &context, &mut out),
        Command::Tail(arguments) => tail::run(arguments, &context, &mut out),
        Command::Ps(_) => ps::run(&context, &mut out),
        Command::Rename(arguments) => rename::run(arguments, &context, &mut out),
        Command::Archive(arguments) => archive::run(arguments, true, &context, &mut out),
        Command::Unarchive(arguments) => archive::run(arguments, false, &context, &mut out),
        Command::Tag(arguments) => tag::run(arguments, &context, &mut out),
        Command::Pin(arguments) => pin::run(arguments, true, &context, &mut out),
        Command::Unpin(arguments) => pin::run(arguments, false, &context, &mut out),
        Command::Relink(arguments) => relink::run(arguments, &context, &mut out),
        Command::Fork(arguments) => fork::run(arguments, &context, &mut out),
        Command::Rollback(arguments) => rollback::run(arguments, &context, &mut out),
        Command::Tree(arguments) => tree::run(arguments, &context, &mut out),
        Command::Rm(arguments) => rm::run(arguments, &context, &mut out),
        Command::Prune(arguments) => prune::run(arguments, &context, &mut out),
        Command::Trash(arguments) => trash::run(arguments, &context, &mut out),
        Command::Verify(arguments) => verify::run(arguments, &context, &mut out),
        Command::Stats(_) => stats::run(&context, &mut out),
        Command::Doctor(_) => doctor::run(&context, &mut out),
        Command::Rebuild(_) => rebuild::run(&context, &mut out),
        Command::Changes(arguments) => changes::run(arguments, &context, &mut out),
        Command::Usage(arguments) => usage::run(arguments, &context, &mut out),
        Command::Du(arguments) => du::run(arguments, &context, &mut out),
        Command::Seal(_) => seal::run(&context, &mut out),
        Command::Compact(arguments) => compact::run(arguments, &context, &mut out),
        Command::Erase(_) => erase::run(&context, &mut out),
        Command::Repair(arguments) => repair::run(arguments, &context, &mut out),
        Command::Backup(arguments) => backup::backup(arguments, &context, &mut out),
        Command::Restore(arguments) => backup::restore(arguments, &context, &mut out),
        Command::Pack(arguments) => pack::run(arguments, &context, &mut out),
        Command::Unpack(arguments) => unpack::run(arguments, &context, &mut out),
        Command::Salvage(arguments) => salvage::run(arguments, &context, &mut out),
        Command::Dump(arguments) => dump::run(arguments, &mut out),
        Command::Gen(arguments) => r#gen::run(arguments, &mut out),
        Command::Demo(arguments) => demo::run(arguments, &context, &mut out),
        #[cfg(unix)]
        Command::Run(arguments) => run::run(arguments, &context, &mut out),
    }?;
    out.flush()?;
    Ok(exit)
}

/// Whether a command changes the store, at once and for good: such work does not depend on who reads what is said of it.
fn changes(command: &Command) -> bool {
    use Command::{
        Archive, Fork, Import, Pin, Prune, Relink, Rename, Repair, Rm, Rollback, Tag, Trash, Unarchive, Unpin,
    };
    matches!(
        command,
        Archive(_)
            | Fork(_)
            | Import(_)
            | Pin(_)
            | Prune(_)
            | Relink(_)
            | Rename(_)
            | Repair(_)
            | Rm(_)
            | Rollback(_)
            | Tag(_)
            | Trash(_)
            | Unarchive(_)
            | Unpin(_)
    )
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Import(_) => "import",
        Command::Export(_) => "export",
        Command::List(_) => "list",
        Command::Show(_) => "show",
        Command::Search(_) => "search",
        Command::Context(_) => "context",
        Command::Turns(_) => "turns",
        Command::Tail(_) => "tail",
        Command::Ps(_) => "ps",
        Command::Rename(_) => "rename",
        Command::Archive(_) => "archive",
        Command::Unarchive(_) => "unarchive",
        Command::Tag(_) => "tag",
        Command::Pin(_) => "pin",
        Command::Unpin(_) => "unpin",
        Command::Relink(_) => "relink",
        Command::Fork(_) => "fork",
        Command::Rollback(_) => "rollback",
        Command::Tree(_) => "tree",
        Command::Rm(_) => "rm",
        Command::Prune(_) => "prune",
        Command::Trash(_) => "trash",
        Command::Verify(verify) if verify.deleted.is_some() => "verify --deleted",
        Command::Verify(_) => "verify",
        Command::Stats(_) => "stats",
        Command::Doctor(_) => "doctor",
        Command::Rebuild(_) => "rebuild",
        Command::Changes(_) => "changes",
        Command::Usage(_) => "usage",
        Command::Du(_) => "du",
        Command::Seal(_) => "seal",
        Command::Compact(_) => "compact",
        Command::Erase(_) => "erase",
        Command::Repair(_) => "repair",
        Command::Backup(_) => "backup",
        Command::Restore(_) => "restore",
        Command::Pack(_) => "pack",
        Command::Unpack(unpack) if unpack.verify => "unpack --verify",
        Command::Unpack(_) => "unpack",
        Command::Salvage(_) => "salvage",
        Command::Dump(_) => "dump",
        Command::Gen(_) => "gen",
        Command::Demo(_) => "demo",
        #[cfg(unix)]
        Command::Run(_) => "run",
    }
}

/// What all commands are given.
#[derive(Clone, Debug)]
pub struct Context {
    /// `--store`, if it was said.
    pub store: Option<PathBuf>,
    /// `--allow-untrusted`.
    pub allow_untrusted: bool,
}

impl Context {
    /// The store's folder.
    pub fn root(&self) -> Result<PathBuf, Failure> {
        location::store(self.store.clone())
    }

    /// The store, for reading: no lock, no write, and never made.
    pub fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open_read(&self.root()?)?)
    }

    /// The store, for adding much to it: made if there is none.
    pub fn open_or_create(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.root()?, self.config())?)
    }

    /// The store, for changing how it is stored. Never made.
    pub fn open_existing(&self) -> Result<Store, Failure> {
        drop(self.open()?);
        Ok(Store::open(&self.root()?, self.config())?)
    }

    /// The store's threads, for changing them. Whoever calls this has seen that there is a store.
    pub fn open_threads(&self) -> Result<LocalThreadStore, Failure> {
        wait(LocalThreadStore::open(&self.root()?, self.config().into()))
    }

    /// Settings of a command that writes for as long as somebody talks.
    #[cfg(unix)]
    pub fn config_to_run(&self) -> Config {
        Config { prepare_spares: true, ..self.config() }
    }

    /// Settings of a command that writes and ends: no room is prepared for more.
    pub fn config(&self) -> Config {
        let client = concat!("threadlog ", env!("CARGO_PKG_VERSION")).to_owned();
        Config { client, prepare_spares: false, allow_untrusted: self.allow_untrusted, ..Config::default() }
    }
}

/// The exit code of a command that read a store, told of damage on the way, and of records that could not be read.
pub fn soundness(damage: &[Damage], lost_records: u64, out: &mut Output) -> Result<Exit, Failure> {
    let what = match (damage.is_empty(), lost_records) {
        (true, 0) => return Ok(Exit::Done),
        // What stands in files of its own is not checked before it is read.
        (true, lost) => counted(lost, "record is lost", "records are lost"),
        (false, _) => format!("{}, and what stood there is missing", counted(wide(damage.len()), "place", "places")),
    };
    out.flush()?;
    let what = if damage.is_empty() {
        format!("the store is damaged: {what}")
    } else {
        format!("the store is damaged in {what}")
    };
    failure::warn(&format!("{what}; `threadlog verify` says what; import the files again if you have them"));
    Ok(Exit::Damaged)
}

/// The exit code of work that a signal cut short: that says more than anything else. Told to people here.
pub fn interrupted(stopped: bool, exit: Exit, out: &mut Output) -> Result<Exit, Failure> {
    if !stopped {
        return Ok(exit);
    }
    out.flush()?;
    failure::warn("stopped before the end; what was done stays, and the same command goes on");
    Ok(Exit::Stopped)
}

/// Refuses a target that is something else than a folder, once, before every file below it is refused.
pub fn folder(to: &Path) -> Result<(), Failure> {
    match to.metadata() {
        Ok(about) if !about.is_dir() => Err(Failure::usage(format!("--to {}: that is no folder", to.display()))),
        _ => Ok(()),
    }
}

/// A length as a number for people and programs.
pub fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl From<threadlog::Error> for Failure {
    fn from(error: threadlog::Error) -> Failure {
        use threadlog::Error;
        use threadlog::maintain::CompactionError;
        use threadlog_engine::Error as Engine;
        if let Some(refusal) = full(&error) {
            let message = format!(
                "the disk is full: make room and run the same command again; what was finished stays ({refusal})"
            );
            return Failure::new(Exit::Failed, message);
        }
        let exit = match &error {
            Error::NotFound { .. }
            | Error::NotDeleted { .. }
            | Error::Ambiguous { .. }
            | Error::Engine(Engine::NoStore { .. }) => Exit::NotFound,
            Error::Engine(Engine::Locked { .. } | Engine::Recovering { .. })
            | Error::Importing { .. }
            | Error::Compaction(CompactionError::Busy { .. }) => Exit::Locked,
            Error::UnsafePath(_) | Error::Exists { .. } | Error::NotRegular { .. } | Error::Link { .. } => {
                Exit::Partial
            }
            Error::BadId { .. }
            | Error::ForeignCursor
            | Error::Engine(Engine::NotEmpty { .. })
            | Error::Compaction(CompactionError::NotACopy { .. }) => Exit::Usage,
            error if error.is_corruption() => Exit::Damaged,
            _ => Exit::Failed,
        };
        let advice = match &error {
            Error::Engine(Engine::NoStore { .. }) => "; `threadlog import` makes one, --store names another",
            Error::Engine(Engine::Locked { .. }) => "; reading it works all the same",
            _ => "",
        };
        Failure::new(exit, format!("{}{advice}", failure::sentence(&error)))
    }
}

/// The innermost error, if it says that there is no room left.
fn full(error: &threadlog::Error) -> Option<String> {
    use std::error::Error;
    let mut told = error.to_string();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let shared = error.downcast_ref::<Arc<io::Error>>().map(|error| &**error);
        if let Some(refusal) = shared.or_else(|| error.downcast_ref::<io::Error>()) {
            let full = matches!(refusal.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            return full.then_some(told);
        }
        told = error.to_string();
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadlog_engine::{Error, Sequence};

    #[test]
    fn a_full_disk_is_said_in_words_that_help() {
        let write = |kind: io::ErrorKind| Error::io("write", Path::new("here"), kind.into());
        let failed = |kind| Error::WriteFailed { durable: Sequence(7), source: Box::new(write(kind)) };
        let said = |error: Error| {
            let failure = Failure::from(threadlog::Error::from(error));
            assert_eq!(failure.exit(), Exit::Failed);
            failure.message().to_owned()
        };
        for error in [failed(io::ErrorKind::StorageFull), write(io::ErrorKind::QuotaExceeded)] {
            let said = said(error);
            assert!(said.starts_with("the disk is full: make room") && said.contains("cannot write here"), "{said}");
            assert!(!said.contains("sequence"), "{said}");
        }
        assert!(!said(failed(io::ErrorKind::PermissionDenied)).contains("full"));
    }
}
