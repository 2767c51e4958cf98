//! Every kind of file, whole and damaged.

use proptest::prelude::*;

use crate::dump::{Entry, Value, entries, write};
use crate::format::frame::{FrameHeader, checksum};
use crate::format::large::{LargeHeader, LargeName, LargeReference};
use crate::format::mark::MarkSlot;
use crate::format::store_file::FormatFile;
use crate::id::{Epoch, Sequence};
use crate::lock::Owner;
use crate::recover::image::{Image, STORE, first_epoch, frame, stream};

fn list(name: &str, bytes: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    entries(name, bytes, Some(&STORE), &mut |entry| found.push(entry));
    found
}

fn text(name: &str, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write(name, bytes, Some(&STORE), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn small_segment() -> (String, Vec<u8>) {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    let reference = LargeReference { id: [7; 16], payload_bytes: 2_000_000, payload_checksum: 1 }.encode();
    let large = FrameHeader { large: true, ..frame(stream(b'b'), 0, &reference) };
    image.group_of(vec![(frame(stream(b'a'), 0, b"hello"), b"hello".to_vec()), (large, reference.to_vec())]);
    image.durable_upto = Sequence(2);
    image.group(&[]);
    image.room(4096);
    let (id, bytes) = image.segments.remove(0);
    (id.to_string(), bytes)
}

#[test]
fn a_segment_is_listed_line_by_line() {
    let (name, bytes) = small_segment();
    let expected = "         \
         0  segment header: number 1, salt 9e3779b97f4a7c15, epoch 1, block_bytes 4096, \
         store 612073746f7265206f66207465737473, journal 0, prepared_bytes 0, created_ms 1700000000000, epoch_start yes, \
         start_sequence 1, recovered_upto 0, start_checksum 00000000
      4096  group: frame_count 2, first_sequence 1, durable_upto 0, epoch 1, body_bytes 165, checksum CHECKSUM, \
         previous_checksum 00000000, frames_checksum FRAMES
      4160    frame: sequence 1, stream 61616161616161616161616161616161~0000000000000061/0, ordinal 0, \
         payload_bytes 5, payload_checksum 3610a686, lease_epoch 1, clock 0000000000010000, codec 0
      4229    frame: sequence 2, stream 62626262626262626262626262626262~0000000000000062/0, ordinal 0, \
         payload_bytes 32, payload_checksum LARGE, lease_epoch 1, clock 0000000000010000, codec 0, \
         large 07070707070707070707070707070707, 2000000 bytes
      8192  group: frame_count 0, first_sequence 3, durable_upto 2, epoch 1, body_bytes 0, checksum WITNESS, \
         previous_checksum CHECKSUM, frames_checksum 00000000
     12288  gap: bytes 4096, zero yes
";
    let word = |at: usize| format!("{:08x}", u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()));
    let expected = expected
        .replace("CHECKSUM", &word(4100))
        .replace("FRAMES", &word(4096 + 44))
        .replace("LARGE", &word(4229))
        .replace("WITNESS", &word(8196));
    assert_eq!(text(&format!("some/where/{name}"), &bytes), expected);
}

#[test]
fn damage_is_shown_where_it_is_and_the_rest_all_the_same() {
    let (name, whole) = small_segment();
    let problems = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let found = list(&name, &bytes);
        let bad: Vec<_> =
            found.iter().filter_map(|e| e.problem.as_ref().map(|p| (e.kind, e.offset, p.clone()))).collect();
        (found.len(), bad)
    };
    let rotten = "rotten: no interrupted write leaves this";
    let (count, bad) = problems(20);
    assert_eq!(
        (count, bad),
        (6, vec![("segment header", 0, "damaged header: its checksum does not match".to_owned())])
    );
    let (count, bad) = problems(4096 + 130);
    assert_eq!((count, bad), (6, vec![("frame", 4160, format!("its payload fails its checksum ({rotten})"))]));
    let (count, bad) = problems(4096 + 70);
    let what = format!("a group's header is sound, its frames are not ({rotten})");
    assert_eq!((count, bad), (4, vec![("gap", 4096, what)]), "the frame behind the damaged length is not found");
    let (count, bad) = problems(4096 + 30);
    let what = format!("no group starts here, and it is not zero ({rotten})");
    assert_eq!((count, bad), (6, vec![("gap", 4096, what)]), "both frames are still listed");
    let (_, bad) = problems(12_288 + 600);
    assert!(bad[0].2.contains("as an interrupted write leaves it"), "{bad:?}");
}

