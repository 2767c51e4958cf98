//! A conversation with the example agent, in JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Machine, Ran};

/// Longest wait for a record: something hangs.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Python, and the example agent; `None`, with a word about it, on a machine without Python.
pub fn agent() -> Option<[String; 2]> {
    let script = format!("{}/../examples/agent.py", env!("CARGO_MANIFEST_DIR"));
    for name in ["python3", "python"] {
        let found = std::process::Command::new(name).args(["-c", "import sys; print(sys.executable)"]).output();
        if let Some(found) = found.ok().filter(|found| found.status.success()) {
            let program = String::from_utf8(found.stdout).expect("a path in UTF-8").trim().to_owned();
            return Some([program, script]);
        }
    }
    let _ = writeln!(std::io::stderr(), "there is no Python here: the example agent is not run");
    None
}

/// An operation: the user says this.
pub fn turn(text: &str) -> Value {
    json!({"op": "user_turn", "input": [{"type": "text", "text": text}]})
}

/// A whole conversation: these lines are said, then the input ends.
pub fn talked(machine: &Machine, arguments: &[&str], text: &str) -> Ran {
    let mut command = machine.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("it listens");
    drop(stdin);
    Ran::of(child.wait_with_output().expect("it ends"))
}

/// A conversation that goes on.
pub struct Talk {
    child: Child,
    stdin: Option<ChildStdin>,
    records: Receiver<Value>,
}

impl Talk {
    /// Starts one, with these options of `run` and of the agent.
    pub fn start(machine: &Machine, agent: &[String; 2], options: &[&str], of_agent: &[&str]) -> Talk {
        let arguments = [&["run", "--json", "--exec", &agent[0]], options, &["--", &agent[1]], of_agent].concat();
        let mut command = machine.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, records) = channel();
        std::thread::spawn(move || {
            // A killed program leaves half a line.
            for line in stdout.lines().map_while(Result::ok) {
                let Ok(record) = serde_json::from_str(&line) else { break };
                if sender.send(record).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Talk { child, stdin, records }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives it an operation; nobody may listen any more.
    pub fn say(&mut self, op: &Value) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{op}");
        }
    }

    /// The next record; `None` at the end, or if there is none for so long.
    pub fn next(&self, wait: Duration) -> Option<Value> {
        self.records.recv_timeout(wait).ok()
    }

    /// The next record of this type; those before it are passed over.
    #[track_caller]
    pub fn until(&self, kind: &str) -> Value {
        loop {
            let record = self.next(WAIT_MAX).unwrap_or_else(|| panic!("it ended without a {kind}"));
            if record["type"] == kind {
                return record;
            }
        }
    }

    /// Kills it at once; what it had written can still be read.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Ends the input and waits; the exit code.
    pub fn end(mut self) -> Option<i32> {
        drop(self.stdin.take());
        self.child.wait().expect("it ends").code()
    }
}
