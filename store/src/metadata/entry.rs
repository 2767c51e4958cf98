//! A patch as numbered entries: how it is stored, and how it is joined.
//!
//! Each entry stands for one field, or for one tag, and is joined by itself. A version that does not
//! know a number, or cannot read a value, keeps the entry as it is.

use std::collections::BTreeMap;

use super::patch::{GitPatch, MetadataPatch};

/// What an entry is about: a field's number, and which of it (a tag's text; else empty).
pub(super) type Key = (u32, Vec<u8>);
/// Its new value; `None` clears.
pub(super) type Value = Option<Vec<u8>>;
pub(super) type Entries = BTreeMap<Key, Value>;

// Numbers of fields. Stored: never change one, never use one again.
pub(super) const NAME: u32 = 1;
pub(super) const MEMORY_MODE: u32 = 2;
pub(super) const GIT_SHA: u32 = 3;
pub(super) const GIT_BRANCH: u32 = 4;
pub(super) const GIT_ORIGIN: u32 = 5;
pub(super) const CWD: u32 = 6;
pub(super) const MODEL: u32 = 7;
pub(super) const MODEL_PROVIDER: u32 = 8;
pub(super) const REASONING_EFFORT: u32 = 9;
pub(super) const APPROVAL_POLICY: u32 = 10;
pub(super) const SANDBOX: u32 = 11;
/// Keyed by the tag; an empty value adds it.
pub(super) const TAG: u32 = 12;
/// An empty value pins.
pub(super) const PINNED: u32 = 13;
/// A value puts the thread into the trash: the ordinal behind the last item seen by who did it, as eight bytes, the lowest
/// first. What is added later brings the thread back. An empty value keeps it there whatever is added.
pub(super) const TRASHED: u32 = 14;

/// The key of a field that there is once.
pub(super) fn key(field: u32) -> Key {
    (field, Vec::new())
}

impl MetadataPatch {
    pub(super) fn entries(&self) -> Entries {
        let memory_mode = self.memory_mode.map(|mode| mode.map(|mode| mode.text().to_owned()));
        let texts = [
            (NAME, &self.name),
            (MEMORY_MODE, &memory_mode),
            (GIT_SHA, &self.git.sha),
            (GIT_BRANCH, &self.git.branch),
            (GIT_ORIGIN, &self.git.origin_url),
            (CWD, &self.cwd),
            (MODEL, &self.model),
            (MODEL_PROVIDER, &self.model_provider),
            (REASONING_EFFORT, &self.reasoning_effort),
            (APPROVAL_POLICY, &self.approval_policy),
            (SANDBOX, &self.sandbox),
        ];
        let texts = texts.into_iter().filter_map(|(field, text)| {
            let value = text.as_ref()?.as_ref().map(|text| text.as_bytes().to_vec());
            Some((key(field), value))
        });
        let flag = |wanted: bool| wanted.then(Vec::new);
        let tags = self.tags.iter().map(|(tag, wanted)| ((TAG, tag.as_bytes().to_vec()), flag(*wanted)));
        let pinned = self.pinned.map(|pinned| (key(PINNED), flag(pinned)));
        let seen = || self.trashed_seen.map_or_else(Vec::new, |end| end.to_le_bytes().to_vec());
        let trashed = self.trashed.map(|trashed| (key(TRASHED), trashed.then(seen)));
        let unknown = self.unknown.iter().map(|(key, value)| (key.clone(), value.clone()));
        unknown.chain(texts).chain(tags).chain(pinned).chain(trashed).collect()
    }

    pub(super) fn from_entries(entries: Entries) -> MetadataPatch {
        let mut patch = MetadataPatch::default();
        for (key, value) in entries {
            if patch.take(&key, value.as_deref()).is_none() {
                patch.unknown.insert(key, value);
            }
        }
        patch
    }

    /// Takes an entry in; `None` if this version cannot read it.
    fn take(&mut self, (field, key): &Key, value: Option<&[u8]>) -> Option<()> {
        if *field == TAG {
            self.tags.insert(str::from_utf8(key).ok()?.to_owned(), flag(value)?);
            return Some(());
        }
        if !key.is_empty() {
            return None;
        }
        let text = || value.map(|bytes| str::from_utf8(bytes).map(str::to_owned)).transpose().ok();
        let GitPatch { sha, branch, origin_url } = &mut self.git;
        match *field {
            NAME => self.name = Some(text()?),
            MEMORY_MODE => self.memory_mode = Some(text()?.map(|text| text.parse()).transpose().ok()?),
            GIT_SHA => *sha = Some(text()?),
            GIT_BRANCH => *branch = Some(text()?),
            GIT_ORIGIN => *origin_url = Some(text()?),
            CWD => self.cwd = Some(text()?),
            MODEL => self.model = Some(text()?),
            MODEL_PROVIDER => self.model_provider = Some(text()?),
            REASONING_EFFORT => self.reasoning_effort = Some(text()?),
            APPROVAL_POLICY => self.approval_policy = Some(text()?),
            SANDBOX => self.sandbox = Some(text()?),
            PINNED => self.pinned = Some(flag(value)?),
            TRASHED => {
                self.trashed_seen = seen(value)?;
                self.trashed = Some(value.is_some());
            }
            _ => return None,
        }
        Some(())
    }
}

/// Up to where the items were seen by who put the thread into the trash, if that is said; `None` if it cannot be read.
pub(super) fn seen(value: Option<&[u8]>) -> Option<Option<u64>> {
    match value {
        None | Some([]) => Some(None),
        Some(bytes) => Some(Some(u64::from_le_bytes(bytes.try_into().ok()?))),
    }
}

fn flag(value: Option<&[u8]>) -> Option<bool> {
    match value {
        None => Some(false),
        Some([]) => Some(true),
        Some(_) => None,
    }
}
