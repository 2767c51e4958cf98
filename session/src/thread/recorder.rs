//! The way of a thread's items into the store, and what happens while the store cannot take them.
//!
//! Items are stamped, given to the store, and told as events, in one order. What the store refuses to take because it is
//! unavailable is kept here and offered again before anything newer; that is bounded, and beyond the bound the refusal
//! reaches whoever recorded.

use std::sync::Arc;

use parking_lot::Mutex;
use threadlog::context::{ContextScan, Expected, ModelContext};
use threadlog::item::typed::{EventMsg as ItemEvent, ResponseItem, TokenCount, Typed};
use threadlog::item::{Kind, RolloutItem, Timestamp};
use threadlog::live::{LiveThread, NewItem};
use threadlog::policy::{HistoryMode, PersistencePolicy};
use threadlog::thread_store::{Absence, AppendItemsParams, Report, Result, ThreadStoreError, accept};
use threadlog_engine::Clock;
use tokio::sync::Notify;

use crate::event::{Event, EventMsg};
use crate::items;
use crate::op::SubmissionId;
use crate::thread::outbox::Outbox;

/// Bytes of items that are kept while the store does not take them; beyond them recording is refused.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Who records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The thread itself.
    Session,
    /// The agent, in the turn of this number.
    Turn(u64),
    /// Somebody outside any turn.
    Guest,
}

/// Why items were not accepted. None of them was.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The turn is over.
    TurnOver,
    /// The store said no, or the items cannot be.
    Store(ThreadStoreError),
}

/// What is known of a turn by the items that it recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct TurnFacts {
    pub(crate) last_agent_message: Option<String>,
    pub(crate) compacted: bool,
}

/// The way of one thread's items.
pub(crate) struct Recorder {
    live: LiveThread,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    /// Held while items are given to the store, so that they come in the order of their events.
    state: tokio::sync::Mutex<State>,
    seen: Mutex<Seen>,
    /// Told when storing fails: somebody must see to it that it is tried again.
    trouble: Notify,
}

#[derive(Default)]
struct State {
    /// The turn whose agent may record.
    turn: Option<u64>,
    /// What the store did not take, in order.
    kept: Vec<RolloutItem>,
    kept_bytes: usize,
    last_ms: u64,
    /// How many times something was recorded, and how many of these are known to be durable.
    recorded: u64,
    stored: u64,
}

#[derive(Default)]
struct Seen {
    turn: TurnFacts,
    tokens: Option<TokenCount>,
    /// What was last told of a failure of storing, until it is over.
    failure: Option<String>,
}

impl Recorder {
    pub(crate) fn new(
        live: LiveThread,
        clock: Arc<dyn Clock>,
        outbox: Arc<Outbox>,
        tokens: Option<TokenCount>,
    ) -> Recorder {
        let seen = Mutex::new(Seen { tokens, ..Seen::default() });
        Recorder { live, clock, outbox, state: tokio::sync::Mutex::default(), seen, trouble: Notify::new() }
    }

    pub(crate) fn live(&self) -> &LiveThread {
        &self.live
    }

    pub(crate) fn tokens(&self) -> Option<TokenCount> {
        self.seen.lock().tokens
    }

