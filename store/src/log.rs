//! The engine, as this crate uses it.
#![allow(missing_docs, dead_code, private_interfaces)]
use std::ops::Bound;

use threadlog_engine::error::{Error, Result};
use threadlog_engine::id::StreamId;

#[cfg(test)]
pub(crate) mod memory;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record { 
pub stream: StreamId, 
pub ordinal: u64, 
pub lease_epoch: u64, 
pub clock: u64, 
pub codec: u8, 
pub payload: Vec<u8> }
pub struct NewRecord<'a> { pub stream: StreamId, pub ordinal: Option<u64>, pub lease_epoch: u64, pub clock: u64, pub codec: u8, pub payload: &'a [u8] }
#[derive(Clone,Copy, Debug)]
pub struct Ticket(pub u64);
#[derive(Clone,Copy, Debug)]
pub struct Head { pub next_ordinal: u64, pub durable_ordinal: u64, pub lease_epoch: u64, pub bytes: u64}
#[derive(Clone,Copy, Debug)]
pub struct StreamInfo { pub stream: StreamId, pub records: u64, pub payload_bytes: u64}
pub struct Batch { pub(crate) records: Vec<(Option<u64>, Record)>, bytes: usize }
impl Batch {
    pub fn new() -> Batch { Batch { records: Vec::new(), bytes: 0 } }
    pub fn push(&mut self, r: NewRecord<'_>) -> Result<()> {
        let framed = 64 + if r.payload.len() > 1 << 20 { 32 } else { r.payload.len() };
        if self.bytes + framed > 1 << 20 { return Err(Error::TooLarge { what: "batch", bytes: 0, max: 1 << 20 }); }
        self.bytes += framed;
        self.records.push((r.ordinal, Record { stream: r.stream, ordinal: 0, lease_epoch: r.lease_epoch, clock: r.clock, codec: r.codec, payload: r.payload.to_vec() }));
        Ok(())
    }
    pub fn len(&self) -> usize { self.records.len() }
    pub fn bytes(&self) -> usize { self.bytes }
    pub fn is_empty(&self) -> bool { self.records.is_empty() }
}
pub(crate) type Records = Box<dyn Iterator<Item = Result<Record>> + Send>;
pub(crate) trait Log: Send + Sync {
    fn append(&self, batch: Batch) -> Result<Ticket>;
    fn sync(&self, ticket: Ticket) -> Result<()>;
    fn barrier(&self) -> Ticket;
    fn read(&self, stream: &StreamId, range: (Bound<u64>, Bound<u64>)) -> Records;
    fn tail(&self, stream: &StreamId, n: u64) -> Records;
    fn head(&self, stream: &StreamId) -> Option<Head>;
    fn streams(&self) -> Vec<StreamInfo>;
}
