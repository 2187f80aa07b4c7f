"""Template tags and filters for all pages. It is a builtin library, so templates need no ``{% load %}``."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from django import template
from django.forms import BoundField
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import clock, static_bundles
from core.formatting import format_distance, format_short, format_time

register = template.Library()

_NO_MORE, _RELATIVE = SafeString(""), SafeString(" data-relative")
# For short markup that is rendered very often. Typed, because a SafeString equals the same plain str.
_drawn_once = lru_cache(maxsize=2048, typed=True)

# Icons, because color alone must not convey the level.
LEVEL_ICONS = {"ok": "check", "warning": "warning", "danger": "danger", "neutral": "dot", "info": "info"}
EMPTY_ICONS = {
    "nothing": "inbox",
    "no-match": "search",
    "not-connected": "unplugged",
    "expired": "lock",
    "rate-limited": "clock",
    "failed": "warning",
}


class ReadState(Protocol):
    """The attributes of a mirrored resource that ``{% freshness %}`` uses."""

    last_success_at: dt.datetime | None
    next_run_at: dt.datetime | None
    last_error: str
    interval_seconds: int
    is_stale: bool


# --- time -----------------------------------------------------------------------------------------------------


def _utc(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "seconds")


def _time(value: dt.datetime, text: str, more: SafeString = _NO_MORE) -> SafeString:
    """Render a ``<time>`` with ``text``, and local time and exact UTC on hover."""
    moment = f"{_utc(value).replace(' ', 'T')}Z"
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', moment, exact_time(value), more, text)


@register.simple_tag(name="time")
def time_tag(value: dt.datetime | None, empty: str = "never") -> SafeString:
    """Render an aware datetime as a relative time, which a script keeps current, with local time and UTC on hover."""
    if value is None:
        return format_html('<span class="muted">{}</span>', empty)
    return _time(value, format_distance(value, clock.cached_now()), _RELATIVE)


@register.simple_tag
def instant(value: dt.datetime | None, empty: str = "—", *, seconds: bool = False) -> SafeString:
    """Render an aware datetime as local date and time, with exact UTC on hover."""
    if value is None:
        return format_html('<span class="muted">{}</span>', empty)
    return _time(value, format_time(value, seconds=seconds))


@register.simple_tag
def time_of_day(value: dt.datetime) -> SafeString:
    """Render the local time of an aware datetime without its day, with day and exact UTC on hover."""
    return _time(value, short_time(value))


@register.filter
def short_time(value: dt.datetime) -> str:
    """Return the local time of an aware datetime without its day, for a link whose title is its ``exact_time``."""
    return timezone.localtime(value).time().isoformat("seconds")


@register.filter
def exact_time(value: dt.datetime) -> str:
    """Return local time and exact UTC, for a title; one of them where they are the same."""
    zone = timezone.localtime(value).tzname()
    local = f"{format_time(value, seconds=True)} {zone}"
    return local if zone == "UTC" else f"{local}\n{_utc(value)} UTC"


# --- words and figures ----------------------------------------------------------------------------------------


@register.filter
def number(value: float | Decimal | str | None) -> str:
    """Format a number with thousands separators and no trailing zeros: "1,547", "12.5". A missing one is a dash."""
    if value is None or isinstance(value, str):  # templates pass an empty string if upstream sent no count
        return "—"
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")


@register.simple_tag
@_drawn_once
def icon(name: str, label: str = "") -> SafeString:
    """Render an icon from ``static/icons.svg``. It is hidden from assistive technology unless it has a label."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', href)


_icon = icon  # pill() has an argument of that name


@register.simple_tag
@_drawn_once
def pill(level: str, text: str, icon: str = "", title: str = "") -> SafeString:
    """Render a status pill; ``title`` gives the reason. Raises TemplateSyntaxError for an unknown level."""
    if level not in LEVEL_ICONS:
        raise template.TemplateSyntaxError(f"pill: {level!r} is not one of {', '.join(LEVEL_ICONS)}")
    glyph = _icon(icon or LEVEL_ICONS[level])
    reason = format_html(' title="{}"', title) if title else ""
    return format_html('<span class="pill pill--{}"{}>{}{}</span>', level, reason, glyph, text)


