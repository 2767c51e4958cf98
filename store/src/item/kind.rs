//! What sort of line an item is: the envelope's `type`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The `type` of an enveloped line. Kinds that this version does not know keep their text.
        ///
        /// Records hold a kind as its position in this list, so new ones are added at the end.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind<'a> {
            /// A kind without a name here, as the file writes it.
            #[serde(borrow)]
            Other(Cow<'a, str>),
            $($(#[$doc])* $name,)*
        }

        impl<'a> Kind<'a> {
            /// The kind that a file writes as `text`.
            #[must_use]
            pub fn from_text(text: &'a str) -> Kind<'a> {
                match text {
                    $($text => Kind::$name,)*
                    other => Kind::Other(Cow::Borrowed(other)),
                }
            }

            /// As the file writes it.
            #[must_use]
            pub fn text(&self) -> &str {
                match self {
                    Kind::Other(text) => text,
                    $(Kind::$name => $text,)*
                }
            }

            /// The same, not borrowing from the line.
            #[must_use]
            pub fn into_owned(self) -> Kind<'static> {
                match self {
                    Kind::Other(text) => Kind::Other(Cow::Owned(text.into_owned())),
                    $(Kind::$name => Kind::$name,)*
                }
            }
        }
    };
}

kinds! {
    /// What the session started with; repeated later in the file.
    SessionMeta = "session_meta",
    /// An item of the model's API: message, reasoning, tool call or output.
    ResponseItem = "response_item",
    /// An event of the agent's: user message, token count, turn start and end.
    EventMsg = "event_msg",
    /// Settings of one turn.
    TurnContext = "turn_context",
    /// A compaction of the history.
    Compacted = "compacted",
    /// Snapshot of, or patch to, what the agent knows of its surroundings.
    WorldState = "world_state",
    /// A message between agents.
    InterAgentCommunication = "inter_agent_communication",
    /// Facts about a message between agents.
    InterAgentCommunicationMetadata = "inter_agent_communication_metadata",
    /// A risk score.
    SecurityRiskScore = "security_risk_score",
    /// Tokens used, written before a token count.
    TokenUsageRecord = "token_usage_record",
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}
