"""Structured logs: one line an event, ids of request and task bound to it, secrets taken out last."""

import contextlib
import logging
import re
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from core.redaction import redact, redact_lines, redact_text

# At INFO these log whole URLs, or two lines for each tick of the clock, and at DEBUG whole headers.
_CHATTY = ("httpx", "httpcore", "aiohttp", "asyncio", "celery", "kombu", "amqp", "redis")

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


_TRACES = {"exception", "stack"}  # of many lines
_ALWAYS = ("event", "level", "logger", "timestamp")  # whatever else has to be left out

# What acts on a terminal, ends a line or turns it around. Line feed and tab are legal where a traceback is.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_control_characters(text: str) -> str:
    """Return ``text`` with every character that acts instead of being read written as its code."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escape_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep each event on one line, whatever strangers put into it: nobody forges a second one."""
    return {
        name: value.replace("\n", "\\n").replace("\t", "\\t")
        if isinstance(value, str) and name not in _TRACES
        else value
        for name, value in event.items()
    }


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of the event's values, however deep, and cut what is too long before they are looked for."""
    traced = {name: redact_lines(event[name]) for name in _TRACES if isinstance(event.get(name), str)}
    names = [name for name in dict.fromkeys((*_ALWAYS, *event)) if name in event and name not in traced]
    cleaned: EventDict = redact({name: event[name] for name in names})
    cleaned.update(traced)
    return cleaned


def redact_line(_logger: WrappedLogger, _method: str, line: Any) -> Any:
    """Take secrets out of the finished line: what only became text while it was rendered."""
    return escape_control_characters(redact_text(line))


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    # The traceback is text by then, and redacted: a prettier one would print local variables.
    return structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
    )


def _formatter(log_format: str) -> dict[str, Any]:
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact_event,
            escape_event,
            _renderer(log_format),
            redact_line,
        ],
    }


def configure_structlog() -> None:
    """Send structlog's own loggers through the standard library's handlers."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class SafeHandler(logging.StreamHandler[TextIO]):
    """Writes to standard error. If that fails, the standard library would print the raw message and its arguments."""

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Print that a line was lost and why, without the line."""
        kind = sys.exc_info()[0]
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"A log line was lost: {kind.__name__ if kind else 'unknown'}\n")


class RateLimitedHandler(SafeHandler):
    """Drops repetitions within a minute: see ``config.log.rate_limit``."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        from config.log.rate_limit import LogRateLimiter  # noqa: PLC0415 - needs Django, which is about to be set up by the settings

        self._reducer = LogRateLimiter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless a similar one was written just now."""
        if (reduced := self._reducer.reduce(record)) is not None:
            super().emit(reduced)


def logging_config(level: str, log_format: str) -> dict[str, Any]:
    """Return the ``logging.config`` dictionary: everything to standard error, through one redacting formatter."""
    configure_structlog()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"console": _formatter(log_format), "json": _formatter("json")},
        "handlers": {
            "stderr": {"()": RateLimitedHandler, "formatter": "console"},
            "audit": {"()": SafeHandler, "formatter": "json"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in _CHATTY},
            "django": {"level": level, "handlers": [], "propagate": True},
            # django-structlog logs each request once, a failed one with where; Django's own line would be the second.
            "django.server": {"level": "WARNING", "handlers": [], "propagate": False},
            "django.request": {"level": "CRITICAL"},
            # For machines, and complete, whatever people chose for themselves.
            "audit": {"level": "INFO", "handlers": ["audit"], "propagate": False},
        },
    }
