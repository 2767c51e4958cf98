//! What happens beside the turns: reports, snapshots, searches, compactions, rollbacks, aborts.

use super::Thread;
use super::calls::Report;
use crate::base64;
use crate::clock::Gap;
use crate::era::Era;
use crate::json::Json;
use crate::sink::Stop;
use crate::sizes::CIPHERTEXT;
use crate::words::ENGLISH;

/// Bytes that the report of a command keeps of its output.
const REPORT_BYTES: usize = 10_000;

impl Thread<'_, '_> {
    /// The event of a finished tool.
    pub(super) fn report(&mut self, id: &str, report: &Report) -> Result<(), Stop> {
        let duration = u64::from(self.random.below(900_000_000));
        let Self { sink, project, turn, .. } = self;
        sink.line(self.clock.ms(), "event_msg", |json| match report {
            Report::Patch(patch) => {
                json.text("type", "patch_apply_end");
                json.text("call_id", id);
                json.text("turn_id", turn);
                json.text("stdout", &format!("Done. Files changed:\nM {}\n", project.absolute(&patch.path)));
                json.text("stderr", "");
                json.flag("success", true);
                json.object("changes", |json| {
                    json.object(&project.absolute(&patch.path), |json| match patch.new {
                        true => {
                            json.text("type", "add");
                            json.text("content", &patch.unified);
                        }
                        false => {
                            json.text("type", "update");
                            json.text("unified_diff", &patch.unified);
                            json.null("move_path");
                        }
                    });
                });
                json.text("status", "completed");
            }
            Report::Run { command, output, exit } => {
                json.text("type", "exec_command_end");
                json.text("call_id", id);
                json.text("turn_id", turn);
                json.list("command", |json| {
                    ["bash", "-lc", command].into_iter().for_each(|part| json.element_text(part))
                });
                json.text("cwd", &project.folder);
                json.text("source", "agent");
                json.text("stdout", "");
                json.text("stderr", "");
                let end = output.floor_char_boundary(REPORT_BYTES);
                json.text("aggregated_output", output.get(..end).unwrap_or_default());
                json.number("exit_code", u64::from(*exit));
                json.object("duration", |json| {
                    json.number("secs", 0);
                    json.number("nanos", duration);
                });
                json.text("formatted_output", "");
                json.text("status", if *exit == 0 { "completed" } else { "failed" });
            }
        })?;
        self.pass(Gap::Burst);
        Ok(())
    }

