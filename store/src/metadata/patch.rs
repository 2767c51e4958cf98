//! Changes that users make to a thread's metadata.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::entry::Entries;
use super::state::ThreadMetadata;

/// A change to what users set of a thread's metadata. Fields that are absent (`None`) stay as they are.
///
/// The inner `Option` of a field is its new value, or `None` to clear it. What clearing means:
/// - `name` and `git`: nothing is there any more, until a later item says something again.
/// - all others: the user's word is taken back, and what the items say shows again.
///
/// As JSON: an absent field stays, `null` clears, a value sets; unknown fields are refused, as they are
/// likely a mistake. As a stored record: numbered entries, and those that only a later version knows
/// are kept and joined like any other, so nothing is lost between versions.
///
/// ```
/// use threadlog::metadata::MetadataPatch;
///
/// let mut patch = MetadataPatch::default();
/// patch.name = Some(Some("  fix the build ".to_owned()));
/// patch.tags.insert("ci".to_owned(), true);
/// let patch = patch.checked().unwrap();
/// assert_eq!(patch.name, Some(Some("fix the build".to_owned())));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetadataPatch {
    /// The name that the user gave the thread.
    pub name: Option<Option<String>>,
    /// Whether memories may be made from the thread.
    pub memory_mode: Option<Option<MemoryMode>>,
    /// The repository the thread belongs to.
    pub git: GitPatch,
    /// The working directory: links the thread to another project, or to one that moved.
    pub cwd: Option<Option<String>>,
    /// The model. To change what the next turn uses, append an item that says so: it wins over earlier
    /// items, while this one wins over all items until it is cleared.
    pub model: Option<Option<String>>,
    /// The provider of the model.
    pub model_provider: Option<Option<String>>,
    /// How hard the model is to think.
    pub reasoning_effort: Option<Option<String>>,
    /// When the agent asks for approval.
    pub approval_policy: Option<Option<String>>,
    /// The sandbox that the agent works in.
    pub sandbox: Option<Option<String>>,
    /// Tags to add (`true`) and to remove (`false`). Each tag is joined by itself.
    pub tags: BTreeMap<String, bool>,
    /// Whether the thread is pinned. In JSON, `null` unpins.
    pub pinned: Option<bool>,
    /// Whether the thread is in the trash: out of all lists, until it is taken out, the trash is emptied, or something is
    /// added to the thread that was not there when it was put in. In JSON, `null` takes it out.
    pub trashed: Option<bool>,
    /// The ordinal behind the last item that was there when the thread was put into the trash; the store knows.
    pub(super) trashed_seen: Option<u64>,
    /// What a later version wrote and this one cannot name.
    pub(super) unknown: Entries,
}

/// A change to the repository a thread belongs to, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitPatch {
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::patch_json::tri_state")]
    pub sha: Option<Option<String>>,
    /// The branch.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::patch_json::tri_state")]
    pub branch: Option<Option<String>>,
    /// Where the repository was cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::patch_json::tri_state")]
    pub origin_url: Option<Option<String>>,
}

/// Whether memories may be made from a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemoryMode {
    /// They may.
    #[default]
    Enabled,
    /// The user does not want any.
    Disabled,
    /// Content from outside came in, so that none should be made.
    Polluted,
}

/// Why a patch cannot be applied. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// A text is empty or only white space.
    #[error("the {field} is blank: give it some text, or null to clear it")]
    Blank {
        /// Which field.
        field: &'static str,
    },
    /// A text is too long.
    #[error("the {field} is {bytes} bytes long: at most {max} are kept")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// There are too many tags.
    #[error("{count} tags at once: change at most {max} in one patch")]
    TooManyTags {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// A memory mode that does not exist.
    #[error("\"{0}\" is no memory mode: use enabled, disabled or polluted")]
    MemoryMode(String),
}

/// Longest text of a patch, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// Longest tag, in bytes.
const TAG_BYTES_MAX: usize = 256;
/// Most tags of one patch.
const TAGS_MAX: usize = 256;

impl MetadataPatch {
    /// A patch that only gives a name. Check it with [`MetadataPatch::checked`].
    #[must_use]
    pub fn rename(name: impl Into<String>) -> MetadataPatch {
        MetadataPatch { name: Some(Some(name.into())), ..MetadataPatch::default() }
    }

    /// A patch that only puts a thread into the trash, or takes it out. What is added to the thread later takes it out too.
    #[must_use]
    pub fn trash(trashed: bool) -> MetadataPatch {
        MetadataPatch { trashed: Some(trashed), ..MetadataPatch::default() }
    }

    /// The same, as said of a thread that looks like this: what is added to it later was not meant.
    pub(crate) fn of(mut self, thread: &ThreadMetadata) -> MetadataPatch {
        self.trashed_seen = self.trashed.filter(|trashed| *trashed).map(|_| thread.end());
        self
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == MetadataPatch::default()
    }

    /// The patch as it is to be stored: texts trimmed, limits kept. Stores call this before anything is written.
    ///
    /// # Errors
    /// [`PatchError::Blank`] for a text that is set but empty; [`PatchError::TooLong`] beyond 4096 bytes (a tag: 256);
    /// [`PatchError::TooManyTags`] beyond 256 tags.
    pub fn checked(mut self) -> Result<MetadataPatch, PatchError> {
        let texts = [
            ("name", &mut self.name),
            ("git commit", &mut self.git.sha),
            ("git branch", &mut self.git.branch),
            ("git origin", &mut self.git.origin_url),
            ("working directory", &mut self.cwd),
            ("model", &mut self.model),
            ("model provider", &mut self.model_provider),
            ("reasoning effort", &mut self.reasoning_effort),
            ("approval policy", &mut self.approval_policy),
            ("sandbox", &mut self.sandbox),
        ];
        for (field, text) in texts {
            if let Some(Some(text)) = text {
                *text = checked_text(field, text, TEXT_BYTES_MAX)?;
            }
        }
        if self.tags.len() > TAGS_MAX {
            return Err(PatchError::TooManyTags { count: self.tags.len(), max: TAGS_MAX });
        }
        let tags = std::mem::take(&mut self.tags);
        for (tag, wanted) in tags {
            self.tags.insert(checked_text("tag", &tag, TAG_BYTES_MAX)?, wanted);
        }
        Ok(self)
    }

    /// Adds a later patch to this one: where both state a field, the later one's value counts.
    pub fn merge(&mut self, later: MetadataPatch) {
        let mut entries = self.entries();
        entries.extend(later.entries());
        *self = MetadataPatch::from_entries(entries);
    }
}

fn checked_text(field: &'static str, text: &str, max: usize) -> Result<String, PatchError> {
    let text = text.trim();
    match text.len() {
        0 => Err(PatchError::Blank { field }),
        bytes if bytes > max => Err(PatchError::TooLong { field, bytes, max }),
        _ => Ok(text.to_owned()),
    }
}

impl MemoryMode {
    /// As rollouts write it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            MemoryMode::Enabled => "enabled",
            MemoryMode::Disabled => "disabled",
            MemoryMode::Polluted => "polluted",
        }
    }
}

impl fmt::Display for MemoryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl FromStr for MemoryMode {
    type Err = PatchError;

    fn from_str(text: &str) -> Result<MemoryMode, PatchError> {
        [MemoryMode::Enabled, MemoryMode::Disabled, MemoryMode::Polluted]
            .into_iter()
            .find(|mode| mode.text() == text)
            .ok_or_else(|| PatchError::MemoryMode(text.to_owned()))
    }
}