@register.simple_tag
def status_code(code: int | None) -> SafeString:
    """Render the HTTP status code of a response: a pill if it is an error, or a dash if there was no response."""
    if code is None:
        return SafeString("—")
    if code < 400:
        return SafeString(code)
    return pill("warning" if code < 500 else "danger", str(code))


@register.simple_tag
def secret(prefix: str | None, last4: str | None) -> SafeString:
    """Render the known parts of an API key: ``clapi_AbCd…wXyZ``."""
    return format_html('<code class="secret">{}…{}</code>', prefix or "clapi_", last4 or "")


# --- drawings -------------------------------------------------------------------------------------------------

SPARK_WIDTH, SPARK_HEIGHT = 100, 24


@register.simple_tag
def sparkline(points: Iterable[float | Decimal], label: str = "", kind: str = "line") -> SafeString:
    """Render a series, oldest first, as a small line or bar chart, with its range in words for screen readers."""
    values = [float(point) for point in points]
    if not values:
        return format_html('<span class="muted">{}</span>', "no data yet")
    words = _describe(values, label)
    shape = _bars(values) if kind == "bars" else _line(values)
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>",
        SPARK_WIDTH,
        SPARK_HEIGHT,
        words,
        words,
        shape,
    )


def _describe(values: Sequence[float], label: str) -> str:
    low, high, latest = (number(figure) for figure in (min(values), max(values), values[-1]))
    text = f"{len(values)} values between {low} and {high}, latest {latest}"
    return f"{label}: {text}" if label else text


def _line(values: Sequence[float]) -> SafeString:
    low, high = min(values), max(values)
    step = SPARK_WIDTH / max(len(values) - 1, 1)
    # Margins of two units keep the stroke inside the box. A flat series runs through the middle.
    scale = (SPARK_HEIGHT - 4) / (high - low) if high > low else 0
    base = SPARK_HEIGHT - 2 if scale else SPARK_HEIGHT / 2
    spots = [f"{i * step:.1f},{base - (value - low) * scale:.1f}" for i, value in enumerate(values)]
    if len(spots) == 1:
        spots.append(f"{SPARK_WIDTH},{spots[0].split(',')[1]}")
    line = " ".join(spots)
    return format_html(
        '<polygon class="sparkline__area" points="0,{0} {1} {2},{0}"/><polyline class="sparkline__line" points="{1}"/>',
        SPARK_HEIGHT,
        line,
        SPARK_WIDTH,
    )


def _bars(values: Sequence[float]) -> SafeString:
    slot = SPARK_WIDTH / len(values)
    scale = SPARK_HEIGHT / (max(values) or 1)
    # Zeros get a stub of one unit, so that they differ from missing values.
    heights = [max(value * scale, 1) for value in values]
    # One path: a list of keys has hundreds of bars.
    bars = (
        f"M{i * slot + slot * 0.1:.2f} {SPARK_HEIGHT}v-{height:.2f}h{slot * 0.8:.2f}v{height:.2f}z"
        for i, height in enumerate(heights)
    )
    return format_html('<path class="sparkline__bar" d="{}"/>', "".join(bars))


@register.simple_tag
def meter(value: float | Decimal, maximum: float | Decimal, label: str = "", level: str = "") -> SafeString:
    """Render the used share of ``maximum`` as a thin bar; ``level`` (warning, danger) sets the color."""
    share = min(max(float(value) / float(maximum), 0), 1) * 100 if maximum else 0
    words = f"{number(value)} of {number(maximum)}"
    return format_html(
        '<svg class="meter {}" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="meter__track" width="100" height="4"/>'
        '<rect class="meter__fill" width="{}" height="4"/></svg>',
        f"meter--{level}" if level else "",
        f"{label}: {words}" if label else words,
        f"{share:.1f}",
    )


