//! A MANIFEST that was lost or damaged, made anew from what the segments say of themselves.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{Fs, OpenMode, read_at_most, read_file};
use crate::number::{short, wide};
use crate::sealed::dictionaries::Dictionaries;
use crate::sealed::dictionary::Dictionary;
use crate::sealed::header::{TRAILER_BYTES, Trailer};
use crate::sealed::id::{DictionaryId, SealedId, dictionaries_directory};
use crate::sealed::manifest::{DictionaryRow, JournalBase, Manifest, SegmentRow, Tier};
use crate::sealed::manifest_file::{names, sealed_files};
use crate::sealed::rows::Input;
use crate::sealed::segment::{SealedSegment, corrupt};

/// Far above the generation that any store has reached: nobody takes the new MANIFEST for one already seen.
const GENERATION: u64 = 1 << 32;

/// What [`Manifest::rebuild`] made.
#[derive(Debug)]
pub struct Rebuilt {
    /// The MANIFEST. It is not written.
    pub manifest: Manifest,
    /// Segments whose footers are damaged: they live, with rows that no footer fits, so that opening them takes
    /// [`OnDamage::Recover`](crate::sealed::set::OnDamage::Recover). And dictionaries that cannot be read: they are left out.
    pub damage: Vec<Error>,
}

impl Manifest {
    /// What MANIFEST should say, from the files that are there. Every segment lives that no other replaces; when in doubt
    /// whether one is replaced, it lives, for records that are there twice do no harm. A journal is sealed as far as the
    /// furthest segment says. What a crash left behind may live again; nothing that lived is lost.
    ///
    /// *Cost:* reads every footer and every dictionary.
    ///
    /// # Errors
    /// An I/O error.
    pub fn rebuild(fs: &dyn Fs, root: &Path, store: [u8; 16]) -> Result<Rebuilt> {
        let mut damage = Vec::new();
        let dictionaries = dictionaries(fs, root, store, &mut damage)?;
        let mut found = Vec::new();
        for id in sealed_files(fs, root)? {
            match open(fs, root, id) {
                Ok((row, inputs)) => found.push((row, inputs)),
                Err(error @ Error::Corrupt { .. }) => {
                    found.push((unreadable(fs, root, id)?, Vec::new()));
                    damage.push(error);
                }
                Err(other) => return Err(other),
            }
        }
        let (replaced, journals) = claims(&found);
        let highest = found.iter().map(|(row, _)| row.id.number).chain(dictionaries.iter().map(|row| row.id.0.into()));
        let next_number = highest.max().unwrap_or(0).saturating_add(1);
        let segments = found.into_iter().map(|(row, _)| row).filter(|row| !replaced.contains(&row.id)).collect();
        let generation = GENERATION.saturating_add(next_number);
        Ok(Rebuilt { manifest: Manifest { generation, next_number, journals, segments, dictionaries }, damage })
    }
}

/// What segments say of others and of journals, as far as it holds.
fn claims(found: &[(SegmentRow, Vec<Input>)]) -> (HashSet<SealedId>, Vec<JournalBase>) {
    // By edit: which of its parts are there, and how many there should be.
    let mut edits: HashMap<u64, (HashSet<u32>, u32)> = HashMap::new();
    for input in found.iter().flat_map(|(_, inputs)| inputs) {
        if let Input::Part { edit, index, count } = *input {
            let (parts, total) = edits.entry(edit).or_default();
            parts.insert(index);
            *total = (*total).max(count);
        }
    }
    let is_whole = |(parts, total): &(HashSet<u32>, u32)| *total > 0 && (0..*total).all(|part| parts.contains(&part));
    let holds = |inputs: &[Input]| {
        inputs.iter().all(|input| match input {
            Input::Part { edit, .. } => edits.get(edit).is_some_and(is_whole),
            _ => true,
        })
    };
    let mut replaced = HashSet::new();
    let mut journals: BTreeMap<u32, JournalBase> = BTreeMap::new();
    for input in found.iter().filter(|(_, inputs)| holds(inputs)).flat_map(|(_, inputs)| inputs) {
        match *input {
            Input::Sealed(id) => {
                replaced.insert(id);
            }
            Input::Journal(base) => {
                let known = journals.entry(base.journal).or_insert(base);
                if (base.upto, base.segments_upto) > (known.upto, known.segments_upto) {
                    *known = base;
                }
            }
            Input::Part { .. } => {}
        }
    }
    (replaced, journals.into_values().collect())
}

fn open(fs: &dyn Fs, root: &Path, id: SealedId) -> Result<(SegmentRow, Vec<Input>)> {
    let path = id.path(root);
    let io = |op, error| Error::io(op, &path, error);
    let file = fs.open(&path, OpenMode::Read).map_err(|error| io("open", error))?;
    let bytes = file.len().map_err(|error| io("read", error))?;
    let mut buffer = [0; TRAILER_BYTES];
    let at = bytes.saturating_sub(wide(TRAILER_BYTES));
    read_at_most(&*file, &mut buffer, at).map_err(|error| io("read", error))?;
    let trailer = Trailer::decode(&buffer).map_err(|fault| corrupt(&path, at, fault.to_string()))?;
    let end = trailer.footer_offset.checked_add(trailer.footer_bytes);
    if trailer.id != id || end != Some(at) {
        return Err(corrupt(&path, at, "the trailer is another file's".to_owned()));
    }
    let Trailer { footer_offset, footer_checksum, .. } = trailer;
    let row = SegmentRow { id, bytes, footer_offset, footer_checksum, tier: Tier::Normal };
    let segment = SealedSegment::open(fs, root, &row, &Arc::new(Dictionaries::default()))?;
    let tier = segment.footer().summary().tier;
    Ok((SegmentRow { tier, ..row }, segment.footer().inputs().collect()))
}

/// A row that no footer fits: an empty footer has another checksum.
fn unreadable(fs: &dyn Fs, root: &Path, id: SealedId) -> Result<SegmentRow> {
    let path = id.path(root);
    let file = fs.open(&path, OpenMode::Read).map_err(|error| Error::io("open", &path, error))?;
    let bytes = file.len().map_err(|error| Error::io("read", &path, error))?;
    let footer_offset = bytes.saturating_sub(wide(TRAILER_BYTES));
    Ok(SegmentRow { id, bytes, footer_offset, footer_checksum: 0, tier: Tier::Normal })
}

fn dictionaries(fs: &dyn Fs, root: &Path, store: [u8; 16], damage: &mut Vec<Error>) -> Result<Vec<DictionaryRow>> {
    let mut rows = Vec::new();
    for id in names(fs, &dictionaries_directory(root))?.iter().filter_map(|name| DictionaryId::parse(name)) {
        let path = id.path(root);
        let bytes = read_file(fs, &path).map_err(|error| Error::io("read", &path, error))?;
        match Dictionary::decode(&bytes, id, &store) {
            Ok(dictionary) => {
                rows.push(DictionaryRow { id, bytes: short(bytes.len()), checksum: dictionary.checksum() });
            }
            Err(fault) => damage.push(corrupt(&path, 0, fault.to_string())),
        }
    }
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows)
}
