//! Making threads run: started, resumed, from a supplied history, forked.

use std::sync::Arc;

use threadlog::context::ModelContext;
use threadlog::item::typed::Typed;
use threadlog::live::{LiveThread, LiveThreadInitGuard};
use threadlog::memory::InMemoryThreadStore;
use threadlog::thread_store::{
    CreateThreadParams, ForkThreadParams, HistoryRange, LoadHistoryParams, Report, ResumeThreadParams, StoredThread,
    ThreadStore,
};
use threadlog::{RolloutItem, ThreadId};
use tokio::runtime::Handle;

use crate::agent::Agent;
use crate::config::{Origin, ThreadConfig, TurnSettings};
use crate::error::{Result, SessionError};
use crate::event::SessionConfigured;
use crate::manager::copy;
use crate::manager::registry::{Reservation, Taken, conflict};
use crate::manager::{ForkParams, NewThread, ResumeParams, Shared, StartParams};
use crate::thread::recorder::nothing;
use crate::thread::{CodexThread, Parts};

/// A thread about to run: everything but what its agent says to it.
struct Ready {
    operation: &'static str,
    place: Reservation,
    /// Until the thread runs, whatever goes wrong lets go of it.
    guard: LiveThreadInitGuard,
    live: LiveThread,
    agent: Option<Arc<dyn Agent>>,
    origin: Origin,
    ephemeral: bool,
    create: CreateThreadParams,
    /// What started it, as metadata names it.
    source: String,
    settings: TurnSettings,
    history: ModelContext,
}

/// What is known of a stored thread.
struct Known {
    create: CreateThreadParams,
    source: String,
    model: Option<String>,
}

impl Ready {
    fn new(
        operation: &'static str,
        place: Reservation,
        (guard, live): (LiveThreadInitGuard, LiveThread),
        params: StartParams,
        origin: Origin,
        history: ModelContext,
    ) -> Ready {
        let StartParams { agent, ephemeral, create, settings, .. } = params;
        let settings = settings.over(&last_settings(&history));
        let source = create.source.to_string();
        Ready { operation, place, guard, live, agent, origin, ephemeral, create, source, settings, history }
    }

    /// The same, of a thread that is stored already.
    fn known(mut self, known: Known) -> Ready {
        let Known { create, source, model } = known;
        let before = TurnSettings { cwd: create.cwd.clone(), model, ..TurnSettings::default() };
        self.settings = self.settings.over(&before);
        (self.create, self.source) = (create, source);
        self
    }
}

impl Shared {
    pub(super) async fn start(self: &Arc<Self>, params: StartParams) -> Result<NewThread> {
        const OPERATION: &str = "start";
        let (place, params) = self.new_place(OPERATION, params)?;
        let (guard, live) = guarded(self.create(&params).await?);
        self.run(Ready::new(OPERATION, place, (guard, live), params, Origin::Started, nothing())).await
    }

    pub(super) async fn resume_with_history(
        self: &Arc<Self>,
        params: StartParams,
        items: Vec<RolloutItem>,
    ) -> Result<NewThread> {
        const OPERATION: &str = "resume_with_history";
        let (place, mut params) = self.new_place(OPERATION, params)?;
        if items.is_empty() {
            let report = Report::new(OPERATION, "a history without items").of(params.create.thread_id);
            return Err(report.advise("give some, or start a thread").invalid().into());
        }
        params.create.forked_from = params.create.forked_from.or_else(|| first_thread(&items));
        self.copied(OPERATION, place, params, Origin::Supplied, items).await
    }

    /// Runs a new thread that has copies of these items.
    async fn copied(
        self: &Arc<Self>,
        operation: &'static str,
        place: Reservation,
        params: StartParams,
        origin: Origin,
        items: Vec<RolloutItem>,
    ) -> Result<NewThread> {
        let (guard, live) = guarded(self.create(&params).await?);
        live.append_stamped(items).await?;
        live.persist().await?;
        let history = live.load_model_context().await?;
        self.run(Ready::new(operation, place, (guard, live), params, origin, history)).await
    }

