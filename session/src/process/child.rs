//! A program and everything that it started: one process group, killed as a whole and reaped.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep};

use crate::process::ProcessConfig;

/// How often it is looked whether a program has ended that is about to.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often it is looked whether a program has ended that may run for long.
const GLANCE_EVERY: Duration = Duration::from_millis(50);

/// A running program, the leader of its group. Dropped, the group is killed, and the leader reaped by the runtime.
pub(super) struct Group {
    child: Child,
    leader: Option<Pid>,
}

/// The program's ends of the pipes.
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Group {
    /// Starts the program.
    pub(super) fn start(config: &ProcessConfig, cwd: Option<&str>) -> io::Result<(Group, Pipes)> {
        let mut command = Command::new(&config.program);
        command.args(&config.args).envs(config.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        if let Some(cwd) = cwd.filter(|cwd| !cwd.is_empty()) {
            command.current_dir(cwd);
        }
        let mut child = command.spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let group = Group { child, leader };
        match pipes {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((group, Pipes { stdin, stdout, stderr })),
            _ => Err(io::Error::other("the system gave it no pipes")),
        }
    }

    /// How the program ended, in words, waiting for that a little.
    pub(super) async fn status(&self, grace: Duration) -> String {
        if !self.has_ended_within(grace).await {
            return "it closed its output and still runs".to_owned();
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = self.leader.and_then(|leader| waitid(WaitId::Pid(leader), options).ok().flatten());
        match status.map(|status| (status.exit_status(), status.terminating_signal())) {
            Some((Some(code), _)) => format!("exit code {code}"),
            Some((_, Some(signal))) => format!("killed by signal {signal}"),
            _ => "nobody knows how".to_owned(),
        }
    }

    /// Waits until the program has ended, and so much longer: what it started may hold its output open for ever.
    pub(super) async fn over(&self, grace: Duration) {
        while !self.has_ended() {
            sleep(GLANCE_EVERY).await;
        }
        sleep(grace).await;
    }

    /// Gives the program time to end by itself, then kills what is left of its group, and reaps it.
    pub(super) async fn end(&mut self, grace: Duration) {
        self.has_ended_within(grace).await;
        self.kill();
        // It was killed or has ended: this does not wait for long.
        let _ = self.child.wait().await;
    }

    /// Whether the leader has ended; it is not reaped, so that its group's number stays its own.
    async fn has_ended_within(&self, grace: Duration) -> bool {
        let until = Instant::now() + grace;
        while !self.has_ended() {
            if Instant::now() >= until {
                return false;
            }
            sleep(LOOK_EVERY).await;
        }
        true
    }

    fn has_ended(&self) -> bool {
        let Some(leader) = self.leader else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(leader), options), Ok(None))
    }

    /// Kills the group, once, while its leader is not reaped.
    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // Nothing is left of it: that is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
