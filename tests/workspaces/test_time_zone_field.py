import pytest

from alerts.forms import QuietHoursForm
from usage.budgets.forms import BudgetForm
from workspaces.forms import ProfileForm


def budget(zone):
    return BudgetForm(None, {"credits": "5", "length": "week", "time_zone": zone}, has_rules=True)


def quiet(zone):
    return QuietHoursForm({"begin": "22:00", "end": "06:00", "time_zone": zone})


def profile(zone):
    return ProfileForm({"name": "Operations", "time_zone": zone})


@pytest.fixture(params=[budget, quiet, profile])
def form(request):
    return request.param


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("europe/vienna", "Europe/Vienna"),
        (" EUROPE/VIENNA ", "Europe/Vienna"),
        ("america/port-au-prince", "America/Port-au-Prince"),
        ("utc", "UTC"),
        ("", ""),
    ],
)
def test_a_time_zone_is_taken_in_any_case_and_kept_in_its_own(form, written, kept):
    filled = form(written)
    assert filled.is_valid(), filled.errors
    assert filled.cleaned_data["time_zone"] == kept


@pytest.mark.parametrize("written", ["Vienna", "Europe/Nowhere", "../../etc/passwd"])
def test_what_is_no_time_zone_is_refused_with_an_example(form, written):
    assert "Enter a name such as Europe/Vienna" in str(form(written).errors["time_zone"])
