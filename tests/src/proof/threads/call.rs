//! The operations of a store as values, what they answer, and the items that they carry.

use serde_json::json;
use threadlog::RolloutItem;
use threadlog::item::{Kind, Timestamp};
use threadlog::list::{ArchiveFilter, ListParams, SortKey};
use threadlog::live::NewItem;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, DeleteThreadParams, DeletedThreads, ForkPosition, ForkThreadParams,
    HistoryRange, LoadHistoryParams, ReadThreadParams, Result, ResumeThreadParams, StoredThread, ThreadStore,
    UpdateThreadMetadataParams,
};

use super::act::Act;
use super::expected::Line;

/// The name of the one tag.
pub const TAG: &str = "tag";

/// The thread of a number.
pub fn id(thread: u8) -> ThreadId {
    format!("{:08x}-0000-7000-8000-0000000000ff", u32::from(thread) + 1).parse().expect("an id")
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it does.
    pub act: Act,
    /// What it appends, or the number of the name it gives.
    pub number: u64,
    /// Tells its piece apart.
    pub piece: u64,
    /// Where it forks, and what the fork has then.
    pub fork: Option<(ForkPosition, Vec<Line>)>,
    /// It is dropped if it is not done after so many polls.
    pub polls_max: usize,
}

/// What it answered, apart from errors.
#[derive(Clone, Debug)]
pub enum Answer {
    /// That it is done.
    Done,
    /// How many items a fork has inherited.
    Forked(u64),
    /// The threads that were deleted.
    Deleted(Vec<ThreadId>),
    /// A thread with its items.
    Thread(Box<StoredThread>),
    /// All items, and those of a range.
    Range(Vec<RolloutItem>, Vec<RolloutItem>),
    /// All pages of the active threads, of the archived ones and of those in the trash.
    Lists([Vec<StoredThread>; 3]),
    /// Pages that do not fit together.
    Quarrel(String),
}

impl Call {
    /// The items that it appends.
    pub fn lines(&self) -> Vec<Line> {
        match self.act {
            Act::Append(_, count, bytes) => {
                (0..u64::from(count)).map(|item| Line::Text { number: self.number * 8 + item, bytes }).collect()
            }
            Act::Rollback(_, turns) => vec![Line::Back { number: self.number * 8, turns }],
            _ => Vec::new(),
        }
    }

    /// Makes the call.
    ///
    /// # Errors
    /// As the store's operation.
    pub async fn make(self, store: LocalThreadStore) -> Result<Answer> {
        let done = |()| Answer::Done;
        let thread = |thread| Answer::Thread(Box::new(thread));
        match self.act {
            Act::Create(at) => store.create_thread(CreateThreadParams::new(id(at))).await.map(done),
            Act::Resume(at, archived) => {
                let params = ResumeThreadParams::new(id(at));
                store.resume_thread(if archived { params.with_archived() } else { params }).await.map(done)
            }
            Act::Append(at, ..) | Act::Rollback(at, _) => {
                let items = self.lines().into_iter().filter_map(item).collect();
                store.append_items(AppendItemsParams::new(id(at), items)).await.map(done)
            }
            Act::Flush(at) => store.flush_thread(id(at).into()).await.map(done),
            Act::Persist(at) => store.persist_thread(id(at).into()).await.map(done),
            Act::Shutdown(at) => store.shutdown_thread(id(at).into()).await.map(done),
            Act::Discard(at) => store.discard_thread(id(at).into()).await.map(done),
            Act::Name(at) => {
                let mut patch = MetadataPatch::default();
                patch.name = Some(Some(name(self.number)));
                update(&store, at, patch).await.map(thread)
            }
            Act::Tag(at, on) => {
                let mut patch = MetadataPatch::default();
                patch.tags.insert(TAG.to_owned(), on);
                update(&store, at, patch).await.map(thread)
            }
            Act::Trash(at, trashed) => update(&store, at, MetadataPatch::trash(trashed)).await.map(thread),
            Act::Fork(source, at, _) => {
                let params = ForkThreadParams::new(id(source), id(at));
                let position = self.fork.map_or(ForkPosition::Whole, |(position, _)| position);
                store.fork_thread(params.at(position)).await.map(|forked| Answer::Forked(forked.inherited))
            }
            Act::Delete(at) => deleted(store.delete_thread(DeleteThreadParams::new(id(at))).await),
            Act::DeleteAll(at, _) => {
                deleted(store.delete_thread(DeleteThreadParams::new(id(at)).with_descendants()).await)
            }
            Act::Archive(at, true) => store.archive_thread(id(at).into()).await.map(done),
            Act::Archive(at, false) => store.unarchive_thread(id(at).into()).await.map(thread),
            Act::Range(at, part) => range(&store, at, part.into()).await,
            Act::List(size) => lists(&store, size.into()).await,
            // What is no call reads: nothing else is drawn here.
            act => {
                let params = ReadThreadParams::new(id(act.thread().unwrap_or_default())).with_archived();
                store.read_thread(params.with_history()).await.map(thread)
            }
        }
    }
}

