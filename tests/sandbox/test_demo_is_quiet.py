"""The demo's live traffic is no alarm beside its past: nothing unusual happens in it by itself."""

import pytest

from keys.rule_history import FEWEST
from sandbox.traffic.live import EVERY, SUBMITS

# What a session makes of calls beside its first: an enrichment is asked about so often.
POLLS = {"pipeline": 3, "casual": 3, "crm": 2}
# Calls that a submission comes on top of, not instead.
CRM_SUBMITS, CRM_CALLS = 0.45, 3
TIMES = 3


def an_hour(habit):
    calls = 1 + (CRM_SUBMITS * CRM_CALLS if habit == "crm" else SUBMITS.get(habit, 0.25) * POLLS.get(habit, 0))
    return 3600 / EVERY[habit] * calls


@pytest.mark.parametrize("habit", ["crm", "monitor", "casual"])
def test_no_key_makes_so_many_requests_an_hour_that_its_rule_fires(habit):
    assert an_hour(habit) < 0.95 * TIMES * FEWEST


def test_the_pipeline_stays_below_three_times_its_busy_hours():
    # Its busy hours of the made-up week before have some forty requests.
    assert an_hour("pipeline") < 0.95 * TIMES * 40
