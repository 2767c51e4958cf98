//! What holds of imports through the journal holds of those that go straight into sealed segments.

use super::BULK_BYTES_MIN;

/// Runs a test with all its imports in bulk.
fn in_bulk(test: fn()) {
    BULK_BYTES_MIN.set(0);
    test();
    BULK_BYTES_MIN.set(u64::MAX);
}

macro_rules! in_bulk {
    ($($module:ident::$name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                in_bulk(super::$module::$name);
            }
        )*
    };
}

in_bulk! {
    import::a_folder_comes_out_as_it_went_in_and_a_second_import_adds_nothing,
    import::what_a_file_gained_is_added,
    import::a_half_written_line_is_completed_by_the_next_import,
    import::a_rewritten_file_is_a_second_revision_and_nothing_is_overwritten,
    import::a_thread_continued_in_both_places_keeps_both,
    import::a_thread_that_is_being_written_is_left_for_the_next_import,
    import::a_thread_that_went_on_here_is_exported_with_what_was_said_here,
    import::a_moved_file_leaves_its_old_name_and_a_copied_one_keeps_both,
    import::an_older_copy_is_part_of_what_is_there,
    import::the_shorter_of_two_copies_may_come_first,
    import::several_files_of_one_thread_are_not_revisions_of_each_other,
    import::files_say_who_they_are_by_content_then_name_then_path,
    import::a_file_that_learns_its_thread_late_stays_with_what_is_stored,
    import::an_empty_file_says_nothing_about_what_comes_into_it_later,
    import::another_thread_under_the_same_path_is_another_thread,
    import::an_empty_file_is_a_thread_without_items,
    import::odd_lines_are_kept_and_counted,
    import::a_line_of_50_megabytes_is_a_line_like_any_other,
    import::what_cannot_be_imported_is_named_and_stops_nothing,
    import::a_file_named_by_the_user_is_taken_whatever_its_name,
    import::links_to_files_and_folders_are_followed,
    import::a_touched_file_keeps_its_bytes_and_gets_its_new_time,
    import::many_threads_at_once_give_what_one_at_a_time_gives,
    interrupted::stopped_after_any_batch_an_import_goes_on_where_it_was,
    interrupted::a_power_cut_at_any_call_loses_nothing_that_a_second_import_does_not_add,
    interrupted::a_full_disk_is_an_error_and_with_room_the_import_goes_on,
    interrupted::until_a_growth_is_complete_the_file_is_exported_as_it_was,
    interrupted::a_first_import_that_was_cut_short_is_exported_as_far_as_it_came,
    interrupted::the_first_import_was_cut_short_and_the_file_is_another_now,
    forks::a_fork_is_exported_as_a_file_that_codex_can_read,
    forks::a_base_that_is_not_as_it_was_is_named,
    forks::a_creation_that_cannot_be_read_does_not_turn_a_fork_into_a_thread_of_its_own,
    forks::chains_of_a_thousand_forks_are_read_whole,
    forks::a_copied_history_is_stored_once_and_exported_as_it_was,
    forks::both_files_of_a_copied_history_go_on,
    forks::a_copy_that_comes_before_its_source_is_kept_whole,
    forks::in_one_import_the_order_of_the_files_makes_no_difference,
    forks::what_differs_or_saves_nothing_is_kept_whole,
    forks::a_fork_that_was_exported_is_known_when_it_is_imported_again,
    forks::a_fork_takes_a_few_bytes_and_its_summary_a_kilobyte_at_most,
    moves::a_file_that_was_rewritten_and_then_moved_does_not_bring_back_what_it_was,
    moves::a_file_that_was_moved_and_rewritten_between_two_imports_is_one_file,
    moves::a_file_that_was_cut_down_is_another_revision_and_the_longer_one_is_kept,
    moves::a_file_that_was_cut_down_and_moved_keeps_the_longer_one_too,
    moves::what_became_of_a_second_file_of_a_thread_is_said_as_it_is,
    moves::a_file_imported_from_two_folders_of_which_one_holds_the_other_is_one_file,
    moves::two_files_of_one_relative_path_are_both_exported_and_the_other_name_is_told,
    moves::a_compressed_rollout_is_the_same_file_as_before,
    moves::a_compressed_rollout_that_is_cut_or_of_another_kind_is_refused_whole,
    moves::a_compressed_rollout_is_read_in_pieces,
}
