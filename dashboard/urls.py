"""The root of all addresses. Each app brings its own ``urls.py``."""

from importlib.util import find_spec

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from dashboard import health, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Of allauth only what we use: no sign-up, no e-mail management.
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
]
urlpatterns += [path("", include(f"{app}.urls")) for app in ("workspaces", "keys", "usage") if find_spec(f"{app}.urls")]
# After the apps: "w/connect/" is no slug.
urlpatterns.append(path("w/<slug:slug>/", views.overview, name="overview"))
