//! The fixed-width structures: whatever is accepted, written again and read again, is the same.

use threadlog_engine::SegmentId;
use threadlog_engine::dump;
use threadlog_engine::format::frame::{FRAME_HEADER_BYTES, FrameHeader};
use threadlog_engine::format::large::{LARGE_HEADER_BYTES, LargeHeader, LargeName, LargeReference};
use threadlog_engine::format::mark::{newest, page_words};
use threadlog_engine::format::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
use threadlog_engine::format::store_file::{FORMAT_FILE_BYTES, FormatFile};

/// The first byte says which header's checksum is mended, if any; then every decoder gets the bytes.
pub fn run(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    match mode % 4 {
        1 => mend(&mut bytes, FORMAT_FILE_BYTES),
        2 => mend(&mut bytes, SEGMENT_HEADER_BYTES),
        3 => mend(&mut bytes, LARGE_HEADER_BYTES),
        _ => {}
    }
    if let Ok(file) = FormatFile::decode(&bytes) {
        assert_eq!(FormatFile::decode(&file.encode()), Ok(file));
    }
    if let Ok(header) = LargeHeader::decode(&bytes) {
        assert_eq!(LargeHeader::decode(&header.encode()), Ok(header));
    }
    if let Some(reference) = LargeReference::decode(&bytes) {
        assert_eq!(LargeReference::decode(&reference.encode()), Some(reference));
    }
    if let Some(frame) = bytes.first_chunk::<FRAME_HEADER_BYTES>() {
        let header = FrameHeader::decode(frame);
        assert_eq!(FrameHeader::decode(&header.encode()), header);
    }
    segment(&bytes);
    mark(&bytes);
    names(&bytes);
    for name in FILES {
        // Only writing to `out` can fail, and this one takes everything.
        let _ = dump::write(name, &bytes, bytes.first_chunk(), &mut std::io::sink());
    }
}

/// One of each kind of file, and one that is none.
const FILES: [&str; 6] =
    ["FORMAT", "mark", "LOCK", "0000002a-0123456789abcdef.hot", "000-05050505050505050505050505050505.rec", "other"];

/// Number and salt are taken from where the header has them, as the file's name would have them.
fn segment(bytes: &[u8]) {
    let number_at = |at: usize| bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let (Some(number), Some(salt)) = (number_at(40), number_at(48)) else { return };
    let id = SegmentId { number, salt };
    assert_eq!(SegmentId::parse(&id.to_string()), Some(id));
    if let Ok(header) = SegmentHeader::decode(bytes, id) {
        let encoded = header.encode();
        assert_eq!(encoded.len(), header.block_bytes as usize);
        assert_eq!(SegmentHeader::decode(&encoded, id), Ok(header));
    }
}

fn mark(bytes: &[u8]) {
    let Some((store, page)) = bytes.split_first_chunk::<16>() else { return };
    if let Some(slot) = newest(&page_words(page), store) {
        assert_eq!(newest(&slot.to_words(store), store), Some(slot));
    }
}

fn names(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else { return };
    if let Some(id) = SegmentId::parse(name) {
        assert_eq!(id.to_string(), name);
    }
    if let Some(large) = LargeName::parse(name) {
        assert_eq!(large.to_string(), name);
    }
}

/// Every header ends with the checksum of what stands before it.
fn mend(bytes: &mut [u8], length: usize) {
    let Some(header) = bytes.get_mut(..length) else { return };
    let (covered, checksum) = header.split_at_mut(length - 4);
    checksum.copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
}
