from dataclasses import dataclass

from workspaces.models import Role


@dataclass(frozen=True)
class Step:
    """One step: what to do, what it is good for, whether it is done, and the link that leads there.

    ``url`` is empty while there is nothing to go to. With ``posts``, ``action`` is a button that sends these fields to
    ``url``. ``sample`` is a text to copy and paste there.
    """

    name: str
    title: str
    text: str
    is_done: bool
    url: str = ""
    action: str = ""
    needs: Role = Role.VIEWER
    posts: tuple[tuple[str, str], ...] = ()
    sample: str = ""
