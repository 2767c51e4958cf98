//! Tokens used, and how much of the rate limits is used up.

use crate::json::Json;
use crate::random::Random;

/// The window of the models.
pub(crate) const CONTEXT_WINDOW: u64 = 258_400;

/// Tokens of one request, or of a thread so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
}

impl Tokens {
    fn write(self, json: &mut Json) {
        json.number("input_tokens", self.input);
        json.number("cached_input_tokens", self.cached);
        json.number("output_tokens", self.output);
        json.number("reasoning_output_tokens", self.reasoning);
        json.number("total_tokens", self.input + self.output);
    }
}

/// The running account of a thread.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    context_bytes: u64,
    total: Tokens,
    last: Tokens,
    primary_tenths: u32,
    secondary_tenths: u32,
}

impl Usage {
    /// An account that starts with some of the limits used.
    pub(crate) fn new(random: &mut Random) -> Usage {
        Usage {
            primary_tenths: random.below(60) * 10,
            secondary_tenths: random.below(80) * 10,
            context_bytes: 40_000,
            ..Usage::default()
        }
    }

    /// Something of `bytes` bytes went into the model's context.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.context_bytes += crate::random::wide(bytes);
    }

    /// The context was summarised.
    pub(crate) fn compact(&mut self) {
        self.context_bytes = 60_000;
    }

    /// Tokens in the model's context.
    pub(crate) fn context_tokens(&self) -> u64 {
        (self.context_bytes / 4).min(CONTEXT_WINDOW)
    }

    /// A request was answered.
    pub(crate) fn request(&mut self, random: &mut Random) {
        let input = self.context_tokens();
        let cached = self.last.input.min(input) / 128 * 128;
        let output = u64::from(random.between(40, 1_400));
        let reasoning = u64::from(random.below(6)) * 64;
        self.last = Tokens { input, cached, output: output + reasoning, reasoning };
        self.total.input += input;
        self.total.cached += cached;
        self.total.output += output + reasoning;
        self.total.reasoning += reasoning;
        self.primary_tenths = (self.primary_tenths + 10 * u32::from(random.chance(60))) % 1000;
        self.secondary_tenths = (self.secondary_tenths + 10 * u32::from(random.chance(12))) % 1000;
    }

    /// The members of a `token_count` event at `ms`.
    pub(crate) fn write(&self, json: &mut Json, ms: u64, limit_names: bool) {
        json.text("type", "token_count");
        if self.total.input == 0 {
            json.null("info");
        } else {
            json.object("info", |json| {
                json.object("total_token_usage", |json| self.total.write(json));
                json.object("last_token_usage", |json| self.last.write(json));
                json.number("model_context_window", CONTEXT_WINDOW);
            });
        }
        json.object("rate_limits", |json| {
            if limit_names {
                json.text("limit_id", "codex");
                json.null("limit_name");
            }
            let second = ms / 1000;
            window(json, "primary", self.primary_tenths, 300, second);
            window(json, "secondary", self.secondary_tenths, 10_080, second);
            json.object("credits", |json| {
                json.flag("has_credits", false);
                json.flag("unlimited", false);
                json.null("balance");
            });
            json.null("plan_type");
        });
    }
}

/// A limit over a number of minutes; it is reset at the next multiple of them.
fn window(json: &mut Json, key: &str, tenths: u32, minutes: u64, second: u64) {
    json.object(key, |json| {
        json.tenths("used_percent", tenths);
        json.number("window_minutes", minutes);
        json.number("resets_at", (second / (minutes * 60) + 1) * minutes * 60 + 71);
    });
}
