"""The pages of usage that can be found."""

from workspaces.find.registry import Destination, register_destinations
from workspaces.models import Role

register_destinations(
    Destination("Usage", "usage:overview", "credits balance burn runway spend cost forecast top-ups export csv"),
    Destination("Set a budget", "usage:budget", "change credits limit monthly weekly", Role.OWNER, is_action=True),
    Destination("Import history", "usage:history", "balance csv upload past", Role.OPERATOR, is_action=True),
)
