//! One turn: what the person asks, what the agent does, how it ends.

use super::Thread;
use crate::base64;
use crate::clock::Gap;
use crate::era::Era;
use crate::sink::Stop;
use crate::sizes::{ANSWER, IMAGE, PROMPT, TURN_REQUESTS};

/// Lines that the largest request writes, near enough.
const REQUEST_LINES: u64 = 14;

/// Lines under which no further turn is begun.
const TURN_LINES: u64 = 14;

/// User messages that a compaction keeps.
const KEPT_MESSAGES: usize = 12;

impl Thread<'_, '_> {
    /// Tells one turn; the last one of a thread fills it to its last line.
    pub(super) fn turn(&mut self) -> Result<(), Stop> {
        if self.turns > 0 {
            self.pass(Gap::Person);
        }
        self.turn = self.new_id();
        let started_ms = self.clock.ms();
        self.begin()?;
        self.turns += 1;
        let requests = self.random.table(TURN_REQUESTS);
        for _ in 0..requests {
            if self.sink.left() <= self.closing_lines() + REQUEST_LINES {
                break;
            }
            self.request()?;
        }
        self.between_requests()?;
        if self.sink.left() < self.closing_lines() + TURN_LINES {
            self.fill()?;
        }
        self.end(started_ms)
    }

    fn begin(&mut self) -> Result<(), Stop> {
        let late = self.cast.era == Era::Late;
        if self.cast.era.has_turns() {
            self.task_started()?;
        }
        if late && self.random.chance(470) {
            self.thread_settings()?;
        }
        if late && (self.turns == 0 && self.random.chance(800) || self.random.chance(25)) {
            self.world_state(self.turns == 0)?;
        }
        if self.turns > 0 && self.random.chance(25) {
            // A person changed how the agent works.
            self.effort = self.random.pick(&["medium", "high", "xhigh", "low"]);
            self.model = self.cast.era.model(&mut self.random);
        }
        if self.cast.era.has_turns() {
            self.turn_context()?;
        }
        self.prompt()
    }

    fn task_started(&mut self) -> Result<(), Stop> {
        self.sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "task_started");
            json.text("turn_id", &self.turn);
            json.number("started_at", self.clock.ms() / 1000);
            json.number("model_context_window", crate::usage::CONTEXT_WINDOW);
            json.text("collaboration_mode_kind", "default");
        })?;
        self.pass(Gap::Burst);
        Ok(())
    }

    /// What the person writes: once for the model, once as an event.
    fn prompt(&mut self) -> Result<(), Stop> {
        let bytes = self.random.table(PROMPT);
        let text = self.compose(|writer, out, random| writer.prompt(out, random, bytes));
        let mut image = String::new();
        if self.habits.images && self.random.chance(170) {
            let bytes = self.random.table(IMAGE);
            base64::image(&mut image, &mut self.random, bytes);
        }
        self.user_message(&text, &image)?;
        let early = self.cast.era == Era::Early;
        // Some early versions copied the picture into the event; others name its file, or nothing.
        let copied = early && self.cast.index % 4 == 1;
        self.sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "user_message");
            json.text("message", &text);
            json.list("images", |json| {
                if copied && !image.is_empty() {
                    json.element_text(&image);
                }
            });
            json.list("local_images", |_| {});
            json.list("text_elements", |_| {});
        })?;
        if early {
            self.pass(Gap::Burst);
        }
        Ok(())
    }

    fn user_message(&mut self, text: &str, image: &str) -> Result<(), Stop> {
        if image.is_empty() {
            let mut json = crate::json::Json::default();
            json.element(|json| super::message(json, "user", text));
            self.kept.push(json.as_str().to_owned());
            if self.kept.len() > KEPT_MESSAGES {
                self.kept.remove(0);
            }
            return self.message("user", text);
        }
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", "message");
            json.text("role", "user");
            json.list("content", |json| {
                json.element(|json| {
                    json.text("type", "input_text");
                    json.text("text", text);
                });
                json.element(|json| {
                    json.text("type", "input_image");
                    json.text("image_url", image);
                });
            });
        })
    }

    /// Lines that [`Self::end`] writes at the least.
    fn closing_lines(&self) -> u64 {
        if self.cast.era.has_turns() { 4 } else { 3 }
    }

    /// Uses up what is left before the closing lines.
    fn fill(&mut self) -> Result<(), Stop> {
        while self.sink.left() > self.closing_lines() + REQUEST_LINES {
            self.request()?;
        }
        while self.sink.left() >= self.closing_lines() + 2 {
            self.lone_call()?;
        }
        if self.sink.left() > self.closing_lines() {
            self.token_count()?;
        }
        Ok(())
    }

    /// Rare things that happen within a turn.
    fn between_requests(&mut self) -> Result<(), Stop> {
        if self.cast.era.has_turns() && self.random.chance(400) {
            self.turn_context()?;
        }
        if self.habits.snapshot_paths > 0 && self.random.chance(600) {
            self.ghost_snapshot()?;
        }
        if self.habits.searches && self.random.chance(400) {
            self.web_search()?;
        }
        let long = self.since_compaction > 60;
        if long && self.random.chance(60) {
            self.compaction()?;
        }
        self.oddments()
    }

    /// The answer, or an abort.
    fn end(&mut self, started_ms: u64) -> Result<(), Stop> {
        if self.random.chance(43) && self.sink.left() > 8 {
            return self.aborted();
        }
        self.pass(Gap::Model);
        if self.sink.left() > self.closing_lines() + 2 {
            self.request_context()?;
            self.reasoning(500)?;
        }
        let bytes = self.random.table(ANSWER);
        let text = self.compose(|writer, out, random| writer.answer(out, random, bytes));
        self.agent_message(&text, "final_answer")?;
        self.usage.request(&mut self.random);
        self.token_count()?;
        if self.cast.era.has_turns() {
            self.task_complete(&text, started_ms)?;
        }
        if self.habits.announces && self.sink.left() > TURN_LINES && self.random.chance(960) {
            self.session_meta(false)?;
        }
        if self.random.chance(24) && self.sink.left() > TURN_LINES {
            self.rolled_back()?;
        }
        Ok(())
    }

    fn task_complete(&mut self, text: &str, started_ms: u64) -> Result<(), Stop> {
        self.sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "task_complete");
            json.text("turn_id", &self.turn);
            json.text("last_agent_message", text);
            json.number("completed_at", self.clock.ms() / 1000);
            json.number("duration_ms", self.clock.ms() - started_ms);
        })
    }

    /// Something an agent says: an event, and the model's own message.
    pub(super) fn agent_message(&mut self, text: &str, phase: &str) -> Result<(), Stop> {
        let late = self.cast.era == Era::Late;
        self.sink.line(self.clock.ms(), "event_msg", |json| {
            json.text("type", "agent_message");
            json.text("message", text);
            if late {
                json.text("phase", phase);
            }
        })?;
        self.pass(Gap::Burst);
        self.usage.read(text.len());
        self.sink.line(self.clock.ms(), "response_item", |json| {
            super::message(json, "assistant", text);
            if late {
                json.text("phase", phase);
            }
        })?;
        self.pass(Gap::Burst);
        Ok(())
    }
}