    /// The working tree as a commit nobody sees, with the paths that were not tracked.
    pub(super) fn ghost_snapshot(&mut self) -> Result<(), Stop> {
        let mut ids = [String::new(), String::new()];
        for id in &mut ids {
            *id = format!("{:016x}{:016x}{:08x}", self.random.bits(), self.random.bits(), self.random.bits() >> 32);
        }
        let [id, parent] = ids;
        let paths = &self.project.names.paths;
        let count = crate::random::size(self.habits.snapshot_paths);
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", "ghost_snapshot");
            json.object("ghost_commit", |json| {
                json.text("id", &id);
                json.text("parent", &parent);
                json.list("preexisting_untracked_files", |json| {
                    for (number, path) in paths.iter().cycle().take(count).enumerate() {
                        let folder = number / paths.len();
                        json.element_text(&format!(
                            "build/output/generated_{folder:02}/{path}.{:06x}.map",
                            number * 7919
                        ));
                    }
                });
                json.list("preexisting_untracked_dirs", |json| {
                    for name in ["build", "node_modules", "target", "dist"] {
                        json.element_text(name);
                    }
                });
            });
        })?;
        self.pass(Gap::Burst);
        Ok(())
    }

    /// A search of the web, with its event in newer versions.
    pub(super) fn web_search(&mut self) -> Result<(), Stop> {
        let query = self.compose(|writer, out, random| writer.fill(out, "%n %a %n %d %n", &ENGLISH, random));
        let id = format!("ws_{:016x}{:016x}", self.random.bits(), self.random.bits());
        let action = |json: &mut Json| {
            json.object("action", |json| {
                json.text("type", "search");
                json.text("query", &query);
                json.list("queries", |json| json.element_text(&query));
            });
        };
        if self.cast.era == Era::Late {
            self.sink.line(self.clock.ms(), "event_msg", |json| {
                json.text("type", "web_search_end");
                json.text("call_id", &id);
                json.text("query", &query);
                action(json);
            })?;
        }
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", "web_search_call");
            json.text("status", "completed");
            action(json);
        })?;
        self.pass(Gap::Tool);
        Ok(())
    }

    /// The history so far becomes a summary and the newest messages.
    pub(super) fn compaction(&mut self) -> Result<(), Stop> {
        let mut summary = String::new();
        let characters = 14_000 + 4 * self.random.table(CIPHERTEXT);
        base64::ciphertext(&mut summary, &mut self.random, characters);
        let seed = self.setting.plan.seed;
        let rules = crate::instructions::text(seed, crate::instructions::Sort::Permissions, self.base % 3, 5_600);
        let Self { sink, project, kept, .. } = self;
        sink.line(self.clock.ms(), "compacted", |json| {
            json.text("message", "");
            json.list("replacement_history", |json| {
                json.element(|json| super::message(json, "developer", &rules));
                json.element(|json| super::message(json, "user", &project.guide));
                kept.iter().for_each(|message| json.element_verbatim(message));
                json.element(|json| {
                    json.text("type", "compaction");
                    json.text("encrypted_content", &summary);
                });
            });
        })?;
        self.usage.compact();
        self.since_compaction = 0;
        self.sink.line(self.clock.ms(), "event_msg", |json| json.text("type", "context_compacted"))?;
        self.pass(Gap::Burst);
        Ok(())
    }

    /// The person stopped the turn.
    pub(super) fn aborted(&mut self) -> Result<(), Stop> {
        self.pass(Gap::Person);
        self.message(
            "user",
            "<turn_aborted>\nStopped by the user; running commands may have done part of their work.\n</turn_aborted>",
        )?;
        let has_turns = self.cast.era.has_turns();
        self.sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "turn_aborted");
            if has_turns {
                json.text("turn_id", &self.turn);
            }
            json.text("reason", "interrupted");
        })
    }

    /// The person took the last turn back.
    pub(super) fn rolled_back(&mut self) -> Result<(), Stop> {
        self.pass(Gap::Person);
        self.sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "thread_rolled_back");
            json.number("num_turns", 1);
        })
    }

    /// Lines of the rarest kinds.
    pub(super) fn oddments(&mut self) -> Result<(), Stop> {
        if self.sink.left() < 20 || !self.random.chance(60) {
            return Ok(());
        }
        let text = self.compose(|writer, out, random| writer.fill(out, "%v %a %n", writer.voice.vocabulary(), random));
        let id = self.call_id();
        let draw = self.random.below(100);
        let found = self.compose(|writer, out, random| {
            if (24..50).contains(&draw) {
                writer.document(out, random, 11_000)
            }
        });
        let thread = self.cast.id.to_string();
        let turn = &self.turn;
        self.sink.line(self.clock.ms(), "event_msg", |json| match draw {
            0..10 => {
                json.text("type", "thread_name_updated");
                json.text("thread_id", &thread);
                json.text("thread_name", &text);
            }
            10..14 => {
                json.text("type", "error");
                json.text("message", &text);
                json.text("codex_error_info", "other");
            }
            14..24 => {
                json.text("type", "item_completed");
                json.text("thread_id", &thread);
                json.text("turn_id", turn);
                json.object("item", |json| {
                    json.text("type", "Plan");
                    json.text("id", &id);
                    json.text("text", &text);
                });
            }
            24..50 => {
                json.text("type", "mcp_tool_call_end");
                json.text("call_id", &id);
                json.object("invocation", |json| {
                    json.text("server", "docs");
                    json.text("tool", "search");
                    json.object("arguments", |json| json.text("query", &text));
                });
                json.object("result", |json| json.object("Ok", |json| json.text("content", &found)));
            }
            _ => {
                json.text("type", "guardian_assessment");
                json.text("id", &id);
                json.text("turn_id", turn);
                json.text("status", "approved");
                json.number("risk_score", u64::from(draw % 30));
                json.text("risk_level", "low");
                json.text("rationale", &text);
            }
        })
    }
}
