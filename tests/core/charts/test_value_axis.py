import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts.value_axis import ValueAxis

values = st.lists(st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: round(value, 2)), min_size=1, max_size=20)


@given(values)
def test_all_values_are_on_the_axis_and_its_ticks_are_few_and_round(found):
    axis = ValueAxis.around(found)
    assert axis.low <= min(found)
    assert max(found) <= axis.high
    assert 2 <= len(axis.ticks) - 1 <= 6
    assert all(0 <= axis.share(value) <= 1 for value in found)
    assert str(axis.step).lstrip("0.").strip("0.")[:1] in {"1", "2", "5"}


@given(values)
def test_labels_of_ticks_differ_and_are_short(found):
    axis = ValueAxis.around(found)
    labels = [axis.label(tick) for tick in axis.ticks]
    assert len(set(labels)) == len(labels)
    assert all(len(label) <= 12 for label in labels)


@pytest.mark.parametrize(
    ("found", "low", "is_cut"),
    [([0], 0, False), ([40, 9000], 0, False), ([8940, 8970], 8940, True), ([-40, 30], -40, False), ([500], 499, True)],
)
def test_zero_is_on_the_axis_where_it_does_not_flatten_everything(found, low, is_cut):
    axis = ValueAxis.around(found)
    assert (axis.low, axis.is_cut) == (low, is_cut)


@pytest.mark.parametrize(
    ("found", "label"),
    [([0, 1000], "1,000"), ([0, 12_000], "15k"), ([0, 2.5e6], "3,000k"), ([0, 4e7], "40M"), ([0, 9e10], "100B")],
)
def test_long_numbers_are_short(found, label):
    axis = ValueAxis.around(found)
    assert axis.label(axis.high) == label
