//! Which turn runs, told by the items that pass.

use crate::context::fact::{Fact, compatible};
use crate::item::{Kind, RolloutItem};
use crate::policy::type_of;

/// Follows the turns of one live thread.
///
/// ```
/// use threadlog::context::TurnWatch;
/// use threadlog::live::NewItem;
///
/// # let now = Default::default();
/// let mut watch = TurnWatch::default();
/// watch.take(&NewItem::event(&serde_json::json!({"type": "task_started", "turn_id": "a"}))?.stamped(now));
/// assert!(watch.is_running());
/// watch.take(&NewItem::event(&serde_json::json!({"type": "turn_aborted", "turn_id": "another"}))?.stamped(now));
/// assert!(watch.is_running());
/// watch.take(&NewItem::event(&serde_json::json!({"type": "task_complete", "turn_id": "a"}))?.stamped(now));
/// assert!(!watch.is_running());
/// # Ok::<(), threadlog::thread_store::ThreadStoreError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnWatch {
    running: Option<Option<String>>,
}

impl TurnWatch {
    /// Whether a turn began and did not end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Takes in the next item. One that is no event costs a comparison.
    pub fn take(&mut self, item: &RolloutItem) {
        let RolloutItem::Enveloped { kind: Kind::EventMsg, payload, .. } = item else { return };
        let names = ["task_started", "turn_started", "task_complete", "turn_complete", "turn_aborted"];
        if !type_of(payload).is_some_and(|name| names.contains(&name.as_str())) {
            return;
        }
        match Fact::of(0, item) {
            Fact::Started(id) => self.running = Some(id),
            Fact::Ended { id, .. } => {
                let ended = |running: &Option<String>| compatible(running.as_deref(), id.as_deref());
                if self.running.as_ref().is_some_and(ended) {
                    self.running = None;
                }
            }
            _ => {}
        }
    }
}
