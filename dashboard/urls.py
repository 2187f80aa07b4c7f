"""The root of all addresses. Each app brings its own ``urls.py``."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from dashboard import health, views
from dashboard.metrics.views import metrics

handler500 = "dashboard.errors.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("workspaces.accounts.urls")),
]
urlpatterns += [path("", include(f"{app}.urls")) for app in ("workspaces", "alerts", "keys", "webhooks", "usage")]
urlpatterns.append(path("", include("dashboard.troubleshooting.urls")))
# After the apps: "w/connect/" is no slug.
urlpatterns.append(path("w/<slug:slug>/", views.overview, name="overview"))
if settings.DEBUG:
    from dashboard.design import design

    urlpatterns.append(path("design/", design, name="design"))
