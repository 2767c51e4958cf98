//! Where a fork is cut, and what it begins with: what all stores share.

use serde_json::{Value, json};

use crate::context::{OpenTurn, Turn, TurnEnd};
use crate::item::{Kind, RolloutItem, Timestamp};
use crate::live::NewItem;
use crate::metadata::ThreadMetadata;
use crate::policy::HistoryMode;
use crate::thread::ThreadId;
use crate::thread_store::{
    CreateThreadParams, ForkPosition, ForkThreadParams, InterruptMarker, Report, Result, ThreadStoreError, refuse,
};

/// The method that forks, for messages.
pub(crate) const OPERATION: &str = "fork_thread";

/// The thread to be forked, read only as far as the position needs it.
pub(crate) trait Source {
    /// Behind its last whole item.
    fn end(&self) -> u64;
    /// Whether a cut at this ordinal, which is not behind the end, goes through a line.
    fn splits_line(&self, ordinal: u64) -> Result<bool>;
    /// The turn that it ends in the middle of.
    fn open_turn(&self) -> Result<Option<OpenTurn>>;
    /// Its turns.
    fn turns(&self) -> Result<Vec<Turn>>;
}

/// Where to cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The ordinal behind the last inherited item.
    pub(crate) end: u64,
    /// The turn that the fork shows as interrupted.
    pub(crate) interrupted: Option<OpenTurn>,
}

/// Finds the place.
pub(crate) fn cut(source: &dyn Source, id: ThreadId, position: &ForkPosition) -> Result<Cut> {
    let at = |end| Ok(Cut { end, interrupted: None });
    match position {
        ForkPosition::Whole => at(source.end()),
        ForkPosition::Interrupted => Ok(Cut { end: source.end(), interrupted: source.open_turn()? }),
        ForkPosition::AtOrdinal(ordinal) if *ordinal > source.end() => {
            let what = format!("there is no item before ordinal {ordinal}: it has {} records", source.end());
            Err(invalid(id, what, "fork it at one that it has"))
        }
        ForkPosition::AtOrdinal(ordinal) if source.splits_line(*ordinal)? => {
            let what = format!("ordinal {ordinal} is the rest of a line that came in several records");
            Err(invalid(id, what, "fork it before or behind that line"))
        }
        ForkPosition::AtOrdinal(ordinal) => at(*ordinal),
        ForkPosition::BeforeUserMessage(number) => {
            let turns = source.turns()?;
            let mut messages = turns.iter().flat_map(|turn| &turn.user_messages);
            match messages.nth(usize::try_from(*number).unwrap_or(usize::MAX)) {
                Some(ordinal) => at(*ordinal),
                None => at(source.open_turn()?.map_or(source.end(), |turn| turn.ordinal)),
            }
        }
        ForkPosition::BeforeTurn(turn) => at(find(source, id, turn)?.ordinals.start),
        ForkPosition::AfterTurn(turn) => {
            let turn = find(source, id, turn)?;
            if turn.end == TurnEnd::Open {
                let what = format!("turn {} has not ended", turn.id.unwrap_or_default());
                return Err(invalid(id, what, "fork it before that turn, or all of it with the turn interrupted"));
            }
            at(turn.end_ordinal)
        }
    }
}

fn find(source: &dyn Source, id: ThreadId, turn: &str) -> Result<Turn> {
    let found = source.turns()?.into_iter().find(|found| found.id.as_deref() == Some(turn));
    found.ok_or_else(|| {
        let what = format!("it has no turn {turn:?} that no rollback took back");
        invalid(id, what, "give the id that a record of the turn's start states")
    })
}

fn invalid(id: ThreadId, what: String, advice: &'static str) -> ThreadStoreError {
    Report::new(OPERATION, what).of(id).advise(advice).invalid()
}

/// The fork's own first items: what its session began with, and what ends an interrupted turn.
pub(crate) fn first_items(
    params: ForkThreadParams,
    source: &ThreadMetadata,
    interrupted: Option<OpenTurn>,
    now: Timestamp,
) -> Result<Vec<RolloutItem>> {
    let id = params.new.thread_id;
    let marker = params.interrupt_marker;
    let new = completed(params.new, source)?;
    let now = new.created_at.unwrap_or(now);
    let mut items = vec![new.session_meta(now).map_err(|error| refuse::session_meta(id, error))?];
    if let Some(turn) = interrupted {
        items.extend(boundary(&turn, marker)?.into_iter().map(|item| item.stamped(now)));
    }
    Ok(items)
}

/// What the caller left open is the source's.
fn completed(mut new: CreateThreadParams, source: &ThreadMetadata) -> Result<CreateThreadParams> {
    let id = source.thread();
    let mode = source.history_mode();
    new.history_mode = HistoryMode::from_text(mode).ok_or_else(|| {
        Report::new(OPERATION, format!("its history mode \"{mode}\" is not known here"))
            .of(id)
            .advise("use a newer threadlog to fork it; reading it works")
            .unsupported()
    })?;
    new.forked_from = Some(id);
    new.cwd = new.cwd.or_else(|| source.cwd().map(str::to_owned));
    new.originator = new.originator.or_else(|| source.originator().map(str::to_owned));
    new.cli_version = new.cli_version.or_else(|| source.cli_version().map(str::to_owned));
    Ok(new)
}

/// What the model is told of the turn, and the event that ends it.
fn boundary(turn: &OpenTurn, marker: InterruptMarker) -> Result<Vec<NewItem>> {
    const TEXT: &str = "<turn_aborted>\nThis thread was forked while the turn above was running; the turn goes on only in \
        the thread that it was forked from. Tools that it called may have done part of their work.\n</turn_aborted>";
    let role = match marker {
        InterruptMarker::User => Some("user"),
        InterruptMarker::Developer => Some("developer"),
        InterruptMarker::None => None,
    };
    let message = |role| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": TEXT}]});
    let mut aborted = json!({"type": "turn_aborted"});
    if let (Some(event), Some(id)) = (aborted.as_object_mut(), &turn.id) {
        event.insert("turn_id".to_owned(), Value::from(id.as_str()));
    }
    if let Some(event) = aborted.as_object_mut() {
        event.insert("reason".to_owned(), Value::from("interrupted"));
    }
    let message = role.map(|role| NewItem::new(Kind::ResponseItem, &message(role))).transpose()?;
    Ok(message.into_iter().chain([NewItem::event(&aborted)?]).collect())
}
