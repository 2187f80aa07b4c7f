"""Django's admin over the console's tables, tuned: no filters, nothing counted, related rows selected, 50 a page."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.urls import path

import config.urls
from alerts.models import Rule
from keys.models import ApiKey, LoggedRequest
from webhooks.models import Delivery
from workspaces.models import AuditEvent

# The columns that the console's own list shows of a row.
COLUMNS: dict[type[Any], tuple[str, ...]] = {
    ApiKey: ("name", "prefix", "last4", "created_at", "last_used_at", "expires_at", "revoked_at"),
    LoggedRequest: ("created_at", "key", "method", "path", "status_code", "duration_ms", "ip_address", "user_agent"),
    Delivery: ("last_attempt_at", "workflow", "host", "state", "reason", "attempts", "last_status_code"),
    AuditEvent: ("at", "action", "outcome", "actor_email", "subject", "message"),
    Rule: ("name", "kind", "severity", "threshold", "recovery", "pending_seconds", "enabled"),
}
RELATED = {LoggedRequest: ["key"], Delivery: ["workflow"]}


class _Uncounted(Paginator):  # type: ignore[type-arg]
    count = 10_000


class _Changelist(admin.ModelAdmin):  # type: ignore[type-arg]
    list_per_page = 50
    show_full_result_count = False
    paginator = _Uncounted
    actions = None

    def has_view_permission(self, *_: object) -> bool:
        return True

    has_module_permission = has_view_permission

    def has_change_permission(self, *_: object) -> bool:
        return False

    has_add_permission = has_change_permission


class _Site(admin.AdminSite):
    def has_permission(self, *_: object) -> bool:
        return True


site = _Site()
for model, columns in COLUMNS.items():
    options = {"list_display": columns, "list_select_related": RELATED.get(model, False)}
    site.register(model, type(f"{model.__name__}Changelist", (_Changelist,), options))

urlpatterns = [path("django-admin/", site.urls), *config.urls.urlpatterns]
