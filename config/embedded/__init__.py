"""The embedded set: what `manage.py up` starts and supervises."""


class CannotStart(Exception):
    """The embedded set, or a program of it, cannot run here; the message says why and what to change."""
