//! The lines a thread begins with: its session, its instructions, its surroundings.

use super::Thread;
use crate::cast::{Origin, nickname};
use crate::clock::{self, Gap};
use crate::era::{Era, provider};
use crate::instructions::{self, Sort};
use crate::json::Json;
use crate::sink::Stop;

impl Thread<'_, '_> {
    /// The session's line; Codex writes it again when something in it changes.
    pub(super) fn session_meta(&mut self, first: bool) -> Result<(), Stop> {
        let seed = self.setting.plan.seed;
        let late = self.cast.era == Era::Late;
        let tools = late && self.cast.index % 14 == 3;
        let memory = late && (self.habits.announces && !first || self.cast.index % 5 == 1);
        let forked_from = match self.cast.origin {
            Origin::Fork(source) => Some(self.setting.cast(source).id.to_string()),
            Origin::Root | Origin::Child(_) => None,
        };
        let Self { setting, cast, project, sink, random, .. } = self;
        let started = clock::stamped(cast.start_ms);
        sink.line(self.clock.ms() + 12, "session_meta", |json| {
            json.text("id", &cast.id.to_string());
            if let Some(source) = &forked_from {
                json.text("forked_from_id", source);
            }
            json.text("timestamp", &started);
            json.text("cwd", &project.folder);
            json.text("originator", self.originator.0);
            json.text("cli_version", self.version);
            match cast.origin {
                Origin::Child(parent) => spawned(json, &setting.cast(parent).id.to_string(), cast.index, late),
                Origin::Root | Origin::Fork(_) => json.text("source", self.originator.1),
            }
            if late {
                json.text("thread_source", if matches!(cast.origin, Origin::Child(_)) { "subagent" } else { "user" });
            }
            json.text("model_provider", provider(self.model));
            if let Some(base) = &self.base_text {
                json.object("base_instructions", |json| json.text("text", base));
            }
            if tools {
                json.list("dynamic_tools", |json| {
                    dynamic_tools(json, &instructions::text(seed, Sort::Skills, 7, 9_000))
                });
            }
            if memory {
                json.text("memory_mode", if first { "enabled" } else { "disabled" });
            }
            if late && cast.index % 7 > 1 {
                json.text("history_mode", "legacy");
            }
            if let Some(repository) = &project.repository {
                json.object("git", |json| {
                    json.text("commit_hash", &self.commit);
                    json.text("branch", &project.branch);
                    json.text("repository_url", repository);
                });
            }
        })?;
        self.clock.pass(Gap::Burst, random);
        self.clock.advance(13);
        Ok(())
    }

    /// Instructions and surroundings, as messages to the model.
    pub(super) fn opening(&mut self) -> Result<(), Stop> {
        let seed = self.setting.plan.seed;
        let (permissions, skills) = match self.cast.era {
            Era::Bare | Era::Early => (1_800, 0),
            Era::Middle => (4_800, 8_000),
            Era::Late => (5_800, 15_500),
        };
        let number = self.base % 3;
        let text = instructions::text(seed, Sort::Permissions, number, permissions);
        self.message("developer", &format!("<permissions instructions>{text}</permissions instructions>"))?;
        if skills > 0 {
            let text = instructions::text(seed, Sort::Skills, number, skills);
            self.message("developer", &format!("<skills_instructions>\n{text}\n</skills_instructions>"))?;
        }
        let folder = &self.project.folder;
        let guide =
            format!("# AGENTS.md instructions for {folder}\n\n<INSTRUCTIONS>\n{}\n</INSTRUCTIONS>", self.project.guide);
        self.message("user", &guide)?;
        let shell = if self.project.windows { "powershell" } else { "bash" };
        let mut surroundings =
            format!("<environment_context>\n  <cwd>{}</cwd>\n  <shell>{shell}</shell>\n", self.project.folder);
        if self.cast.era == Era::Late {
            let date = clock::date(self.clock.ms());
            surroundings.push_str(&format!(
                "  <current_date>{date}</current_date>\n  <timezone>{}</timezone>\n",
                self.project.zone
            ));
        }
        surroundings.push_str("</environment_context>");
        self.message("user", &surroundings)
    }

    /// A message of the model's history.
    pub(super) fn message(&mut self, role: &str, text: &str) -> Result<(), Stop> {
        self.usage.read(text.len());
        self.sink.line(self.clock.ms(), "response_item", |json| message(json, role, text))?;
        self.clock.pass(Gap::Burst, &mut self.random);
        Ok(())
    }

    /// What is the same for the whole turn: where and how the agent works.
    pub(super) fn turn_context(&mut self) -> Result<(), Stop> {
        let date = clock::date(self.cast.start_ms);
        let Self { sink, project, cast, .. } = self;
        sink.line(self.clock.ms(), "turn_context", |json| {
            if cast.era.has_turns() {
                json.text("turn_id", &self.turn);
            }
            json.text("cwd", &project.folder);
            if cast.era == Era::Late {
                json.list("workspace_roots", |json| json.element_text(&project.folder));
                json.text("current_date", &date);
                json.text("timezone", project.zone);
            }
            json.text("approval_policy", "on-request");
            sandbox(json);
            if cast.era == Era::Late {
                json.object("permission_profile", permission_profile);
            }
            json.text("model", self.model);
            if cast.era.has_turns() {
                json.text("personality", "pragmatic");
            }
            collaboration(json, self.model, self.effort, self.mode_text.as_deref());
            json.text("effort", self.effort);
            json.text("summary", "auto");
            // Newer versions keep only the start of the guide here; it stands in full among the messages.
            json.text("user_instructions", head(&project.guide, if cast.era == Era::Late { 380 } else { 2_700 }));
            json.object("truncation_policy", |json| {
                json.text("mode", "tokens");
                json.number("limit", 10_000);
            });
        })?;
        self.clock.pass(Gap::Burst, &mut self.random);
        Ok(())
    }

