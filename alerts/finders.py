"""What of alerts can be found: rules by name, and their pages."""

from collections.abc import Iterator

from django.urls import reverse

from alerts.models import Rule
from workspaces.find.registry import Destination, Finder, Found, Search, register, register_destinations
from workspaces.models import Role


def _rules(search: Search) -> Iterator[Found]:
    rules = Rule.objects.filter(workspace=search.here, name__icontains=search.text).order_by("-enabled", "name", "pk")
    for rule in rules[:20]:
        url = reverse("alerts:rule", args=[search.here.slug, rule.pk])
        yield Found(rule.name, url, str(rule.level.label) if rule.enabled else "Turned off")


register(Finder("rules", "Alert rules", "bell", _rules, rank=65))
register_destinations(
    Destination("Alerts", "alerts:list", "firing rules warnings recipients"),
    Destination("Emails", "alerts:emails", "mail sent notifications bounces"),
    Destination("Add an alert rule", "alerts:choose_kind", "new create", Role.OWNER, is_action=True),
    Destination("Send a test email", "alerts:emails", "mail smtp try", Role.OPERATOR, is_action=True),
)
