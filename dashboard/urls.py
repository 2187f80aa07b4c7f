"""The root of all addresses. Each app brings its own ``urls.py``."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from dashboard import health, metrics, views
from dashboard.troubleshooting import body_views
from dashboard.troubleshooting.bundle import views as bundle_views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/", include("dashboard.account_urls")),
]
urlpatterns += [path("", include(f"{app}.urls")) for app in ("workspaces", "alerts", "keys", "webhooks", "usage")]
urlpatterns.append(path("", include("dashboard.troubleshooting.urls")))
urlpatterns += [
    path("w/<slug:slug>/troubleshoot/body/", body_views.check, name="troubleshoot_body"),
    path("w/<slug:slug>/troubleshoot/body/batches/", body_views.batches, name="troubleshoot_batches"),
    path("w/<slug:slug>/troubleshoot/bundle/", bundle_views.bundle, name="support_bundle"),
    path("w/<slug:slug>/troubleshoot/bundle/take/", bundle_views.take, name="support_bundle_take"),
]
# After the apps: "w/connect/" is no slug.
urlpatterns.append(path("w/<slug:slug>/", views.overview, name="overview"))
if settings.DEBUG:
    from dashboard.design import design

    urlpatterns.append(path("design/", design, name="design"))
