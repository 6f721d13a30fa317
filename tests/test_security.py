"""SECURITY.md promises nothing that no test holds."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: The beginning of each sentence of "What is defended", and the tests that hold it.
HELD_BY = {
    "Each message and each cell is checked": [
        "collector/test_messages.py::test_a_bad_cell_costs_only_itself",
        "robustness/test_fuzz.py::test_whatever_is_said_is_refused_or_applied_and_hurts_nobody",
    ],
    "Names and label values are escaped": [
        "collector/exposition/test_text.py::test_labels_are_sorted_and_escaped",
        "collector/test_messages.py::test_any_json_is_applied_or_refused_and_the_scrape_stays_whole",
    ],
    "Only a process that knows": [
        "robustness/test_takeover.py::test_a_session_is_not_to_be_had_without_its_key",
    ],
    "The state file is readable for its owner alone": [
        "collector/state/test_writer.py::test_a_text_replaces_the_file_whole",
    ],
    "A counter never falls": [
        "robustness/test_attacks.py::"
        "test_a_collector_that_is_killed_under_attack_counts_everything_once",
        "end_to_end/test_collector_killed.py::test_counts_stay_exact_and_never_fall_over_kills",
    ],
    "Where the collector shares the host's process ids": [
        "collector/identity/test_peer.py::test_a_pod_is_proven_whatever_it_claims",
        "collector/identity/test_peer.py::test_a_forged_claim_is_replaced_or_refused",
    ],
    "A cgroup that a pod makes": [
        "collector/identity/test_peer.py::test_a_cgroup_of_its_own_making_gains_a_pod_nothing",
    ],
    "With `--identity.app-meta-cache`": [
        "collector/identity/test_peer.py::test_a_proven_pod_has_no_labels_but_those_of_its_record",
    ],
    "An unproven process never adds": [
        "collector/identity/test_unproven.py::"
        "test_who_claims_a_pod_without_proof_has_labels_of_its_own",
        "robustness/test_attacks.py::test_an_attack_costs_the_neighbours_nothing",
    ],
    "Nothing that a process says of itself": [
        "collector/identity/test_unproven.py::test_nothing_of_a_strangers_hello_is_told_of_another",
        "collector/identity/test_app_meta.py::"
        "test_records_of_processes_in_the_state_file_are_known_again",
    ],
    "A process that uses the connection of an ended child": [
        "collector/identity/test_gone_peers.py::"
        "test_who_speaks_over_the_connection_of_a_child_that_has_ended_is_nobody",
        "collector/identity/test_unproven.py::"
        "test_the_key_of_a_proven_session_gives_no_place_in_it",
    ],
    "`--identity.verify=require`": [
        "collector/identity/test_peer.py::test_who_is_in_no_pod_is_unproven_or_refused",
        "collector/identity/test_peer.py::test_a_forged_claim_is_replaced_or_refused",
    ],
    "What strangers make the collector hold": [
        "robustness/test_attacks.py::test_an_attack_costs_the_neighbours_nothing",
        "robustness/test_random_attackers.py::test_random_attackers_cost_the_neighbours_nothing",
    ],
    "If it is full": [
        "collector/test_budget.py::test_the_largest_holder_of_the_least_valuable_kind_loses",
        "collector/test_budget.py::test_a_large_holder_takes_nothing_from_smaller_neighbours",
    ],
    "New series are refused then": [
        "collector/intake/test_bounds.py::test_who_fills_the_budget_is_refused_and_named",
        "collector/intake/test_bounds.py::"
        "test_a_stranger_that_fills_the_budget_costs_nobody_else_anything",
    ],
    "256 KiB are reserved": [
        "collector/test_budget.py::test_the_first_principals_have_something_set_aside",
    ],
    "`waggle_collector_refusals_total`": [
        "robustness/test_attacks.py::test_an_attack_costs_the_neighbours_nothing",
    ],
    "The work on a bad line": [
        "collector/test_messages.py::test_the_work_on_a_line_ends_after_a_hundred_refusals",
        "collector/intake/test_protocol.py::"
        "test_of_what_arrives_at_once_the_rest_is_skipped_after_a_hundred_bad_lines",
    ],
    "A process that connects too often": [
        "collector/sockets/test_acceptor.py::test_a_process_is_paced_by_itself",
    ],
    "Under each attack": [
        "robustness/test_attacks.py::test_an_attack_costs_the_neighbours_nothing",
        "robustness/test_attacks.py::test_ten_attackers_at_once_cost_the_neighbours_nothing",
        "robustness/test_random_attackers.py::test_random_attackers_cost_the_neighbours_nothing",
    ],
    "Slow and silent clients": [
        "collector/web/test_slow_clients.py::"
        "test_a_scrape_is_answered_beside_six_hundred_slow_clients",
        "collector/web/test_slow_clients.py::test_a_request_that_trickles_is_cut_all_the_same",
    ],
    "Guessing passwords": [
        "collector/web/test_passwords.py::"
        "test_who_guesses_keeps_nobody_waiting_at_another_address_or_for_another_user",
    ],
    "A series that can't be rendered": [
        "collector/exposition/test_exposition.py::test_a_series_that_cannot_be_rendered_costs_itself",
    ],
    "Each error of the collector's own": [
        "collector/test_faults.py::test_each_kind_is_logged_once_a_minute_and_counted_each_time",
        "collector/web/test_routes.py::test_what_cannot_be_made_leaves_a_trace",
    ],
    "A frozen disk": [
        "collector/test_frozen_disk.py::"
        "test_everything_is_answered_and_what_was_not_written_is_made_good",
    ],
    "A full pipe": [
        "collector/test_logs.py::"
        "test_standard_error_that_is_full_stops_neither_the_collector_nor_its_end",
    ],
    "Text of strangers": [
        "collector/test_logs.py::test_what_a_stranger_says_is_escaped",
    ],
    "Invented pods": [
        "collector/identity/test_lookups.py::"
        "test_a_stranger_who_invents_a_thousand_pods_delays_no_real_one",
        "collector/identity/test_app_meta.py::test_what_strangers_invent_delays_nobody_else",
    ],
    "A state file of another collector": [
        "collector/test_state_owner.py::"
        "test_a_second_collector_with_the_same_state_refuses_to_start",
        "collector/test_state_owner.py::test_a_file_that_is_none_is_refused_and_stays",
        "collector/test_state_owner.py::test_a_file_that_comes_after_the_start_stays_as_it_is",
    ],
    "A plugin's own threads wait": [
        "end_to_end/test_without_collector.py::"
        "test_the_plugin_runs_and_ends_without_an_answering_collector",
    ],
    "What the client reads is bounded": [
        "waggle_live/reporter/test_connection.py::test_what_is_read_is_bounded",
    ],
    "It logs only known error codes": [
        "waggle_live/reporter/test_link.py::test_texts_are_escaped_and_cut",
        "waggle_live/reporter/test_sender_faults.py::test_error_replies_are_logged_once",
    ],
    "A collector that talks without end": [
        "waggle_live/reporter/test_link.py::"
        "test_a_flood_is_let_go_of_and_the_next_collector_gets_all",
        "waggle_live/reporter/test_link.py::test_one_that_hangs_up_again_and_again_is_named",
    ],
    "TCP is off": ["collector/sockets/test_tcp.py::test_tcp_is_off_by_default"],
    "The manifests of `deploy/waggle`": [
        "deploy/test_waggle.py::test_plugins_reach_the_way_in_and_nothing_else",
        "containers/test_waggle_stack.py::test_a_plugin_without_the_mount_reports_over_tcp",
    ],
    "With `--tcp.token-file`": [
        "collector/sockets/test_tcp.py::test_the_token_lets_in_and_is_told_to_nobody",
    ],
    "A token file": [
        "collector/sockets/test_tcp.py::test_a_token_file_that_is_no_good_stops_the_start",
        "collector/sockets/test_tcp.py::test_a_token_can_be_replaced_while_it_runs",
    ],
    "`--socket.mode` and": [
        "collector/sockets/test_permissions.py::test_a_member_of_the_group_may_report",
        "collector/sockets/test_permissions.py::"
        "test_another_is_told_what_it_is_and_what_the_socket_wants",
    ],
    "A process that may only connect": [
        "collector/sockets/test_permissions.py::"
        "test_another_user_can_connect_but_not_replace_the_socket",
        "collector/sockets/test_unix.py::test_what_is_done_to_the_file_loses_nothing",
    ],
    "In a user's own directories": [
        "waggle_live/reporter/test_address.py::test_a_socket_that_another_user_has_made",
    ],
    "It never looks in `/tmp`": [
        "waggle_live/wire/test_places.py::test_the_documented_paths",
        "waggle_live/wire/test_places.py::test_the_places_of_a_user",
    ],
    "The page at `/`": [
        "end_to_end/test_page_plugins.py::test_a_hostile_name_is_text_and_nothing_else",
    ],
    "Its policy makes the browser": [
        "end_to_end/test_page.py::test_the_policy_would_stop_what_slips_through",
        "collector/web/test_page.py::"
        "test_the_policy_names_the_script_and_the_style_by_their_hashes",
    ],
    "`--web.config.file` requires": [
        "collector/web/test_config_served.py::test_tls_and_users_cover_every_path",
        "collector/web/test_config_served.py::test_versions_below_the_least_are_refused",
        "collector/web/test_config_served.py::"
        "test_client_certificates_are_demanded_only_when_asked_for",
    ],
    "A fault in that file": [
        "collector/web/test_config_served.py::"
        "test_a_broken_file_stops_the_start_before_the_port_is_open",
        "collector/web/test_config.py::"
        "test_a_file_that_is_broken_or_weaker_refuses_everybody_until_mended",
    ],
    "The image, the manifests": [
        "containers/test_containers.py::test_plugin_and_collector_in_containers_of_their_own",
        "deploy/test_waggle.py::test_it_has_no_rights",
        "containers/test_systemd.py::test_the_hardened_service_sees_who_a_plugin_is",
    ],
    "Without `--control.token-file`": [
        "collector/web/test_control_access.py::test_without_the_token_nothing_changes",
        "collector/web/test_control_access.py::test_without_the_flag_nobody_controls_anything",
    ],
    "The token is compared": [
        "collector/web/test_control_access.py::test_a_token_can_be_replaced_while_it_runs",
        "collector/web/test_control_access.py::test_without_the_token_nothing_changes",
    ],
    "A plugin's socket can": [
        "collector/web/test_control_access.py::test_a_plugin_sets_nothing_by_its_socket",
    ],
    "Where control is on": [
        "collector/web/test_control_access.py::test_a_name_that_a_page_could_have_is_refused",
    ],
    "An address that is neither": [
        "collector/web/test_control_access.py::"
        "test_an_address_where_others_can_listen_is_warned_of",
    ],
    "No value is sent": [
        "collector/control/test_orders.py::test_what_a_knob_forbids_is_refused_alone",
        "collector/control/test_orders.py::test_a_pinned_knob_is_not_set",
        "robustness/test_fuzz_control.py::test_no_order_and_no_declaration_hurts",
    ],
    "No order for a proven": [
        "collector/control/test_processes.py::"
        "test_an_unproven_process_gets_no_order_for_the_proven",
    ],
    "No value outlives": [
        "collector/control/test_processes.py::test_an_expired_lease_is_gone_everywhere",
        "collector/control/test_state_rows.py::test_what_is_left_of_a_lease_never_grows",
        "robustness/test_fuzz_control.py::test_no_order_and_no_declaration_hurts",
    ],
    "A knob changes at most": [
        "collector/control/test_safety.py::test_a_knob_changes_at_most_once_a_second",
        "collector/control/test_safety.py::test_a_knob_changes_at_most_twelve_times_a_minute",
        "collector/control/test_safety.py::test_release_and_expiry_are_not_held_back",
    ],
    "A value after which": [
        "collector/control/test_safety.py::"
        "test_a_value_after_which_the_plugin_ends_twice_is_quarantined",
        "collector/control/test_safety.py::"
        "test_only_the_value_is_quarantined_until_somebody_clears_it",
    ],
    "A value that a process had": [
        "collector/control/test_safety.py::"
        "test_a_value_that_a_process_ran_with_for_long_is_not_blamed",
    ],
    "A profile ends when": [
        "collector/control/test_profiling.py::test_who_goes_away_releases_the_knob",
        "collector/control/test_profiling.py::"
        "test_a_process_that_tells_too_many_stacks_has_the_rest_left_out",
    ],
}


def sentences():
    """Return the sentences of "What is defended" that promise something."""
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    section = page.split("## What is defended")[1].split("## What is not")[0]
    points = [" ".join(point.split("\n\n")[0].split()) for point in section.split("\n- ")[1:]]
    return [each for point in points for each in re.split(r"(?<=\.) (?=[A-Z`])", point)]


def test_each_sentence_of_what_is_defended_has_a_test():
    """And each test that is named there belongs to a sentence."""
    found = sentences()
    assert [each for each in found if not any(map(each.startswith, HELD_BY))] == []
    held = [key for key in HELD_BY if any(each.startswith(key) for each in found)]
    assert held == list(HELD_BY)


@pytest.mark.parametrize("sentence", HELD_BY)
def test_the_tests_that_hold_it_are_there(sentence):
    """At least one for each sentence."""
    assert HELD_BY[sentence]
    for test in HELD_BY[sentence]:
        path, _, name = test.partition("::")
        text = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert re.search(r"^def %s\(" % name, text, re.MULTILINE), test
