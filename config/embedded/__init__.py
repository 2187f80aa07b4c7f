"""The embedded set: the processes that `manage.py up` starts and supervises."""


class CannotStart(Exception):
    """The embedded set or one of its programs cannot run here; the message gives the reason and a remedy."""
