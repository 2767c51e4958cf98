//! One request to the model and the tools it calls.

use super::calls::Pending;
use super::{Shell, Thread};
use crate::base64;
use crate::clock::Gap;
use crate::era::Era;
use crate::sink::Stop;
use crate::sizes::{CIPHERTEXT, REASONING_SUMMARY, REMARK};
use crate::text::trim_end;

impl Thread<'_, '_> {
    /// Reasoning, a remark, calls, token count, outputs.
    pub(super) fn request(&mut self) -> Result<(), Stop> {
        self.request_context()?;
        self.pass(Gap::Model);
        self.reasoning(if self.cast.era == Era::Early { 800 } else { 900 })?;
        if self.cast.era.has_turns() && self.random.chance(500) {
            let bytes = self.random.table(REMARK);
            let text = self.compose(|writer, out, random| writer.prose(out, random, bytes));
            self.agent_message(&text, "commentary")?;
        }
        let mut pending = Vec::new();
        for _ in 0..self.random.weighted(&[(83, 1), (13, 2), (4, 3)]) {
            pending.push(self.call()?);
            self.pass(Gap::Burst);
        }
        self.usage.request(&mut self.random);
        self.token_count()?;
        for call in pending {
            self.answer_call(call)?;
        }
        Ok(())
    }

    /// A call and its output, and nothing else.
    pub(super) fn lone_call(&mut self) -> Result<(), Stop> {
        self.pass(Gap::Model);
        let mut call = self.shell_call()?;
        call.report = None;
        self.answer_call(call)
    }

    /// Early versions wrote the turn's context, and the limits so far, before every request.
    pub(super) fn request_context(&mut self) -> Result<(), Stop> {
        if self.cast.era != Era::Early {
            return Ok(());
        }
        self.turn_context()?;
        self.pass(Gap::Trip);
        self.token_count()
    }

    pub(super) fn token_count(&mut self) -> Result<(), Stop> {
        let ms = self.clock.ms();
        let limit_names = self.cast.era != Era::Early;
        let usage = &self.usage;
        self.sink.line(ms, "event_msg", |json| usage.write(json, ms, limit_names))?;
        self.since_compaction += 1;
        self.pass(Gap::Burst);
        Ok(())
    }

    /// The model's reasoning in `per_mille` of 1000 cases: encrypted, with or without a summary.
    pub(super) fn reasoning(&mut self, per_mille: u32) -> Result<(), Stop> {
        if !self.random.chance(per_mille) {
            return Ok(());
        }
        let mut summaries = Vec::new();
        if self.habits.summaries && self.random.chance(850) {
            for _ in 0..1 + u32::from(self.random.chance(30)) {
                let bytes = self.random.table(REASONING_SUMMARY);
                summaries.push(self.compose(|writer, out, random| {
                    writer.fill(out, "**%v %n**\n\n", writer.voice.vocabulary(), random);
                    if bytes > 0 {
                        writer.prose(out, random, bytes);
                    }
                    trim_end(out);
                }));
            }
        }
        for text in &summaries {
            self.sink.line(self.clock.ms(), "event_msg", |json| {
                json.text("type", "agent_reasoning");
                json.text("text", text);
            })?;
            self.pass(Gap::Burst);
        }
        let mut ciphertext = String::new();
        let characters = self.random.table(CIPHERTEXT);
        base64::ciphertext(&mut ciphertext, &mut self.random, characters);
        self.usage.read(ciphertext.len() / 3);
        let late = self.cast.era == Era::Late;
        self.sink.line(self.clock.ms(), "response_item", |json| {
            json.text("type", "reasoning");
            json.list("summary", |json| {
                for text in &summaries {
                    json.element(|json| {
                        json.text("type", "summary_text");
                        json.text("text", text);
                    });
                }
            });
            if !late {
                json.null("content");
            }
            json.text("encrypted_content", &ciphertext);
        })?;
        self.pass(Gap::Burst);
        Ok(())
    }

    /// One call of whatever tool comes next.
    fn call(&mut self) -> Result<Pending, Stop> {
        // Scripts call the other tools from inside.
        match self.random.below(1000) {
            _ if self.habits.shell == Shell::Script => self.shell_call(),
            0..130 => self.patch_call(),
            130..155 => self.small_call(),
            _ => self.shell_call(),
        }
    }
}
