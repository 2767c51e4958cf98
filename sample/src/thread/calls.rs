//! Calls of tools and their outputs.

use std::fmt::Write as _;

use super::{Shell, Thread};
use crate::cast::nickname;
use crate::clock::Gap;
use crate::era::Era;
use crate::json::Json;
use crate::sink::Stop;
use crate::sizes::{OUTPUT, PATCH, SCRIPT, SCRIPT_OUTPUT};
use crate::tool::{self, Patch};

/// A call that waits for its output.
pub(super) struct Pending {
    id: String,
    custom: bool,
    /// In parts where the tool answers in parts.
    output: Vec<String>,
    /// What is reported as an event when it is done.
    pub(super) report: Option<Report>,
}

/// What an event reports of a finished tool.
pub(super) enum Report {
    Patch(Patch),
    Run { command: String, output: String, exit: u32 },
}

impl Thread<'_, '_> {
    /// A command, given as the thread's shell takes it.
    pub(super) fn shell_call(&mut self) -> Result<Pending, Stop> {
        let script = self.habits.shell == Shell::Script;
        let bytes = self.random.table(if script { SCRIPT_OUTPUT } else { OUTPUT });
        let mut run = tool::run(&self.project, &mut self.desk, &mut self.random, bytes);
        if self.random.chance(200) {
            self.heredoc(&mut run.command);
        }
        let id = self.call_id();
        let seconds = self.random.below(40);
        match self.habits.shell {
            Shell::Script => {
                self.script_call(&id, &run.command)?;
                let head = format!("Script finished after 0.{seconds} s\nResult:\n");
                return Ok(Pending { id, custom: true, output: vec![head, run.output], report: None });
            }
            Shell::Command => self.function_call(&id, "shell_command", |json, thread| {
                json.text("command", &run.command);
                json.text("workdir", &thread.project.folder);
                if thread.cast.era == Era::Late {
                    json.number("timeout_ms", 10_000);
                }
            })?,
            Shell::Exec => self.function_call(&id, "exec_command", |json, thread| {
                json.text("cmd", &run.command);
                json.text("workdir", &thread.project.folder);
                json.number("yield_time_ms", 1_000);
                json.number("max_output_tokens", 10_000);
            })?,
        }
        let mut output =
            format!("Exit code: {}\nWall time: {}.{} seconds\nOutput:\n", run.exit, seconds / 10, seconds % 10);
        output.push_str(&run.output);
        let report =
            self.habits.reports.then_some(Report::Run { command: run.command, output: run.output, exit: run.exit });
        Ok(Pending { id, custom: false, output: vec![output], report })
    }

    /// Turns a command into a script of some lines that ends with it.
    pub(super) fn heredoc(&mut self, command: &mut String) {
        let bytes = self.random.table(SCRIPT);
        let mut script = String::from(if self.project.windows { "@'\n" } else { "python3 - <<'PY'\n" });
        crate::code::draft(&mut script, &self.project, &mut self.random, bytes);
        let _ = match self.project.windows {
            true => write!(script, "'@ | python -\n{command}"),
            false => write!(script, "PY\n{command}"),
        };
        *command = script;
    }

