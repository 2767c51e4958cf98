//! Serialized forms of a patch: fields by name where people read them, numbered entries elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entry::Entries;
use super::patch::{GitPatch, MemoryMode, MetadataPatch};

/// What JSON has of a patch.
#[derive(Serialize, Deserialize)]
#[serde(remote = "MetadataPatch", deny_unknown_fields)]
struct Named {
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    name: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    memory_mode: Option<Option<MemoryMode>>,
    #[serde(default, skip_serializing_if = "is_untouched", deserialize_with = "git")]
    git: GitPatch,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    cwd: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    model: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    model_provider: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    reasoning_effort: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    approval_policy: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tri_state")]
    sandbox: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "pinned")]
    pinned: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "pinned")]
    trashed: Option<bool>,
    #[serde(skip)]
    trashed_seen: Option<u64>,
    #[serde(skip)]
    unknown: Entries,
}

impl Serialize for MetadataPatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            self.entries().serialize(serializer)
        } else if self.unknown.is_empty() {
            Named::serialize(self, serializer)
        } else {
            Err(serde::ser::Error::custom("the patch has fields of a later version, which have no name here"))
        }
    }
}

impl<'de> Deserialize<'de> for MetadataPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MetadataPatch, D::Error> {
        if deserializer.is_human_readable() {
            Named::deserialize(deserializer)
        } else {
            Entries::deserialize(deserializer).map(MetadataPatch::from_entries)
        }
    }
}

fn is_untouched(git: &GitPatch) -> bool {
    *git == GitPatch::default()
}

/// `null` clears all of it.
fn git<'de, D: Deserializer<'de>>(deserializer: D) -> Result<GitPatch, D::Error> {
    let cleared = || GitPatch { sha: Some(None), branch: Some(None), origin_url: Some(None) };
    Option::<GitPatch>::deserialize(deserializer).map(|git| git.unwrap_or_else(cleared))
}

/// `null` unpins, and takes out of the trash.
fn pinned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Option::<bool>::deserialize(deserializer).map(|pinned| Some(pinned.unwrap_or(false)))
}

/// A field that may be absent, `null` or a value. Serde by itself takes `null` for absent.
pub(super) mod tri_state {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
        field: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        field.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}
