"""Against the truth that the sandbox knows: its own past, with ledger and workflows."""

import datetime as dt
from bisect import bisect_right
from collections import Counter
from decimal import Decimal

import pytest

from sandbox.demo.past_traffic import PastSettings, generate_past
from usage.changes.enrichments import cost_of_results
from usage.credit_status import _format_share
from usage.spend.attribution import BalanceFall, KnownCost, attribute, build_spans, subtract_known
from usage.spend.breakdown import MOST_A_CALL, SpendShare
from usage.spend.known_costs import BULK, PERSON, EnrichmentRun, LoggedCall, match_calls

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
DAYS = 7


@pytest.fixture(scope="module")
def past():
    return generate_past(PastSettings(7, NOW, NOW, "org", "list", Decimal(8000)))


@pytest.fixture(scope="module")
def calls(past):
    begin = NOW - dt.timedelta(days=DAYS)
    paid = [row for row in past.request_logs if row["method"] == "POST" and row["status_code"] == 200]
    return [
        (
            row["created_at"].timestamp(),
            (row["key_id"], BULK if row["path"].endswith(BULK) else PERSON),
        )
        for row in paid
        if row["created_at"] > begin
    ]


@pytest.fixture(scope="module")
def at(calls):
    """The same calls as a console knows them, oldest first."""
    return [LoggedCall(dt.datetime.fromtimestamp(at, dt.UTC), source) for at, source in sorted(calls)]


