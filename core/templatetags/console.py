"""The tags and filters that every page is written with (a builtin library: no ``{% load %}`` needed)."""

import datetime as dt
from calendar import month_abbr
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from django import template
from django.forms import BoundField
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core import clock

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400
# Largest first. static/js/time.js counts with the same steps, so a page never changes its words on load.
STEPS = (
    (730 * DAY, 365 * DAY, "year"),
    (60 * DAY, 30 * DAY, "month"),
    (2 * DAY, DAY, "day"),
    (HOUR, HOUR, "hour"),
    (MINUTE, MINUTE, "minute"),
)

_NO_MORE, _RELATIVE = SafeString(""), SafeString(" data-relative")
# Few markups, drawn very often. Typed, because a text that is safe equals the same text that must be escaped.
_drawn_once = lru_cache(maxsize=2048, typed=True)

# A level is told by its glyph and its words as well as by its colour.
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
    """What ``{% freshness %}`` needs to know about one mirrored resource."""

    last_success_at: dt.datetime | None
    next_run_at: dt.datetime | None
    last_error: str
    interval_seconds: int
    is_stale: bool


# --- forms ---------------------------------------------------------------------------------------------------


# --- time -----------------------------------------------------------------------------------------------------


def relative(value: dt.datetime, now: dt.datetime) -> str:
    """Say how far ``value`` lies from ``now`` in whole units: "3 minutes ago", "in 3 days", "just now"."""
    seconds = (now - value).total_seconds()
    distance = abs(seconds)
    for least, unit, name in STEPS:
        if distance >= least:
            count = int(distance // unit)
            words = f"{count} {name}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now" if seconds >= 0 else "in a moment"


def short_span(seconds: float) -> str:
    """Say a span of time as briefly as a status line wants it: "40 s", "14 min", "3 h", "2 d"."""
    seconds = max(0, seconds)
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    return f"{int(seconds // DAY)} d"


def _utc(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "seconds")


def _local(local: dt.datetime, *, seconds: bool = True) -> str:
    time = local.time().isoformat("seconds" if seconds else "minutes")
    return f"{local.day} {month_abbr[local.month]} {local.year}, {time}"


def _time(value: dt.datetime, text: str, more: SafeString = _NO_MORE) -> SafeString:
    """Render a ``<time>`` that says ``text``, with local time and exact UTC on hover."""
    local, utc = timezone.localtime(value), _utc(value)
    moment, hover = f"{utc.replace(' ', 'T')}Z", f"{_local(local)} {local.tzname()}\n{utc} UTC"
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', moment, hover, more, text)


@register.simple_tag(name="time")
def time_tag(value: dt.datetime | None, empty: str = "never") -> SafeString:
    """Render an aware datetime in relative words that stay true, with local time and exact UTC on hover."""
    if value is None:
        return format_html('<span class="muted">{}</span>', empty)
    return _time(value, relative(value, clock.cached_now()), _RELATIVE)


@register.simple_tag
def instant(value: dt.datetime | None, empty: str = "—", *, seconds: bool = False) -> SafeString:
    """Render an aware datetime as local date and time, with exact UTC on hover."""
    if value is None:
        return format_html('<span class="muted">{}</span>', empty)
    return _time(value, _local(timezone.localtime(value), seconds=seconds))


# --- words and figures ----------------------------------------------------------------------------------------


@register.filter
def number(value: float | Decimal | str | None) -> str:
    """Write a figure with thousands separators and no trailing zeros: "1,547", "12.5"; what is not there is a dash."""
    if value is None or isinstance(value, str):  # templates give an empty text for a count that upstream left out
        return "—"
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")


@register.simple_tag
@_drawn_once
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of ``static/icons.svg``; hidden from assistive technology unless it has a label."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', href)


_icon = icon  # a pill has an argument of that name


@register.simple_tag
@_drawn_once
def pill(level: str, text: str, icon: str = "", title: str = "") -> SafeString:
    """Render a status pill; ``title`` says why. Raises TemplateSyntaxError for an unknown level."""
    if level not in LEVEL_ICONS:
        raise template.TemplateSyntaxError(f"pill: {level!r} is not one of {', '.join(LEVEL_ICONS)}")
    glyph = _icon(icon or LEVEL_ICONS[level])
    reason = format_html(' title="{}"', title) if title else ""
    return format_html('<span class="pill pill--{}"{}>{}{}</span>', level, reason, glyph, text)


@register.simple_tag
def status_code(code: int | None) -> SafeString:
    """Render the status code of an answer as a pill; a dash where none came."""
    if code is None:
        return SafeString("—")
    return pill("ok" if code < 400 else "warning" if code < 500 else "danger", str(code))


@register.simple_tag
def secret(prefix: str | None, last4: str | None) -> SafeString:
    """Render what upstream keeps of a key's secret: ``clapi_AbCd…wXyZ``."""
    return format_html('<code class="secret">{}…{}</code>', prefix or "clapi_", last4 or "")


# --- drawings -------------------------------------------------------------------------------------------------

SPARK_WIDTH, SPARK_HEIGHT = 100, 24


@register.simple_tag
def sparkline(points: Iterable[float | Decimal], label: str = "", kind: str = "line") -> SafeString:
    """Draw a series, oldest first, as a small line or as bars, with its range in words for those who cannot see."""
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
    # Two units of margin keep the stroke inside the box; a flat series runs through the middle.
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
    # A zero keeps a one-unit stub, so that "nothing happened" differs from "not measured".
    heights = [max(value * scale, 1) for value in values]
    bars = (
        (f"{i * slot + slot * 0.1:.2f}", f"{SPARK_HEIGHT - height:.2f}", f"{slot * 0.8:.2f}", f"{height:.2f}")
        for i, height in enumerate(heights)
    )
    rect = '<rect class="sparkline__bar" x="{}" y="{}" width="{}" height="{}"/>'
    return format_html_join("", rect, bars)


@register.simple_tag
def meter(value: float | Decimal, maximum: float | Decimal, label: str = "", level: str = "") -> SafeString:
    """Draw how much of ``maximum`` is used as a thin bar; ``level`` (warning, danger) colours it."""
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


@register.inclusion_tag("components/empty.html")
def empty(kind: str, title: str, text: str = "", action_url: str = "", action_label: str = "") -> dict[str, str]:
    """Render a blank page's explanation and its way out. Raises TemplateSyntaxError for an unknown kind."""
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
def freshness(context: Context, state: ReadState | None, refresh_url: str = "") -> dict[str, Any]:
    """Say how old what is shown is, when it is read next, and offer to read it now (``refresh_url`` is POSTed)."""
    now = clock.cached_now()
    due = state.next_run_at if state and not getattr(state, "paused_reason", "") else None
    return {
        "state": state,
        "refresh_url": refresh_url,
        "csrf_token": context.get("csrf_token"),
        "age": short_span((now - state.last_success_at).total_seconds()) if state and state.last_success_at else "",
        "next_in": short_span((due - now).total_seconds()) if due and due > now else "",
    }


@register.filter
def in_plain_words(value: Any) -> Any:
    """Return what is noted of an event as text, nested or not: "name: text; name: text".

    In order of name, because PostgreSQL keeps no other.
    """
    if isinstance(value, dict):
        return "; ".join(f"{name}: {in_plain_words(item)}" for name, item in sorted(value.items()))
    return ", ".join(str(in_plain_words(item)) for item in value) if isinstance(value, list) else value


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, hint: str = "") -> dict[str, Any]:
    """Render one form field: label, widget, help and errors, tied together for assistive technology."""
    kind = bound.widget_type
    return {"field": bound, "hint": hint, "is_choice": kind == "checkbox", "is_group": bound.use_fieldset}


@register.inclusion_tag("components/nav_item.html", takes_context=True)
def nav_item(
    context: Context, url_name: str, label: str, glyph: str, *, badge: int = 0, level: str = "neutral"
) -> dict[str, Any]:
    """Render one entry of the workspace navigation, with a count if there is one; an app not mounted has no entry."""
    workspace = (context.get("console") or {}).get("workspace")
    try:
        url = reverse(url_name, args=[workspace.slug]) if workspace else reverse(url_name)
    except NoReverseMatch:
        return {"url": ""}
    return {
        "url": url,
        "label": label,
        "glyph": glyph,
        "current": _current(context, url),
        "badge": badge,
        "level": level,
    }


def _current(context: Context, url: str) -> str:
    request = context.get("request")
    path = request.path if request else ""
    if path == url:
        return "page"
    # The overview's address is a prefix of every other one, so only deeper entries match by prefix.
    deep = url.count("/") > 3
    return "true" if deep and path.startswith(url) else ""