fn deleted(answer: Result<DeletedThreads>) -> Result<Answer> {
    answer.map(|threads| Answer::Deleted(threads.deleted))
}

async fn update(store: &LocalThreadStore, thread: u8, patch: MetadataPatch) -> Result<StoredThread> {
    store.update_thread_metadata(UpdateThreadMetadataParams::new(id(thread), patch).with_archived()).await
}

async fn range(store: &LocalThreadStore, thread: u8, part: u64) -> Result<Answer> {
    let params = LoadHistoryParams::new(id(thread)).with_archived();
    let all = store.load_history(params.clone()).await?.items;
    let (from, most) = (part % 16, part / 16);
    let range = match part % 2 {
        0 => HistoryRange::Last(most),
        _ => HistoryRange::From { ordinal: from, count_max: most },
    };
    let some = store.load_history(params.only(range)).await?;
    let expected = match range {
        HistoryRange::Last(_) => &all[all.len() - (most as usize).min(all.len())..],
        _ => &all[(from as usize).min(all.len())..((from + most) as usize).min(all.len())],
    };
    // Whatever became durable in between stands behind what was asked for.
    if matches!(range, HistoryRange::From { .. }) && some.items.starts_with(expected) {
        return Ok(Answer::Range(all, Vec::new()));
    }
    Ok(if some.items == expected { Answer::Range(all, Vec::new()) } else { Answer::Range(all, some.items) })
}

/// All lists, page by page.
async fn lists(store: &LocalThreadStore, size: usize) -> Result<Answer> {
    let mut lists = [const { Vec::new() }; 3];
    let filters = [ArchiveFilter::Active, ArchiveFilter::Archived, ArchiveFilter::Trashed];
    for (list, archived) in lists.iter_mut().zip(filters) {
        let mut params = ListParams::default();
        params.page_size = size;
        params.include_without_preview = true;
        params.archived = archived;
        params.sort_key = SortKey::Created;
        loop {
            let page = store.list_threads(params.clone()).await?;
            if page.threads.len() > size || page.next_cursor.is_some() && page.threads.len() < size {
                return Ok(Answer::Quarrel(format!("a page of {size} has {} threads", page.threads.len())));
            }
            list.extend(page.threads);
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                break;
            }
        }
    }
    Ok(Answer::Lists(lists))
}

/// The name of a number.
pub fn name(number: u64) -> String {
    format!("name {number}")
}

/// The item of a line that the store does not make itself.
pub fn item(line: Line) -> Option<RolloutItem> {
    let (number, event) = match line {
        Line::Header => return None,
        Line::Back { number, turns } => (number, json!({"type": "thread_rolled_back", "num_turns": turns})),
        Line::Text { number, bytes } => {
            let message = format!("{number} {}", "x".repeat(bytes.into()));
            (number, json!({"type": "user_message", "message": message}))
        }
    };
    Some(NewItem::event(&event).ok()?.stamped(Timestamp::from_ms(number)?))
}

/// The line of an item; `None` if it is no item of a run.
pub fn line(found: &RolloutItem) -> Option<Line> {
    let RolloutItem::Enveloped { timestamp, kind, payload, .. } = found else { return None };
    if *kind == Kind::SessionMeta {
        return Some(Line::Header);
    }
    let back = |turns| Line::Back { number: timestamp.ms(), turns };
    if let Some(back) = (1..=3).map(back).find(|back| item(*back).as_ref() == Some(found)) {
        return Some(back);
    }
    let begin = item(Line::Text { number: timestamp.ms(), bytes: 0 })?;
    let line = Line::Text { number: timestamp.ms(), bytes: payload.len().checked_sub(begin.bytes())?.try_into().ok()? };
    // Byte for byte.
    (item(line)? == *found).then_some(line)
}