#[test]
fn a_segment_under_another_name_is_read_by_its_own_header() {
    let (_, bytes) = small_segment();
    let found = list("copy-of-a-segment", &bytes);
    assert!(found[0].problem.as_ref().unwrap().contains("name"));
    assert_eq!(found.iter().filter(|entry| entry.kind == "frame").count(), 2);
    assert_eq!(list("copy", b"nothing of ours")[0].kind, "unknown");
}

#[test]
fn the_small_files() {
    let format = FormatFile::new(STORE, 5);
    assert!(text("FORMAT", &format.encode()).starts_with("         0  format: version 1, compatible 00000000"));
    let mut flagged = format;
    flagged.read_only_compatible = 4;
    assert!(text("FORMAT", &flagged.encode()).contains("!! flags 0x00000004 are unknown"));
    assert!(text("FORMAT", b"threadlg").contains("!! the header was never written"));

    let owner =
        Owner { pid: 7, host: "h\u{1b}[2J".to_owned(), client: "c".to_owned(), since_ms: 3, boot: "b".to_owned() };
    let line = "         0  owner: pid 7, host h\\u{1b}[2J, client c, since_ms 3, boot b\n";
    assert_eq!(text("LOCK", owner.to_text().as_bytes()), line);

    let payload = b"a large one";
    let header = LargeHeader { payload_checksum: checksum(payload), payload_bytes: 11, id: [9; 16], store: STORE };
    let mut bytes = [header.encode().as_slice(), payload].concat();
    let name = LargeName { journal: 0, id: [9; 16] }.to_string();
    assert!(list(&name, &bytes).iter().all(|entry| entry.problem.is_none()));
    bytes[70] ^= 1;
    assert_eq!(list(&name, &bytes)[1].problem.as_deref(), Some("its checksum does not match"));
    bytes.pop();
    assert_eq!(list(&name, &bytes)[1].problem.as_deref(), Some("10 bytes instead of 11"));
    let other = LargeName { journal: 0, id: [8; 16] }.to_string();
    assert!(list(&other, &bytes)[0].problem.as_ref().unwrap().contains("id"));
}

#[test]
fn a_mark_is_verified_where_the_store_is_known() {
    let mut page = vec![0; 4096];
    let slot = MarkSlot { epoch: Epoch(3), durable: Sequence(70), boot: 1, closed: true };
    for (word, at) in slot.to_words(&STORE).iter().zip((64..).step_by(8)) {
        page[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    let found = list("mark", &page);
    assert_eq!((found.len(), found[0].fields.last().unwrap()), (2, &("written", Value::Flag(false))));
    assert_eq!(found[1].fields[5..], [("closed", Value::Flag(true)), ("counts", Value::Flag(true))]);
    page[72] ^= 1;
    assert_eq!(list("mark", &page)[1].problem.as_deref(), Some("its check does not match"));
    assert_eq!(list("mark", &page[..100])[1].problem.as_deref(), Some("the file ends before it"));
    let mut unverified = Vec::new();
    entries("mark", &page, None, &mut |entry| unverified.push(entry));
    assert!(unverified.iter().all(|entry| entry.problem.is_none()));
}

proptest! {
    #[test]
    fn any_bytes_under_any_name_are_listed(
        name in prop_oneof!["FORMAT", "MANIFEST", "mark", "LOCK", "00000001-0000000000000007.hot", "00000001-0000000000000007.seal", "00000001.dict", Just(LargeName { journal: 0, id: [0; 16] }.to_string()), ".{0,9}"],
        bytes in proptest::collection::vec(any::<u8>(), 0..9000),
    ) {
        let mut at = 0;
        for entry in list(&name, &bytes) {
            prop_assert!(entry.offset >= at && entry.end >= entry.offset);
            prop_assert!(!entry.to_string().contains('\n'));
            at = entry.offset;
        }
    }
}

#[test]
fn a_lock_says_who_wrote_it_or_that_nobody_did() {
    let owner = Owner { pid: 7, host: "h".into(), client: "c".into(), since_ms: 5, boot: "b".into() };
    let said = text("LOCK", owner.to_text().as_bytes());
    assert!(said.contains("pid 7") && said.contains("client c"), "{said}");
    for name in ["LOCK", "MAINTENANCE"] {
        let said = text(name, b"");
        assert!(said.contains("owner") && said.contains("nobody") && !said.contains("!!"), "{said}");
    }
    let format = FormatFile::new(STORE, 5).encode();
    assert_eq!(text("FORMAT.new", &format), text("FORMAT", &format));
}
