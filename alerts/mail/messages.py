"""Composes the e-mails: one function, and for each kind three templates (subject, text, HTML) over one base."""

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import css_inline
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from alerts.engine.rule_kinds import kind_named
from alerts.models import Notification, Severity
from cleanlist.models import JsonObject
from core.formatting import format_duration, format_interval, format_quantity, localize_times
from workspaces.models import User

UNSUBSCRIBE_SALT = "alerts.unsubscribe"
MAX_SUBJECT_LENGTH = 200
Kind = Notification.Kind
# The sheet stays in the head beside the inlined rules, because dark mode and phones need its @media.
_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def compose(notification: Notification) -> EmailMultiAlternatives:
    """Return the message, the same at every attempt: all that it says is in the notification."""
    name = "alert" if notification.alert_id else notification.kind
    address = notification.recipient.address
    with timezone.override(zone_of(address)):
        context = template_context(notification)
        subject, text, html = (
            render_to_string(f"alerts/email/{name}.{part}", context) for part in ("subject.txt", "txt", "html")
        )
    message = EmailMultiAlternatives(
        one_line(subject), text.strip() + "\n", to=[address], headers=_headers(notification)
    )
    message.attach_alternative(_inliner.inline(html), "text/html")
    return message


def _headers(notification: Notification) -> dict[str, str]:
    headers = {
        "Message-ID": notification.message_id,
        "Date": format_datetime(notification.created_at),
        "Auto-Submitted": "auto-generated",
    }
    if notification.in_reply_to:
        thread = dict.fromkeys([notification.thread_id, notification.in_reply_to])
        headers |= {"In-Reply-To": notification.in_reply_to, "References": " ".join(thread)}
    if notification.kind != Kind.TEST:
        link = unsubscribe_url(notification)
        host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
        headers |= {
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"<{notification.stream.value}.{notification.workspace.slug}.{host}>",
        }
    return headers


def unsubscribe_url(notification: Notification) -> str:
    """Return the signed URL at which its reader can unsubscribe without signing in."""
    # Without a timestamp: the message is the same at every attempt, and the link never expires.
    payload = [notification.recipient_id, notification.stream.value]
    token = signing.Signer(salt=UNSUBSCRIBE_SALT).sign_object(payload)
    return absolute(reverse("alerts:unsubscribe", args=[token]))


def absolute(path: str) -> str:
    """Return the absolute URL of ``path`` on this console."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def one_line(text: str) -> str:
    """Return ``text`` fit for a header: no line breaks, control or direction characters, and not too long."""
    visible = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    kept = "".join(char for char in visible if unicodedata.category(char) not in {"Cf", "Cs", "Co"})
    line = re.sub(r"\s+", " ", kept).strip()
    return line if len(line) <= MAX_SUBJECT_LENGTH else line[: MAX_SUBJECT_LENGTH - 1] + "…"


def zone_of(address: str) -> ZoneInfo:
    """Return the time zone that the reader has chosen, or the console's."""
    chosen = User.objects.filter(email__iexact=address).values_list("time_zone", flat=True).first()
    return ZoneInfo(chosen or settings.TIME_ZONE)


def template_context(notification: Notification) -> JsonObject:
    payload = notification.payload
    context = {
        **payload,
        "facts": [[label, localize_times(text)] for label, text in payload.get("facts") or ()],
        "pause": localize_times(payload.get("pause", "")),
        "notification": notification,
        "workspace": notification.workspace.name,
        "alerts_url": absolute(reverse("alerts:list", args=[notification.workspace.slug])),
        "unsubscribe_url": unsubscribe_url(notification),
        "at": _parse_time(payload.get("at")) or notification.created_at,
        "severity": Severity(payload["severity"]) if payload.get("severity") else None,
    }
    if notification.alert_id:
        context |= _of_alert(notification, payload)
    if notification.kind == Kind.DIGEST:
        context["lines"] = [{**line, "url": absolute(line["path"])} for line in payload["lines"]]
    return context


def _of_alert(notification: Notification, payload: JsonObject) -> JsonObject:
    kind = kind_named(payload["kind"])
    unit = kind.unit if kind else ""
    level = {name: _level(payload.get(name), unit) for name in ("value", "threshold", "recovery")}
    slug = notification.workspace.slug
    # As it is now: a link to a rule that was removed since leads nowhere.
    rule_id = notification.alert.rule_id if notification.alert else None
    mark = _title(notification, payload)
    return {
        **mark,
        "loud_mark": re.sub(r"^(No longer watched|\w+)", lambda word: word[0].upper(), mark["mark"]),
        **level,
        "is_flag": kind.is_flag if kind else False,
        "is_resolved": notification.kind == Kind.RESOLVED,
        "is_over": notification.kind in {Kind.RESOLVED, Kind.EASED},
        "is_eased": notification.kind == Kind.EASED,
        "fired_at": _parse_time(payload.get("fired_at")),
        "repeat": format_interval(timedelta(seconds=payload["repeat_seconds"]))
        if payload.get("repeat_seconds")
        else "",
        "alert_url": absolute(reverse("alerts:alert", args=[slug, notification.alert_id])),
        "rule_url": absolute(reverse("alerts:rule", args=[slug, rule_id])) if rule_id else "",
        "subject_url": absolute(payload["subject_url"]) if payload.get("subject_url") else "",
    }


def _title(notification: Notification, payload: JsonObject) -> dict[str, str]:
    """Return what an e-mail is in a word or two, ``mark``, with its level, and its title without the workspace."""
    severity, now = Severity(payload["severity"]), payload.get("now") or payload["headline"]
    lasted = format_duration(timedelta(seconds=payload.get("lasted_seconds", 0)))
    # "The rule was changed by …": what a person changed, and who.
    changed = f", the {payload['edited'].split()[1]} was changed" if payload.get("edited") else ""
    match notification.kind:
        case Kind.EASED if payload.get("ended"):
            return {
                "mark": f"Still {severity.label.lower()}",
                "look": severity.value,
                "prefix": "Still: ",
                "title": now,
            }
        case Kind.EASED:
            mark = f"Better, still {severity.label.lower()}"
            return {"mark": mark, "look": severity.value, "prefix": "Better, not resolved: ", "title": now}
        case Kind.RESOLVED if payload.get("ended"):
            return {
                "mark": "No longer watched",
                "look": "gone",
                "prefix": "No longer watched: ",
                "title": payload["rule"],
            }
        case Kind.RESOLVED:
            return {"mark": f"Resolved after {lasted}{changed}", "look": "ok", "prefix": "Resolved: ", "title": now}
        case Kind.REMINDER:
            mark = f"{severity.label}{changed or ', reminder'}"
            return {"mark": mark, "look": severity.value, "prefix": "Still: ", "title": payload["headline"]}
    return {"mark": severity.label, "look": severity.value, "prefix": "", "title": payload["headline"]}


def _level(value: str | None, unit: str) -> str:
    return "" if value is None else format_quantity(Decimal(value), unit)


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