def falls_each_minute(past):
    """What a console would have read every minute of the last week, top-ups separate."""
    entries = sorted(past.ledger_entries, key=lambda row: row["at"])
    times = [row["at"] for row in entries]
    granted = Counter()
    for row in entries:
        if row["kind"] == "grant":
            granted[int((row["at"] - NOW).total_seconds() // 60)] += row["amount"]
    before = None
    for minute in range(-DAYS * 1440, 1):
        at = NOW + dt.timedelta(minutes=minute)
        balance = entries[bisect_right(times, at) - 1]["balance_after"]
        if before is not None:
            spent = float(before - balance + granted[minute - 1])
            yield BalanceFall((at - dt.timedelta(minutes=1)).timestamp(), at.timestamp(), spent)
        before = balance


def truth_by_key(past):
    begin = NOW - dt.timedelta(days=DAYS)
    truth = Counter()
    for flow in past.workflows:
        if flow["submitted_at"] > begin:
            truth[flow["api_key_id"]] += float(flow["settled"])
    return truth


def estimate(past, calls, known, settled=()):
    seen = Counter(call for call in calls if call[1][0] in known)
    most = {source: MOST_A_CALL[source[1]] for _, source in seen}
    seen.subtract((one.called, one.source) for one in settled)
    falls = subtract_known(list(falls_each_minute(past)), settled)
    found, lost = build_spans(falls, sorted(seen.elements()), 1200)
    shares = attribute(found, most)
    by_key = Counter()
    for (key, _), spent in shares.credits.items():
        by_key[key] += spent
    for one in settled:
        by_key[one.source[0]] += one.credits
    return by_key, shares.unexplained + max(0, lost)


def error(past, by_key, unexplained):
    """The share of the credits that went to the wrong key, or to none."""
    truth = truth_by_key(past)
    return (sum(abs(by_key[key] - truth[key]) for key in truth) + unexplained) / 2 / sum(truth.values())


def finished(past, each):
    """Every so many enrichments of the last week, as a console knows them that asked for their state."""
    begin = NOW - dt.timedelta(days=DAYS)
    sizes = Counter(task["workflow_id"] for task in past.workflow_tasks)
    week = [flow for flow in past.workflows if flow["submitted_at"] > begin and flow["completed_at"] < NOW]
    return [
        EnrichmentRun(
            flow["id"],
            None,
            flow["completed_at"],
            float(flow["settled"]),
            float(flow["reserved"]),
            {flow["api_key_id"]: flow["submitted_at"] + dt.timedelta(seconds=2)},
            contacts=sizes[flow["id"]],
        )
        for flow in week[::each]
    ]


def test_with_every_key_in_the_log_most_credits_go_to_the_key_that_spent_them(past, calls):
    truth = truth_by_key(past)
    by_key, unexplained = estimate(past, calls, set(truth))
    total = sum(truth.values())
    assert error(past, by_key, unexplained) < 0.10
    assert sum(by_key.values()) + unexplained == pytest.approx(total, rel=0.02)


def test_the_more_is_known_to_the_credit_the_smaller_is_the_error_of_the_rest(past, calls, at):
    everyone = set(truth_by_key(past))
    errors = [error(past, *estimate(past, calls, everyone))]
    for each in (3, 2, 1):
        known = match_calls(finished(past, each), at)
        assert len(known) == len(finished(past, each))
        errors.append(error(past, *estimate(past, calls, everyone, known)))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.001


def begun(ended=NOW, **facts):
    return EnrichmentRun(
        **{"workflow_id": "public_bulk_1", "begun_at": None, "credits": 12.0, "reserved": 50.0} | facts, ended_by=ended
    )


def bulk_call(key, seconds_ago, took_ms=0):
    return LoggedCall(NOW - dt.timedelta(seconds=seconds_ago), (key, BULK), dt.timedelta(milliseconds=took_ms))


def test_an_enrichment_is_laid_at_nobodys_door_unless_one_key_asked_about_it():
    calls = [bulk_call("one", 1200), bulk_call("two", 600)]
    assert match_calls([begun(asked_by={})], calls) == []
    assert match_calls([begun(asked_by={"one": NOW, "two": NOW})], calls) == []
    [known] = match_calls([begun(asked_by={"one": NOW})], calls)
    assert (known.source, known.credits, known.called) == (("one", BULK), 12.0, calls[0].at.timestamp())


@pytest.mark.parametrize(
    ("workflow_id", "endpoint", "contacts"),
    [
        ("public_bulk_1", "enrich/bulk", 1),
        ("enrich-1", "enrichment/person", 1),
        ("bulk-enrich-1", "enrichment/bulk", 1),
        ("bulk-enrich-1", "enrichment/by-task", 9),
        ("bulk-enrich-1", "csv-import", 9),
        ("wf_1", "enrichment/person", 1),
        ("wf_1", "enrichment/bulk", 9),
    ],
)
def test_each_kind_of_workflow_is_laid_to_the_call_that_begins_it(workflow_id, endpoint, contacts):
    run = begun(workflow_id=workflow_id, contacts=contacts, begun_at=NOW - dt.timedelta(minutes=9))
    others = {"enrich/bulk", "enrichment/person", "enrichment/company", "smart-agents/run"} - {endpoint}
    at = NOW - dt.timedelta(minutes=9)
    wrong = [LoggedCall(at, ("other", name)) for name in others if contacts == 1 or name != "enrich/bulk"]
    (known,) = match_calls([run], sorted([*wrong, LoggedCall(at, ("key", endpoint))], key=lambda call: call.at))
    assert (known.source, known.credits) == (("key", endpoint), 12.0)


def test_a_key_that_asks_but_makes_no_paid_call_is_not_who_began_it():
    [known] = match_calls([begun(asked_by={"watcher": NOW, "one": NOW})], [bulk_call("one", 600)])
    assert known.source[0] == "one"


def test_an_enrichment_belongs_to_the_call_that_was_made_when_it_began_whoever_asked():
    calls = [bulk_call("one", 600.1), bulk_call("two", 300.1, took_ms=40), bulk_call("three", 299.1)]
    [known] = match_calls([begun(begun_at=NOW - dt.timedelta(seconds=300.13), asked_by={"one": NOW})], calls)
    assert known.source[0] == "two"


def test_of_keys_that_called_at_once_the_one_that_asked_about_it_began_it():
    calls = [bulk_call("one", 300.2), bulk_call("two", 299.9)]
    at_once = {"begun_at": NOW - dt.timedelta(seconds=300.05)}
    assert match_calls([begun(**at_once)], calls) == []
    [known] = match_calls([begun(**at_once, asked_by={"two": NOW})], calls)
    assert known.source[0] == "two"


def test_calls_of_two_keys_at_once_are_told_apart_once_one_of_them_is_taken():
    calls = [bulk_call("one", 300.2), bulk_call("two", 299.9)]
    at_once = {"begun_at": NOW - dt.timedelta(seconds=300.05)}
    assert match_calls([begun(**at_once)], calls) == []
    known = match_calls([begun(**at_once), begun(workflow_id="public_bulk_2", asked_by={"one": NOW})], calls)
    assert {one.source[0] for one in known} == {"one", "two"}


def test_a_known_cost_is_set_off_against_what_shows_it_and_the_estimate_covers_the_rest():
    falls = [
        BalanceFall(0, 60, 110.0),
        BalanceFall(60, 120, 0.0),
        BalanceFall(120, 180, -70.0),
        BalanceFall(180, 240, 11.0),
    ]
    rest = subtract_known(falls, [KnownCost(30, 150, 40.0, "bulk", reserved=110.0, ended=150)])
    assert [fall.spent for fall in rest] == [0, 0, 0, 11]
    found, _ = build_spans(rest, [(200, "person")], 60)
    shares = attribute(found, {"person": 11.0})
    assert shares.credits == {"person": pytest.approx(11, rel=0.2)}


def test_what_was_only_seen_to_have_ended_is_set_off_where_it_shows():
    falls = [
        BalanceFall(0, 60, 110.0),
        BalanceFall(60, 120, 0.0),
        BalanceFall(120, 180, -70.0),
        BalanceFall(180, 240, 0.0),
    ]
    rest = subtract_known(falls, [KnownCost(30, 230, 40.0, "bulk", reserved=110.0, ended=30)])
    assert [fall.spent for fall in rest] == [0, 0, 0, 0]


def test_what_a_running_enrichment_holds_is_not_spent():
    rest = subtract_known(
        [BalanceFall(0, 60, 110.0)], [KnownCost(30, float("inf"), 0.0, "bulk", reserved=110.0, ended=30)]
    )
    assert [fall.spent for fall in rest] == [0]


def test_a_known_cost_that_was_settled_in_a_gap_is_part_of_what_was_lost_there():
    falls = subtract_known(
        [BalanceFall(0, 60, 5.0), BalanceFall(60, 9000, 400.0, is_gap=True)],
        [KnownCost(70, 300, 150.0, "bulk", 150.0, 300)],
    )
    assert build_spans(falls, [], 60)[1] == 250


def test_a_span_ends_where_no_enrichment_can_be_running():
    falls = [BalanceFall(minute * 60, minute * 60 + 60, 10.0) for minute in range(10)]
    found, _ = build_spans(falls, [(110, "bulk"), (350, "bulk")], 60, takes=30)
    assert [(span.since, span.until) for span in found][1:3] == [(60, 180), (180, 240)]


def test_what_keys_outside_the_log_spend_stays_mostly_unexplained(past, calls):
    truth = truth_by_key(past)
    hidden = max(truth, key=truth.get)
    _, unexplained = estimate(past, calls, set(truth) - {hidden})
    assert unexplained == pytest.approx(truth[hidden], rel=0.35)


def test_a_call_never_gets_more_than_it_can_cost():
    found, _ = build_spans([BalanceFall(0, 60, 1000.0)], [(30, "person")], 60)
    shares = attribute(found, {"person": 11.0})
    assert shares.credits["person"] <= 11
    assert shares.unexplained >= 989


def test_a_fall_without_any_call_is_unexplained():
    found, lost = build_spans([BalanceFall(0, 60, 40.0)], [], 60)
    assert (attribute(found, {}).unexplained, lost) == (40.0, 0)


def test_credits_that_come_back_are_set_off_against_the_reservation():
    found, _ = build_spans(
        [BalanceFall(0, 60, 2750.0), BalanceFall(60, 120, -2700.0), BalanceFall(120, 180, 0.0)], [(30, "bulk")], 60
    )
    assert sum(attribute(found, {"bulk": 2750.0}).credits.values()) == pytest.approx(50, rel=0.2)


def test_what_was_spent_in_a_gap_is_kept_apart():
    _, lost = build_spans([BalanceFall(0, 60, 5.0), BalanceFall(60, 9000, 400.0, is_gap=True)], [], 60)
    assert lost == 400


def test_the_settled_cost_is_the_sandboxs_truth_to_the_credit(past):
    """Every finished workflow of five weeks: the counts that enrich/status gives lead to what was settled."""
    found = {flow["id"]: {"emails_found": 0, "phones_found": 0} for flow in past.workflows}
    for task in past.workflow_tasks:
        result = task["result"] or {}
        found[task["workflow_id"]]["emails_found"] += bool(result.get("primary_email"))
        found[task["workflow_id"]]["phones_found"] += bool(result.get("personal_phone_numbers"))
    wrong = [flow["id"] for flow in past.workflows if cost_of_results(found[flow["id"]]) != flow["settled"]]
    assert len(past.workflows) > 100
    assert wrong == []


def test_an_e_mail_says_a_range_alone_where_that_is_as_wide_as_the_figure():
    known = SpendShare(Decimal(230), 50.0, low=Decimal(210), high=Decimal(260))
    assert _format_share(known) == "230 credits (estimate; 210 to 260)"
    unknown = SpendShare(Decimal(2750), 90.0, low=Decimal(0), high=Decimal(2751))
    assert _format_share(unknown) == "between 0 and 2,751 credits"
    assert _format_share(SpendShare(Decimal(1), 1.0, low=Decimal(1), high=Decimal(1))) == "1 credit"
