from decimal import Decimal

import pytest
from django import forms
from django.template import TemplateSyntaxError
from django.test import RequestFactory


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1547, "1,547"), (-12, "-12"), (12.5, "12.5"), (Decimal("1000.00"), "1,000"), (None, "—")],
)
def test_figures_are_grouped_and_carry_no_idle_zeros(render, value, text):
    assert render("{{ value|number }}", value=value) == text


def test_a_pill_says_its_level_by_glyph_and_words(render):
    html = render('{% pill "warning" "Expires in 3 days" title="set at creation" %}')
    assert "pill--warning" in html
    assert "#warning" in html
    assert "Expires in 3 days" in html
    assert 'title="set at creation"' in html


def test_a_pill_of_an_unknown_level_is_refused(render):
    with pytest.raises(TemplateSyntaxError, match="ok, warning, danger"):
        render('{% pill "purple" "?" %}')


def test_what_comes_from_outside_is_escaped(render):
    hostile = '<img src=x onerror="alert(1)">'
    for source in ('{% pill "ok" text %}', "{% secret text text %}", '{% empty "failed" text text %}'):
        assert "<img" not in render(source, text=hostile)


def test_a_secret_shows_only_what_upstream_keeps(render):
    assert "clapi_AbCd…wXyZ" in render('{% secret "clapi_AbCd" "wXyZ" %}')
    assert "clapi_…" in render("{% secret None None %}")


def test_an_icon_is_silent_unless_it_has_a_label(render):
    assert 'aria-hidden="true"' in render('{% icon "key" %}')
    assert 'aria-label="API key"' in render('{% icon "key" label="API key" %}')


def test_a_blank_page_shows_its_way_out(render):
    html = render('{% empty "no-match" "No key matches" "8 are hidden." "?" "Clear filters" %}')
    assert "No key matches" in html
    assert '<a class="button"' in html
    assert ">Clear filters</a>" in html


def test_a_sparkline_is_readable_without_eyes(render):
    html = render('{% sparkline points label="Requests" %}', points=[3, 40, 7])
    assert 'aria-label="Requests: 3 values between 3 and 40, latest 7"' in html


@pytest.mark.parametrize("points", [[5], [0, 0], [Decimal("1.5"), 2], [-3, 4]])
@pytest.mark.parametrize("kind", ["line", "bars"])
def test_any_series_can_be_drawn(render, points, kind):
    html = render("{% sparkline points kind=kind %}", points=points, kind=kind)
    assert "nan" not in html
    assert "<svg" in html


def test_a_series_without_points_says_so(render):
    assert "no data yet" in render("{% sparkline points %}", points=[])


@pytest.mark.parametrize(("value", "width"), [(0, "0.0"), (7, "70.0"), (12, "100.0")])
def test_a_meter_never_leaves_its_track(render, value, width):
    html = render('{% meter value 10 label="Keys" %}', value=value)
    assert f'width="{width}"' in html
    assert f'aria-label="Keys: {value} of 10"' in html


class NameForm(forms.Form):
    name = forms.CharField(help_text="What runs with this key.")


def test_a_field_is_tied_to_its_help_and_its_error(render):
    html = render("{% field form.name %}", form=NameForm({"name": ""}))
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert 'aria-invalid="true"' in html


def test_freshness_says_how_old_and_when_next(render, state):
    html = render('{% freshness state "/refresh/" %}', state=state())
    assert ">40 s</time> ago" in html
    assert ">20 s</time>" in html
    assert 'action="/refresh/"' in html


def test_staleness_says_since_when_and_why(render, state, now):
    html = render("{% freshness state %}", state=state(is_stale=True, last_error="the API answered 503."))
    assert "Stale:" in html
    assert "the API answered 503." in html


def test_a_resource_that_was_never_read_says_so(render, state):
    assert "Syncing for the first time…" in render("{% freshness state %}", state=state(last_success_at=None))
    assert "Not synced yet" in render("{% freshness None %}")


@pytest.mark.parametrize(("path", "current"), [("/healthz", 'aria-current="page"'), ("/other/", "")])
def test_navigation_marks_the_current_page(render, path, current):
    request = RequestFactory().get(path)
    html = render('{% nav_item "healthz" "Health" "home" %}', request=request, console={})
    assert "Health" in html
    assert current in html


def test_navigation_hides_an_app_that_is_not_mounted(render):
    assert render('{% nav_item "no-such-app:list" "Nothing" "key" %}', console={}) == ""
