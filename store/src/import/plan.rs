//! Which files to import, in which order, and which of them at the same time.

use std::collections::BTreeMap;
use std::io;

use crate::event::Place;
use crate::import::LINE_BYTES_MAX;
use crate::import::file::Planned;
use crate::import::identity::identify;
use crate::import::input::Input;
use crate::import::lines::line_beyond;
use crate::import::walk::{Found, Walk, refusal};
use crate::progress::Refusal;
use crate::thread::ThreadId;

/// Files to import. Files of one thread are compared with one another, so they stay together and in order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The files of one thread each: groups can be imported at the same time.
    pub(super) groups: Vec<Vec<Planned>>,
    /// Files known under another thread's id, which may touch two threads: to be imported when nothing else is.
    pub(super) alone: Vec<Planned>,
    pub(super) refused: Vec<Refusal>,
    pub(super) skipped: Vec<Refusal>,
}

impl Plan {
    /// Looks into each file found. `owner` tells whose a path was at its last import.
    pub(super) fn of(walk: Walk, owner: impl Fn(&Place) -> Option<ThreadId>) -> Plan {
        let mut plan = Plan { refused: walk.refused, skipped: walk.skipped, ..Plan::default() };
        let mut group_of = BTreeMap::new();
        for (number, found) in walk.files.into_iter().enumerate() {
            let planned = match look(number, &found) {
                Ok(Look::Rollout(planned)) => planned,
                Ok(Look::TooLong(reason)) => {
                    plan.refused.push(refusal(&found.path, &reason));
                    continue;
                }
                Ok(Look::Other) => {
                    let reason =
                        "not a rollout: neither its name nor its first lines say so; name the file to import it anyway";
                    plan.skipped.push(refusal(&found.path, reason));
                    continue;
                }
                Err(error) => {
                    plan.refused.push(refusal(&found.path, &error.to_string()));
                    continue;
                }
            };
            let thread = planned.identity.thread;
            if owner(&found.place).is_some_and(|owner| owner != thread) {
                plan.alone.push(planned);
                continue;
            }
            let group = *group_of.entry(thread).or_insert(plan.groups.len());
            match plan.groups.get_mut(group) {
                Some(files) => files.push(planned),
                None => plan.groups.push(vec![planned]),
            }
        }
        plan
    }
}

/// What a file turned out to be.
enum Look {
    Rollout(Planned),
    Other,
    TooLong(String),
}

fn look(number: usize, found: &Found) -> io::Result<Look> {
    let input = Input::open(&found.path, found.packed)?;
    let bytes = input.bytes();
    // Refused before anything of it is stored. Shorter files cannot have such a line.
    if bytes > LINE_BYTES_MAX
        && let Some(line) = line_beyond(input.reader()?, LINE_BYTES_MAX)?
    {
        return Ok(Look::TooLong(format!("line {line} is longer than {} MiB", LINE_BYTES_MAX >> 20)));
    }
    Ok(match identify(found, input.reader()?)? {
        Some(identity) => Look::Rollout(Planned { number, found: found.clone(), identity, bytes }),
        None => Look::Other,
    })
}
