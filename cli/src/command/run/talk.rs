//! The loop between input, thread and output.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{ThreadStoreError, Unavailability};
use threadlog_session::{CodexThread, Event, EventMsg, NewThread, Op, SessionConfigured, SubmissionId};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::command::run::input;
use crate::command::run::tell::Teller;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;

/// How long after it could not be opened again the store is tried anew.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

/// Lines that may wait for a turn's end until no more are read.
const WAITING_MAX: usize = 256;

/// Ctrl-C, being told to end, and the loss of the terminal.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Signals> {
        let [interrupt, terminate, hangup] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Signals { interrupt: signal(interrupt)?, terminate: signal(terminate)?, hangup: signal(hangup)? })
    }
}

/// One conversation.
pub(super) struct Talk<'a> {
    thread: Arc<CodexThread>,
    configured: Arc<SessionConfigured>,
    store: &'a LocalThreadStore,
    signals: Signals,
    lines: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// Whether there may be more input.
    listening: bool,
    /// What a person said and whose turn has not come: each line is done before the next one is begun.
    waiting: VecDeque<Op>,
    /// Turns that were submitted and have not ended.
    turns: BTreeSet<SubmissionId>,
    ending: bool,
    /// Whether a signal asked for the end.
    stopped: bool,
    /// Whether the store must be opened again before anything more can be stored.
    shut: bool,
    teller: Teller,
}

impl<'a> Talk<'a> {
    pub(super) fn new(new: &NewThread, store: &'a LocalThreadStore, signals: Signals) -> Talk<'a> {
        let terminal = io::stdin().is_terminal();
        Talk {
            thread: Arc::clone(&new.thread),
            configured: Arc::clone(&new.session_configured),
            store,
            signals,
            lines: input::lines(),
            listening: true,
            waiting: VecDeque::new(),
            turns: BTreeSet::new(),
            ending: false,
            stopped: false,
            shut: false,
            teller: Teller::new(terminal),
        }
    }

    /// Goes on until the thread has ended.
    pub(super) async fn until_the_end(mut self, out: &mut Output) -> Result<Exit, Failure> {
        self.teller.begin(&self.configured, out)?;
        loop {
            self.go_on(out).await?;
            if !self.listening && self.turns.is_empty() && self.waiting.is_empty() {
                self.end(out).await?;
            }
            self.teller.prompt(self.turns.is_empty() && self.listening, out)?;
            out.flush()?;
            tokio::select! {
                line = self.lines.recv(), if self.listening && self.waiting.len() < WAITING_MAX => self.said(line, out).await?,
                event = self.thread.next_event() => match event {
                    Some(event) => self.happened(&event, out).await?,
                    None => break,
                },
                _ = self.signals.interrupt.recv() => self.interrupted(out).await?,
                _ = self.signals.terminate.recv() => self.terminated(out).await?,
                _ = self.signals.hangup.recv(), if !self.ending => self.terminated(out).await?,
                () = sleep(REOPEN_EVERY), if self.shut => self.reopen().await,
            }
        }
        self.teller.end(self.thread.id(), self.stopped, out)
    }

    /// A line of input, or its end.
    async fn said(&mut self, line: Option<io::Result<Vec<u8>>>, out: &mut Output) -> Result<(), Failure> {
        let line = match line {
            Some(Ok(line)) => line,
            Some(Err(error)) => {
                self.listening = false;
                return self.teller.refused(None, &format!("the input cannot be read any more: {error}"), out);
            }
            None => {
                self.listening = false;
                return Ok(());
            }
        };
        if out.is_json() {
            return match input::of_program(&line) {
                Ok(Some(Op::Shutdown)) => {
                    self.listening = false;
                    self.end(out).await
                }
                Ok(Some(op)) => self.submit(op, out).await,
                Ok(None) => Ok(()),
                Err(message) => self.teller.refused(None, &message, out),
            };
        }
        match input::of_person(&line) {
            Ok(Some(Op::Interrupt)) => self.interrupt(out).await,
            Ok(Some(op)) => {
                // Behind a /quit nothing is read.
                self.listening = op != Op::Shutdown;
                self.waiting.push_back(op);
                self.teller.waits(!self.turns.is_empty(), out)
            }
            Ok(None) => Ok(()),
            Err(message) => self.teller.refused(None, &message, out),
        }
    }

    /// Begins what waits, until that is a turn.
    async fn go_on(&mut self, out: &mut Output) -> Result<(), Failure> {
        while self.turns.is_empty()
            && !self.ending
            && let Some(op) = self.waiting.pop_front()
        {
            match op {
                Op::Shutdown => self.end(out).await?,
                op => self.submit(op, out).await?,
            }
        }
        Ok(())
    }

    /// Ends the turn that runs, and those that wait.
    async fn interrupt(&mut self, out: &mut Output) -> Result<(), Failure> {
        let before = self.waiting.len();
        self.waiting.retain(|op| !is_turn(op));
        self.teller.unsaid(before - self.waiting.len(), out)?;
        self.submit(Op::Interrupt, out).await
    }

    /// Submits an operation; events are told meanwhile, so that neither waits for the other.
    async fn submit(&mut self, op: Op, out: &mut Output) -> Result<(), Failure> {
        let (name, is_turn) = (op.name(), is_turn(&op));
        let thread = Arc::clone(&self.thread);
        let mut submitted = pin!(thread.submit(op));
        let id = loop {
            tokio::select! {
                biased;
                id = &mut submitted => break id,
                Some(event) = thread.next_event() => self.happened(&event, out).await?,
            }
        };
        match id {
            Ok(id) => {
                if is_turn {
                    self.turns.insert(id);
                }
                self.teller.submitted(id, name, out)
            }
            Err(error) => self.teller.refused(None, &error.to_string(), out),
        }
    }

    async fn happened(&mut self, event: &Event, out: &mut Output) -> Result<(), Failure> {
        if event.msg.ends_turn()
            && let Some(id) = event.submission
        {
            self.turns.remove(&id);
        }
        self.teller.tell(event, out)?;
        if let EventMsg::PersistenceFailed { error: ThreadStoreError::Unavailable(_, Unavailability::Poisoned) } =
            &event.msg
        {
            self.reopen().await;
        }
        Ok(())
    }

    /// The way back after a failed sync; the thread then goes on storing by itself.
    async fn reopen(&mut self) {
        let reopened = self.store.reopen().await;
        if let (Err(error), false) = (&reopened, self.shut) {
            failure::warn(&format!("the store cannot be opened again, and is tried again: {error}"));
        }
        self.shut = reopened.is_err();
    }

    /// Ctrl-C ends the turn that runs; with none, the conversation.
    async fn interrupted(&mut self, out: &mut Output) -> Result<(), Failure> {
        if self.turns.is_empty() || self.ending { self.terminated(out).await } else { self.interrupt(out).await }
    }

    /// The first time it ends in order, the second time at once.
    async fn terminated(&mut self, out: &mut Output) -> Result<(), Failure> {
        self.stopped = true;
        self.listening = false;
        self.waiting.clear();
        if !self.ending {
            return self.end(out).await;
        }
        failure::warn("what was not stored yet is lost");
        Ok(self.thread.discard().await?)
    }

    async fn end(&mut self, out: &mut Output) -> Result<(), Failure> {
        if std::mem::replace(&mut self.ending, true) {
            return Ok(());
        }
        self.submit(Op::Shutdown, out).await
    }
}

fn is_turn(op: &Op) -> bool {
    matches!(op, Op::UserTurn { .. } | Op::Compact)
}
