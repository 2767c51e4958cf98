use super::*;
use std::collections::BTreeMap;
use std::sync::Mutex;
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<StreamId, Vec<Record>>>);
impl Log for std::sync::Arc<Memory> {
    fn append(&self, batch: Batch) -> Result<Ticket> {
        let mut s = self.0.lock().unwrap();
        for (expected, mut r) in batch.records {
            let v = s.entry(r.stream).or_default();
            let at = v.len() as u64;
            if let Some(e) = expected && e != at { return Err(Error::WrongOrdinal { stream: r.stream, expected: e, actual: at }); }
            r.ordinal = at;
            v.push(r);
        }
        Ok(Ticket(0))
    }
    fn sync(&self, _: Ticket) -> Result<()> { Ok(()) }
    fn barrier(&self) -> Ticket { Ticket(0) }
    fn read(&self, stream: &StreamId, range: (Bound<u64>, Bound<u64>)) -> Records {
        use std::ops::RangeBounds;
        let v = self.0.lock().unwrap().get(stream).cloned().unwrap_or_default();
        Box::new(v.into_iter().filter(move |r| range.contains(&r.ordinal)).map(Ok))
    }
    fn tail(&self, stream: &StreamId, n: u64) -> Records {
        let v = self.0.lock().unwrap().get(stream).cloned().unwrap_or_default();
        let skip = v.len().saturating_sub(n as usize);
        Box::new(v.into_iter().skip(skip).map(Ok))
    }
    fn head(&self, stream: &StreamId) -> Option<Head> {
        let s = self.0.lock().unwrap(); let v = s.get(stream)?;
        Some(Head { next_ordinal: v.len() as u64, durable_ordinal: v.len() as u64, lease_epoch: v.last().map_or(0, |r| r.lease_epoch), bytes: 0 })
    }
    fn streams(&self) -> Vec<StreamInfo> {
        self.0.lock().unwrap().iter().map(|(s, v)| StreamInfo { stream: *s, records: v.len() as u64, payload_bytes: v.iter().map(|r| r.payload.len() as u64).sum() }).collect()
    }
}
