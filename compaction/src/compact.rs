//! Merging until there is nothing to merge: on demand, and step by step in the background.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use threadlog_engine::sealed::{SealedId, SealedSegment, Tier, ValueHash};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::maintenance::Maintenance;
use crate::merge::merge;
use crate::pick;
use crate::report::Written;
use crate::rules::{BLANK_CODEC, Fate, Rules, Watch};

/// Segments that are left alone because they turned out to be damaged, and how.
pub type Avoid = BTreeMap<SealedId, threadlog_engine::Error>;

/// How much is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// What is due: segments of one size that have become as many as [`Config::fan_in`]. One such merge.
    #[default]
    Due,
    /// What is due, until nothing is; then segments that hold much that nobody needs, or archived threads among others.
    Wanted,
    /// All segments of a tier into one.
    Full,
}

/// Segments are written again for the sake of what nobody needs when that is this part of them, in percent.
const GARBAGE_PERCENT: u64 = 25;

/// Merges sealed segments.
///
/// Segments in `avoid` are left out: those that turned out to be damaged, which are added to it. *Durability:* as
/// [`merge`], each time.
///
/// # Errors
/// As [`merge`], but for damage: [`Error::Stopped`], a full disk. What was merged until then stays so.
pub fn compact(
    maintenance: &mut Maintenance,
    extent: Extent,
    rules: &dyn Rules,
    config: &Config,
    watch: &dyn Watch,
    avoid: &mut Avoid,
    renew: &mut dyn FnMut() -> Result<()>,
) -> Result<Written> {
    config.validate()?;
    let mut total = Written::default();
    if extent == Extent::Full {
        for tier in [Tier::Normal, Tier::Archived] {
            let all = of_tier(maintenance, tier, avoid);
            if !all.is_empty() {
                total += merge_around_damage(maintenance, &all, rules, config, watch, avoid, renew)?;
            }
        }
    }
    loop {
        let rows: Vec<_> = maintenance.sealed().manifest().segments.clone();
        let rows: Vec<_> = rows.into_iter().filter(|row| !avoid.contains_key(&row.id)).collect();
        let due = pick::next(&rows, config);
        let wanted = || wasteful(maintenance, rules, avoid).map(|id| vec![id]);
        let Some(picked) = due.or_else(|| if extent == Extent::Due { None } else { wanted() }) else {
            return Ok(total);
        };
        total += merge_around_damage(maintenance, &picked, rules, config, watch, avoid, renew)?;
        if extent == Extent::Due {
            return Ok(total);
        }
    }
}

/// One merge; if it meets damage, the damaged segment is left alone from now on.
pub(crate) fn merge_around_damage(
    maintenance: &mut Maintenance,
    picked: &[SealedId],
    rules: &dyn Rules,
    config: &Config,
    watch: &dyn Watch,
    avoid: &mut Avoid,
    renew: &mut dyn FnMut() -> Result<()>,
) -> Result<Written> {
    match merge(maintenance, picked, rules, config, watch, renew) {
        Err(Error::Engine(error)) if error.is_corruption() => {
            let damaged = damaged_by(picked, &error);
            damaged.into_iter().for_each(|id| drop(avoid.insert(id, error.clone())));
            Ok(Written::default())
        }
        outcome => outcome,
    }
}

/// The segment that an error names; all of them, if it names none: something that they need is damaged.
fn damaged_by(picked: &[SealedId], error: &threadlog_engine::Error) -> Vec<SealedId> {
    let threadlog_engine::Error::Corrupt { path, .. } = error else { return picked.to_vec() };
    let name = path.file_name().and_then(|name| name.to_str()).and_then(SealedId::parse);
    match name.filter(|name| picked.contains(name)) {
        Some(name) => vec![name],
        None => picked.to_vec(),
    }
}

fn of_tier(maintenance: &Maintenance, tier: Tier, avoid: &Avoid) -> Vec<SealedId> {
    let rows = maintenance.sealed().manifest().segments.iter();
    rows.filter(|row| row.tier == tier && !avoid.contains_key(&row.id)).map(|row| row.id).collect()
}

/// A segment of which much is needed by nobody, or that has archived threads among others.
fn wasteful(maintenance: &Maintenance, rules: &dyn Rules, avoid: &Avoid) -> Option<SealedId> {
    let segments = maintenance.sealed().segments();
    let unused = unused_values(segments);
    let looked_at = segments.iter().filter(|segment| !avoid.contains_key(&segment.id()));
    looked_at.map(|segment| (segment, unused.get(&segment.id()).copied().unwrap_or(0))).find_map(|(segment, unused)| {
        let (mut all, mut dead, mut moving) = (unused, unused, 0_u64);
        for row in segment.footer().streams() {
            all = all.saturating_add(row.payload_bytes);
            match (rules.fate(&row.stream), segment.row().tier) {
                (Fate::Drop, _) => dead = dead.saturating_add(row.payload_bytes),
                (Fate::Archive, Tier::Normal) | (Fate::Keep, Tier::Archived) => {
                    moving = moving.saturating_add(row.payload_bytes);
                }
                _ => {}
            }
        }
        let much = |part: u64| part > 0 && part.saturating_mul(100) >= all.saturating_mul(GARBAGE_PERCENT);
        (much(dead) || moving > 0).then(|| segment.id())
    })
}

/// Bytes of values that no record uses, by the segment they stand in.
fn unused_values(segments: &[std::sync::Arc<SealedSegment>]) -> HashMap<SealedId, u64> {
    let used: HashSet<ValueHash> = segments.iter().flat_map(|segment| segment.footer().used()).collect();
    let mut unused = HashMap::new();
    for segment in segments {
        let rows = segment.footer().values();
        let bytes: u64 =
            rows.filter(|row| !row.used_here && !used.contains(&row.hash)).map(|row| u64::from(row.bytes)).sum();
        if bytes > 0 {
            unused.insert(segment.id(), bytes);
        }
    }
    unused
}

/// Segments in which something stands that has to go: records of dead streams, values that nobody uses any more.
pub(crate) fn to_be_erased(maintenance: &Maintenance, rules: &dyn Rules) -> BTreeSet<SealedId> {
    let segments = maintenance.sealed().segments();
    let mut found: BTreeSet<SealedId> = unused_values(segments).into_keys().collect();
    for segment in segments {
        let footer = segment.footer();
        let is_dead = footer.streams().any(|row| match rules.fate(&row.stream) {
            Fate::Keep | Fate::Archive => false,
            Fate::Drop => true,
            Fate::KeepBelow(end) => row.next_ordinal > end,
            Fate::Blank => has_content(segment, &row, rules),
        });
        if is_dead {
            found.insert(segment.id());
        }
    }
    found
}

/// Whether a stream of which only places may be left has more than these. What cannot be read has, as far as one can tell.
fn has_content(
    segment: &std::sync::Arc<SealedSegment>,
    row: &threadlog_engine::sealed::StreamRow,
    rules: &dyn Rules,
) -> bool {
    let mut cursor = crate::cursor::Cursor::at(segment, row);
    while let Some(place) = cursor.place() {
        match cursor.cache.stored(&place) {
            Ok(record) if record.codec == BLANK_CODEC => {}
            Ok(record) if record.refs.is_empty() && rules.is_kept(&place.stream, record.codec, record.stored) => {}
            _ => return true,
        }
        cursor.advance();
    }
    false
}
