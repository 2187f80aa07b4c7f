"""The root URLconf. Each app has its own ``urls.py``."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from config.health import probes
from config.metrics.views import metrics

handler500 = "config.web.errors.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("workspaces.accounts.urls")),
]
# In this order, because "w/connect/" must not match as a slug.
_APPS = ("workspaces", "alerts", "keys", "webhooks", "usage", "troubleshooting", "dashboard")
urlpatterns += [path("", include(f"{app}.urls")) for app in _APPS]
if settings.DEBUG:
    from config.web.style_page import style_page

    urlpatterns.append(path("design/", style_page, name="design"))
