//! Checkpoints of the catalog: whatever is in one, it is read or refused, and lists beside it end with an answer.

use std::path::Path;
use std::sync::Arc;

use threadlog::Store;
use threadlog::ThreadId;
use threadlog::list::ListParams;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::ThreadMetadata;
use threadlog::thread_store::ThreadStore;
use threadlog::view::ThreadFacts;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::fs::{Fs, OpenMode, write_all_at};
use threadlog_engine::{Background, Config};

const HEADER_BYTES: usize = 200;
const PAGE_BYTES: usize = 16 << 10;

/// The first byte says whether what follows is a checkpoint as it is (0), or header and body of one whose checksums are then
/// made right: only so does anything but a checksum get looked at.
pub fn catalog(input: &[u8]) {
    let Some((mode, rest)) = input.split_first() else { return };
    let disk = SimFs::new(1);
    let config = Config { background: Background::Manual, prepare_spares: false, ..Config::default() };
    let store = Store::open_on(Arc::new(disk.clone()), Path::new("/store"), config).expect("an empty disk");
    let id = store.store_id().expect("a store");
    store.close().expect("a sound disk");
    let bytes = if *mode == 0 { rest.to_vec() } else { sound(rest, &id) };
    threadlog::catalog::entries(&bytes, None, &mut |entry| drop(entry.fields));
    disk.create_dir(Path::new("/store/catalog")).expect("a sound disk");
    let file = disk.open(Path::new("/store/catalog/catalog-1"), OpenMode::CreateNew).expect("a sound disk");
    write_all_at(&*file, &bytes, 0).expect("room");
    let store = Store::open_read_on(Arc::new(disk), Path::new("/store")).expect("a sound log");
    let threads = LocalThreadStore::reading(&store).expect("a sound log");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for search in [None, Some("a".to_owned())] {
        let mut params = ListParams::default();
        params.search = search;
        runtime.block_on(threads.list_threads(params)).expect("a list, whatever the checkpoint says");
    }
}

/// A checkpoint with this header and body, of this store, its checksums as they should be (format.md 10).
#[must_use]
pub fn sound(bytes: &[u8], store: &[u8; 16]) -> Vec<u8> {
    let mut header = [0; HEADER_BYTES];
    let (head, body) = bytes.split_at(bytes.len().min(HEADER_BYTES));
    header[..head.len()].copy_from_slice(head);
    header[16..32].copy_from_slice(store);
    let salt = header[48..56].to_vec();
    let page =
        |(at, page): (u64, &[u8])| crc32fast::hash(&[salt.as_slice(), &at.to_le_bytes(), page].concat()).to_le_bytes();
    let pages: Vec<u8> = (0..).zip(body.chunks(PAGE_BYTES)).flat_map(page).collect();
    header[192..196].copy_from_slice(&crc32fast::hash(&pages).to_le_bytes());
    let sum = crc32fast::hash(&header[..196]);
    header[196..].copy_from_slice(&sum.to_le_bytes());
    [header.as_slice(), &pages, body].concat()
}

/// Header and body of a checkpoint of one thread, written by hand from format.md.
#[must_use]
pub fn seed() -> Vec<u8> {
    let thread = ThreadId::from_path(b"seed");
    let mut state = postcard::to_stdvec(&ThreadFacts::default()).expect("facts");
    state.extend(ThreadMetadata::new(thread).to_canonical_bytes());
    let text = b"a preview";
    let mut header = [b"tlogcat1".as_slice(), &0x301_u32.to_le_bytes(), &16_384_u32.to_le_bytes(), &[0; 16]].concat();
    // Generation, clock, salt; segments, heads, rows, strings; their bytes, texts', states'.
    let sizes = [0, 0, 7, 0, 1, 1, 1, 4, text.len() as u64, state.len() as u64];
    let classes = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    header.extend(sizes.iter().chain(&classes).flat_map(|number: &u64| number.to_le_bytes()));
    header.extend([0; 8]);
    let id = thread.uuid().into_bytes();
    let head = [id.as_slice(), &1_u64.to_le_bytes(), &3_u64.to_le_bytes(), &[0; 8]].concat();
    let mut row = [id.as_slice(), &1_u64.to_le_bytes()].concat();
    row.extend([1_000_u64, 2_000, 3_000, 0, 0].iter().flat_map(|number| number.to_le_bytes()));
    let none = u32::MAX;
    let flags = 1 | 1 << 9 | 1 << 12;
    let numbers = [state.len() as u32, 0, 0, text.len() as u32, none, none, 0, flags];
    row.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    row.extend([0; 32]);
    let orders = [0; 12];
    [header.as_slice(), &head, &row, &orders, &4_u64.to_le_bytes(), b"/src", text, &state].concat()
}