    pub(super) async fn resume(self: &Arc<Self>, params: ResumeParams) -> Result<NewThread> {
        const OPERATION: &str = "resume";
        let id = params.thread_id;
        let place = match self.registry.reserve(id) {
            Ok(place) => place,
            Err(Taken::Running(thread)) => {
                same_path(thread.require_rollout_path(OPERATION), &params)?;
                return Ok(running(thread));
            }
            Err(Taken::Failed(thread)) => {
                thread.recover(OPERATION).await?;
                let _ = self.registry.remove(id, |found| std::ptr::eq(found, Arc::as_ptr(&thread)));
                self.registry.reserve(id).map_err(|taken| conflict(OPERATION, id, &taken))?
            }
            Err(taken) => return Err(conflict(OPERATION, id, &taken).into()),
        };
        let mut resume = ResumeThreadParams::new(id);
        (resume.include_archived, resume.policy) = (params.include_archived, params.policy);
        let live = LiveThread::resume_with_clock(Arc::clone(&self.store), resume, Arc::clone(&self.clock)).await?;
        let (guard, live) = guarded(live);
        same_path(live.require_local_path(OPERATION).map_err(SessionError::from), &params)?;
        let history = live.load_model_context().await?;
        let known = self.known(&live.read().await?).await?;
        let start = StartParams { settings: params.settings, agent: params.agent, ..StartParams::default() };
        let ready = Ready::new(OPERATION, place, (guard, live), start, Origin::Resumed, history);
        self.run(ready.known(known)).await
    }

