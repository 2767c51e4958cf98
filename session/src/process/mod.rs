//! Agents that are programs: one run of the program for each turn, JSON lines on its standard input and output.
//!
//! The program need not remember anything: each turn brings the history that the model sees, rebuilt from what is
//! stored. `docs/agents.md` is the protocol.

mod child;
mod lines;
mod protocol;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use crate::agent::{Agent, AgentFailure, Turn, TurnHandle};
use crate::process::child::{Group, Pipes};
use crate::process::lines::{Lines, TooLong};
use crate::process::protocol::{FromAgent, ToAgent};

/// What to run, and its bounds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessConfig {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables of its environment, over those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// Longest line that it may write, in bytes. A longer one ends the turn. Default: 16 MiB.
    pub line_bytes_max: usize,
    /// How long it may go on when it has said that the turn is complete, and how long after it closed its output. Then it
    /// is killed. Default: 2 s.
    pub exit_grace: Duration,
}

impl ProcessConfig {
    /// This program, without arguments.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> ProcessConfig {
        ProcessConfig {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            line_bytes_max: 16 << 20,
            exit_grace: Duration::from_secs(2),
        }
    }
}

/// An agent that is a program. It runs once for each turn, in a process group of its own and in the turn's working
/// directory; whatever the group has left is killed when the turn ends, however it ends.
///
/// What it writes to standard error is shown as it comes (`{"type":"agent_stderr","text":…}`), and its last lines are
/// part of the message if the turn fails.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use threadlog::memory::InMemoryThreadStore;
/// use threadlog_session::{ProcessAgent, ProcessConfig, ThreadManager};
///
/// let mut config = ProcessConfig::new("python3");
/// config.args = vec!["agent.py".into()];
/// let manager = ThreadManager::new(Arc::new(InMemoryThreadStore::new()), Arc::new(ProcessAgent::new(config)));
/// ```
#[derive(Clone, Debug)]
pub struct ProcessAgent {
    config: ProcessConfig,
}

/// Longest line of standard error that is shown, in bytes; what is longer is cut.
const STDERR_LINE_BYTES_MAX: usize = 4096;
/// How long what is left of standard error is waited for when the program is gone.
const LAST_WORDS_GRACE: Duration = Duration::from_millis(200);
/// Lines of standard error that a failure tells.
const STDERR_LINES_TOLD: usize = 5;
/// Answers that may wait for the program to read them.
const ANSWERS_MAX: usize = 64;

/// What a program that failed has to say.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot start {program:?}: {error}; is it there, and may it be run?")]
    Start { program: PathBuf, error: io::Error },
    #[error("cannot start {program:?} in {cwd:?}: there is no such folder; give another working directory")]
    Cwd { program: PathBuf, cwd: String },
    #[error("reading from {program:?}: {error}")]
    Read { program: PathBuf, error: io::Error },
    #[error("{program:?} wrote a line of more than {max} bytes; write shorter items")]
    LineTooLong { program: PathBuf, max: usize },
    #[error("{program:?} wrote a line that is not of the protocol ({error}): {line:?}")]
    Line { program: PathBuf, error: serde_json::Error, line: String },
    #[error("{program:?} ended without saying that the turn is complete ({status})")]
    Ended { program: PathBuf, status: String },
    #[error("{program:?} does not read the answers to its flushes, {max} wait; read each before the next")]
    Unread { program: PathBuf, max: usize },
    #[error("{0}")]
    Said(String),
}

impl ProcessAgent {
    /// This program.
    #[must_use]
    pub fn new(config: ProcessConfig) -> ProcessAgent {
        ProcessAgent { config }
    }

    fn start(&self, cwd: Option<&str>) -> Result<(Group, Pipes), Failure> {
        Group::start(&self.config, cwd).map_err(|error| {
            let program = self.config.program.clone();
            match cwd.filter(|cwd| !cwd.is_empty() && !Path::new(cwd).is_dir()) {
                Some(cwd) => Failure::Cwd { program, cwd: cwd.to_owned() },
                None => Failure::Start { program, error },
            }
        })
    }

