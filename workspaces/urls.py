"""Addresses of connecting, settings, the audit trail and the profile."""

from django.urls import path

from workspaces.views import audit, connecting, profile, refreshing, removals, settings

app_name = "workspaces"

urlpatterns = [
    path("account/", profile.profile, name="profile"),
    path("audit/", audit.site_audit, name="site_audit"),
    path("w/connect/", connecting.connect, name="new"),
    path("w/connect/test/", connecting.connect_test, name="new_test"),
    path("w/<slug:slug>/audit/", audit.audit, name="audit"),
    path("w/<slug:slug>/refresh/<slug:resource>/", refreshing.refresh, name="refresh"),
    path("w/<slug:slug>/settings/", settings.settings, name="settings"),
    path("w/<slug:slug>/settings/details/", settings.change_details, name="change_details"),
    path("w/<slug:slug>/settings/api-key/", settings.replace_api_key, name="replace_api_key"),
    path("w/<slug:slug>/settings/api-key/remove/", removals.remove_api_key, name="remove_api_key"),
    path("w/<slug:slug>/settings/session/", settings.replace_session, name="replace_session"),
    path("w/<slug:slug>/settings/session/remove/", removals.remove_session, name="remove_session"),
    path("w/<slug:slug>/settings/retry/", settings.retry_credentials, name="retry_credentials"),
    path("w/<slug:slug>/settings/remove/", removals.remove_workspace, name="remove"),
]
