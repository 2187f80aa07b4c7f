"""The embedded set: what `manage.py up` starts and supervises. Nothing here is needed in production."""


class CannotStart(Exception):
    """The embedded set cannot run here; the message says why and what to change."""