    /// Reads what the program writes, until it says how the turn ended.
    async fn listen(
        &self,
        stdout: ChildStdout,
        group: &Group,
        handle: &TurnHandle,
        answers: &mpsc::Sender<Vec<u8>>,
    ) -> Result<(), AgentFailure> {
        let program = || self.config.program.clone();
        let mut lines = Lines::new(BufReader::new(stdout), self.config.line_bytes_max);
        let mut over = pin!(group.over(self.config.exit_grace));
        loop {
            let line = tokio::select! {
                biased;
                line = lines.next() => line,
                // Something that it started holds the output open; what is there was read first.
                () = &mut over => Ok(None),
            };
            let line = match line {
                Ok(Some(Ok(line))) => line,
                Ok(Some(Err(TooLong))) => {
                    let max = self.config.line_bytes_max;
                    return Err(Failure::LineTooLong { program: program(), max }.into());
                }
                Ok(None) => {
                    let status = group.status(self.config.exit_grace).await;
                    return Err(Failure::Ended { program: program(), status }.into());
                }
                Err(error) => return Err(Failure::Read { program: program(), error }.into()),
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let said = FromAgent::read(&line).map_err(|error| {
                let line = String::from_utf8_lossy(&line).chars().take(200).collect();
                Failure::Line { program: program(), error, line }
            })?;
            match said {
                FromAgent::Item { kind, payload, metadata } => {
                    handle.record(vec![protocol::item(kind, &payload, metadata.as_deref())?]).await?;
                }
                FromAgent::Message { text } => handle.message(&text).await?,
                FromAgent::Tokens(tokens) => handle.token_count(tokens.count()).await?,
                FromAgent::Show { payload } => handle.show_json(payload.get().as_bytes().to_vec().into()).await?,
                FromAgent::Flush { request } => {
                    let answer = match handle.flush().await {
                        Ok(()) => ToAgent::Flushed { request },
                        Err(error) => ToAgent::Error { request, message: error.to_string() },
                    };
                    // One that has closed its input wants no answers.
                    if let Err(TrySendError::Full(_)) = answers.try_send(answer.line()?) {
                        return Err(Failure::Unread { program: program(), max: ANSWERS_MAX }.into());
                    }
                }
                FromAgent::TurnComplete => return Ok(()),
                FromAgent::TurnFailed { message } => return Err(Failure::Said(message).into()),
            }
        }
    }
}

#[async_trait]
impl Agent for ProcessAgent {
    async fn run_turn(&self, turn: Turn, handle: TurnHandle) -> Result<(), AgentFailure> {
        let (mut group, pipes) = self.start(turn.settings.cwd.as_deref())?;
        let (answers, waiting) = mpsc::channel(ANSWERS_MAX);
        let first = protocol::turn(&turn)?;
        drop(turn);
        // All three at once: a program may write before it has read everything, and complain meanwhile.
        let said = async {
            let told = async {
                let listened = self.listen(pipes.stdout, &group, &handle, &answers).await;
                drop(answers);
                listened
            };
            tokio::select! {
                ended = told => ended,
                // The program closed its input, or its last word was said; what it still says is waited for above.
                never = write(pipes.stdin, first, waiting) => match never {},
            }
        };
        let mut complaints = Complaints::default();
        let mut stderr = Lines::cutting(BufReader::new(pipes.stderr), STDERR_LINE_BYTES_MAX);
        let ended = tokio::select! {
            ended = said => ended,
            never = complaints.read_on(&mut stderr, &handle) => match never {},
        };
        let grace = if ended.is_ok() { self.config.exit_grace } else { Duration::ZERO };
        // What it says while it ends is heard too: a program that may not write might die of it.
        tokio::select! {
            () = group.end(grace) => {}
            never = complaints.read_on(&mut stderr, &handle) => match never {},
        }
        // Its last words may still be in the pipe, which somebody that left its group may hold open.
        let _ = timeout(LAST_WORDS_GRACE, complaints.read(&mut stderr, &handle)).await;
        ended.map_err(|error| complaints.with(error))
    }
}

/// Writes the turn and then the answers. Never returns: when nothing is left to be written, the input is closed and the
/// rest is waiting.
async fn write(mut stdin: ChildStdin, first: Vec<u8>, mut answers: mpsc::Receiver<Vec<u8>>) -> Infallible {
    // A program that closed its input wants no more; what it says decides.
    let mut open = stdin.write_all(&first).await.is_ok();
    drop(first);
    while let (true, Some(answer)) = (open, answers.recv().await) {
        open = stdin.write_all(&answer).await.is_ok();
    }
    drop((stdin, answers));
    pending().await
}

type Stderr = Lines<BufReader<ChildStderr>>;

/// The last lines of standard error.
#[derive(Default)]
struct Complaints {
    last: VecDeque<String>,
}

impl Complaints {
    /// As [`Complaints::read`]. Never returns.
    async fn read_on(&mut self, lines: &mut Stderr, handle: &TurnHandle) -> Infallible {
        self.read(lines, handle).await;
        pending().await
    }

    /// Shows lines as they come, until no more will. If it is dropped meanwhile a line may be told and not shown.
    async fn read(&mut self, lines: &mut Stderr, handle: &TurnHandle) {
        while let Ok(Some(Ok(line))) = lines.next().await {
            let text = String::from_utf8_lossy(&line).into_owned();
            if self.last.len() == STDERR_LINES_TOLD {
                self.last.pop_front();
            }
            self.last.push_back(text.clone());
            // Text is always JSON.
            let _ = handle.show(&serde_json::json!({"type": "agent_stderr", "text": text})).await;
        }
    }

    fn with(self, error: AgentFailure) -> AgentFailure {
        if self.last.is_empty() {
            return error;
        }
        format!("{error}; its last words: {}", Vec::from(self.last).join(" / ")).into()
    }
}
