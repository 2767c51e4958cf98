//! `threadlog run`: a conversation with an agent that is a program.
//!
//! [`input`] is what people and programs say, [`tell`] what they are told, [`talk`] the loop between.

mod input;
mod records;
mod talk;
mod tell;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use threadlog::ThreadId;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{ForkPosition, SessionSource};
use threadlog_session::{
    ForkParams, NewThread, ProcessAgent, ProcessConfig, ResumeParams, SessionError, StartParams, ThreadManager,
    TurnSettings,
};
use tokio::runtime::Builder;

use crate::command::run::talk::Talk;
use crate::command::{Context, change, fork};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;

/// How long ending may take when nobody listens any more.
const END_TIME: Duration = Duration::from_secs(5);

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// The agent: a program that speaks JSON lines (docs/agents.md). It is run once for each turn
    #[arg(long, value_name = "PROGRAM")]
    pub exec: PathBuf,
    /// Go on with this thread: its id or the beginning of one
    #[arg(long, value_name = "ID", conflicts_with_all = ["fork", "ephemeral"])]
    pub resume: Option<String>,
    /// Begin with what this thread has, up to POS (see `threadlog fork`), and go on by itself
    #[arg(long, value_name = "ID[@POS]")]
    pub fork: Option<String>,
    /// Store nothing of it
    #[arg(long)]
    pub ephemeral: bool,
    /// The agent's working directory [default: the thread's, else this one]
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// The model that the agent is to use, by whatever name it knows it
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Arguments of the agent's
    #[arg(last = true, value_name = "ARG")]
    pub args: Vec<OsString>,
}

/// Where the thread comes from.
enum Beginning {
    New,
    Resume(ThreadId),
    Fork(ThreadId, ForkPosition),
}

/// Runs `run`, until its input ends.
pub fn run(arguments: &Run, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
    runtime.block_on(conversation(arguments, context, out))
}

async fn conversation(arguments: &Run, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let beginning = Beginning::of(arguments, context)?;
    let settings = settings(arguments)?;
    let signals = talk::Signals::listen().map_err(|error| Failure::io("cannot listen to signals", &error))?;
    let store = LocalThreadStore::open(&context.root()?, context.config_to_run().into()).await?;
    let mut agent = ProcessConfig::new(program(&arguments.exec)?);
    agent.args = arguments.args.clone();
    let manager = ThreadManager::new(Arc::new(store.clone()), Arc::new(ProcessAgent::new(agent)));
    let talked = match begin(&manager, beginning, settings, arguments.ephemeral).await {
        Ok(new) => Talk::new(&new, &store, signals).until_the_end(out).await,
        Err(error) => Err(error.into()),
    };
    // Whatever happened, what was said is stored.
    let report = manager.shutdown_all(END_TIME).await;
    let closed = store.close().await.map_err(Failure::from);
    let exit = talked?;
    if !report.timed_out.is_empty() {
        failure::warn("what was said last could not be stored");
    }
    closed?;
    Ok(exit)
}

async fn begin(
    manager: &ThreadManager,
    beginning: Beginning,
    settings: TurnSettings,
    ephemeral: bool,
) -> Result<NewThread, SessionError> {
    match beginning {
        Beginning::Resume(id) => {
            let mut params = ResumeParams::new(id).with_archived();
            params.settings = settings;
            manager.resume(params).await
        }
        Beginning::Fork(id, position) => {
            let mut params = ForkParams::new(id).at(position);
            params.new = fresh(settings, ephemeral);
            manager.fork(params).await
        }
        Beginning::New => {
            let mut params = fresh(settings, ephemeral);
            let here = std::env::current_dir().ok().map(|path| path.display().to_string());
            params.settings.cwd = params.settings.cwd.or(here);
            manager.start(params).await
        }
    }
}

/// The program, wherever the agent's working directory is: a path is meant from here, a mere name is looked for in `PATH`.
fn program(exec: &Path) -> Result<PathBuf, Failure> {
    if exec.components().nth(1).is_none() {
        return Ok(exec.to_owned());
    }
    std::path::absolute(exec).map_err(|error| Failure::io(format!("--exec {}", exec.display()), &error))
}

fn fresh(settings: TurnSettings, ephemeral: bool) -> StartParams {
    let mut params = StartParams::default();
    params.create.source = SessionSource::Cli;
    params.create.originator = Some("threadlog".to_owned());
    params.create.cli_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    params.settings = settings;
    params.ephemeral = ephemeral;
    params
}

fn settings(arguments: &Run) -> Result<TurnSettings, Failure> {
    let mut settings = TurnSettings::default();
    settings.model = arguments.model.clone();
    if let Some(cwd) = &arguments.cwd {
        let cwd = std::path::absolute(cwd).map_err(|error| Failure::io(format!("--cwd {}", cwd.display()), &error))?;
        if !cwd.is_dir() {
            return Err(Failure::new(Exit::NotFound, format!("--cwd {}: there is no such folder", cwd.display())));
        }
        settings.cwd = Some(cwd.display().to_string());
    }
    Ok(settings)
}

impl Beginning {
    /// Finds the thread, reading only.
    fn of(arguments: &Run, context: &Context) -> Result<Beginning, Failure> {
        let find = |id: String| {
            let found = change::find(&context.open()?, std::slice::from_ref(&id))?.first().copied();
            found.ok_or_else(|| Failure::new(Exit::NotFound, format!("no thread {id}")))
        };
        match (&arguments.resume, &arguments.fork) {
            (Some(id), _) => Ok(Beginning::Resume(find(id.clone())?)),
            (None, Some(text)) => {
                let (id, position) = fork::place(text)?;
                Ok(Beginning::Fork(find(id)?, position))
            }
            (None, None) => Ok(Beginning::New),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Failure {
        match error {
            SessionError::Store(error) => error.into(),
            error => Failure::new(Exit::Failed, failure::sentence(&error)),
        }
    }
}
