"""Helpers for management commands about workspaces."""

from collections.abc import Collection

from django.core.management.base import CommandError

from workspaces.models import Workspace


def get_workspaces_by_slug(slugs: Collection[str]) -> list[Workspace]:
    """Return the workspaces with these slugs, or all workspaces if ``slugs`` is empty, sorted by slug.

    Raises CommandError for unknown slugs; the message lists the known ones.
    """
    rows = Workspace.objects.select_related("session").order_by("slug")
    found = list(rows.filter(slug__in=slugs) if slugs else rows)
    if missing := sorted(set(slugs) - {workspace.slug for workspace in found}):
        known = ", ".join(rows.values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"Workspace {', '.join(missing)} not found. Available: {known}.")
    return found
