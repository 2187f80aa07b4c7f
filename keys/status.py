"""Describes a key's status: one word, and the reason for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core import clock
from core.formatting import format_day, format_duration_floor, format_time
from keys.models import ApiKey
from keys.models.key import EXPIRES_SOON, IDLE_AFTER

Level = Literal["ok", "warning", "danger", "neutral"]
LAST_DAY = timedelta(days=1)


@dataclass(frozen=True)
class KeyStatus:
    """A pill's level and text, and the reason beside it as a sentence without its full stop."""

    level: Level
    text: str
    reason: str = ""
    icon: str = ""


def key_status(key: ApiKey, now: datetime | None = None) -> KeyStatus:
    """Return the status of ``key``, with dates in the viewer's time zone."""
    now = now or clock.cached_now()
    if key.gone_at is not None:
        return KeyStatus("neutral", "Removed from Cleanlist", f"Not listed since {format_day(key.gone_at)}", "minus")
    if key.is_active and not key.is_expired:
        return _of_usable(key, now)
    if key.expires_at is not None and key.expires_at <= now and key.revoked_at is None:
        return KeyStatus("neutral", f"Expired on {format_day(key.expires_at)}", "", "clock")
    return _of_revoked(key)


def _of_usable(key: ApiKey, now: datetime) -> KeyStatus:
    use = _use(key, now)
    if key.expires_at is not None and key.expires_at - now <= EXPIRES_SOON:
        level: Level = "danger" if key.expires_at - now <= LAST_DAY else "warning"
        reason = f"{format_time(key.expires_at)}" + (f"; {use[0].lower()}{use[1:]}" if use else "")
        return KeyStatus(level, f"Expires in {format_duration_floor(key.expires_at - now)}", reason, "clock")
    if not key.in_full:
        return KeyStatus("ok", "Active", "From the light list only")
    if key.last_used_at is None:
        created = f"Active since {format_day(key.created_at)}" if key.created_at else "Active"
        return KeyStatus("neutral", "Never used", created)
    if use:
        return KeyStatus("warning", use, f"Active, but last used on {format_day(key.last_used_at)}", "pause")
    return KeyStatus("ok", "Active")


def _use(key: ApiKey, now: datetime) -> str:
    """Return what is unusual about the use of an active key, or ""."""
    if not key.in_full:
        return ""
    if key.last_used_at is None:
        return "Never used"
    idle = now - key.last_used_at
    return f"Idle for {idle.days} days" if idle > IDLE_AFTER else ""


def _of_revoked(key: ApiKey) -> KeyStatus:
    if key.revoked_at is None:
        return KeyStatus("neutral", "Revoked", "Before the first sync", "revoke")
    if key.revoked_by is not None:
        return KeyStatus("neutral", "Revoked", f"By {key.revoked_by}, {format_time(key.revoked_at)}", "revoke")
    return KeyStatus("neutral", "Revoked", f"Outside this console, noticed {format_time(key.revoked_at)}", "revoke")
