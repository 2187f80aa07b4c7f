"""The pages of the troubleshooter that can be found."""

from workspaces.find.registry import Destination, register_destinations

register_destinations(
    Destination("Troubleshoot", "troubleshoot", "problem error cause help 401 402 429 why"),
    Destination("Check a request body", "troubleshoot_body", "validate json shape 422", is_action=True),
    Destination("Make a support bundle", "support_bundle", "help zip diagnose contact", is_action=True),
)
