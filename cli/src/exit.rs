//! Exit codes. They are part of the interface: documented in the help and in docs/cli.md, never reused.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// The system refused something (no permission, full disk), or a fault of threadlog itself.
    Failed,
    /// The arguments make no sense. Nothing was done.
    Usage,
    /// Some of the input was refused, or some output not written; the rest was done.
    Partial,
    /// The store is damaged. Everything intact was handled.
    Damaged,
    /// No such store, thread or file; or an id that fits several threads.
    NotFound,
    /// Another process holds what is needed (a live thread, the running import, all journals), or changed it meanwhile.
    /// Nothing was done.
    Locked,
    /// What cannot be undone was not confirmed: the answer was not yes, or nobody could be asked and `--yes` was not said.
    /// Nothing was done.
    Unconfirmed,
    /// A signal asked to stop. What was done until then stays; the same command goes on.
    Stopped,
}

/// All of them, in order, with what the help says.
pub const ALL: [(Exit, &str); 9] = [
    (Exit::Done, "all done"),
    (Exit::Failed, "the system refused something (permissions, full disk), or an internal fault"),
    (Exit::Usage, "arguments that make no sense; nothing was done"),
    (Exit::Partial, "some input was refused or some output left alone; the rest was done"),
    (Exit::Damaged, "the store is damaged; what is intact was handled"),
    (Exit::NotFound, "no such store, thread or file, or an id that fits several threads; nothing was done"),
    (
        Exit::Locked,
        "another process holds what is needed (a live thread, a running import, all journals), or changed it meanwhile; nothing was done",
    ),
    (
        Exit::Unconfirmed,
        "not confirmed: the answer was not yes, or nobody could be asked and --yes was not said; nothing was done",
    ),
    (Exit::Stopped, "stopped by a signal (Ctrl-C); what was done stays, and the same command goes on"),
];

impl Exit {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partial => 3,
            Exit::Damaged => 4,
            Exit::NotFound => 5,
            Exit::Locked => 6,
            Exit::Unconfirmed => 7,
            Exit::Stopped => 130,
        }
    }

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Partial => "partial",
            Exit::Damaged => "damaged",
            Exit::NotFound => "not_found",
            Exit::Locked => "locked",
            Exit::Unconfirmed => "unconfirmed",
            Exit::Stopped => "stopped",
        }
    }

    /// The number for the operating system.
    pub fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}

/// The table of exit codes, for the help.
pub fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in ALL {
        text.push_str(&format!("{:>5}  {meaning}\n", exit.number()));
    }
    text
}
