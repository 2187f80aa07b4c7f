"""The start page and the overview, which can be found too."""

from workspaces.find.registry import Destination, register_destinations

register_destinations(
    Destination("Overview", "overview", "home dashboard summary"),
    Destination("All workspaces", "home", "start home switch", None),
)
