//! Which thread a file belongs to.

use std::io::{self, Read};

use uuid::Uuid;

use crate::import::lines::LineReader;
use crate::import::walk::Found;
use crate::item::typed::{Lenient, SessionMeta, Typed};
use crate::item::{Kind, Line, parse};
use crate::thread::{FileName, ThreadId, is_rollout_name};

/// The first `session_meta` stands in the first line; so many lines are looked at, in case it was damaged.
const LINES_SEARCHED: usize = 16;

/// Who a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its thread: by its first `session_meta` or old first line, else by its name, else by its path.
    pub(crate) thread: ThreadId,
    /// Which of the thread's files, by its name.
    pub(crate) rollout: Option<Uuid>,
    /// The id as the file writes it, if that is not how it is printed here.
    pub(crate) id_text: Option<String>,
    /// Whether it says that it was forked from another thread, and so may repeat it.
    pub(crate) forked: bool,
}

/// Reads the beginning of a file. `None` if nothing about it says that it is a rollout.
pub(crate) fn identify(found: &Found, file: impl Read) -> io::Result<Option<Identity>> {
    let name = found.place.path.file_name();
    let by_name = FileName::parse(name);
    let meta = first_meta(file)?;
    if meta.is_none() && !found.named && !is_rollout_name(name) {
        return Ok(None);
    }
    let forked = meta.as_ref().is_some_and(|meta| meta.forked_from.is_some());
    let id_text = meta.and_then(|meta| meta.id);
    let stated: Option<ThreadId> = id_text.as_ref().and_then(|text| text.parse().ok());
    let thread =
        stated.or(by_name.map(|name| name.thread)).unwrap_or_else(|| ThreadId::from_path(found.place.path.as_bytes()));
    Ok(Some(Identity {
        thread,
        rollout: by_name.and_then(|name| name.rollout),
        id_text: id_text.filter(|text| *text != thread.to_string()),
        forked,
    }))
}

fn first_meta(file: impl Read) -> io::Result<Option<SessionMeta>> {
    let mut lines = LineReader::new(file, blake3::Hasher::new());
    for _ in 0..LINES_SEARCHED {
        let Some(line) = lines.next_line()? else { break };
        let typed = match parse(line) {
            Line::Enveloped(envelope) if envelope.kind == Kind::SessionMeta => {
                Typed::of_payload(&envelope.kind, envelope.payload)
            }
            Line::Enveloped(_) => Typed::Other,
            Line::Verbatim(line, _) => Lenient::read(line).typed,
        };
        if let Typed::SessionMeta(meta) = typed {
            return Ok(Some(*meta));
        }
    }
    Ok(None)
}