    fn function_call(&mut self, id: &str, name: &str, arguments: impl FnOnce(&mut Json, &Self)) -> Result<(), Stop> {
        let mut inner = Json::default();
        inner.element(|json| arguments(json, self));
        self.usage.read(inner.as_str().len());
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", "function_call");
            json.text("name", name);
            json.text("arguments", inner.as_str());
            json.text("call_id", id);
        })
    }

    fn custom_call(&mut self, id: &str, name: &str, input: &str) -> Result<(), Stop> {
        self.usage.read(input.len());
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", "custom_tool_call");
            json.text("status", "completed");
            json.text("call_id", id);
            json.text("name", name);
            json.text("input", input);
        })
    }

    fn script_call(&mut self, id: &str, command: &str) -> Result<(), Stop> {
        let mut inner = Json::default();
        inner.element(|json| {
            json.text("cmd", command);
            json.text("workdir", &self.project.folder);
            json.number("max_output_tokens", 12_000);
        });
        let input = format!("const done = await tools.exec_command({});\ntext(done.output);\n", inner.as_str());
        self.custom_call(id, "exec", &input)
    }

    /// A change of a file.
    pub(super) fn patch_call(&mut self) -> Result<Pending, Stop> {
        let bytes = self.random.table(PATCH);
        let patch = tool::patch(&self.project, &mut self.desk, &mut self.random, bytes);
        let id = self.call_id();
        self.custom_call(&id, "apply_patch", &patch.input)?;
        let mark = if patch.new { 'A' } else { 'M' };
        let text = format!("Done. Files changed:\n{mark} {}\n", self.project.absolute(&patch.path));
        let late = self.cast.era == Era::Late;
        let output = if late {
            format!("Exit code: 0\nWall time: 0.{} seconds\nOutput:\n{text}", self.random.below(10))
        } else {
            boxed(&text)
        };
        let report = late.then_some(Report::Patch(patch));
        Ok(Pending { id, custom: true, output: vec![output], report })
    }

    /// A tool that has little to say: plans, input for a running command, waiting, other agents.
    pub(super) fn small_call(&mut self) -> Result<Pending, Stop> {
        let id = self.call_id();
        if let Some(&child) = self.children.first() {
            self.children.remove(0);
            return self.spawn_call(id, child);
        }
        let output = match self.random.below(10) {
            0..=4 => {
                let steps: Vec<String> = (0..self.random.between(3, 6))
                    .map(|_| {
                        self.compose(|writer, out, random| {
                            writer.fill(out, "%v %n (%p)", writer.voice.vocabulary(), random)
                        })
                    })
                    .collect();
                let done = self.random.below(4);
                self.function_call(&id, "update_plan", |json, _| plan(json, &steps, done))?;
                "Plan updated".to_owned()
            }
            5..=8 => {
                let session = self.random.between(10_000, 99_999);
                self.function_call(&id, "write_stdin", |json, _| {
                    json.number("session_id", u64::from(session));
                    json.text("chars", "");
                    json.number("yield_time_ms", 5_000);
                })?;
                format!("Wall time: 5.0 seconds\nStill running, session {session}\nOutput:\n")
            }
            _ => {
                let path = self.project.absolute("docs/screen.png");
                self.function_call(&id, "view_image", |json, _| json.text("path", &path))?;
                "Image attached".to_owned()
            }
        };
        Ok(Pending { id, custom: false, output: vec![output], report: None })
    }

    /// Starts the sub-agent whose thread is that of index `child`.
    fn spawn_call(&mut self, id: String, child: u32) -> Result<Pending, Stop> {
        let task = self.compose(|writer, out, random| writer.prompt(out, random, 300));
        self.function_call(&id, "spawn_agent", |json, _| {
            json.text("agent_type", "explorer");
            json.text("message", &task);
        })?;
        let mut output = Json::default();
        output.element(|json| {
            json.text("agent_id", &self.setting.cast(child).id.to_string());
            json.text("nickname", nickname(child));
        });
        Ok(Pending { id, custom: false, output: vec![output.as_str().to_owned()], report: None })
    }

    /// The output of a call, and its event.
    pub(super) fn answer_call(&mut self, call: Pending) -> Result<(), Stop> {
        self.pass(Gap::Tool);
        if let Some(report) = &call.report {
            self.report(&call.id, report)?;
        }
        self.usage.read(call.output.iter().map(String::len).sum());
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", if call.custom { "custom_tool_call_output" } else { "function_call_output" });
            json.text("call_id", &call.id);
            match call.output.as_slice() {
                [output] => json.text("output", output),
                parts => json.list("output", |json| {
                    for part in parts {
                        json.element(|json| {
                            json.text("type", "input_text");
                            json.text("text", part);
                        });
                    }
                }),
            }
        })?;
        self.pass(Gap::Burst);
        Ok(())
    }
}

/// A tool's output inside a JSON text of its own, as older versions hand it out.
pub(super) fn boxed(text: &str) -> String {
    let mut json = Json::default();
    json.element(|json| {
        json.text("output", text);
        json.object("metadata", |json| {
            json.number("exit_code", 0);
            json.tenths("duration_seconds", 1);
        });
    });
    json.as_str().to_owned()
}

fn plan(json: &mut Json, steps: &[String], done: u32) {
    json.list("plan", |json| {
        for (number, step) in steps.iter().enumerate() {
            let number = crate::random::narrow(number);
            let status = if number < done {
                "completed"
            } else if number == done {
                "in_progress"
            } else {
                "pending"
            };
            json.element(|json| {
                json.text("step", step);
                json.text("status", status);
            });
        }
    });
}