    pub(super) async fn fork(self: &Arc<Self>, params: ForkParams) -> Result<NewThread> {
        const OPERATION: &str = "fork";
        let (place, mut new) = self.new_place(OPERATION, params.new.clone())?;
        let source = self.registry.get(params.source);
        if let Some(source) = &source {
            match source.flush().await {
                // What it has said so far belongs to the fork; of one that has ended meanwhile everything is stored.
                Ok(()) | Err(SessionError::Ended { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut fork = ForkThreadParams::new(params.source, new.create.thread_id).at(params.position.clone());
        fork.include_archived = params.include_archived;
        fork.interrupt_marker = params.interrupt_marker;
        fork.inherit_name = params.inherit_name;
        fork.new = new.create.clone();
        let origin = Origin::Forked(params.source);
        let private = source.as_ref().and_then(|source| source.private());
        if private.is_none() && !new.ephemeral {
            let live = LiveThread::fork_with_clock(Arc::clone(&self.store), fork, Arc::clone(&self.clock)).await?;
            return self.forked(OPERATION, place, new, origin, live).await;
        }
        let store = private.map_or(&self.store, |live| live.store());
        let copied = copy::fork(store, fork).await?;
        new.create = copied.create;
        self.copied(OPERATION, place, new, origin, copied.items).await
    }

    /// Runs a fork that is stored.
    async fn forked(
        self: &Arc<Self>,
        operation: &'static str,
        place: Reservation,
        params: StartParams,
        origin: Origin,
        live: LiveThread,
    ) -> Result<NewThread> {
        let (guard, live) = guarded(live);
        let history = live.load_model_context().await?;
        let known = self.known(&live.read().await?).await?;
        self.run(Ready::new(operation, place, (guard, live), params, origin, history).known(known)).await
    }

    /// Gives the agent its say, and lets the thread run.
    async fn run(self: &Arc<Self>, ready: Ready) -> Result<NewThread> {
        let Ready { operation, place, guard, live, agent, origin, ephemeral, create, source, settings, history } =
            ready;
        let runtime = Handle::try_current().map_err(|_| SessionError::NoRuntime { operation })?;
        let thread_id = live.id();
        let config = ThreadConfig {
            thread_id,
            origin,
            ephemeral,
            parent_thread: create.parent_thread.or_else(|| create.source.parent()),
            source,
            originator: create.originator,
            model_provider: create.model_provider,
            base_instructions: create.base_instructions,
            rollout_path: live.local_path().filter(|_| !ephemeral),
            settings,
        };
        let agent = agent.unwrap_or_else(|| Arc::clone(&self.agent));
        if let Err(error) = agent.prepare(&config).await {
            let message = error.to_string();
            return Err(SessionError::Agent { operation, thread_id, message });
        }
        let configured = SessionConfigured {
            config,
            tokens: history.tokens.as_ref().map(|tokens| tokens.totals()),
            context_items: history.items.len(),
            open_turn: history.open_turn.and_then(|turn| turn.id),
        };
        let registry = Arc::downgrade(&self.registry);
        let thread = Arc::new(CodexThread::run(Parts {
            live,
            configured,
            agent,
            clock: Arc::clone(&self.clock),
            runtime,
            ended: Box::new(move |inner| {
                if let Some(registry) = registry.upgrade() {
                    registry.ended(thread_id, inner);
                }
            }),
        }));
        drop(guard.commit());
        place.fill(&thread);
        // Nobody need listen.
        let _ = self.created.send(thread_id);
        Ok(running(thread))
    }

    /// A place for a new thread, and what it is made of.
    fn new_place(
        self: &Arc<Self>,
        operation: &'static str,
        mut params: StartParams,
    ) -> Result<(Reservation, StartParams)> {
        let id = params.thread_id.unwrap_or_else(|| self.ids.next_id());
        params.create.thread_id = id;
        params.create.cwd = params.create.cwd.or_else(|| params.settings.cwd.clone());
        params.settings.cwd = params.settings.cwd.or_else(|| params.create.cwd.clone());
        let place = self.registry.reserve(id).map_err(|taken| conflict(operation, id, &taken))?;
        Ok((place, params))
    }

    /// Creates a thread; an ephemeral one in a store of its own, of which nothing outlives it.
    async fn create(&self, params: &StartParams) -> Result<LiveThread> {
        let store: Arc<dyn ThreadStore> = match params.ephemeral {
            true => Arc::new(InMemoryThreadStore::with_clock(Arc::clone(&self.clock))),
            false => Arc::clone(&self.store),
        };
        Ok(LiveThread::create_with_clock(store, params.create.clone(), Arc::clone(&self.clock)).await?)
    }

    /// What a stored thread was created with, as far as running it needs that.
    async fn known(&self, stored: &StoredThread) -> Result<Known> {
        let (id, metadata) = (stored.id(), &stored.metadata);
        let first = HistoryRange::From { ordinal: 0, count_max: 1 };
        let first = self.store.load_history(LoadHistoryParams::new(id).with_archived().only(first)).await?;
        let create = copy::described(id, metadata, first.items.first());
        let model = metadata.model().map(str::to_owned);
        Ok(Known { create, source: metadata.source().unwrap_or("unknown").to_owned(), model })
    }
}

fn running(thread: Arc<CodexThread>) -> NewThread {
    let session_configured = Arc::clone(thread.session_configured());
    NewThread { thread_id: thread.id(), thread, session_configured }
}

/// Refuses to go on with another file than the caller means.
fn same_path(found: Result<std::path::PathBuf>, params: &ResumeParams) -> Result<()> {
    let Some(wanted) = &params.rollout_path else { return Ok(()) };
    let found = found?;
    if found == *wanted {
        return Ok(());
    }
    let what = format!("its file is {}, not {}", found.display(), wanted.display());
    let report = Report::new("resume", what).of(params.thread_id);
    Err(report.advise("resume it without a path, or the thread that the file is of").invalid().into())
}

fn last_settings(history: &ModelContext) -> TurnSettings {
    history.previous_turn.as_ref().map(|turn| TurnSettings::of(&turn.turn_context())).unwrap_or_default()
}

/// The thread that these items say they are of.
fn first_thread(items: &[RolloutItem]) -> Option<ThreadId> {
    items.iter().find_map(|item| match item.typed() {
        Typed::SessionMeta(meta) => meta.id.as_deref().and_then(|id| id.parse().ok()),
        _ => None,
    })
}

/// A live thread that is let go of unless it comes to run.
fn guarded(live: LiveThread) -> (LiveThreadInitGuard, LiveThread) {
    (LiveThreadInitGuard::new(Some(live.clone())), live)
}
