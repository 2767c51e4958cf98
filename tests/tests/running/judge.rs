//! What must be found in a store, of what is known.

use std::fmt;

use threadlog::item::typed::{EventMsg, Typed};
use threadlog::list::{ListParams, PAGE_SIZE_MAX};
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{LoadHistoryParams, LoadModelContextParams, ThreadStore};
use threadlog::{RolloutItem, ThreadId};

use crate::agent::words;
use crate::model::{Known, Line, outcome};
use crate::stage::Order;

/// How much was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    threads: usize,
    forks: usize,
    items: usize,
    turns: usize,
    rollbacks: usize,
    /// Threads whose model was compared word by word.
    seen: usize,
    /// Threads of which nothing was to be stored.
    ephemeral: usize,
}

async fn history(store: &LocalThreadStore, order: Order, id: ThreadId) -> Vec<RolloutItem> {
    let history = order.call(store.load_history(LoadHistoryParams::new(id))).await;
    history.unwrap_or_else(|error| panic!("{id}: {error}")).items
}

fn agree(id: ThreadId, items: &[RolloutItem], lines: &[Line]) {
    for (at, (line, item)) in lines.iter().zip(items).enumerate() {
        assert!(line.is(item), "{id}, line {at}: {item:?} instead of {line:?}");
    }
}

/// After a power cut: what was acknowledged is there, from the first line on, in order.
pub async fn judge_acknowledged(store: &LocalThreadStore, order: Order, acknowledged: &[(ThreadId, Vec<Line>)]) {
    for (id, lines) in acknowledged {
        let items = history(store, order, *id).await;
        assert!(items.len() >= lines.len(), "{id}: {} of {} acknowledged lines", items.len(), lines.len());
        agree(*id, &items, lines);
    }
}

/// At the end: each thread has exactly what it told, and the model sees what was said and not taken back.
pub async fn judge(store: &LocalThreadStore, order: Order, known: &Known) -> Judged {
    let mut judged = Judged::default();
    for (id, told) in &known.0 {
        judged.ephemeral += usize::from(told.ephemeral);
        if !told.is_stored() {
            continue;
        }
        let (items, lines) = (history(store, order, *id).await, known.lines(*id));
        agree(*id, &items, &lines);
        assert_eq!(items.len(), lines.len(), "{id} has more than it told, or less");
        let context = order.call(store.load_model_context(LoadModelContextParams::new(*id))).await.unwrap();
        let (found, wanted) = (words(&context.items), outcome(&lines));
        let said: Vec<&String> = found.iter().filter(|(user, _)| *user).map(|(_, text)| text).collect();
        assert_eq!(said, wanted.said.iter().collect::<Vec<_>>(), "{id}: what users said");
        if let Some(wanted) = &wanted.seen {
            assert_eq!(
                found.iter().map(|(_, text)| text).collect::<Vec<_>>(),
                wanted.iter().collect::<Vec<_>>(),
                "{id}"
            );
            judged.seen += 1;
        }
        assert_eq!(context.open_turn.is_some(), wanted.open, "{id}: {:?}", context.open_turn);
        judged.threads += 1;
        judged.forks += usize::from(told.base.is_some());
        judged.items += told.items.len();
        let count = |fits: fn(&Typed) -> bool| told.items.iter().filter(|item| fits(&item.typed())).count();
        judged.turns += count(|typed| matches!(typed, Typed::Event(EventMsg::TurnStarted)));
        judged.rollbacks += count(|typed| matches!(typed, Typed::Event(EventMsg::ThreadRolledBack(_))));
    }
    judge_list(store, order, known).await;
    judged
}

/// All that must be listed is, and nothing else but forks whose caller was told that they may not be there.
async fn judge_list(store: &LocalThreadStore, order: Order, known: &Known) {
    let mut params = ListParams::default();
    params.include_without_preview = true;
    params.page_size = PAGE_SIZE_MAX;
    let mut listed = Vec::new();
    loop {
        let page = order.call(store.list_threads(params.clone())).await.unwrap();
        listed.extend(page.threads);
        params.cursor = page.next_cursor;
        if params.cursor.is_none() {
            break;
        }
    }
    let missing =
        known.0.iter().find(|(id, told)| told.is_stored() && !listed.iter().any(|thread| thread.id() == **id));
    assert!(missing.is_none(), "{} is not listed", missing.unwrap().0);
    for thread in listed {
        let told = known.0.get(&thread.id());
        let is_known = told.is_some_and(|told| told.is_stored() || (told.named && !told.ephemeral));
        let fork = told.is_none() && thread.metadata.forked_from().is_some();
        assert!(is_known || fork, "{} is listed: {told:?}", thread.id());
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Judged { threads, forks, items, turns, rollbacks, seen, ephemeral } = self;
        write!(
            f,
            "{threads} threads ({forks} forks, {ephemeral} ephemeral beside them), {items} items, {turns} turns, "
        )?;
        write!(f, "{rollbacks} rollbacks, {seen} contexts word by word")
    }
}
