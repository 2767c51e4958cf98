//! stub
#![allow(missing_docs)]
use crate::error::Result;
use crate::fs::Fs;
use crate::id::{Channel, StreamId};
use crate::journal::index::Conflict;
use crate::journal::parts::StreamInfo;
use crate::journal::records::Record;
use crate::recover::log::Base;
use std::path::Path;
use std::sync::Arc;
#[derive(Default, Debug)]
pub struct Manifest {}
impl Manifest {
    pub fn read(_: &dyn Fs, _: &Path, _: [u8; 16]) -> Result<Manifest> {
        Ok(Manifest {})
    }
    pub fn base(&self, _: u32) -> Option<Base> {
        None
    }
}
#[derive(Default, Debug)]
pub struct Sealed {}
#[derive(Default, Debug)]
pub struct Cursor {}
#[derive(Clone, Copy, Debug)]
pub struct SealedHead {
    pub next_ordinal: u64,
    pub lease_epoch: u64,
    pub journal: u32,
}
#[derive(Clone, Debug)]
pub struct SealedPlace {}
impl SealedPlace {
    pub fn journal(&self) -> u32 {
        0
    }
}
impl Sealed {
    pub fn load(_: &dyn Fs, _: &Path, _: [u8; 16]) -> Result<Arc<Sealed>> {
        Ok(Arc::default())
    }
    pub fn load_lenient(_: &dyn Fs, _: &Path, _: Option<[u8; 16]>) -> Result<Arc<Sealed>> {
        Ok(Arc::default())
    }
    pub fn renew(_: &Arc<Sealed>, _: &dyn Fs, _: &Path, _: [u8; 16]) -> Result<Arc<Sealed>> {
        Ok(Arc::default())
    }
    pub fn is_current(&self, _: &dyn Fs, _: &Path) -> Result<bool> {
        Ok(true)
    }
    pub fn generation(&self) -> u64 {
        0
    }
    pub fn is_empty(&self) -> bool {
        true
    }
    pub fn base(&self, _: u32) -> Option<Base> {
        None
    }
    pub fn head(&self, _: &StreamId) -> Option<SealedHead> {
        None
    }
    pub fn find(&self, _: &StreamId, _: u64, _: usize) -> Vec<SealedPlace> {
        Vec::new()
    }
    pub fn all_at(&self, _: &StreamId, _: u64) -> Vec<SealedPlace> {
        Vec::new()
    }
    pub fn channels(&self, _: &[u8; 16], _: u64) -> Vec<Channel> {
        Vec::new()
    }
    pub fn streams(&self) -> Vec<StreamInfo> {
        Vec::new()
    }
    pub fn conflicts(&self) -> Vec<Conflict> {
        Vec::new()
    }
    pub fn grown_since(&self, _: &Sealed) -> Vec<(StreamId, u64)> {
        Vec::new()
    }
    pub fn record(&self, _: &SealedPlace, _: &mut Cursor) -> Result<Record> {
        Err(crate::Error::Closed)
    }
}
