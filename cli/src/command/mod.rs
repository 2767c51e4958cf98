//! The commands, one file each, and what they share.

use std::path::PathBuf;

use threadlog::Store;
use threadlog::local::LocalThreadStore;
use threadlog_engine::{Config, Damage};

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::location;
use crate::output::Output;
use crate::threads::wait;

pub mod archive;
mod change;
pub mod demo;
pub mod dump;
pub mod export;
pub mod r#gen;
pub mod import;
pub mod list;
mod odd;
pub mod rename;
pub mod salvage;
pub mod show;
pub mod stats;
mod summary;
pub mod verify;

/// Runs the command and shows what it said.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let context = Context { store: arguments.store };
    let mut out = Output::new(name(&arguments.command), arguments.json)?;
    let exit = match &arguments.command {
        Command::Import(arguments) => import::run(arguments, &context, &mut out),
        Command::Export(arguments) => export::run(arguments, &context, &mut out),
        Command::List(arguments) => list::run(arguments, &context, &mut out),
        Command::Show(arguments) => return show::run(arguments, &context, out),
        Command::Rename(arguments) => rename::run(arguments, &context, &mut out),
        Command::Archive(arguments) => archive::run(arguments, true, &context, &mut out),
        Command::Unarchive(arguments) => archive::run(arguments, false, &context, &mut out),
        Command::Verify(_) => verify::run(&context, &mut out),
        Command::Stats(_) => stats::run(&context, &mut out),
        Command::Salvage(arguments) => salvage::run(arguments, &context, &mut out),
        Command::Dump(arguments) => dump::run(arguments, &mut out),
        Command::Gen(arguments) => r#gen::run(arguments, &mut out),
        Command::Demo(arguments) => demo::run(arguments, &context, &mut out),
    }?;
    out.flush()?;
    Ok(exit)
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Import(_) => "import",
        Command::Export(_) => "export",
        Command::List(_) => "list",
        Command::Show(_) => "show",
        Command::Rename(_) => "rename",
        Command::Archive(_) => "archive",
        Command::Unarchive(_) => "unarchive",
        Command::Verify(_) => "verify",
        Command::Stats(_) => "stats",
        Command::Salvage(_) => "salvage",
        Command::Dump(_) => "dump",
        Command::Gen(_) => "gen",
        Command::Demo(_) => "demo",
    }
}

/// What all commands are given.
#[derive(Clone, Debug)]
pub struct Context {
    /// `--store`, if it was said.
    pub store: Option<PathBuf>,
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
        Ok(Store::open(&self.root()?, config())?)
    }

    /// The store's threads, for changing them. Whoever calls this has seen that there is a store.
    pub fn open_threads(&self) -> Result<LocalThreadStore, Failure> {
        wait(LocalThreadStore::open(&self.root()?, config().into()))
    }
}

/// Settings of a command that writes and ends: no room is prepared for more.
fn config() -> Config {
    let client = concat!("threadlog ", env!("CARGO_PKG_VERSION")).to_owned();
    Config { client, prepare_spares: false, ..Config::default() }
}

/// The exit code of a command that read a store, told of damage on the way.
pub fn soundness(damage: &[Damage], out: &mut Output) -> Result<Exit, Failure> {
    if damage.is_empty() {
        return Ok(Exit::Done);
    }
    out.flush()?;
    let places = crate::output::human::counted(wide(damage.len()), "place", "places");
    failure::warn(&format!(
        "the store is damaged in {places}, and what stood there is missing; `threadlog verify` says what"
    ));
    Ok(Exit::Damaged)
}

/// A length as a number for people and programs.
pub fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl From<threadlog::Error> for Failure {
    fn from(error: threadlog::Error) -> Failure {
        use threadlog::Error;
        use threadlog_engine::Error as Engine;
        let exit = match &error {
            Error::NotFound { .. } | Error::Ambiguous { .. } | Error::Engine(Engine::NoStore { .. }) => Exit::NotFound,
            Error::Engine(Engine::Locked { .. }) => Exit::Locked,
            Error::UnsafePath(_) | Error::Exists { .. } => Exit::Partial,
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
