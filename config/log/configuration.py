"""Structured logs: one line per event, bound to the ids of request and task, with secrets redacted last."""

import contextlib
import logging
import re
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cleanlist import characters
from core.redaction import redact, redact_lines, redact_text

# At INFO these log whole URLs or two lines per tick of beat, and at DEBUG whole headers.
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


_TRACES = {"exception", "stack"}  # multi-line
_ALWAYS = ("event", "level", "logger", "timestamp")  # kept whatever else is cut

# What would let a line look like another, or like two. Line feed and tab are legal in a traceback.
_UNPRINTABLE = re.compile(rf"[{characters.HARMFUL}\r{characters.LINE_SEPARATORS}{characters.DIRECTION_MARKS}]")


def escape_control_characters(text: str) -> str:
    """Replace every control character in ``text`` by its code."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escape_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep each event on one line, so that nobody can forge a second one with input that is logged."""
    return {
        name: value.replace("\n", "\\n").replace("\t", "\\t")
        if isinstance(value, str) and name not in _TRACES
        else value
        for name, value in event.items()
    }


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact the event's values at any depth. Values that are too long are cut before the search for secrets."""
    traced = {name: redact_lines(event[name]) for name in _TRACES if isinstance(event.get(name), str)}
    names = [name for name in dict.fromkeys((*_ALWAYS, *event)) if name in event and name not in traced]
    cleaned: EventDict = redact({name: event[name] for name in names})
    cleaned.update(traced)
    return cleaned


def redact_line(_logger: WrappedLogger, _method: str, line: Any) -> object:
    """Redact the rendered line too: some values become text only during rendering."""
    return escape_control_characters(redact_text(line))


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    # The traceback is redacted text by then; a prettier one would print local variables.
    return structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
    )


def _formatter(log_format: str) -> dict[str, object]:
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
    """Route structlog's loggers through the standard library's handlers."""
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
        """Report that a line was lost and why, without the line."""
        kind = sys.exc_info()[0]
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"A log line was lost: {kind.__name__ if kind else 'unknown'}\n")


class RateLimitedHandler(SafeHandler):
    """Drops repetitions within a minute; see ``config.log.rate_limit``."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        from config.log.rate_limit import LogRateLimiter  # noqa: PLC0415 - needs Django, which is about to be set up by the settings

        self._reducer = LogRateLimiter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless a similar one was just written."""
        if (reduced := self._reducer.reduce(record)) is not None:
            super().emit(reduced)


def logging_config(level: str, log_format: str) -> dict[str, object]:
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
            # django-structlog logs each request once, including where it failed; Django's own line would be a
            # duplicate.
            "django.server": {"level": "WARNING", "handlers": [], "propagate": False},
            "django.request": {"level": "CRITICAL"},
            # For machines: always complete, whatever format and level people choose.
            "audit": {"level": "INFO", "handlers": ["audit"], "propagate": False},
        },
    }