    /// Whether something waits to be stored because storing failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.seen.lock().failure.is_some()
    }

    /// Waits until storing fails, if it does not fail already.
    pub(crate) async fn trouble(&self) {
        self.trouble.notified().await;
    }

    /// From now on the agent of this turn may record.
    pub(crate) async fn open_turn(&self, turn: u64) {
        self.state.lock().await.turn = Some(turn);
        self.seen.lock().turn = TurnFacts::default();
    }

    /// From now on no agent may record; says what the turn recorded.
    pub(crate) async fn close_turn(&self) -> TurnFacts {
        self.state.lock().await.turn = None;
        std::mem::take(&mut self.seen.lock().turn)
    }

    /// Accepts items, all or none, and tells of them. On `Ok` they are in the store's hands or kept here.
    pub(crate) async fn record(
        &self,
        writer: Writer,
        items: Vec<NewItem>,
        submission: Option<SubmissionId>,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock().await;
        if let Writer::Turn(turn) = writer
            && state.turn != Some(turn)
        {
            return Err(Refusal::TurnOver);
        }
        let timestamp = self.stamp(&mut state);
        let items: Vec<RolloutItem> = items.into_iter().map(|item| item.stamped(timestamp)).collect();
        if writer != Writer::Session {
            self.permitted(&items)?;
        }
        self.accept(&mut state, &items).await?;
        state.recorded += 1;
        for item in items {
            self.note(&item);
            self.outbox.push(Event::new(submission, EventMsg::Item(item)));
        }
        Ok(())
    }

    /// Tells what a turn's agent shows, unless the turn is over.
    pub(crate) async fn show(&self, turn: u64, event: Event) -> Result<(), Refusal> {
        let state = self.state.lock().await;
        if state.turn != Some(turn) {
            return Err(Refusal::TurnOver);
        }
        self.outbox.push(event);
        Ok(())
    }

    async fn accept(&self, state: &mut State, items: &[RolloutItem]) -> Result<(), Refusal> {
        // What could never be stored must not be kept either.
        let params = AppendItemsParams::new(self.live.id(), items.to_vec());
        accept(PersistencePolicy::Everything, HistoryMode::default(), params).map_err(Refusal::Store)?;
        self.offer(state).await.map_or(Ok(()), |error| self.room_for(state, items, error))?;
        if state.kept.is_empty() {
            match self.live.append_stamped(items.to_vec()).await {
                Ok(()) => return Ok(()),
                Err(error @ ThreadStoreError::Unavailable(..)) => {
                    self.failed(&error);
                    self.room_for(state, items, error)?;
                }
                Err(error) => return Err(Refusal::Store(error)),
            }
        }
        state.kept_bytes = state.kept_bytes.saturating_add(bytes(items));
        state.kept.extend_from_slice(items);
        Ok(())
    }

    /// Offers what is kept to the store again; gives the error if it does not take it.
    async fn offer(&self, state: &mut State) -> Option<ThreadStoreError> {
        if state.kept.is_empty() {
            return None;
        }
        match self.live.append_stamped(state.kept.clone()).await {
            Ok(()) => {
                state.kept = Vec::new();
                state.kept_bytes = 0;
                None
            }
            Err(error) => {
                self.failed(&error);
                Some(error)
            }
        }
    }

    fn room_for(&self, state: &State, items: &[RolloutItem], error: ThreadStoreError) -> Result<(), Refusal> {
        if state.kept_bytes.saturating_add(bytes(items)) <= KEPT_BYTES_MAX || state.kept.is_empty() {
            return Ok(());
        }
        Err(Refusal::Store(error))
    }

    /// Makes everything accepted so far durable; `wanted` also a thread of which nothing was.
    pub(crate) async fn store(&self, wanted: bool) -> Result<()> {
        let mut state = self.state.lock().await;
        let recorded = state.recorded;
        if recorded == state.stored && !wanted && !self.is_failing() {
            return Ok(());
        }
        let kept = self.offer(&mut state).await;
        // Others record while the disk is waited for.
        drop(state);
        let stored = match (kept, wanted) {
            (Some(error), _) => Err(error),
            (None, true) => self.live.persist().await,
            (None, false) => self.live.flush().await,
        };
        if stored.is_ok() {
            let mut state = self.state.lock().await;
            state.stored = state.stored.max(recorded);
        }
        self.settled(stored)
    }

    /// Makes everything durable and makes the thread cold.
    pub(crate) async fn shutdown(&self) -> Result<()> {
        let kept = self.offer(&mut *self.state.lock().await).await;
        let stored = match kept {
            Some(error) => Err(error),
            None => self.live.shutdown().await,
        };
        self.settled(stored)
    }

    /// What the model sees; nothing, of a thread of which nothing is stored.
    pub(crate) async fn context(&self) -> Result<ModelContext> {
        match self.live.load_model_context().await {
            Err(ThreadStoreError::ThreadNotFound { absence: Absence::NotPersisted, .. }) => Ok(nothing()),
            context => context,
        }
    }

    fn settled(&self, stored: Result<()>) -> Result<()> {
        match &stored {
            Ok(()) => {
                if self.seen.lock().failure.take().is_some() {
                    self.outbox.push(Event::new(None, EventMsg::PersistenceRestored));
                }
            }
            Err(error) => self.failed(error),
        }
        stored
    }

    /// Tells of a failure, unless the same was told already.
    fn failed(&self, error: &ThreadStoreError) {
        let text = error.to_string();
        let mut seen = self.seen.lock();
        if seen.failure.as_ref() != Some(&text) {
            seen.failure = Some(text);
            drop(seen);
            self.outbox.push(Event::new(None, EventMsg::PersistenceFailed { error: error.clone() }));
            self.trouble.notify_one();
        }
    }

    fn permitted(&self, items: &[RolloutItem]) -> Result<(), Refusal> {
        for (position, item) in items.iter().enumerate() {
            if let Some(why) = items::forbidden(item) {
                let what = format!("item {position} (from 0) of those to record is not for it: {why}");
                let report = Report::new("record", what).of(self.live.id());
                return Err(Refusal::Store(report.advise("record what the model and its tools said").invalid()));
            }
        }
        Ok(())
    }

    fn note(&self, item: &RolloutItem) {
        match item.kind() {
            Some(Kind::Compacted) => self.seen.lock().turn.compacted = true,
            Some(Kind::EventMsg | Kind::ResponseItem) => {}
            _ => return,
        }
        match item.typed() {
            Typed::Event(ItemEvent::AgentMessage(text)) => self.seen.lock().turn.last_agent_message = Some(text),
            Typed::Event(ItemEvent::TokenCount(tokens)) if tokens.known => self.seen.lock().tokens = Some(tokens),
            Typed::Response(ResponseItem::Message { role, text }) if role == "assistant" => {
                self.seen.lock().turn.last_agent_message = Some(text);
            }
            _ => {}
        }
    }

    fn stamp(&self, state: &mut State) -> Timestamp {
        state.last_ms = state.last_ms.max(self.clock.now_ms());
        Timestamp::from_ms(state.last_ms).unwrap_or(Timestamp::MAX)
    }
}

/// What the model sees of a thread without items.
pub(crate) fn nothing() -> ModelContext {
    ContextScan::new(Expected::default()).finish()
}

fn bytes(items: &[RolloutItem]) -> usize {
    items.iter().map(RolloutItem::bytes).fold(0, usize::saturating_add)
}