# --- components -----------------------------------------------------------------------------------------------


@register.filter
def bundle(name: str) -> list[str]:
    """Return the URLs to link for a style sheet or script of ``core.static_bundles``."""
    return static_bundles.urls(name)


@register.inclusion_tag("components/empty.html")
def empty(kind: str, title: str, text: str = "", action_url: str = "", action_label: str = "") -> dict[str, str]:
    """Render an empty state with an explanation and an action. Raises TemplateSyntaxError for an unknown kind."""
    if kind not in EMPTY_ICONS:
        raise template.TemplateSyntaxError(f"empty: {kind!r} is not one of {', '.join(EMPTY_ICONS)}")
    return {
        "kind": kind,
        "glyph": EMPTY_ICONS[kind],
        "title": title,
        "text": text,
        "action_url": action_url,
        "action_label": action_label,
    }


@register.inclusion_tag("components/freshness.html", takes_context=True)
def freshness(context: Context, state: ReadState | None, refresh_url: str = "") -> dict[str, object]:
    """Render the age of the data and the time of the next poll, with a button to refresh (it POSTs ``refresh_url``)."""
    now = clock.cached_now()
    due = state.next_run_at if state and not getattr(state, "paused_reason", "") else None
    return {
        "state": state,
        "refresh_url": refresh_url,
        "csrf_token": context.get("csrf_token"),
        "age": format_short((now - state.last_success_at).total_seconds()) if state and state.last_success_at else "",
        "next_in": format_short((due - now).total_seconds()) if due and due > now else "",
    }


@register.filter
def undo(tags: str | None) -> dict[str, object] | None:
    """Return what the message with these tags offers to undo (``core.http.Undo``), or None."""
    return dict(json.loads(tags)) if tags and tags.startswith("{") else None


@register.filter
def in_plain_words(value: object) -> object:
    """Return the details of an audit event as text: "name: text; name: text". They may be nested.

    Sorted by name, because PostgreSQL does not keep the order of JSON keys.
    """
    if isinstance(value, dict):
        return "; ".join(f"{name}: {in_plain_words(item)}" for name, item in sorted(value.items()))
    return ", ".join(str(in_plain_words(item)) for item in value) if isinstance(value, list) else value


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, hint: str = "") -> dict[str, object]:
    """Render a form field: label, widget, help text and errors, linked for assistive technology.

    A field that isn't required is marked optional, except those in the form's ``needed_by_choice``: its ``clean``
    requires them depending on another field.
    """
    kind, needed = bound.widget_type, getattr(bound.form, "needed_by_choice", ())
    return {
        "field": bound,
        "hint": hint,
        "is_choice": kind == "checkbox",
        "is_group": bound.use_fieldset,
        "is_optional": not bound.field.required and bound.name not in needed,
    }


@register.simple_tag(takes_context=True)
def nav_item(context: Context, url_name: str, label: str, glyph: str, badge: str = "") -> SafeString:
    """Render an entry of the navigation, with the template ``badge``; nothing if the app has no URLs."""
    workspace = context.get("workspace")
    try:
        url = reverse(url_name, args=[workspace.slug]) if workspace else reverse(url_name)
    except NoReverseMatch:
        return SafeString("")
    current = _current(context, url)
    mark = format_html(' aria-current="{}"', current) if current else ""
    shown = context.template.engine.get_template(badge).render(context) if badge and context.template else ""
    return format_html('<li><a class="nav__link" href="{}"{}>{}{}{}</a></li>', url, mark, icon(glyph), label, shown)


def _current(context: Context, url: str) -> str:
    request = context.get("request")
    path = request.path if request else ""
    if path == url:
        return "page"
    # The overview's path is a prefix of all others, so only deeper entries match by prefix.
    deep = url.count("/") > 3
    return "true" if deep and path.startswith(url) else ""
