//! The format of before October 2025: no envelope, no times but the first line's, state markers after each item.

use super::Thread;
use super::calls::boxed;
use crate::base64;
use crate::clock::{self, Gap};
use crate::json::Json;
use crate::sink::Stop;
use crate::sizes::{ANSWER, CIPHERTEXT, OLD_OUTPUT, PROMPT, TURN_REQUESTS};
use crate::tool;

impl Thread<'_, '_> {
    /// Tells the thread to its last line.
    pub(super) fn tell_bare(&mut self) -> Result<(), Stop> {
        let guide = self.random.chance(600);
        let Self { sink, cast, project, .. } = self;
        let started = clock::stamped(cast.start_ms);
        sink.bare(cast.start_ms, |json| {
            json.text("id", &cast.id.to_string());
            json.text("timestamp", &started);
            json.maybe_text("instructions", guide.then_some(project.guide.as_str()));
            if let Some(repository) = &project.repository {
                json.object("git", |json| {
                    json.text("commit_hash", &self.commit);
                    json.text("branch", &project.branch);
                    json.text("repository_url", repository);
                });
            }
        })?;
        self.state()?;
        while self.sink.left() > 0 {
            self.bare_turn()?;
        }
        Ok(())
    }

    fn bare_turn(&mut self) -> Result<(), Stop> {
        let bytes = self.random.table(PROMPT);
        let text = self.compose(|writer, out, random| writer.prompt(out, random, bytes));
        self.pass(Gap::Person);
        self.bare_item(|json| bare_message(json, None, "user", &text))?;
        self.state()?;
        for _ in 0..self.random.table(TURN_REQUESTS) {
            self.bare_request()?;
        }
        let bytes = self.random.table(ANSWER);
        let text = self.compose(|writer, out, random| writer.answer(out, random, bytes));
        let id = self.item_id("msg");
        self.bare_item(|json| bare_message(json, Some(&id), "assistant", &text))?;
        self.state()
    }

    fn bare_request(&mut self) -> Result<(), Stop> {
        self.pass(Gap::Model);
        if self.random.chance(640) {
            self.bare_reasoning()?;
            self.state()?;
        }
        let bytes = self.random.table(OLD_OUTPUT);
        let mut run = tool::run(&self.project, &mut self.desk, &mut self.random, bytes);
        if self.random.chance(330) {
            self.heredoc(&mut run.command);
        }
        let (id, call_id) = (self.item_id("fc"), self.call_id());
        let mut arguments = Json::default();
        arguments.element(|json| {
            json.list("command", |json| {
                ["bash", "-lc", &run.command].into_iter().for_each(|part| json.element_text(part))
            });
            json.number("timeout", 120_000);
        });
        self.bare_item(|json| {
            json.text("type", "function_call");
            json.text("id", &id);
            json.text("name", "shell");
            json.text("arguments", arguments.as_str());
            json.text("call_id", &call_id);
        })?;
        self.pass(Gap::Tool);
        self.bare_item(|json| {
            json.text("type", "function_call_output");
            json.text("call_id", &call_id);
            json.text("output", &boxed(&run.output));
        })?;
        self.state()?;
        self.state()
    }

    fn bare_reasoning(&mut self) -> Result<(), Stop> {
        let characters = self.random.table(CIPHERTEXT) * 5 / 2;
        let shown = self.random.chance(400);
        let text = self.compose(|writer, out, random| match shown {
            true => writer.prose(out, random, characters / 4),
            false => base64::ciphertext(out, random, characters),
        });
        let id = self.item_id("rs");
        self.bare_item(|json| {
            json.text("type", "reasoning");
            json.text("id", &id);
            json.list("summary", |_| {});
            if shown {
                json.list("content", |json| {
                    json.element(|json| {
                        json.text("type", "reasoning_text");
                        json.text("text", &text);
                    });
                });
            }
            json.maybe_text("encrypted_content", (!shown).then_some(&text));
        })
    }

    fn state(&mut self) -> Result<(), Stop> {
        self.bare_item(|json| json.text("record_type", "state"))
    }

    fn bare_item(&mut self, members: impl FnOnce(&mut Json)) -> Result<(), Stop> {
        self.sink.bare(self.clock.ms(), members)
    }

    fn item_id(&mut self, prefix: &str) -> String {
        format!("{prefix}_{:016x}{:016x}{:016x}", self.random.bits(), self.random.bits(), self.random.bits())
    }
}

fn bare_message(json: &mut Json, id: Option<&str>, role: &str, text: &str) {
    json.text("type", "message");
    json.maybe_text("id", id);
    json.text("role", role);
    json.list("content", |json| {
        json.element(|json| {
            json.text("type", if role == "user" { "input_text" } else { "output_text" });
            json.text("text", text);
        });
    });
}
