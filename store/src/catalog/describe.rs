//! A checkpoint, for people.

use std::sync::Arc;

use threadlog_engine::dump::{Entry, Value};
use threadlog_engine::number::wide;

use crate::list::ThreadRow;
use crate::thread::ThreadId;

use super::checkpoint::Checkpoint;
use super::rows::HEADER_BYTES;

/// Calls `each` for the header of a checkpoint, and for each of its threads; the places of those are left out, as what is said
/// of one stands in several. Entries: "catalog", "thread". Any `bytes` are taken; of what cannot be believed the problem is told.
pub fn entries(bytes: &[u8], store: Option<&[u8; 16]>, each: &mut dyn FnMut(Entry)) {
    let all = wide(bytes.len());
    let entry = |kind, depth, fields, problem| Entry { kind, offset: 0, end: all, depth, fields, problem };
    // Without a store beside it, whose it is does not count.
    let own = store.copied().or_else(|| Checkpoint::store_in(bytes));
    let checkpoint = match Checkpoint::open(Arc::new(bytes.to_vec()), &own.unwrap_or_default()) {
        Ok(checkpoint) => checkpoint,
        Err(fault) => return each(entry("catalog", 0, Vec::new(), Some(fault.to_string()))),
    };
    let problem = checkpoint.verify_all().err().map(|fault| fault.to_string());
    let fields = vec![
        ("generation", Value::Number(checkpoint.generation())),
        ("clock", Value::Number(checkpoint.clock())),
        ("threads", Value::Number(wide(checkpoint.len()))),
        ("partial", Value::Flag(checkpoint.is_partial())),
        ("header_bytes", Value::Number(wide(HEADER_BYTES))),
    ];
    let damaged = problem.is_some();
    each(entry("catalog", 0, fields, problem));
    if damaged {
        return;
    }
    for row in checkpoint.rows(true).into_iter().flatten() {
        let id = |id: ThreadId| Value::Bytes(id.uuid().as_bytes().to_vec());
        let mut fields = vec![
            ("thread", id(row.thread())),
            ("incarnation", Value::Word(row.key().incarnation)),
            ("exists", Value::Flag(row.exists())),
            ("archived", Value::Flag(row.archived())),
        ];
        fields.extend(row.title().map(|title| ("title", Value::Text(title.chars().take(80).collect()))));
        each(entry("thread", 1, fields, None));
    }
}
