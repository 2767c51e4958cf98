//! The engine, as this crate uses it.

use threadlog_engine::id::StreamId;
/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record { 
/// x
pub stream: StreamId, 
/// x
pub ordinal: u64, 
/// x
pub lease_epoch: u64, 
/// x
pub clock: u64, 
/// x
pub codec: u8, 
/// x
pub payload: Vec<u8> }
