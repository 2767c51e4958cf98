use super::*;

fn key() -> ThreadKey {
    let thread = "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb".parse().unwrap();
    ThreadKey { thread, incarnation: 0xfeed_beef }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_part_has_the_bytes_that_the_format_says_and_reads_back() {
    let header = Header { store: [7; 16], created_ms: 1_700_000_000_000 };
    let golden = format!(
        "{}{}{}{}{}",
        "746c6f6770616b31",
        "0100000000000000",
        "07".repeat(16),
        "0068e5cf8b010000",
        "00".repeat(24)
    );
    assert_eq!(hex(&header.encode()), golden);
    assert_eq!((header.encode().len(), Header::decode(&header.encode())), (HEADER_BYTES, Ok(header)));

    let name = "019c2a58c0cc7860b9ca7e2dcda03ddbefbeedfe00000000";
    let row = Row { key: key(), records: 3, payload_bytes: 500, blake3: [9; 32], is_base: true };
    let mut bytes = Vec::new();
    row.encode(&mut bytes);
    let golden = format!("{name}0300000000000000f401000000000000{}0100000000000000", "09".repeat(32));
    assert_eq!(hex(&bytes), golden);
    assert_eq!((bytes.len(), Row::decode(&bytes)), (ROW_BYTES, Ok(row)));

    let trailer = Trailer { table_offset: 4096, lives: 2, blake3: [8; 32] };
    let golden = format!("00100000000000000200000000000000{}0000000000000000746c6f6770616b7a", "08".repeat(32));
    assert_eq!(hex(&trailer.encode()), golden);
    assert_eq!((trailer.encode().len(), Trailer::decode(&trailer.encode())), (TRAILER_BYTES, Ok(trailer)));

    let life = LifeEntry { key: key(), is_base: false, items: 12 };
    let mut bytes = Vec::new();
    life.encode(&mut bytes);
    assert_eq!(hex(&bytes), format!("01{name}000c00000000000000"));
    assert_eq!((bytes.len() - 1, LifeEntry::decode(&bytes[1..])), (LIFE_ENTRY_BYTES, Ok(life)));

    let record = RecordEntry { is_control: true, codec: 1, ordinal: 2, lease_epoch: 3, clock: 4, bytes: 5 };
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    assert_eq!(hex(&bytes), "020101020000000000000003000000000000000400000000000000".to_owned() + "05000000");
    assert_eq!((bytes.len() - 1, RecordEntry::decode(&bytes[1..])), (RECORD_ENTRY_BYTES, Ok(record)));
}

#[test]
fn what_is_no_bundle_or_a_newer_one_is_told_apart_from_damage() {
    let header = Header { store: [7; 16], created_ms: 1 };
    assert_eq!(Header::decode(b"{\"a\":1}"), Err(BundleFault::NoBundle));
    assert_eq!(Header::decode(b""), Err(BundleFault::NoBundle));
    let mut newer = header.encode();
    newer[8] = 2;
    assert_eq!(Header::decode(&newer), Err(BundleFault::Version));
    assert_eq!(Header::decode(&header.encode()[..20]), Err(BundleFault::Short));
    assert_eq!(Trailer::decode(&[0; TRAILER_BYTES]), Err(BundleFault::Short));
}