    /// The settings of the thread, reported when they were applied.
    pub(super) fn thread_settings(&mut self) -> Result<(), Stop> {
        let Self { sink, project, .. } = self;
        sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "thread_settings_applied");
            json.object("thread_settings", |json| {
                json.text("model", self.model);
                json.text("model_provider_id", provider(self.model));
                json.null("service_tier");
                json.text("approval_policy", "on-request");
                json.text("approvals_reviewer", "user");
                json.object("permission_profile", permission_profile);
                json.text("cwd", &project.folder);
                json.text("reasoning_effort", self.effort);
                json.text("personality", "pragmatic");
                collaboration(json, self.model, self.effort, self.mode_text.as_deref());
            });
        })?;
        self.clock.pass(Gap::Burst, &mut self.random);
        Ok(())
    }

    /// What the agent knows of the world: all of it at first, later what changed.
    pub(super) fn world_state(&mut self, full: bool) -> Result<(), Stop> {
        let skills = instructions::text(self.setting.plan.seed, Sort::Skills, self.base % 3, 4_200);
        let date = clock::date(self.clock.ms());
        let Self { sink, project, .. } = self;
        sink.line(self.clock.ms(), "world_state", |json| {
            json.flag("full", full);
            json.object("state", |json| {
                json.object("environment", |json| {
                    json.text("cwd", &project.folder);
                    json.text("current_date", &date);
                    json.text("timezone", project.zone);
                });
                if full {
                    json.object("instructions", |json| {
                        json.text("directory", &project.folder);
                        json.text("text", &project.guide);
                    });
                    json.object("skills", |json| {
                        json.flag("included", true);
                        json.text("rendered", &skills);
                    });
                }
            });
        })?;
        self.clock.pass(Gap::Burst, &mut self.random);
        Ok(())
    }
}

/// The members of a message.
pub(crate) fn message(json: &mut Json, role: &str, text: &str) {
    json.text("type", "message");
    json.text("role", role);
    json.list("content", |json| {
        json.element(|json| {
            json.text("type", if role == "assistant" { "output_text" } else { "input_text" });
            json.text("text", text);
        });
    });
}

fn spawned(json: &mut Json, parent: &str, index: u32, late: bool) {
    json.object("source", |json| {
        json.object("subagent", |json| {
            json.object("thread_spawn", |json| {
                json.text("parent_thread_id", parent);
                json.number("depth", 1);
                json.text("agent_nickname", nickname(index));
                json.text("agent_role", "explorer");
            });
        });
    });
    json.text("agent_nickname", nickname(index));
    json.text("agent_role", "explorer");
    if late {
        json.text("parent_thread_id", parent);
    }
}

fn dynamic_tools(json: &mut Json, text: &str) {
    let third = text.len() / 3;
    for (number, name) in ["open_page", "read_document", "run_query"].into_iter().enumerate() {
        let from = text.floor_char_boundary(number * third);
        let to = text.floor_char_boundary((number + 1) * third);
        json.element(|json| {
            json.text("name", name);
            json.text("description", text.get(from..to).unwrap_or_default());
            json.object("inputSchema", |json| {
                json.text("type", "object");
                json.object("properties", |json| json.object("id", |json| json.text("type", "string")));
                json.flag("additionalProperties", false);
            });
        });
    }
}

fn sandbox(json: &mut Json) {
    json.object("sandbox_policy", |json| {
        json.text("type", "workspace-write");
        json.flag("network_access", false);
        json.flag("exclude_tmpdir_env_var", false);
        json.flag("exclude_slash_tmp", false);
    });
}

fn permission_profile(json: &mut Json) {
    json.text("type", "managed");
    json.object("file_system", |json| {
        json.text("type", "restricted");
        json.list("entries", |json| {
            for (place, access) in [("root", "read"), ("project_roots", "write"), ("slash_tmp", "write")] {
                json.element(|json| {
                    json.object("path", |json| {
                        json.text("type", "special");
                        json.object("value", |json| json.text("kind", place));
                    });
                    json.text("access", access);
                });
            }
        });
    });
    json.text("network", "restricted");
}

fn collaboration(json: &mut Json, model: &str, effort: &str, instructions: Option<&str>) {
    json.object("collaboration_mode", |json| {
        json.text("mode", "default");
        json.object("settings", |json| {
            json.text("model", model);
            json.text("reasoning_effort", effort);
            json.maybe_text("developer_instructions", instructions);
        });
    });
}

/// The first bytes of `text`, whole characters.
fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
