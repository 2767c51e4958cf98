//! The table: which policy keeps which event.

use crate::policy::{HistoryMode, PersistencePolicy};

/// One column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules(u8);

const LIMITED: u8 = 1;
const EXTENDED: u8 = 2;
const LEGACY: u8 = 4;
const PAGINATED: u8 = 8;
const EVERYTHING: u8 = 16;

const NONE: u8 = EVERYTHING;
const ALL: u8 = LIMITED | EXTENDED | LEGACY | PAGINATED | EVERYTHING;

impl Rules {
    pub(super) fn of(policy: PersistencePolicy, mode: HistoryMode) -> Rules {
        Rules(match (policy, mode) {
            (PersistencePolicy::Limited, _) => LIMITED,
            (PersistencePolicy::Extended, _) => EXTENDED,
            (PersistencePolicy::Everything, _) => EVERYTHING,
            (PersistencePolicy::ByHistoryMode, HistoryMode::Legacy) => LEGACY,
            (PersistencePolicy::ByHistoryMode, HistoryMode::Paginated) => PAGINATED,
        })
    }

    /// Whether an event of this name is kept; `item_completed` has a rule of its own.
    pub(super) fn keeps_event(self, name: &str) -> bool {
        self.0 & event(name) != 0
    }

    /// Whether an `item_completed` with an item of this type is kept.
    pub(super) fn keeps_completed(self, item: Option<&str>) -> bool {
        let kept = match item {
            Some("Plan") => ALL,
            Some("Sleep") => LEGACY | PAGINATED | EVERYTHING,
            _ => PAGINATED | EVERYTHING,
        };
        self.0 & kept != 0
    }

    /// Whether a response item of this type is left out: it says nothing, or nothing that a later reader needs.
    pub(super) fn drops_response(self, name: &str) -> bool {
        let dropped = match name {
            "other" => ALL & !EVERYTHING,
            "additional_tools" | "compaction_trigger" => LEGACY | PAGINATED,
            _ => 0,
        };
        self.0 & dropped != 0
    }

    /// Whether outputs of commands are cut.
    pub(super) fn trims(self) -> bool {
        self.0 == EXTENDED
    }
}

fn event(name: &str) -> u8 {
    match name {
        // What every reader of a history needs.
        "token_count"
        | "thread_rolled_back"
        | "turn_aborted"
        | "task_started"
        | "turn_started"
        | "task_complete"
        | "turn_complete"
        | "thread_settings_applied" => ALL,

        // What the paginated mode says with `item_completed`.
        "user_message"
        | "agent_message"
        | "agent_reasoning"
        | "agent_reasoning_raw_content"
        | "context_compacted"
        | "entered_review_mode"
        | "exited_review_mode"
        | "image_generation_end" => ALL & !PAGINATED,
        "web_search_end" | "patch_apply_end" | "mcp_tool_call_end" | "sub_agent_activity" => {
            EXTENDED | LEGACY | EVERYTHING
        }

        // What older versions had in the history, newer ones elsewhere.
        "thread_name_updated" | "undo_completed" => LIMITED | EXTENDED | EVERYTHING,
        "thread_goal_updated" => LEGACY | PAGINATED | EVERYTHING,
        "error"
        | "guardian_assessment"
        | "exec_command_end"
        | "view_image_tool_call"
        | "collab_agent_spawn_end"
        | "collab_agent_interaction_end"
        | "collab_waiting_end"
        | "collab_close_end"
        | "collab_resume_end"
        | "dynamic_tool_call_request"
        | "dynamic_tool_call_response" => EXTENDED | EVERYTHING,

        _ if is_transient(name) => NONE,
        _ => ALL,
    }
}

/// Events that only matter while they happen.
fn is_transient(name: &str) -> bool {
    name.ends_with("_delta")
        || name.ends_with("_begin")
        || matches!(
            name,
            // Beginnings and parts of what comes whole later.
            "item_started" | "undo_started" | "hook_started" | "hook_completed" | "agent_reasoning_section_break"
        | "raw_response_item" | "raw_response_completed" | "patch_apply_updated" | "terminal_interaction"
        // Questions to the user, whose answers show in what follows.
        | "exec_approval_request" | "apply_patch_approval_request" | "request_permissions" | "request_user_input"
        | "elicitation_request"
        // Notices.
        | "warning" | "guardian_warning" | "deprecation_notice" | "background_event" | "stream_error"
        | "model_reroute" | "model_verification" | "turn_moderation_metadata" | "safety_buffering"
        // States of the program, not of the thread.
        | "session_configured" | "shutdown_complete" | "plan_update" | "turn_diff" | "skills_update_available"
        | "environment_connected" | "environment_disconnected" | "mcp_startup_update" | "mcp_startup_complete"
        | "realtime_conversation_started" | "realtime_conversation_realtime" | "realtime_conversation_closed"
        | "realtime_conversation_sdp" | "realtime_conversation_list_voices_response"
        // Answers to requests of a front end.
        | "get_history_entry_response" | "mcp_list_tools_response" | "list_custom_prompts_response"
        | "list_skills_response"
        )
}
