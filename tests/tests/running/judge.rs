//! What must be found of each thread.

use std::collections::BTreeMap;
use std::fmt;

use threadlog::item::typed::{EventMsg, ResponseItem, Typed};
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{LoadHistoryParams, LoadModelContextParams, ReadThreadParams, ThreadStore};
use threadlog::{RolloutItem, ThreadId};

/// What is known of a thread by what it told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The thread that it was forked from.
    pub source: Option<ThreadId>,
    /// Its own items, in order, but for those that it began with.
    pub items: Vec<RolloutItem>,
    /// How many of these survive a power cut.
    pub sure: usize,
    /// What users said that no rollback took back.
    pub said: Vec<String>,
}

/// What is known of all threads.
#[derive(Clone, Debug, Default)]
pub struct Known(pub BTreeMap<ThreadId, Told>);

/// How much was compared.
#[derive(Debug, Default)]
pub struct Judged {
    threads: usize,
    forks: usize,
    items: usize,
    turns: usize,
    rollbacks: usize,
}

impl Told {
    /// An item was accepted.
    pub fn take(&mut self, item: &RolloutItem) {
        match item.typed() {
            // For whoever listens; the policy does not keep it.
            Typed::Event(EventMsg::Error(_)) => return,
            Typed::Response(ResponseItem::Message { role, text }) if role == "user" && text.starts_with("say ") => {
                self.said.push(text);
            }
            Typed::Event(EventMsg::ThreadRolledBack(turns)) => {
                let left = self.said.len().saturating_sub(usize::try_from(turns).unwrap());
                self.said.truncate(left);
            }
            _ => {}
        }
        self.items.push(item.clone());
    }

    /// Everything that was told so far is durable.
    pub fn hold(&mut self) {
        self.sure = self.items.len();
    }
}

impl Known {
    /// The items of each thread that must survive a power cut from now on.
    pub fn acknowledged(&self) -> Vec<(ThreadId, Vec<RolloutItem>)> {
        self.0.iter().map(|(id, told)| (*id, told.items[..told.sure].to_vec())).collect()
    }

    /// All threads were shut down.
    pub fn end(&mut self) {
        self.0.values_mut().for_each(Told::hold);
    }
}

/// What a thread's own items are, behind what it began with: its first item, and of a fork the end of the turn that it cut
/// off.
async fn own(store: &LocalThreadStore, id: ThreadId) -> Vec<RolloutItem> {
    let stored = store.read_thread(ReadThreadParams::new(id).with_history()).await.unwrap();
    let inherited = stored.metadata.inherited().map_or(0, |inherited| usize::try_from(inherited.items).unwrap());
    stored.history.unwrap().items.split_off(inherited)
}

/// After a power cut: what was acknowledged is there, in order, and nothing stands before it.
pub async fn judge_acknowledged(store: &LocalThreadStore, acknowledged: &[(ThreadId, Vec<RolloutItem>)]) {
    for (id, items) in acknowledged.iter().filter(|(_, items)| !items.is_empty()) {
        let own = own(store, *id).await;
        let start = own.iter().position(|item| item == &items[0]).unwrap_or_else(|| panic!("{id} lost its beginning"));
        assert!(start <= 3, "{id}: {start} items before the first that was told");
        assert!(own.len() >= start + items.len(), "{id} lost acknowledged items");
        assert_eq!(own[start..start + items.len()], items[..], "{id}");
    }
}

/// At the end: each thread has exactly what it told.
pub async fn judge(store: &LocalThreadStore, known: &Known) -> Judged {
    let mut judged = Judged::default();
    for (id, told) in known.0.iter().filter(|(_, told)| !told.items.is_empty() || told.source.is_some()) {
        let own = own(store, *id).await;
        let begins = own.len().checked_sub(told.items.len()).unwrap_or_else(|| panic!("{id} lost items"));
        assert_eq!(own[begins..], told.items[..], "{id}");
        let most = if told.source.is_some() { 3 } else { 1 };
        assert!((1..=most).contains(&begins), "{id}: {begins} items that nobody told of");
        assert!(matches!(own[0].typed(), Typed::SessionMeta(_)), "{id}: {:?}", own[0]);
        inherited(store, *id, told).await;
        let context = store.load_model_context(LoadModelContextParams::new(*id)).await.unwrap();
        let said: Vec<String> = context.items.iter().filter_map(|item| said(&item.typed())).collect();
        assert_eq!(said, told.said, "{id}: what the model sees");
        judged.threads += 1;
        judged.forks += usize::from(told.source.is_some());
        judged.items += told.items.len();
        let count = |fits: fn(&Typed) -> bool| told.items.iter().filter(|item| fits(&item.typed())).count();
        judged.turns += count(|typed| matches!(typed, Typed::Event(EventMsg::TurnStarted)));
        judged.rollbacks += count(|typed| matches!(typed, Typed::Event(EventMsg::ThreadRolledBack(_))));
    }
    judged
}

/// What a fork inherited is its source's.
async fn inherited(store: &LocalThreadStore, id: ThreadId, told: &Told) {
    let Some(source) = told.source else { return };
    let items = async |id| store.load_history(LoadHistoryParams::new(id)).await.unwrap().items;
    let (fork, source) = (items(id).await, items(source).await);
    let inherited = fork.len() - own(store, id).await.len();
    assert_eq!(fork[..inherited], source[..inherited], "{id}");
}

fn said(typed: &Typed) -> Option<String> {
    match typed {
        Typed::Response(ResponseItem::Message { role, text }) if role == "user" && text.starts_with("say ") => {
            Some(text.clone())
        }
        _ => None,
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Judged { threads, forks, items, turns, rollbacks } = self;
        write!(f, "{threads} threads ({forks} forks), {items} items, {turns} turns, {rollbacks} rollbacks")
    }
}
