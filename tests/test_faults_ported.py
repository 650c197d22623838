"""Every fault that was measured in other migrators has a test here that shows what becomes of it in embedmig.

The rows are those of the two studies: of migrators in Python and for SQL files (their numbers as they stand
there), and of the behaviours that the migrators of other ecosystems pin in their own tests (1 to 54).
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LATER = "later: "
NO = "not taken over: "

PYTHON_MIGRATORS = {
    "1 fails half-way": [
        "test_history.py::test_a_failure_undoes_the_whole_run",
        "test_history.py::test_once_the_bug_is_fixed_the_next_launch_goes_on",
    ],
    "2 SIGKILL in the middle, relaunch": [
        "test_launches.py::test_a_killed_launch_leaves_the_old_content_and_the_next_one_completes",
        "test_launches.py::test_a_launch_killed_after_its_commit_is_complete",
    ],
    "3a two processes, first run": [
        "test_launches.py::test_ten_launches_at_once_all_succeed_and_each_migration_runs_once"
    ],
    "3b ten processes": [
        "test_launches.py::test_ten_launches_at_once_all_succeed_and_each_migration_runs_once",
        "test_outside_transaction.py::test_ten_launches_at_once_with_a_vacuum_in_the_middle_all_succeed",
    ],
    "3c a long migration, second launch": [
        "test_launches.py::test_a_launch_that_comes_during_a_long_upgrade_waits_says_so_and_finds_nothing_to_do",
        "test_launches.py::test_a_launch_waits_for_its_timeout_and_says_for_how_long",
    ],
    "4a conn.commit() or with conn, then raise": [
        "test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone",
        "test_guard.py::test_what_failed_first_is_not_masked_by_what_came_of_it",
    ],
    "4b conn.executescript(), then raise": [
        "test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone"
    ],
    "4c a commit inside, and the migration goes on": [
        "test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone",
        "test_guard.py::test_an_author_who_swallows_the_refusal_changes_nothing",
    ],
    "5 rebuild with foreign keys on": ["test_foreign_keys.py::test_a_rebuilt_parent_keeps_every_child"],
    "6 edited": [
        "test_history.py::test_an_edited_migration_is_a_warning_when_something_is_pending",
        "test_history.py::test_an_edited_migration_is_an_error_under_strict",
    ],
    "6b renamed": ["test_history.py::test_a_history_that_is_not_that_of_the_shipped_migrations_is_refused"],
    "7 file newer than code": [
        "test_history.py::test_a_file_too_new_is_refused_and_says_what_it_has_and_what_wrote_it"
    ],
    "8 a late one fills a gap": ["test_history.py::test_a_late_migration_is_refused_unless_out_of_order_is_allowed"],
    "8b duplicate number": ["test_loader.py::test_a_wrong_set_is_refused_by_the_names_of_its_files"],
    "9 read-only file, nothing pending": [
        "test_launches.py::test_a_file_that_may_only_be_read_opens_and_is_not_changed_with_nothing_pending"
    ],
    "9 read-only file or directory, pending": [
        "test_launches.py::test_a_file_that_may_only_be_read_is_refused_and_not_changed_with_something_pending"
    ],
    "9 not a database": ["test_paths.py::test_a_file_that_is_no_database_is_refused"],
    "9 truncated": [
        "test_paths.py::test_a_file_cut_in_half_is_damaged",
        "test_paths.py::test_damage_that_only_sqlites_own_check_sees_is_found_before_anything_is_changed",
    ],
    "9 directory path, no parent": [
        "test_paths.py::test_a_folder_is_refused",
        "test_paths.py::test_the_parent_folder_is_made",
        "test_paths.py::test_a_parent_that_is_a_file_is_refused",
    ],
    "9 locked by another process": [
        "test_launches.py::test_a_launch_waits_for_its_timeout_and_says_for_how_long",
        "test_launches.py::test_a_file_locked_for_readers_too_is_given_up_after_the_timeout",
    ],
    "9 another app's database": [
        "test_history.py::test_a_file_with_something_in_it_and_no_history_is_another_apps",
        "test_history.py::test_a_history_of_which_no_checksum_agrees_is_another_apps",
    ],
    "9 path with ? # % and space": ["test_paths.py::test_any_name_is_taken_literally"],
    "10 disk full": [
        "test_guard.py::test_a_full_disk_is_reported_as_a_full_disk",
        "test_guard.py::test_a_full_disk_is_reported_as_a_full_disk_when_the_author_swallows_it",
    ],
    "11 inside a zip": ["test_loader.py::test_a_package_may_lie_in_a_zip"],
    "11b PyInstaller without flags": ["test_loader.py::test_a_frozen_app_without_its_migrations_is_told_so"],
    "12 a dangling foreign key is left": [
        "test_foreign_keys.py::test_a_row_that_points_nowhere_fails_the_run_and_is_named"
    ],
    "12 SIGINT, sys.exit inside": [
        "test_history.py::test_whatever_is_raised_inside_everything_is_undone",
        "test_launches.py::test_a_signal_during_a_long_statement_stops_it_and_everything_is_undone",
    ],
    "b2 the rebuild helper drops triggers": ["test_guard.py::test_transform_keeps_the_triggers_so_search_still_works"],
    "b2 the rebuild helper drops indexes": [
        "test_guard.py::test_a_rebuild_that_forgets_triggers_is_an_error_under_strict"
    ],
    "b2 a dependent view": ["test_foreign_keys.py::test_a_view_over_a_rebuilt_table_reads_the_new_one"],
    "b2 COLLATE, generated columns, WITHOUT ROWID and the like": LATER + "a rebuild of embedmig's own (schema.py)",
    "b3 db.rollback(), a swallowed RAISE(ROLLBACK) or OR ROLLBACK": [
        "test_guard.py::test_what_follows_a_lost_transaction_is_refused_when_the_author_swallows_the_loss",
        "test_guard.py::test_a_lost_transaction_is_noticed_even_if_nothing_follows",
    ],
    "b3 isolation_level = None, with db.conn": [
        "test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone"
    ],
    "b3 db.executescript() is safe": ["test_guard.py::test_what_does_no_harm_is_allowed"],
    "b3 PRAGMA foreign_keys=OFF as the first line": [
        "test_guard.py::test_a_pragma_that_does_nothing_or_harm_and_a_change_to_the_history_are_refused",
        "test_foreign_keys.py::test_a_rebuilt_parent_keeps_every_child",
    ],
    "b3 a second connection opened inside": [
        "test_connections.py::test_a_migration_that_opens_a_connection_of_its_own_is_told_why_it_waits"
    ],
    "b3 connections made with autocommit=": ["test_connections.py::test_a_connection_made_with_autocommit_is_refused"],
    "b3 the authorizer must go again": [
        "test_guard.py::test_the_callers_connection_is_as_it_was",
        "test_guard.py::test_the_database_that_is_handed_back_has_no_guard",
    ],
    "b3 a new implicit transaction hides the loss": [
        "test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone"
    ],
    "b3 BEGIN IMMEDIATE and the history read again": [
        "test_launches.py::test_ten_launches_at_once_all_succeed_and_each_migration_runs_once"
    ],
    "b4 triggers, CASE ... END, strings, comments": ["test_script.py::test_a_script_is_cut_into_its_statements"],
    "b4 explicit BEGIN and COMMIT in a file": [
        "test_script.py::test_a_file_with_a_transaction_of_its_own_runs_in_embedmigs"
    ],
    "b4 VACUUM in a file": ["test_outside_transaction.py::test_vacuum_runs_in_its_place"],
    "b4 PRAGMA foreign_keys=OFF in a file": ["test_foreign_keys.py::test_a_rebuilt_parent_keeps_every_child"],
    "b4 BOM": ["test_definition.py::test_files_run_with_windows_line_ends_and_a_bom"],
    "b4 where the error is": [
        "test_history.py::test_a_failing_statement_is_named_by_its_file_its_line_and_its_text",
        "test_history.py::test_a_failing_line_of_python_is_named_with_the_statement_it_ran",
    ],
}

EMBEDDED_MIGRATORS = {
    1: ["test_history.py::test_no_migrations_at_all_is_an_error_and_makes_no_file"],
    2: ["test_history.py::test_only_what_is_new_runs_and_then_nothing"],
    3: ["test_history.py::test_to_stops_there_and_again_does_nothing"],
    4: [
        "test_history.py::test_to_a_version_below_the_file_or_unknown_is_an_error",
        "test_history.py::test_to_an_unknown_version_makes_no_file",
    ],
    5: [
        "test_history.py::test_a_file_without_a_history_has_no_applied_migrations_and_gets_no_table",
        "test_history.py::test_an_error_while_reading_is_not_taken_for_an_empty_history",
    ],
    6: [
        "test_history.py::test_a_late_migration_is_refused_unless_out_of_order_is_allowed",
        "test_history.py::test_an_older_app_refuses_a_file_that_got_a_late_migration",
    ],
    7: ["test_loader.py::test_a_wrong_set_is_refused_by_the_names_of_its_files"],
    8: ["test_loader.py::test_a_wrong_set_is_refused_by_the_names_of_its_files"],
    9: ["test_loader.py::test_a_wrong_set_is_refused_by_the_names_of_its_files"],
    10: ["test_history.py::test_an_unsorted_list_runs_in_version_order"],
    11: [
        "test_history.py::test_a_removed_migration_is_refused",
        "test_history.py::test_an_edited_migration_is_an_error_under_strict",
    ],
    12: ["test_history.py::test_another_checkout_of_the_same_text_is_no_edit"],
    13: [
        "test_history.py::test_one_transaction_each_keeps_the_earlier_ones",
        "test_history.py::test_a_failure_undoes_the_whole_run",
    ],
    14: ["test_history.py::test_an_error_from_a_nested_transaction_leaves_version_0"],
    15: ["test_history.py::test_once_the_bug_is_fixed_the_next_launch_goes_on"],
    16: [
        "test_guard.py::test_user_version_is_undone_with_the_rest",
        "test_history.py::test_an_application_id_is_undone_with_a_failed_run",
    ],
    17: [
        "test_launches.py::test_a_killed_launch_leaves_the_old_content_and_the_next_one_completes",
        "test_launches.py::test_a_launch_killed_after_its_commit_is_complete",
    ],
    18: ["test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone"],
    19: [
        "test_guard.py::test_a_full_disk_is_reported_as_a_full_disk",
        "test_progress.py::test_a_run_that_is_cancelled_stops_and_everything_is_undone",
    ],
    20: [
        "test_launches.py::test_a_file_that_may_only_be_read_opens_and_is_not_changed_with_nothing_pending",
        "test_connections.py::test_a_connection_that_may_only_read_is_fine_with_nothing_pending_and_refused_with_something",
    ],
    21: ["test_outside_transaction.py::test_vacuum_runs_in_its_place"],
    22: ["test_foreign_keys.py::test_a_rebuilt_parent_keeps_every_child"],
    23: ["test_foreign_keys.py::test_a_row_that_points_nowhere_fails_the_run_and_is_named"],
    24: ["test_foreign_keys.py::test_broken_in_one_migration_and_mended_in_the_next_of_the_same_run_is_fine"],
    25: [
        "test_foreign_keys.py::test_foreign_keys_are_enforced_afterwards_as_they_were_before",
        "test_foreign_keys.py::test_foreign_keys_are_enforced_as_before_when_another_launch_did_the_work",
    ],
    26: NO + "the check of foreign keys can't be switched off",
    27: ["test_foreign_keys.py::test_rows_that_pointed_nowhere_before_are_not_blamed_on_the_migration"],
    28: ["test_foreign_keys.py::test_a_row_that_points_nowhere_fails_the_run_and_is_named"],
    29: ["test_rollback.py::test_a_down_that_leaves_children_without_their_parents_is_undone"],
    30: [
        "test_foreign_keys.py::test_a_view_over_a_rebuilt_table_reads_the_new_one",
        "test_guard.py::test_transform_keeps_the_triggers_so_search_still_works",
    ],
    31: ["test_foreign_keys.py::test_children_follow_a_renamed_parent"],
    32: ["test_rollback.py::test_every_migration_without_a_down_is_named_before_anything_runs"],
    33: [
        "test_rollback.py::test_there_is_nothing_to_do_for_the_version_that_the_file_has",
        "test_rollback.py::test_version_0_leaves_an_empty_file_with_its_history_table",
        "test_rollback.py::test_a_version_that_the_file_does_not_have_is_refused",
    ],
    34: ["test_history.py::test_a_file_too_new_is_refused_and_says_what_it_has_and_what_wrote_it"],
    35: ["test_history.py::test_user_version_is_the_apps_own_and_does_not_matter"],
    36: [
        "test_history.py::test_a_file_too_new_opens_as_it_is_if_all_that_is_unknown_is_backward_compatible",
        "test_history.py::test_one_unknown_migration_that_is_not_backward_compatible_is_enough",
    ],
    37: [
        "test_history.py::test_a_file_with_another_application_id_is_refused",
        "test_history.py::test_an_application_id_claims_a_file_that_has_none",
        "test_history.py::test_a_file_with_something_in_it_and_no_history_is_another_apps",
    ],
    38: LATER + "drift",
    39: LATER + "drift",
    40: LATER + "drift",
    41: LATER + "the testing kit (a fresh file and an upgraded one have one schema)",
    42: LATER + "drift",
    43: LATER + "squash",
    44: NO + "there is no destructive fallback: reset() is a verb of its own",
    45: ["test_history.py::test_a_failed_migration_is_no_reason_to_offer_a_reset"],
    46: ["test_launches.py::test_ten_launches_at_once_all_succeed_and_each_migration_runs_once"],
    47: ["test_launches.py::test_ten_launches_at_once_all_succeed_and_each_migration_runs_once"],
    48: ["test_launches.py::test_nothing_pending_opens_while_another_process_holds_the_write_lock"],
    49: ["test_backup.py::test_a_backup_has_the_rows_that_are_still_in_the_wal"],
    50: [
        "test_backup.py::test_a_backup_stands_before_a_change_to_a_file_with_data"
    ],  # under the lock, by a second connection
    51: ["test_restore.py::test_sidecars_without_their_file_do_no_harm_to_the_restored_content"],
    52: ["test_backup.py::test_ten_failed_launches_leave_one_backup_and_copy_the_unchanged_file_once"],
    53: ["test_backup.py::test_a_backup_killed_at_any_moment_is_whole_or_not_there"],
    54: ["test_reset.py::test_a_reset_is_refused_while_another_process_has_the_file_open_and_works_when_it_closes"],
}

ROWS = {**PYTHON_MIGRATORS, **EMBEDDED_MIGRATORS}


@cache
def functions_in(file: str) -> set[str]:
    """The names of the test functions that a test file defines."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("row", ROWS)
def test_a_measured_fault_has_a_test_or_a_reason(row):
    answer = ROWS[row]
    if isinstance(answer, str):
        assert answer.startswith((LATER, NO))
        return
    assert answer
    missing = [name for name in answer if name.partition("::")[2] not in functions_in(name.partition("::")[0])]
    assert missing == []


def test_no_row_was_left_out():
    assert list(EMBEDDED_MIGRATORS) == list(range(1, 55))
    numbered = {row.split()[0] for row in PYTHON_MIGRATORS}
    assert numbered == {
        "1", "2", "3a", "3b", "3c", "4a", "4b", "4c", "5", "6", "6b", "7", "8", "8b", "9", "10", "11", "11b", "12", "b2", "b3", "b4",
    }  # fmt: skip
