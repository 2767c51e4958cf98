//! Forks that cannot refer to their source: those of ephemeral threads, and those that are ephemeral themselves.
//!
//! The source's items are laid out in a store in memory and forked there, so that a fork is cut at the same places and
//! begins with the same items whichever way it is made.

use std::sync::Arc;

use threadlog::item::typed::Typed;
use threadlog::memory::InMemoryThreadStore;
use threadlog::metadata::ThreadMetadata;
use threadlog::policy::{HistoryMode, PersistencePolicy};
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, ForkPosition, ForkThreadParams, LoadHistoryParams, ReadThreadParams, Result,
    ThreadStore,
};
use threadlog::{RolloutItem, ThreadId};

/// A fork that was laid out.
pub(super) struct Copied {
    /// What the new thread is to be created with.
    pub(super) create: CreateThreadParams,
    /// What it is to begin with.
    pub(super) items: Vec<RolloutItem>,
}

/// Lays out a fork of a thread of `store`.
pub(super) async fn fork(store: &Arc<dyn ThreadStore>, mut params: ForkThreadParams) -> Result<Copied> {
    let (source, new) = (params.source, params.new.thread_id);
    let mut read = ReadThreadParams::new(source).with_history();
    read.include_archived = params.include_archived;
    let stored = store.read_thread(read).await?;
    let items = stored.history.map(|history| history.items).unwrap_or_default();
    let mut laid_out = described(source, &stored.metadata, items.first());
    laid_out.policy = PersistencePolicy::Everything;
    // Its own first item stands in for the source's; where that has none, all others move by one.
    let begins = items.first().is_some_and(|item| matches!(item.typed(), Typed::SessionMeta(_)));
    if let (ForkPosition::AtOrdinal(ordinal), false) = (&mut params.position, begins) {
        *ordinal = ordinal.saturating_add(1);
    }
    let items = items.into_iter().skip(usize::from(begins)).collect();
    let memory = InMemoryThreadStore::new();
    memory.create_thread(laid_out).await?;
    memory.append_items(AppendItemsParams::new(source, items)).await?;
    memory.persist_thread(source.into()).await?;
    let mut create = params.new.clone();
    create.forked_from = Some(source);
    create.history_mode = HistoryMode::from_text(stored.metadata.history_mode()).unwrap_or_default();
    let described = described(source, &stored.metadata, None);
    create.cwd = create.cwd.or(described.cwd);
    create.originator = create.originator.or(described.originator);
    create.cli_version = create.cli_version.or(described.cli_version);
    params.inherit_name = false;
    let inherited = memory.fork_thread(params).await?.inherited;
    let items = memory.load_history(LoadHistoryParams::new(new)).await?.items;
    // The fork's own first item is made anew when the thread is created.
    let own = usize::try_from(inherited).unwrap_or(usize::MAX);
    let items = items.into_iter().enumerate().filter(|(place, _)| *place != own).map(|(_, item)| item).collect();
    Ok(Copied { create, items })
}

/// What a thread was created with, by what is known of it and its first item.
pub(super) fn described(id: ThreadId, metadata: &ThreadMetadata, first: Option<&RolloutItem>) -> CreateThreadParams {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let mut create = CreateThreadParams::new(id);
    create.cwd = text(metadata.cwd());
    create.originator = text(metadata.originator());
    create.cli_version = text(metadata.cli_version());
    create.model_provider = text(metadata.model_provider());
    create.parent_thread = metadata.parent_thread().and_then(|id| id.parse().ok());
    create.history_mode = HistoryMode::from_text(metadata.history_mode()).unwrap_or_default();
    if let Some(Typed::SessionMeta(meta)) = first.map(RolloutItem::typed) {
        create.base_instructions = meta.instructions;
    }
    create
}
