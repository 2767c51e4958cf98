//! From accepted records to a batch for the engine.

use threadlog_engine::{Batch, NewRecord, Result};

use crate::clock::HybridClock;
use crate::event::{CODEC, Control, Created, ITEMS, ItemRecord, Origin, control_channel, encode_line};
use crate::item::{Envelope, Line, Oddities, Oddity, RolloutItem};
use crate::local::queue::{Content, Pending};
use crate::thread::ThreadKey;

/// Records on their way to the engine.
pub(super) struct Chunk {
    pub(super) key: ThreadKey,
    pub(super) epoch: u64,
    /// Whether they are the first of their thread, so that the record of its creation goes with them.
    pub(super) creation: bool,
    /// Ordinal of the first.
    pub(super) first: u64,
    pub(super) records: Vec<Pending>,
}

/// What a batch holds of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) records: usize,
    pub(super) creation: bool,
}

impl Chunk {
    /// Length of the payloads, roughly, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.records.iter().map(Pending::bytes).fold(0, usize::saturating_add)
    }

    /// The batch: as many records as fit, atomic.
    pub(super) fn batch(&self, clock: &HybridClock, journal: u32) -> Result<(Batch, Sent)> {
        let mut batch = Batch::new();
        if self.creation {
            let created = Created { at_ms: clock.now_ms(), id_text: None, rollout: None, origin: Origin::Native };
            push_control(&mut batch, (self.key, journal), Some(0), clock.tick(), &Control::Created(created))?;
        }
        let mut payload = Vec::new();
        let mut records = 0;
        for (ordinal, pending) in (self.first..).zip(&self.records) {
            payload.clear();
            encode(&pending.content, &mut payload);
            if !batch.fits(payload.len()) {
                break;
            }
            batch.push(NewRecord {
                stream: self.key.stream(ITEMS),
                ordinal: Some(ordinal),
                lease_epoch: self.epoch,
                clock: pending.clock,
                codec: CODEC,
                payload: &payload,
            })?;
            records += 1;
        }
        Ok((batch, Sent { records, creation: self.creation }))
    }
}

/// Adds a control record to a batch for the engine of this journal.
pub(super) fn push_control(
    batch: &mut Batch,
    (key, journal): (ThreadKey, u32),
    ordinal: Option<u64>,
    clock: u64,
    control: &Control,
) -> Result<()> {
    let mut payload = Vec::new();
    control.encode(&mut payload);
    batch.push(NewRecord {
        stream: key.stream(control_channel(journal)),
        ordinal,
        lease_epoch: 0,
        clock,
        codec: CODEC,
        payload: &payload,
    })
}

/// Appends the record's bytes to `out`.
pub(super) fn encode(content: &Content, out: &mut Vec<u8>) {
    match content {
        Content::Item(RolloutItem::Verbatim(bytes, oddities)) => {
            encode_line(&Line::Verbatim(bytes, *oddities), false, out);
        }
        Content::Item(RolloutItem::Enveloped { timestamp, ordinal, kind, payload, metadata }) => {
            let envelope = Envelope {
                timestamp: *timestamp,
                ordinal: *ordinal,
                kind: kind.clone(),
                payload,
                metadata: metadata.as_deref(),
            };
            encode_line(&Line::Enveloped(envelope), false, out);
        }
        Content::LineEnd => {
            let oddities = Oddities::default().with(Oddity::Blank);
            ItemRecord::from_line(&Line::Verbatim(b"\n", oddities), true).encode(out);
        }
    }
}
